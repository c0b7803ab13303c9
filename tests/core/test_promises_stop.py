"""Do the promises about ends hold: 20, 21, 23, 24 and 25 of docs/semantics.md?"""

from __future__ import annotations

import time
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentAbandoned,
    AgentStopped,
    AgentStoppedError,
    ChildSpec,
    DeadLetter,
    NameTakenError,
    StopReason,
    SystemFailed,
    Terminated,
)
from actors.testkit import Gate
from policies import Escalate, Stop
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, Boom, EventLog, Trace, answer, assert_ended, incarnation
from tests.core.scripted import Doer, doer, get, held, kinds, supervisor

# -- 20: in turn or at once --------------------------------------------------------------------------------------------


def test_promise_20_stop_lets_earlier_messages_go_first(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace))
    gate = held(ref)
    ref.tell("earlier")
    stopping = ref.stop(block=False)
    gate.open()
    assert stopping.get(timeout=PATIENCE)
    assert trace.notes == [("start", "a", 1), ("earlier", "a", 1), ("stop", "a", 1)]


def test_promise_20_stop_without_drain_overtakes_them(system: ActorSystem, trace: Trace, log: EventLog) -> None:
    ref = system.spawn(doer("a", trace))
    gate = held(ref)
    ref.tell("overtaken")
    stopping = ref.stop(block=False, drain=False)
    gate.open()
    assert stopping.get(timeout=PATIENCE)
    assert trace.notes == [("start", "a", 1), ("stop", "a", 1)]
    assert [letter.message for letter in log.of(DeadLetter, "/a")] == ["overtaken"]


def test_promise_20_stopping_a_tree_overtakes_the_messages_of_the_children(
    system: ActorSystem, clock: WatchedClock, trace: Trace, log: EventLog
) -> None:
    parent = system.spawn(supervisor("parent", doer("child", trace)))
    child = get(system, "/parent/child")
    gate = held(child)
    child.tell("overtaken")
    stopping = parent.stop(block=False)
    clock.wait_due(5.0)  # the child has been told: its time to end runs
    gate.open()
    assert stopping.get(timeout=PATIENCE)
    assert ("overtaken", "child", 1) not in trace.notes
    assert [letter.message for letter in log.of(DeadLetter, "/parent/child")] == ["overtaken"]


# -- 21: a tree ends in order and in time ------------------------------------------------------------------------------


def test_promise_21_children_stop_before_their_parent_in_reverse_start_order(trace: Trace) -> None:
    class Parent(Doer):
        def on_start(self) -> None:
            for name in ("x", "y"):
                self.context.spawn(doer(f"{self.context.name}{name}", self.trace))

    with ActorSystem("test") as system:
        for name in "ab":
            system.spawn(ChildSpec(Parent, name, args=(trace,)))
        trace.clear()
    assert [name for what, name, _ in trace.notes] == ["by", "bx", "b", "ay", "ax", "a"]
    assert {what for what, _, _ in trace.notes} == {"stop"}


def test_promise_21_each_has_its_own_time_to_end(system: ActorSystem, clock: WatchedClock, log: EventLog) -> None:
    parent = system.spawn(supervisor("parent", doer("quick", shutdown=1.0), doer("slow", shutdown=3.0)))
    gates = [held(get(system, f"/parent/{name}")) for name in ("quick", "slow")]
    stopping = parent.stop(block=False)
    clock.advance_once_due(3.0)
    assert log.wait(AgentAbandoned, "/parent/slow").seconds == 3.0
    log.wait(AgentStopped, "/parent/slow")
    clock.advance_once_due(1.0)
    log.wait(AgentAbandoned, "/parent/quick")
    assert stopping.get(timeout=PATIENCE)
    assert clock.now() == 4.0
    assert [event.reason for event in log.of(AgentStopped)] == [
        StopReason.ABANDONED,
        StopReason.ABANDONED,
        StopReason.REQUESTED,
    ]
    for gate in gates:
        gate.open()


def test_promise_21_the_systems_one_deadline_is_shared_out_and_the_report_names_who_did_not_stop() -> None:
    system = ActorSystem("test")
    hanging = [doer(name, shutdown=60.0) for name in "abc"]
    system.spawn(supervisor("parent", *hanging, doer("well behaved")))
    gates = [held(get(system, f"/parent/{name}")) for name in "abc"]
    begun = time.monotonic()
    report = system.stop(timeout=0.3)
    took = time.monotonic() - begun
    for gate in gates:
        gate.open()
    assert sorted(report.abandoned) == ["/parent/a", "/parent/b", "/parent/c"]
    assert 0.3 <= report.seconds <= took < 0.8


def test_promise_21_the_deadline_holds_for_what_an_earlier_stop_gave_more_time() -> None:
    system = ActorSystem("test")
    log = EventLog(system)
    parent = system.spawn(supervisor("parent", doer("child", shutdown="infinity")))
    gate = held(get(system, "/parent/child"))
    earlier = parent.stop(block=False)
    report = system.stop(timeout=0.1)
    gate.open()
    assert earlier.get(timeout=PATIENCE)
    assert report.abandoned == ("/parent/child",)
    assert log.wait(AgentStopped, "/parent/child").reason is StopReason.ABANDONED


# -- 23: death watch ---------------------------------------------------------------------------------------------------


class Watcher(Doer):
    """Notes the ends of whom it watches."""

    def on_receive(self, message: Any) -> Any:
        return self.trace.note(message) if isinstance(message, Terminated) else super().on_receive(message)

    def watch(self, ref: Any) -> None:
        self.context.watch(ref)


def ends(trace: Trace) -> list[Terminated]:
    return [note for note in trace.notes if isinstance(note, Terminated)]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda ref: ref.stop(), StopReason.REQUESTED),
        (lambda ref: ref.tell("stop"), StopReason.NORMAL),
        (lambda ref: ref.tell(Boom("stopped by its policy")), StopReason.FAILED),
    ],
    ids=["requested", "normal", "failed"],
)
def test_promise_23_a_watch_fires_once_at_the_final_stop_with_the_reason(
    system: ActorSystem, trace: Trace, end: Any, reason: StopReason
) -> None:
    target = system.spawn(doer("target", policy=Stop()))
    watcher = system.spawn(Watcher, trace)
    for _ in range(2):
        watcher.proxy().watch(target).get()
    end(target)
    assert_ended(target)
    trace.wait_until(ends_in)
    assert incarnation(watcher) == 1
    assert [(notice.ref, notice.reason) for notice in ends(trace)] == [(target, reason)]


def ends_in(notes: list[Any]) -> bool:
    return any(isinstance(note, Terminated) for note in notes)


def test_promise_23_a_watch_of_one_already_dead_fires_at_once(system: ActorSystem, trace: Trace) -> None:
    target = system.spawn(doer("target"))
    target.stop()
    watcher = system.spawn(Watcher, trace)
    watcher.proxy().watch(target).get()
    assert incarnation(watcher) == 1
    assert ends(trace) == [Terminated(target, StopReason.REQUESTED)]


def test_promise_23_a_watch_does_not_fire_at_a_restart_and_survives_it(system: ActorSystem, trace: Trace) -> None:
    target = system.spawn(doer("target"))
    watcher = system.spawn(Watcher, trace)
    watcher.proxy().watch(target).get()
    target.tell(Boom("a restart"))
    assert incarnation(target) == 2
    assert incarnation(watcher) == 1
    assert ends(trace) == []
    target.stop()
    trace.wait_until(ends_in)


# -- 24: names ---------------------------------------------------------------------------------------------------------


class SlowToClean(Doer):
    """Waits at its test's gate in on_stop."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def on_stop(self) -> None:
        self.gate.wait()


def test_promise_24_a_name_is_reserved_until_the_cleanup_has_ended(system: ActorSystem) -> None:
    gate = Gate()
    old = system.spawn(SlowToClean, gate, name="a")
    stopping = old.stop(block=False)
    gate.reached()
    with pytest.raises(NameTakenError, match="/a"):
        system.spawn(doer("a"))
    gate.open()
    assert stopping.get(timeout=PATIENCE)
    assert answer(system.spawn(doer("a")), "who") == 1


def test_promise_24_a_ref_to_the_old_one_never_reaches_the_new_one(system: ActorSystem, trace: Trace) -> None:
    old = system.spawn(doer("a"))
    old.stop()
    new = system.spawn(doer("a", trace))
    with pytest.raises(AgentStoppedError):
        old.tell("for the old one")
    with pytest.raises(AgentStoppedError):
        old.ask("for the old one")
    assert old.stop() is False
    assert incarnation(new) == 1
    assert trace.notes == [("start", "a", 1)]
    assert (old != new, system.find("/a") is new) == (True, True)


# -- 25: nothing fails in silence --------------------------------------------------------------------------------------


def _fail_at_the_root(system: ActorSystem, trace: Trace) -> Boom:
    error = Boom("the root cause")
    for name in "ab":
        system.spawn(doer(name, trace, policy=Escalate()))
    get(system, "/a").tell(error)
    return error


def test_promise_25_escalation_at_the_root_stops_the_system_in_order_and_wait_raises(trace: Trace) -> None:
    system = ActorSystem("test")
    error = _fail_at_the_root(system, trace)
    with pytest.raises(SystemFailed, match="'test' stopped, because /a failed") as failed:
        system.wait(PATIENCE)
    assert (failed.value.cause, failed.value.__cause__, failed.value.path) == (error, error, "/a")
    assert trace.notes[-2:] == [("stop", "b", 1), ("failure", "a", 1)]


def test_promise_25_leaving_the_with_block_raises_the_root_cause(trace: Trace) -> None:
    def body() -> None:
        with ActorSystem("test") as system:
            errors.append(_fail_at_the_root(system, trace))
            trace.wait_for(("failure", "a", 1))

    errors: list[Boom] = []
    with pytest.raises(SystemFailed) as failed:
        body()
    assert failed.value.cause is errors[0]


def test_promise_25_each_step_of_a_life_is_an_event() -> None:
    system = ActorSystem("test")
    log = EventLog(system)
    system.spawn(supervisor("parent", doer("child", policy=None)))
    child = get(system, "/parent/child")
    child.tell(Boom("a restart"))
    assert incarnation(child) == 2
    escalating = system.spawn(doer("other", policy=Escalate()))
    escalating.tell(Boom("the end of all"))
    with pytest.raises(SystemFailed):
        system.wait(PATIENCE)
    start, end = ["AgentSpawned", "AgentStarted"], ["AgentStopping", "AgentStopped"]
    failure = ["DeadLetter", "AgentSuspended", "AgentFailed"]
    assert kinds(log, "/parent/child") == [*start, *failure, "AgentRestarting", "AgentRestarted", *end]
    assert kinds(log, "/parent") == [*start, *end]
    assert kinds(log, "/other") == [*start, *failure, "Escalated", *end]
    assert kinds(log, "/") == [*end, "SystemStopped"]


def test_promise_25_a_failure_is_one_line_in_the_log(system: ActorSystem, lines: list[str]) -> None:
    ref = system.spawn(doer("a"))
    ref.tell(Boom("said once"))
    assert incarnation(ref) == 2
    assert len(lines) == 1
    assert lines[0].startswith("/a #1 failed in receive")
    assert "said once" in lines[0]
    assert "restart" in lines[0]
