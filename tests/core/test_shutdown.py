"""How does a tree end, how long does it take, and what becomes of what still waits?"""

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentAbandoned,
    AgentFailed,
    AgentStopped,
    AgentStoppedError,
    AskCycleError,
    OrphanReturned,
    StopReason,
    Supervisor,
    Terminated,
)
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, Last, busy_at, crash, end, end_of, number, start, stop, stopped
from tests.core.helpers import Boom, EventLog, Trace, answer, result


@pytest.mark.case(68)
def test_a_busy_child_is_abandoned_when_its_shutdown_is_over_and_its_sibling_ends_in_order(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace
) -> None:
    parent = system.spawn(spec(Supervisor, name="p"))
    sibling = parent.start_child(spec(Last, name="sibling", args=(trace,), shutdown=1.0)).ref
    busy = parent.start_child(spec(Last, name="busy", args=(trace,), shutdown=1.0)).ref
    assert sibling is not None
    assert busy is not None
    gate = Gate()
    busy.tell(busy_at(gate))
    gate.reached()

    stopping = parent.stop(block=False)
    clock.wait_for_timer(1.0)
    clock.advance(0.999)
    assert log.of(AgentAbandoned) == []
    assert sibling.is_alive()
    clock.advance(0.001)

    assert result(stopping) is True
    assert stopped(log) == [
        ("/p/busy", StopReason.ABANDONED),
        ("/p/sibling", StopReason.SHUTDOWN),
        ("/p", StopReason.REQUESTED),
    ]
    assert log.of(AgentStopped, "/p")[0].at == pytest.approx(1.0)
    assert [orphan.path for orphan in system.orphans] == ["/p/busy"]
    gate.open()
    log.wait(OrphanReturned, "/p/busy")
    assert trace.notes == ["sibling"]


@pytest.mark.case(69)
def test_a_brutal_child_that_is_busy_is_abandoned_without_any_delay(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace
) -> None:
    parent = system.spawn(spec(Supervisor, name="p"))
    busy = parent.start_child(spec(Last, name="busy", args=(trace,), shutdown="brutal")).ref
    assert busy is not None
    gate = Gate()
    busy.tell(busy_at(gate))
    gate.reached()

    stopping = parent.stop(block=False)
    clock.advance_to(0.0)

    assert result(stopping) is True
    assert stopped(log) == [("/p/busy", StopReason.ABANDONED), ("/p", StopReason.REQUESTED)]
    gate.open()
    log.wait(OrphanReturned, "/p/busy")
    assert trace.notes == []


@pytest.mark.case(69)
def test_the_last_hook_of_a_brutal_child_does_not_run_when_its_parent_ends_it(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    parent = system.spawn(spec(Supervisor, name="p"))
    parent.start_child(spec(Last, name="polite", args=(trace,)))
    parent.start_child(spec(Last, name="brutal", args=(trace,), shutdown="brutal"))
    by_itself = parent.start_child(spec(Last, name="by-itself", args=(trace,), shutdown="brutal")).ref
    assert by_itself is not None

    by_itself.tell(end)
    assert end_of(log, "/p/by-itself") is StopReason.NORMAL
    stop(parent)

    assert trace.notes == ["by-itself", "polite"]
    assert stopped(log)[1:] == [
        ("/p/brutal", StopReason.SHUTDOWN),
        ("/p/polite", StopReason.SHUTDOWN),
        ("/p", StopReason.REQUESTED),
    ]


@pytest.mark.case(70)
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_children_that_end_by_themselves_during_the_shutdown_keep_their_own_reason(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace, restart: str
) -> None:
    watcher = system.spawn(spec(Doer, name="watcher", args=(trace,)))
    parent = system.spawn(spec(Supervisor, name="p"))
    refs = {}
    for name in ("idle", "ends", "is-stopped", "fails"):
        ref = refs[name] = parent.start_child(spec(Doer, name=name, restart=restart)).ref
        answer(watcher, lambda agent, ref=ref: agent.context.watch(ref))
    parent.start_child(spec(Last, name="slow", args=(trace, clock, 1.0), shutdown="infinity"))

    stopping = parent.stop(block=False)
    clock.wait_for_timer(1.0)
    refs["ends"].tell(end)
    refs["is-stopped"].stop(block=False)
    refs["fails"].tell(crash)
    assert end_of(log, "/p/ends") is StopReason.NORMAL
    assert end_of(log, "/p/is-stopped") is StopReason.REQUESTED
    failed = log.wait(AgentFailed, "/p/fails")
    clock.advance(1.0)

    assert result(stopping) is True
    assert end_of(log, "/p/idle") is StopReason.SHUTDOWN
    assert end_of(log, "/p/fails") is StopReason.FAILED
    assert failed.directive == "stop"
    answer(watcher, "barrier")
    notices = {notice.ref.name: notice for notice in trace.notes if isinstance(notice, Terminated)}
    assert {name: notice.reason for name, notice in notices.items()} == {
        "idle": StopReason.SHUTDOWN,
        "ends": StopReason.NORMAL,
        "is-stopped": StopReason.REQUESTED,
        "fails": StopReason.FAILED,
    }
    assert isinstance(notices["fails"].error, Boom)


@pytest.mark.case(72)
def test_the_shutdown_of_each_child_bounds_how_long_the_whole_takes(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace
) -> None:
    parent = system.spawn(spec(Supervisor, name="p"))
    for name, seconds, shutdown in (("quick-1", 1.0, 50.0), ("quick-2", 1.0, 50.0), ("slow", 9.0, 2.0)):
        parent.start_child(spec(Last, name=name, args=(trace, clock, seconds), shutdown=shutdown))

    stopping = parent.stop(block=False)
    clock.wait_for_timer(9.0)
    for moment in (2.0, 3.0, 4.0):
        clock.advance_to(moment)

    assert result(stopping) is True
    assert [(event.path, event.reason, event.at) for event in log.of(AgentStopped)] == [
        ("/p/slow", StopReason.ABANDONED, pytest.approx(2.0)),
        ("/p/quick-2", StopReason.SHUTDOWN, pytest.approx(3.0)),
        ("/p/quick-1", StopReason.SHUTDOWN, pytest.approx(4.0)),
        ("/p", StopReason.REQUESTED, pytest.approx(4.0)),
    ]
    clock.advance(5.0)
    log.wait(OrphanReturned, "/p/slow")


@pytest.mark.case(73)
def test_of_children_with_all_kinds_of_shutdown_only_those_that_ignore_theirs_are_abandoned(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace
) -> None:
    parent = system.spawn(spec(Supervisor, name="p"))
    gate = Gate()
    parent.start_child(spec(Last, name="endless", args=(trace, clock, 300.0), shutdown="infinity"))
    brutal = parent.start_child(spec(Last, name="brutal", args=(trace,), shutdown="brutal")).ref
    parent.start_child(spec(Last, name="brief", args=(trace,), shutdown=0.001))
    deaf_gate = Gate()
    deaf = parent.start_child(spec(Last, name="deaf", args=(trace,), shutdown=0.001)).ref
    assert brutal is not None
    assert deaf is not None
    brutal.tell(busy_at(gate))
    deaf.tell(busy_at(deaf_gate))
    gate.reached()
    deaf_gate.reached()

    stopping = parent.stop(block=False)
    clock.advance_to(0.001)
    log.wait(AgentStopped, "/p/brief")
    clock.advance_to(0.001)
    clock.advance_to(300.001)

    assert result(stopping) is True
    assert stopped(log) == [
        ("/p/deaf", StopReason.ABANDONED),
        ("/p/brief", StopReason.SHUTDOWN),
        ("/p/brutal", StopReason.ABANDONED),
        ("/p/endless", StopReason.SHUTDOWN),
        ("/p", StopReason.REQUESTED),
    ]
    gate.open()
    deaf_gate.open()
    log.wait(OrphanReturned, times=2)
    assert trace.notes == ["brief", "endless"]


def _asking_parent(trace: Trace, before: Gate) -> Any:
    """Give a message that has a child ask its parent once the gate is open, and note the error it gets."""

    def ask_parent(agent: Doer) -> None:
        assert agent.context.parent is not None
        before.wait()
        try:
            agent.context.parent.ask(number)
        except (AgentStoppedError, AskCycleError) as error:
            trace.note(type(error))

    return ask_parent


@pytest.mark.case(74)
def test_a_child_that_asks_its_ending_parent_is_refused_and_both_end(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    parent = system.spawn(spec(Doer, name="p"))
    child = answer(parent, start(spec(Doer, name="child", args=(trace,))))
    gate = Gate()
    child.tell(_asking_parent(trace, gate))
    gate.reached()

    stopping = parent.stop(block=False)
    assert parent.actor_stopped.wait(10)
    gate.open()

    assert result(stopping) is True
    assert trace.notes == [AgentStoppedError]
    assert stopped(log) == [("/p/child", StopReason.SHUTDOWN), ("/p", StopReason.REQUESTED)]


@pytest.mark.case(74)
def test_a_child_whose_ask_waits_when_its_parent_is_stopped_gets_an_error_and_both_end(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    parent = system.spawn(spec(Doer, name="p"))
    child = answer(parent, start(spec(Doer, name="child", args=(trace,))))
    gate, asked = Gate(), Gate()

    def ask_and_wait(agent: Doer) -> None:
        assert agent.context.parent is not None
        future = agent.context.parent.ask(number, block=False)
        asked.wait()
        try:
            future.get()
        except AgentStoppedError as error:
            trace.note(type(error))

    parent.tell(busy_at(gate))
    gate.reached()
    child.tell(ask_and_wait)
    asked.reached()
    asked.open()
    stopping = parent.stop(block=False, drain=False)
    gate.open()

    assert result(stopping) is True
    assert trace.notes == [AgentStoppedError]
    assert stopped(log) == [("/p/child", StopReason.SHUTDOWN), ("/p", StopReason.REQUESTED)]
