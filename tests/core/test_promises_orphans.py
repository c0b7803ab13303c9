"""Does promise 22 of docs/semantics.md hold: what becomes of a handler that does not come back?"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentAbandoned,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentStarted,
    AgentStopped,
    AskCycleError,
    Cancelled,
    ChildSpec,
    DeadLetter,
    HandlerTimeout,
    OrphanReturned,
    StartFailedError,
    StopReason,
    Supervisor,
    SystemFailed,
    TooManyOrphans,
)
from actors.testkit import Gate
from policies import Phase, Stop
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, Boom, EventLog, Flag, Trace, answer, elsewhere, incarnation
from tests.core.scripted import FOREVER, Doer, doer
from tests.core.worlds import World


@pytest.fixture
def gate() -> Gate:
    return Gate()


def hang(gate: Gate, agent: Doer) -> str:
    """Come back when the gate opens, and try to change something."""
    gate.wait()
    agent.seen.append("late")
    return "late"


def test_promise_22_a_handler_that_hangs_is_replaced_and_its_late_result_changes_nothing(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate, dispatcher: Any
) -> None:
    ref = system.spawn(doer("a", deadline=5.0, dispatcher=dispatcher))
    ask = ref.ask(partial(hang, gate), block=False)
    gate.reached()
    queued = ref.ask("queued behind it", block=False)
    clock.advance(5.0)
    with pytest.raises(HandlerTimeout):
        ask.get(timeout=PATIENCE)
    assert queued.get() == "queued behind it"
    assert incarnation(ref) == 2
    failed = log.wait(AgentFailed, "/a")
    assert (type(failed.error), failed.phase) == (HandlerTimeout, Phase.DEADLINE)
    gate.open()
    assert log.wait(OrphanReturned, "/a").incarnation == 1
    with pytest.raises(HandlerTimeout):
        ask.get()
    assert answer(ref, lambda agent: agent.seen) == ["queued behind it"]
    assert incarnation(ref) == 2


def test_promise_22_it_is_replaced_within_its_deadline_and_a_second(gate: Gate) -> None:
    with ActorSystem("test", policy=FOREVER) as system:
        log = EventLog(system)
        ref = system.spawn(doer("a", deadline=0.2))
        begun = time.monotonic()
        ref.tell(partial(hang, gate))
        assert log.wait(AgentRestarted, "/a").incarnation == 2
        assert 0.2 <= time.monotonic() - begun < 1.2
        gate.open()
        log.wait(OrphanReturned, "/a")


@pytest.mark.slow
def test_promise_22_a_real_sleep_is_left_to_itself_and_replaced_in_time() -> None:
    with ActorSystem("test", policy=FOREVER) as system:
        log = EventLog(system)
        ref = system.spawn(doer("a", deadline=0.5))
        begun = time.monotonic()
        ref.tell(lambda agent: time.sleep(4.0))
        log.wait(AgentRestarted, "/a")
        assert time.monotonic() - begun < 1.5
        assert incarnation(ref) == 2
        assert log.wait(OrphanReturned, "/a").seconds >= 4.0


def test_promise_22_an_abandoned_incarnation_can_no_longer_act(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate
) -> None:
    ends = Trace()
    other = system.spawn(doer("other"))
    ref = system.spawn(doer("a", deadline=5.0))

    def act_late(agent: Doer) -> None:
        context = agent.context
        acts: dict[str, Callable[[], Any]] = {
            "tell": lambda: other.tell("late"),
            "ask": lambda: other.ask("late"),
            "ask without waiting": lambda: other.ask("late", block=False),
            "stop": lambda: other.stop(),
            "stop itself": agent.stop,
            "spawn": lambda: context.spawn(doer("child")),
            "spawn at the top": lambda: context.system.spawn(doer("top")),
            "start": lambda: Doer.start(ends),
            "stop the system": lambda: context.system.stop(),
            "start_child": lambda: other.start_child(doer("child")),
            "terminate_child": lambda: other.terminate_child("child"),
            "watch": lambda: context.watch(other),
            "stash": context.stash,
            "become": lambda: context.become(print),
            "timers": lambda: context.timers.once("key", 1.0, "late"),
            "check": context.check,
        }
        gate.wait()
        for name, act in acts.items():
            try:
                act()
            except Cancelled:
                continue
            ends.note(name)
        ends.note("done")

    ref.tell(act_late)
    gate.reached()
    clock.advance(5.0)
    assert incarnation(ref) == 2
    gate.open()
    log.wait(OrphanReturned, "/a")
    assert ends.notes == ["done"]
    assert answer(other, lambda agent: agent.seen) == []
    assert [agent.path for agent in system.tree()] == ["/other", "/a"]


def test_promise_22_a_start_that_was_abandoned_starts_no_children(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate
) -> None:
    class SlowSupervisor(Supervisor):
        def on_start(self) -> None:
            gate.wait()

    children = [doer("child")]
    spec = ChildSpec(SlowSupervisor, "parent", kwargs={"children": children}, deadline=5.0)
    starting = elsewhere(system.spawn, spec)
    gate.reached()
    clock.advance(5.0)
    with pytest.raises(StartFailedError) as raised:
        starting.get()
    assert isinstance(raised.value.cause, HandlerTimeout)
    gate.open()
    log.wait(OrphanReturned, "/parent")
    assert len(system.tree()) == 0
    assert log.of(AgentStarted) == []


@pytest.mark.parametrize("timeout", [None, 3600.0], ids=["inline", "queued"])
def test_promise_22_whom_an_orphan_waits_for_does_not_count_as_a_wait_of_its_replacement(
    system: ActorSystem, clock: WatchedClock, gate: Gate, timeout: float | None
) -> None:
    a, b = system.spawn(doer("a", deadline=5.0)), system.spawn(doer("b"))

    def ask_back(agent: Doer) -> Any:
        gate.wait()
        return a.ask("who", timeout=timeout)

    answered = Trace()
    a.tell(lambda agent: b.ask(lambda agent: answered.note(ask_back(agent)), timeout=timeout))
    gate.reached()
    clock.advance(5.0)
    assert incarnation(a) == 2
    gate.open()
    answered.wait_for(2)


def test_promise_22_an_orphan_that_returns_hides_no_wait_of_its_replacement(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate
) -> None:
    a, b, c = system.spawn(doer("a", deadline=5.0)), system.spawn(doer("b")), system.spawn(doer("c"))
    second = Gate()

    def ask_back(agent: Doer) -> Any:
        second.wait()
        return a.ask("never handled", timeout=3600.0)

    a.tell(lambda agent: b.ask(lambda agent: gate.wait(), timeout=3600.0))
    gate.reached()
    clock.advance(5.0)
    assert incarnation(a) == 2
    ask = a.ask(lambda agent: c.ask(ask_back, timeout=3600.0), block=False)
    second.reached()
    gate.open()
    log.wait(OrphanReturned, "/a")
    second.open()
    with pytest.raises(AskCycleError):
        ask.get(timeout=PATIENCE)


def test_promise_22_it_is_listed_with_its_stack_until_it_returns(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate
) -> None:
    ref = system.spawn(doer("a", deadline=5.0))
    ref.tell(partial(hang, gate))
    gate.reached()
    clock.advance(5.0)
    assert incarnation(ref) == 2
    (orphan,) = system.orphans
    assert (orphan.path, orphan.incarnation, orphan.seconds) == ("/a", 1, 5.0)
    assert "wait" in orphan.stack
    assert system.tree().orphans == 1
    gate.open()
    log.wait(OrphanReturned, "/a")
    assert system.orphans == []


def test_promise_22_it_is_stopped_where_its_policy_says_so(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate
) -> None:
    ref = system.spawn(doer("a", deadline=5.0, policy=Stop()))
    ref.tell(partial(hang, gate))
    gate.reached()
    clock.advance(5.0)
    log.wait(AgentStopped, "/a")
    assert not ref.is_alive()
    assert system.find("/a") is None
    assert [letter.reason for letter in log.of(DeadLetter, "/a")] == ["abandoned"]
    gate.open()


def test_promise_22_a_handler_that_outlives_its_shutdown_is_abandoned(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate
) -> None:
    ref = system.spawn(doer("a", shutdown=2.0))
    ref.tell(partial(hang, gate))
    gate.reached()
    stopping = ref.stop(block=False, drain=False)
    clock.advance(2.0)
    assert stopping.get(timeout=PATIENCE)
    assert log.wait(AgentAbandoned, "/a").seconds == 2.0
    assert log.wait(AgentStopped, "/a").reason is StopReason.ABANDONED
    gate.open()
    log.wait(OrphanReturned, "/a")


def test_promise_22_orphans_are_capped(world: World, gate: Gate) -> None:
    system = world.system("test", policy=FOREVER, max_orphans=1)
    clock = world.clock
    gates = [gate, Gate()]
    for name, its_gate in zip("ab", gates, strict=True):
        system.spawn(doer(name, deadline=5.0)).tell(partial(hang, its_gate))
        its_gate.reached()
    clock.advance(5.0)
    with pytest.raises(SystemFailed) as failed:
        system.wait(PATIENCE)
    assert isinstance(failed.value.cause, TooManyOrphans)
    assert (failed.value.cause.count, failed.value.cause.limit) == (2, 1)
    for its_gate in gates:
        its_gate.open()


@pytest.mark.threads_only("computes while others run")
def test_promise_22_no_exception_is_injected_into_the_thread_of_an_orphan(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    reached, opened = Flag(), Flag()
    raised = Trace()

    def compute(agent: Doer) -> None:
        # In Python code all the time, where an injected exception would be raised at once.
        reached.set()
        try:
            while not opened.is_set():
                pass
            raised.note("nothing")
        except BaseException as error:
            raised.note(error)

    ref: AgentRef[Any] = system.spawn(doer("a", deadline=5.0))
    ref.tell(compute)
    assert reached.wait(PATIENCE)
    clock.advance(5.0)
    assert incarnation(ref) == 2
    ref.tell(Boom("and another restart"))
    assert incarnation(ref) == 3
    opened.set()
    log.wait(OrphanReturned, "/a")
    assert raised.notes == ["nothing"]
