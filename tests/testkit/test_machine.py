"""Does the machine pass on the kernel, and does it find what is wrong with one?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test

from actors import ActorSystem, Agent, ChildSpec, DeadLetter, StartFailedError, StopReason, Supervisor
from actors._core import place, watch
from actors._core.commands import Stop as StopCommand
from actors._core.restarts import Restarts
from actors._core.supervision import Family
from actors.testkit import Simulation
from actors.testkit.machine import Child, SupervisorMachine
from actors.testkit.observing import Number, Record
from policies import Backoff, Escalate, Restart, Strategy, limits

FOREVER = Restart(None, within=None)
# The same examples each time: what is found here is to be found by everybody.
PASSING = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
# Ends with the first that fails: the number is how long it goes on looking.
FINDING = settings(PASSING, max_examples=5000, phases=[Phase.generate], report_multiple_bugs=False)


class Simulated(SupervisorMachine):
    """In a simulation, in any order."""

    def make_system(self) -> ActorSystem:
        return Simulation(self.draw(st.integers(0, 1000)))


class Escalating(SupervisorMachine):
    """All that happens goes up."""

    policy = Escalate()
    above = FOREVER


class Groups(SupervisorMachine):
    """Siblings go along."""

    policy = Restart(2, within=1.0)
    above = FOREVER
    strategy = "rest_for_one"


@pytest.mark.parametrize("machine", [SupervisorMachine, Simulated, Escalating, Groups])
def test_the_kernel_does_what_the_model_says(machine: type[SupervisorMachine]) -> None:
    run_state_machine_as_test(machine, settings=PASSING)  # type: ignore[no-untyped-call]


@pytest.mark.stress
@pytest.mark.timeout(120)
@pytest.mark.parametrize("machine", [SupervisorMachine, Simulated])
def test_the_kernel_does_what_the_model_says_in_runs_that_nobody_has_seen(machine: type[SupervisorMachine]) -> None:
    unseen = settings(PASSING, max_examples=300, derandomize=False, print_blob=True)
    run_state_machine_as_test(machine, settings=unseen)  # type: ignore[no-untyped-call]


# -- faults ----------------------------------------------------------------------


class Alone(SupervisorMachine):
    """One limit, and each child for itself."""

    policy = Restart(1, within=1.0)
    above = FOREVER
    strategy = "one_for_one"


class EachForItself(SupervisorMachine):
    """A limit for each child."""

    policy = Restart(1, within=4.0, per="child")
    above = FOREVER


class Successors(EachForItself):
    """Whoever is added has the name of whom it follows."""

    policy = Restart(1, within=None, per="child")
    strategy = "one_for_one"

    def make_child(self) -> ChildSpec[Any]:
        return ChildSpec(Child, "same")


class Waiting(SupervisorMachine):
    """Children are down for a while before they come back, and mail waits for them."""

    policy = Restart(None, within=None, backoff=Backoff(1.0))
    above = FOREVER


def the_window_ends_too_early(patch: pytest.MonkeyPatch) -> None:
    def counts(mark: Any, failure: Any, within: Any) -> bool:
        return bool(failure.at - mark.at < within)

    patch.setattr(limits, "_counts", counts)


def one_restart_too_many_is_allowed(patch: pytest.MonkeyPatch) -> None:
    spent = Restart._is_spent
    patch.setattr(Restart, "_is_spent", lambda self, marks, failure: spent(self, marks[1:], failure))


def the_restarts_outlive_the_supervisor(patch: pytest.MonkeyPatch) -> None:
    stop_all = Family.stop_all

    def keep(self: Family, deadline: Any, final: bool) -> None:
        restarts = self._restarts
        stop_all(self, deadline, final)
        self._restarts = restarts

    patch.setattr(Family, "stop_all", keep)


def the_last_sibling_is_skipped(patch: pytest.MonkeyPatch) -> None:
    affected = Strategy.affected

    def skip(self: Strategy, names: Any, failed: str) -> tuple[str, ...]:
        found = affected(self, names, failed)
        return found if found[-1] == failed else found[:-1]

    patch.setattr(Strategy, "affected", skip)


def children_end_in_the_order_in_which_they_started(patch: pytest.MonkeyPatch) -> None:
    stop_all = Family.stop_all

    def forwards(self: Family, deadline: Any, final: bool) -> None:
        for child in self.live():
            self.cell.forget_watch(child)
            self.stop(child, StopCommand(StopReason.SHUTDOWN, deadline=deadline), self.cell)
        stop_all(self, deadline, final)

    patch.setattr(Family, "stop_all", forwards)


def a_temporary_childs_spec_is_kept(patch: pytest.MonkeyPatch) -> None:
    remove = Family.remove
    patch.setattr(Family, "remove", lambda self, child, keep_spec: remove(self, child, keep_spec or child.kept))


def the_restarts_of_a_gone_child_are_its_successors(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Restarts, "forget", lambda self, child: None)


def mail_is_lost_at_the_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(place.Place, "_drain", lambda self, queue, text=None: queue.clear())


def an_end_is_told_twice(patch: pytest.MonkeyPatch) -> None:
    notify = place.Place.notify

    def twice(self: Any, target: Any, notice: Any) -> None:
        notify(self, target, notice)
        notify(self, target, notice)

    patch.setattr(place.Place, "notify", twice)
    patch.setattr(watch, "take", lambda watcher, target: True)


@pytest.mark.parametrize(
    ("fault", "machine"),
    [
        (the_window_ends_too_early, Alone),
        (one_restart_too_many_is_allowed, Alone),
        (the_restarts_outlive_the_supervisor, Alone),
        (the_last_sibling_is_skipped, Groups),
        (children_end_in_the_order_in_which_they_started, SupervisorMachine),
        (a_temporary_childs_spec_is_kept, SupervisorMachine),
        (the_restarts_of_a_gone_child_are_its_successors, Successors),
        (mail_is_lost_at_the_end, Waiting),
        (an_end_is_told_twice, SupervisorMachine),
    ],
)
def test_a_fault_in_the_kernel_is_found(
    monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None], machine: type[SupervisorMachine]
) -> None:
    fault(monkeypatch)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=FINDING)  # type: ignore[no-untyped-call]


def test_what_is_found_is_told_as_a_short_script_with_what_should_have_happened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    the_last_sibling_is_skipped(monkeypatch)
    shrinking = settings(FINDING, phases=[Phase.generate, Phase.shrink])

    with pytest.raises(AssertionError) as error:
        run_state_machine_as_test(Groups, settings=shrinking)  # type: ignore[no-untyped-call]

    assert "what happened, and what should have:" in str(error.value)
    script = [note for note in error.value.__notes__ for note in note.splitlines() if note.startswith("state.fail(")]
    assert len(script) == 1


class Incarnation:
    """What a record needs to know of a context."""

    def __init__(self, path: str, over: bool = False) -> None:
        self.path = path
        self.incarnation = 1
        self.over = over
        self.fenced = False

    def __repr__(self) -> str:
        return self.path


def letter(number: int) -> DeadLetter:
    return DeadLetter("/crew/a", 1, 0.0, Number(number), "stopped")


WRONG: dict[str, tuple[Callable[[Record, Any, Any], object], str]] = {
    "two incarnations": (lambda record, crew, a: record.begins(a), "/crew/a begins beside /crew/a"),
    "a child left": (lambda record, crew, a: record.ends("stop", crew), "/crew ends before [/crew/a]"),
    "out of order": (
        lambda record, crew, a: [record.handled(a, number) for number in (2, 1)],
        "/crew/a handled message 1 after 2",
    ),
    "handled and lost": (
        lambda record, crew, a: (record.handled(a, 1), record.hear(letter(1))),
        "message 1 was handled, or became a dead letter, 2 times",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_must_never_be_is_wrong_without_a_model(what: str) -> None:
    act, expected = WRONG[what]
    record = Record("/crew")
    crew, child = Incarnation("/crew"), Incarnation("/crew/a")
    contexts: Any = (crew, child)
    for context in contexts:
        record.begins(context)
    assert record.wrong == []

    act(record, *contexts)

    assert record.wrong == [expected]


def test_a_supervisor_that_does_not_start_leaves_no_system_behind() -> None:
    class Broken(Supervisor):
        def on_start(self) -> None:
            raise LookupError("no start")

    class Machine(SupervisorMachine):
        def make_supervisor(self) -> ChildSpec[Any]:
            return ChildSpec(Broken, "broken", policy=FOREVER)

    with pytest.raises(StartFailedError):
        run_state_machine_as_test(Machine, settings=FINDING)  # type: ignore[no-untyped-call]


# -- machines of one's own -------------------------------------------------------


class Counter(Agent):
    """Counts what it is sent, and refuses what is below zero."""

    def __init__(self, start: int) -> None:
        self.total = start

    def on_receive(self, message: int) -> int:
        if message < 0:
            raise ArithmeticError(message)
        self.total += message
        return self.total


class Counters(Supervisor):
    children = (ChildSpec(Counter, "left", args=(1,)), ChildSpec(Counter, "right", args=(2,), restart="permanent"))
    policy = Restart(3, within=2.0)
    strategy = Strategy.ONE_FOR_ALL


class CounterMachine(SupervisorMachine):
    """A user's supervisor, with messages of its own."""

    seen: list[int]

    def make_supervisor(self) -> ChildSpec[Any]:
        self.seen = []
        return ChildSpec(Counters, "counters", policy=FOREVER)

    def make_child(self) -> ChildSpec[Any]:
        return ChildSpec(Counter, self.draw(st.sampled_from(["left", "middle"])), args=(5,))

    @precondition(lambda self: self.running)
    @rule(number=st.integers(-3, 9))
    def count(self, number: int) -> None:
        """The first counter that runs is told a number; one below zero is a failure, and its total starts over."""
        name = self.running[0]
        if number < 0:
            error = ArithmeticError(number)
            self.act(lambda: self.ref(name).tell(number), lambda: self.model.fail(name, error))
        else:
            self.act(lambda: self.ref(name).tell(number), lambda: self.model.tell(name))

    @invariant()
    def the_totals_are_what_was_counted(self) -> None:
        self.seen += [self.ref(name).ask(0) for name in self.running]
        for name in self.running:
            self.model.tell(name)
        assert all(total > 0 for total in self.seen)


def test_a_users_machine_runs_his_own_supervisor_children_rules_and_invariants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[list[int]] = []
    monkeypatch.setattr(
        CounterMachine, "teardown", lambda self: (seen.append(self.seen), SupervisorMachine.teardown(self))
    )

    run_state_machine_as_test(CounterMachine, settings=settings(PASSING, max_examples=20))  # type: ignore[no-untyped-call]

    assert max(map(max, filter(None, seen))) > 9


def test_a_users_invariant_that_does_not_hold_is_found() -> None:
    class Few(CounterMachine):
        @invariant()
        def nobody_counts_far(self) -> None:
            assert max(self.seen, default=0) < 9

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Few, settings=FINDING)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("module", ["machine", "strategies"])
def test_without_hypothesis_the_error_says_what_to_install(packages_folder: Path, module: str) -> None:
    program = f"import sys; sys.modules['hypothesis'] = None; import actors.testkit; import actors.testkit.{module}"

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=packages_folder, capture_output=True, text=True, timeout=30
    )

    assert "need Hypothesis: pip install hypothesis" in done.stderr.splitlines()[-1]
