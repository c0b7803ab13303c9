"""Does a checked system report all that goes wrong unannounced, and nothing else?"""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentBackingOff,
    AgentRef,
    AgentStoppedError,
    ChildSpec,
    HandlerTimeout,
    Mailbox,
    OrphanReturned,
    ReplyError,
    RestartLimitExceeded,
    StartFailedError,
    Supervisor,
    SystemFailed,
    TooManyOrphans,
)
from actors.testkit import (
    Checked,
    CheckedSimulation,
    CheckedSystem,
    Expectations,
    Expected,
    Gate,
    VirtualClock,
    set_dilation,
)
from policies import Backoff, Escalate, Restart, Resume, Stop
from tests.core.helpers import PATIENCE, Boom, Worker, answer, assert_ended


class Sour(Agent):
    """Its last hook raises."""

    def on_stop(self) -> None:
        raise Boom("in on_stop")


class Later(Agent):
    """Fails after two seconds."""

    def on_start(self) -> None:
        self.context.timers.once("later", 2.0, "bad")

    def on_receive(self, message: Any) -> None:
        raise Boom(message)


class Stillborn(Agent):
    def on_start(self) -> None:
        raise Boom("in on_start")


class Held(Agent):
    """Handles one message for as long as the gate is closed."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def on_receive(self, message: Any) -> None:
        self.gate.wait()


class Forwarder(Agent):
    """Waits at the gate and then tells another."""

    def __init__(self, gate: Gate, receiver: list[Any]) -> None:
        self.gate = gate
        self.receiver = receiver

    def on_receive(self, message: Any) -> None:
        self.gate.wait()
        self.receiver[0].tell(message)


class Opener(Agent):
    """Opens the gate when it takes no more messages."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def on_stop(self) -> None:
        self.gate.open()


class Fails(Agent):
    def on_receive(self, message: Any) -> None:
        if message != "who":
            raise Boom(message)


@pytest.fixture
def system() -> Iterator[CheckedSystem]:
    system = CheckedSystem("checked", policy=Resume())
    yield system
    system.stop()


def tell(agent: Any, *messages: Any) -> None:
    """Have the agent handle the messages; its failures have been judged by then."""
    for message in messages:
        agent.tell(message)
    answer(agent, "who")


def complaints(system: CheckedSystem) -> str:
    """Stop the system and give what it complains about."""
    system.stop()
    with pytest.raises(AssertionError) as caught:
        system.verify()
    return str(caught.value)


def heads(text: str) -> list[str]:
    """Give the lines of a report that are no traceback, without its title."""
    return [line for line in text.splitlines()[1:] if not line.startswith(" ")]


# -- failures --------------------------------------------------------------------


def test_a_system_in_which_nothing_goes_wrong_is_verified(system: CheckedSystem) -> None:
    worker = system.spawn(Worker)
    assert answer(worker, "hello") == "hello"
    system.stop()
    system.verify()


def test_a_failure_that_nobody_announced_is_reported_with_its_traceback(system: CheckedSystem) -> None:
    tell(system.spawn(Fails, name="w"), "bad")
    text = complaints(system)
    assert text.startswith("system 'checked': not all went as expected\n")
    assert heads(text) == ["unexpected failure: /w #1 in receive: Boom('bad') -> resume"]
    assert "in on_receive\n        raise Boom(message)" in text.replace("    " * 3, "        ")


def test_a_failure_counts_although_the_test_caught_what_its_ask_raised(system: CheckedSystem) -> None:
    worker = system.spawn(Fails, name="w")
    with pytest.raises(Boom):
        worker.ask("bad")
    assert heads(complaints(system)) == ["unexpected failure: /w #1 in receive: Boom('bad') -> resume"]


@pytest.mark.parametrize("announced", ["before", "after"])
def test_an_announced_failure_passes_whenever_it_is_announced(system: CheckedSystem, announced: str) -> None:
    worker = system.spawn(Fails, name="w")
    if announced == "before":
        system.expect_failure(Boom, "/w")
    with pytest.raises(Boom):
        worker.ask("bad")
    if announced == "after":
        system.expect_failure(Boom, "/w")
    system.stop()
    system.verify()


@pytest.mark.parametrize(
    "kind",
    [Boom, Exception, (KeyError, Boom), KeyError | Boom, lambda error: str(error) == "bad"],
    ids=["type", "base", "types", "union", "predicate"],
)
def test_a_failure_is_announced_by_type_or_predicate(system: CheckedSystem, kind: Any) -> None:
    system.expect_failure(kind)
    tell(system.spawn(Fails), "bad")
    system.stop()
    system.verify()


@pytest.mark.parametrize("path", ["/crew/w", "/crew/*", "/**", "/*/w", "/crew/**/w", None])
def test_a_failure_is_announced_for_a_path_with_wildcards(system: CheckedSystem, path: str | None) -> None:
    system.expect_failure(Boom, path)
    system.spawn(Supervisor, children=[ChildSpec(Fails, name="w")], name="crew", policy=Resume())
    crew = system.find("/crew/w")
    assert crew is not None
    tell(crew, "bad")
    system.stop()
    system.verify()


@pytest.mark.parametrize("path", ["/crew", "/other/w", "/crew/*/w", "/w", "/"])
def test_a_failure_elsewhere_is_not_the_announced_one(system: CheckedSystem, path: str) -> None:
    system.expect_failure(Boom, path)
    system.spawn(Supervisor, children=[ChildSpec(Fails, name="w")], name="crew", policy=Resume())
    crew = system.find("/crew/w")
    assert crew is not None
    tell(crew, "bad")
    assert heads(complaints(system)) == [
        "unexpected failure: /crew/w #1 in receive: Boom('bad') -> resume",
        f"expected failure Boom of {path}: came 0 of 1",
    ]


def test_a_predicate_that_raises_fits_nothing(system: CheckedSystem) -> None:
    system.expect_failure(lambda error: error.nothing)
    tell(system.spawn(Fails, name="w"), "bad")
    assert len(heads(complaints(system))) == 2


def test_more_failures_than_announced_are_reported(system: CheckedSystem) -> None:
    expected = system.expect_failure(Boom, times=2)
    tell(system.spawn(Fails, name="w"), "a", "b", "c")
    assert heads(complaints(system)) == ["unexpected failure: /w #1 in receive: Boom('c') -> resume"]
    assert [str(event.error) for event in expected.events] == ["a", "b"]


def test_fewer_failures_than_announced_are_reported(system: CheckedSystem) -> None:
    system.expect_failure(Boom, times=3)
    tell(system.spawn(Fails), "a")
    assert heads(complaints(system)) == ["expected failure Boom: came 1 of 3"]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_failures_may_be_announced(system: CheckedSystem, count: int) -> None:
    system.expect_failure(Boom, times=None)
    tell(system.spawn(Fails), *range(count))
    system.stop()
    system.verify()


def test_a_wide_announcement_leaves_to_a_narrow_one_what_only_that_can_take(system: CheckedSystem) -> None:
    wide = system.expect_failure(Exception)
    narrow = system.expect_failure(Boom, "/a")
    tell(system.spawn(Fails, name="a"), "first")
    tell(system.spawn(Worker, name="b"), KeyError("second"))
    system.stop()
    system.verify()
    assert [event.path for event in (*wide.events, *narrow.events)] == ["/b", "/a"]


def test_what_comes_any_number_of_times_is_counted_last(system: CheckedSystem) -> None:
    rest = system.expect_failure(Exception, times=None)
    one = system.expect_failure(Boom)
    tell(system.spawn(Fails), "a", "b")
    system.stop()
    system.verify()
    assert (len(one.events), len(rest.events)) == (1, 1)


def test_an_agent_that_does_not_start_is_a_failure(system: CheckedSystem) -> None:
    with pytest.raises(StartFailedError):
        system.spawn(Stillborn, name="w")
    assert heads(complaints(system)) == ["unexpected failure: /w did not start: Boom('in on_start')"]


def test_a_child_that_does_not_start_is_announced_once_not_for_each_of_its_parents(system: CheckedSystem) -> None:
    inner = ChildSpec(Supervisor, name="inner", kwargs={"children": [ChildSpec(Stillborn, name="w")]})
    system.expect_failure(Boom, "/outer/inner/w")
    with pytest.raises(StartFailedError):
        system.spawn(Supervisor, children=[inner], name="outer")
    system.stop()
    system.verify()


def test_a_last_hook_that_raises_is_a_failure(system: CheckedSystem) -> None:
    system.spawn(Sour, name="w")
    assert heads(complaints(system)) == ["unexpected failure: /w #1 in a last hook: Boom('in on_stop')"]


def test_an_answer_is_no_failure(system: CheckedSystem) -> None:
    worker = system.spawn(Worker)
    with pytest.raises(ReplyError):
        worker.ask(ReplyError("no"))
    system.stop()
    system.verify()


def test_a_failed_message_is_not_reported_a_second_time_as_a_dead_letter(system: CheckedSystem) -> None:
    system.expect_failure(Boom)
    tell(system.spawn(Fails), "bad")
    system.stop()
    system.verify()


def test_a_failed_message_may_be_announced_as_a_dead_letter_all_the_same(system: CheckedSystem) -> None:
    system.expect_failure(Boom)
    letter = system.expect_dead_letter("bad", reason="failed")
    tell(system.spawn(Fails), "bad")
    system.stop()
    system.verify()
    assert len(letter.events) == 1


# -- escalation ------------------------------------------------------------------


def crew(system: CheckedSystem, policy: Any) -> Any:
    """Start /crew/w under that policy, and give w."""
    system.spawn(Supervisor, children=[ChildSpec(Fails, name="w")], name="crew", policy=policy)
    worker = system.find("/crew/w")
    assert worker is not None
    return worker


def test_a_failure_that_is_escalated_as_it_is_is_announced_once() -> None:
    system = CheckedSystem("checked", policy=Stop())
    system.expect_failure(Boom, "/crew/w")
    worker = crew(system, Escalate())
    worker.tell("bad")
    assert_ended(worker)
    system.stop()
    system.verify()


def test_a_failure_that_is_escalated_may_be_announced_for_the_parent_too() -> None:
    system = CheckedSystem("checked", policy=Stop())
    system.expect_failure(Boom, "/crew/w")
    at_parent = system.expect_failure(Boom, "/crew")
    worker = crew(system, Escalate())
    worker.tell("bad")
    assert_ended(worker)
    system.stop()
    system.verify()
    assert len(at_parent.events) == 1


def test_a_limit_that_is_exceeded_is_a_failure_of_the_parent() -> None:
    system = CheckedSystem("checked", policy=Stop())
    system.expect_failure(Boom, "/crew/w", times=2)
    worker = crew(system, Restart(max_restarts=1))
    worker.tell("a")
    worker.tell("b")
    assert_ended(worker)
    (head,) = heads(complaints(system))
    assert head.startswith("unexpected failure: /crew #1 in receive: RestartLimitExceeded(")


def test_a_limit_that_is_exceeded_at_the_top_is_a_failure_of_the_system() -> None:
    system = CheckedSystem("checked", policy=Restart(max_restarts=0))
    system.expect_failure(Boom, "/w")
    system.spawn(Fails, name="w").tell("bad")
    with pytest.raises(SystemFailed):
        system.wait(PATIENCE)
    (head,) = heads(complaints(system))
    assert head.startswith("unexpected failure: the system ended with RestartLimitExceeded(")


def test_the_end_of_a_system_by_a_limit_can_be_announced() -> None:
    system = CheckedSystem("checked", policy=Restart(max_restarts=0))
    system.expect_failure(Boom, "/w")
    system.expect_failure(RestartLimitExceeded, "/")
    system.spawn(Fails, name="w").tell("bad")
    with pytest.raises(SystemFailed), system:
        system.wait(PATIENCE)


def test_an_escalation_that_ends_the_system_is_announced_by_the_failure_itself() -> None:
    system = CheckedSystem("checked", policy=Escalate())
    system.expect_failure(Boom, "/w")
    system.spawn(Fails, name="w").tell("bad")
    with pytest.raises(SystemFailed):
        system.wait(PATIENCE)
    system.verify()


# -- dead letters ----------------------------------------------------------------


def test_a_dead_letter_that_nobody_announced_is_reported(system: CheckedSystem) -> None:
    worker = system.spawn(Worker, name="w")
    worker.stop()
    with pytest.raises(AgentStoppedError):
        worker.tell("late")
    assert heads(complaints(system)) == ["unexpected dead letter: 'late' to /w #1: stopped"]


@pytest.mark.parametrize(
    "announced",
    [{}, {"what": str}, {"what": "late"}, {"what": str.islower}, {"path": "/w"}, {"reason": "stopped"}],
    ids=str,
)
def test_a_dead_letter_is_announced_by_what_is_known_of_it(system: CheckedSystem, announced: dict[str, Any]) -> None:
    system.expect_dead_letter(**announced)
    worker = system.spawn(Worker, name="w")
    worker.stop()
    with pytest.raises(AgentStoppedError):
        worker.tell("late")
    system.stop()
    system.verify()


@pytest.mark.parametrize(
    ("announced", "said"),
    [
        ({"what": int}, " int"),
        ({"what": int | bytes}, " int | bytes"),
        ({"what": "other"}, " 'other'"),
        ({"what": str.isupper}, " what str.isupper accepts"),
        ({"path": "/x"}, " of /x"),
        ({"reason": "expired"}, " (expired)"),
    ],
    ids=str,
)
def test_another_dead_letter_is_not_the_announced_one(
    system: CheckedSystem, announced: dict[str, Any], said: str
) -> None:
    system.expect_dead_letter(**announced)
    worker = system.spawn(Worker, name="w")
    worker.stop()
    with pytest.raises(AgentStoppedError):
        worker.tell("late")
    assert heads(complaints(system)) == [
        f"expected dead letter{said}: came 0 of 1",
        "unexpected dead letter: 'late' to /w #1: stopped",
    ]


def test_a_message_that_a_full_mailbox_drops_is_a_dead_letter(system: CheckedSystem) -> None:
    gate = Gate()
    held = system.spawn(ChildSpec(Held, name="w", args=(gate,), mailbox=Mailbox(1, "drop_newest")))
    held.tell("a")
    gate.reached()
    held.tell("b")
    held.tell("c")
    gate.open()
    assert heads(complaints(system)) == ["unexpected dead letter: 'c' to /w #1: mailbox full (drop_newest)"]


# -- what the end itself brings about --------------------------------------------


def backing_off() -> tuple[CheckedSystem, Any]:
    """A system with an agent that is down for a while, so that its mail waits; its failure is announced."""
    system = CheckedSystem("checked", policy=Restart(backoff=Backoff(10.0)), clock=VirtualClock())
    down = threading.Event()
    system.events.subscribe(lambda event: down.set(), AgentBackingOff)
    system.expect_failure(Boom)
    worker = system.spawn(Fails, name="w")
    worker.tell("bad")
    assert down.wait(PATIENCE)
    return system, worker


def test_messages_that_still_wait_when_the_system_stops_need_not_be_announced() -> None:
    system, worker = backing_off()
    worker.tell("waits")
    with pytest.raises(AgentStoppedError):
        stop_and_get(system, worker.ask("waits, too", block=False))
    system.verify()


def stop_and_get(system: ActorSystem, future: Any) -> Any:
    system.stop()
    return future.get(timeout=PATIENCE)


def test_messages_that_still_wait_when_the_system_stops_may_be_announced() -> None:
    system, worker = backing_off()
    system.expect_dead_letter("waits", "/w", "stopped")
    worker.tell("waits")
    system.stop()
    system.verify()


def test_messages_that_still_wait_when_their_agent_is_stopped_alone_count() -> None:
    system, worker = backing_off()
    worker.tell("waits")
    worker.stop(drain=False)
    assert heads(complaints(system)) == ["unexpected dead letter: 'waits' to /w #1: stopped"]


def test_a_handler_that_sends_to_what_the_end_has_stopped_already_need_not_be_announced(
    system: CheckedSystem,
) -> None:
    gate = Gate()
    receiver: list[Any] = []
    sender = system.spawn(Forwarder, gate, receiver)
    receiver.append(system.spawn(Opener, gate, name="receiver"))  # stopped first, as it was started last
    sender.tell("late")
    gate.reached()
    system.stop()
    system.verify()


def test_a_handler_that_sends_to_what_had_stopped_before_the_end_counts(system: CheckedSystem) -> None:
    gate = Gate()
    receiver = system.spawn(Worker, name="receiver")
    receiver.stop()
    sender = system.spawn(Forwarder, gate, [receiver], name="sender")
    system.spawn(Opener, gate)
    sender.tell("late")
    gate.reached()
    failure, letter = heads(complaints(system))
    assert failure.startswith("unexpected failure: /sender #1 in receive: AgentStoppedError(")
    assert letter == "unexpected dead letter: 'late' to /receiver #1: stopped"


def test_a_name_that_is_used_again_is_judged_by_its_last_agent(system: CheckedSystem) -> None:
    gate = Gate()
    system.spawn(Worker, name="receiver").stop()
    sent_to: list[Any] = []
    sender = system.spawn(Forwarder, gate, sent_to)
    sent_to.append(system.spawn(Opener, gate, name="receiver"))
    sender.tell("late")
    gate.reached()
    system.stop()
    system.verify()


# -- orphans ---------------------------------------------------------------------


@pytest.fixture
def hanging(system: CheckedSystem) -> Iterator[CheckedSystem]:
    """A system that has been stopped while a handler hung; the handler returns at the end of the test."""
    gate = Gate()
    system.spawn(Held, gate, name="w").tell("m")
    gate.reached()
    system.stop(timeout=0.0)
    yield system
    returned = threading.Event()
    system.events.subscribe(lambda event: returned.set(), OrphanReturned)
    gate.open()
    assert returned.wait(PATIENCE)


@pytest.mark.leaves_orphans
def test_a_handler_that_hangs_is_reported_with_its_stack(hanging: CheckedSystem) -> None:
    text = complaints(hanging)
    (head,) = heads(text)
    assert head.startswith("orphan: /w #1 hangs in 'm', on thread checked-")
    assert "in wait" in text


@pytest.mark.leaves_orphans
def test_orphans_pass_where_they_are_allowed(hanging: CheckedSystem) -> None:
    hanging.allow_orphans()
    hanging.verify()


def test_too_many_orphans_are_a_failure_of_the_system() -> None:
    system = CheckedSystem("checked", max_orphans=0, clock=(clock := VirtualClock()))
    gate = Gate()
    system.spawn(ChildSpec(Held, name="w", args=(gate,), deadline=1.0)).tell("m")
    gate.reached()
    system.expect_failure(HandlerTimeout, "/w")
    system.expect_failure(TooManyOrphans, "/")
    returned = threading.Event()
    system.events.subscribe(lambda event: returned.set(), OrphanReturned)
    clock.advance(1.0)
    gate.open()
    assert returned.wait(PATIENCE)
    system.stop()
    system.verify()


# -- waiting ---------------------------------------------------------------------


def test_a_block_that_announces_a_failure_ends_when_it_has_come(system: CheckedSystem) -> None:
    worker = system.spawn(Fails, name="w")
    with system.expect_failure(Boom, "/w") as expected:
        worker.tell("bad")
    assert [event.path for event in expected.events] == ["/w"]


def test_a_block_whose_failure_does_not_come_says_so(system: CheckedSystem) -> None:
    set_dilation(0.001)
    try:
        with pytest.raises(AssertionError, match=r"^expected failure Boom of /w: came 0 of 1$"):
            system.expect_failure(Boom, "/w").__exit__(None, None, None)
    finally:
        set_dilation(None)


def test_a_block_that_raises_does_not_wait(system: CheckedSystem) -> None:
    with pytest.raises(KeyError), system.expect_failure(Boom, times=None), system.expect_failure(Boom):
        raise KeyError


def test_a_system_that_runs_is_verified_once_what_was_announced_has_come(system: CheckedSystem) -> None:
    gate = Gate()
    system.expect_failure(Boom)
    worker = system.spawn(Forwarder, gate, [system.spawn(Fails)])
    worker.tell("bad")
    opener = threading.Thread(target=gate.open)
    opener.start()
    system.verify(within=PATIENCE)
    opener.join()


def test_what_does_not_come_in_time_is_reported_of_a_system_that_runs(system: CheckedSystem) -> None:
    system.expect_failure(Boom)
    with pytest.raises(AssertionError, match="expected failure Boom: came 0 of 1"):
        system.verify(within=0.0)


# -- the system ------------------------------------------------------------------


def test_leaving_the_block_of_a_checked_system_verifies_it() -> None:
    system = CheckedSystem("checked", policy=Resume())
    with pytest.raises(AssertionError, match="unexpected failure: /w #1"), system:
        tell(system.spawn(Fails, name="w"), "bad")


def test_leaving_the_block_of_a_checked_system_waits_for_what_was_announced() -> None:
    gate = Gate()
    with CheckedSystem("checked", policy=Resume()) as system:
        system.expect_failure(Boom, times=3)
        held = system.spawn(Forwarder, gate, [system.spawn(Fails)])
        for message in "abc":
            held.tell(message)
        threading.Thread(target=gate.open).start()


def test_a_block_that_raised_keeps_its_error_and_gets_a_note_of_what_went_wrong_besides() -> None:
    system = CheckedSystem("checked", policy=Resume())
    system.expect_failure(ZeroDivisionError)
    tell(system.spawn(Fails, name="w"), "bad")
    with pytest.raises(KeyError) as caught, system:
        raise KeyError
    (note,) = caught.value.__notes__
    assert heads(note) == ["unexpected failure: /w #1 in receive: Boom('bad') -> resume"]


def test_a_block_that_raised_gets_no_note_where_all_went_well() -> None:
    with pytest.raises(KeyError) as caught, CheckedSystem("checked"):
        raise KeyError
    assert not hasattr(caught.value, "__notes__")


def test_any_system_can_be_checked_by_expectations_of_its_own() -> None:
    with ActorSystem("plain", policy=Resume()) as system:
        expectations = Expectations(system)
        expectations.expect_failure(Boom)
        tell(system.spawn(Fails), "bad")
    expectations.verify()


def test_a_long_report_says_how_much_it_leaves_out(system: CheckedSystem) -> None:
    tell(system.spawn(Fails, name="w"), *range(25))
    assert heads(complaints(system))[19:] == [
        "unexpected failure: /w #1 in receive: Boom(19) -> resume",
        "... and 5 more",
    ]


# -- simulations -----------------------------------------------------------------


def test_a_simulation_is_checked_and_says_how_to_repeat_what_went_wrong() -> None:
    simulation = CheckedSimulation(seed=7, policy=Resume())
    simulation.spawn(Fails, name="w").tell("bad")
    with pytest.raises(AssertionError) as caught, simulation:
        simulation.settle()
    assert heads(str(caught.value)) == ["unexpected failure: /w #1 in receive: Boom('bad') -> resume"]
    assert "simulation: seed 7, " in caught.value.__notes__[0]


def test_a_simulation_whose_block_raised_keeps_its_error_and_says_how_to_repeat_the_run() -> None:
    simulation = CheckedSimulation(seed=7)
    simulation.expect_failure(Boom)
    with pytest.raises(KeyError) as caught, simulation:
        raise KeyError
    (note,) = caught.value.__notes__
    assert note.startswith("simulation: seed 7, ")


def test_a_simulation_waits_for_what_was_announced_in_virtual_time() -> None:
    with CheckedSimulation(policy=Resume()) as simulation:
        begun = simulation.clock.now()
        with simulation.expect_failure(Boom, "/w"):
            simulation.spawn(Later, name="w")
        assert simulation.clock.now() - begun == 2.0


def test_a_simulation_in_which_all_goes_as_announced_is_verified() -> None:
    with CheckedSimulation(policy=Resume()) as simulation:
        letter = simulation.expect_dead_letter("late")
        worker = simulation.spawn(Worker)
        worker.stop()
        with pytest.raises(AgentStoppedError):
            worker.tell("late")
    assert len(letter.events) == 1


# -- what is refused, and printed ------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": int},
        {"kind": ()},
        {"kind": (Boom, int)},
        {"kind": Boom | None},
        {"kind": "Boom"},
        {"kind": Boom, "path": "w"},
        {"kind": Boom, "times": 0},
        {"kind": Boom, "times": True},
        {"kind": Boom, "times": 1.5},
    ],
    ids=str,
)
def test_what_cannot_come_cannot_be_announced(system: CheckedSystem, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"kind|path|times"):
        system.expect_failure(**arguments)


def test_an_announcement_prints_what_it_is_about(system: CheckedSystem) -> None:
    failure: Expected = system.expect_failure(Boom, "/w", 2)
    assert repr(failure) == "<expected failure Boom of /w: came 0 of 2>"
    letter = system.expect_dead_letter(path="/w", reason="expired", times=None)
    assert repr(letter) == "<expected dead letter of /w (expired): came any number of times>"


@pytest.mark.parametrize("kind", [CheckedSystem, CheckedSimulation])
def test_a_helper_of_a_test_takes_either_kind_of_checked_system(kind: type[CheckedSystem | CheckedSimulation]) -> None:
    def crash(checked: Checked, worker: AgentRef[Any]) -> None:
        with checked.expect_failure(Boom, worker.path):
            worker.tell(Boom("bad"))
        checked.verify()

    with kind(name="test") as system:
        crash(system, system.spawn(Worker, name="w"))
        assert system.expectations.report() == ""
