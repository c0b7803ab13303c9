"""What if a decision finds its child, its parent or a sibling other than it was when the child failed?"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentBackingOff,
    AgentFailed,
    AgentRestarted,
    AgentResumed,
    AgentStopped,
    AgentStoppedError,
    ChildSpec,
    Escalated,
    NameTakenError,
    Outcome,
    StopReason,
    Supervisor,
)
from actors._core.commands import Start
from actors._core.supervision import Family
from actors.testkit import Gate
from policies import Backoff, ByError, Decision, Directive, Escalate, Failure, History, Restart, Resume, Stop
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, Boom, EventLog, Flag, Trace, answer, assert_ended, elsewhere, incarnation
from tests.core.scripted import FOREVER, Doer, deciding, doer, get, held, supervisor


class SlowEnd(Doer):
    """An agent whose first last hook waits at a gate."""

    def __init__(self, trace: Trace | None, gate: Gate) -> None:
        super().__init__(trace)
        self.gate = gate

    def on_stop(self) -> None:
        if self.context.incarnation == 1:
            self.gate.wait()
        super().on_stop()


class SlowRestart(Doer):
    """An agent whose second start waits at a gate."""

    def __init__(self, trace: Trace | None, gate: Gate) -> None:
        super().__init__(trace)
        self.gate = gate

    def on_start(self) -> None:
        if self.context.incarnation == 2:
            self.gate.wait()
        super().on_start()


def first(monkeypatch: pytest.MonkeyPatch, method: str, act: Callable[..., None]) -> None:
    """Run something once, before a family next does that."""
    original = getattr(Family, method)
    todo = [act]

    def acted(family: Family, *args: Any) -> Any:
        if todo:
            todo.pop()(*args)
        return original(family, *args)

    monkeypatch.setattr(Family, method, acted)


def starts(trace: Trace) -> list[tuple[str, int]]:
    return [(name, number) for what, name, number in trace.notes if what == "start" and number > 1]


# -- names -----------------------------------------------------------------------


def test_a_name_that_a_kept_spec_holds_cannot_be_taken_by_a_spawn(system: ActorSystem) -> None:
    parent = system.spawn(supervisor("crew", doer("a")))
    assert parent.terminate_child("a")
    with pytest.raises(NameTakenError) as raised:
        parent._cell.spawn(doer("a"), (), None, {})
    assert raised.value.path == "/crew/a"
    assert parent.restart_child("a")


def test_a_spec_whose_child_was_started_meanwhile_is_not_forgotten(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = system.spawn(supervisor("crew", doer("a")))
    assert parent.terminate_child("a")
    first(monkeypatch, "delete", lambda name: assert_true(parent.restart_child(name)))
    assert parent.delete_child("a").outcome is Outcome.RUNNING
    assert [(info.name, info.status) for info in parent.children()] == [("a", "running")]


def assert_true(value: object) -> None:
    assert value


def test_an_agent_may_have_its_parent_terminate_it_and_ends_after_its_handler(
    system: ActorSystem, log: EventLog
) -> None:
    parent = system.spawn(supervisor("crew", doer("a")))
    ref = get(system, "/crew/a")
    assert answer(ref, lambda agent: bool(parent.terminate_child("a")))
    assert log.wait(AgentStopped, "/crew/a").reason is StopReason.SHUTDOWN
    assert parent.restart_child("a")


# -- a permanent child -----------------------------------------------------------


def test_a_permanent_child_that_ends_too_often_stops_where_its_limit_says_so_and_has_not_failed(
    system: ActorSystem, log: EventLog
) -> None:
    policy = Restart(max_restarts=1, within=60.0, then=Stop())
    system.spawn(supervisor("crew", doer("a", restart="permanent", policy=policy)))
    ref = get(system, "/crew/a")
    ref.tell("stop")
    log.wait(AgentRestarted, "/crew/a")
    ref.tell("stop")
    ended = log.wait(AgentStopped, "/crew/a")
    assert (ended.reason, ended.error) == (StopReason.REQUESTED, None)
    assert log.of(AgentFailed) == []


# -- groups ----------------------------------------------------------------------


def test_a_brutal_sibling_is_taken_along_without_its_last_hook(system: ActorSystem, trace: Trace) -> None:
    system.spawn(supervisor("crew", doer("a", trace), doer("b", trace, shutdown="brutal"), strategy="one_for_all"))
    get(system, "/crew/a").tell(Boom())
    assert incarnation(get(system, "/crew/b")) == 2
    assert [note for note in trace.notes if note[1] == "b"] == [("start", "b", 1), ("start", "b", 2)]


def test_a_group_is_left_alone_when_the_child_that_failed_ends_before_the_first_sibling_is_told(
    system: ActorSystem, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = system.spawn(supervisor("crew", doer("a"), doer("b"), strategy="one_for_all"))
    failing = get(system, "/crew/a")
    first(monkeypatch, "_restart_group", lambda *_: assert_true(parent.terminate_child("a")))
    failing.tell(Boom())
    assert_ended(failing)
    assert parent.restart_child("a")
    assert incarnation(get(system, "/crew/b")) == 1
    assert log.of(AgentRestarted) == []


@pytest.mark.parametrize("slow", [SlowEnd, SlowRestart])
def test_a_parent_that_ends_during_the_restart_of_a_group_starts_nobody_more(
    system: ActorSystem, log: EventLog, trace: Trace, monkeypatch: pytest.MonkeyPatch, slow: type[Any]
) -> None:
    gate, closed = Gate(), Flag()
    children = [doer("a", trace), ChildSpec(slow, "b", args=(trace, gate)), doer("c", trace)]
    parent = system.spawn(supervisor("crew", *children, strategy="one_for_all"))
    get(system, "/crew/a").tell(Boom())
    gate.reached()
    first(monkeypatch, "stop", lambda *_: closed.set())
    stopping = parent.stop(block=False, drain=False)
    assert closed.wait(PATIENCE)
    gate.open()

    assert stopping.get(timeout=PATIENCE)
    assert starts(trace) == ([] if slow is SlowEnd else [("a", 2), ("b", 2)])
    assert [event.path for event in log.of(AgentStopped)][-1] == "/crew"
    assert len(log.of(AgentStopped)) == 4


def test_a_sibling_that_backs_off_is_taken_along_by_another_and_comes_back_with_it(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    policy = ByError({KeyError: Restart()}, default=Restart(backoff=Backoff(2.0, cap=2.0)))
    system.spawn(supervisor("crew", *(doer(n, trace, policy=None) for n in "abc"), policy=policy,
                            strategy="rest_for_one"))  # fmt: skip
    get(system, "/crew/b").tell(Boom())
    log.wait(AgentBackingOff, "/crew/b")
    get(system, "/crew/a").tell(KeyError())

    assert [incarnation(get(system, f"/crew/{name}")) for name in "abc"] == [2, 2, 2]
    assert starts(trace) == [("a", 2), ("b", 2), ("c", 2)]
    clock.wait_for_timer(2.0)
    clock.advance(2.0)
    assert [incarnation(get(system, f"/crew/{name}")) for name in "abc"] == [2, 2, 2]


def test_nobody_is_brought_up_before_an_earlier_sibling_whose_backoff_is_not_over(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    backoffs = {KeyError: Restart(backoff=Backoff(4.0, cap=4.0))}
    policy = ByError(backoffs, default=Restart(backoff=Backoff(2.0, cap=2.0)))
    system.spawn(supervisor("crew", *(doer(n, trace, policy=None) for n in "abc"), policy=policy,
                            strategy="rest_for_one"))  # fmt: skip
    get(system, "/crew/b").tell(Boom())
    clock.wait_for_timer(2.0)
    get(system, "/crew/a").tell(KeyError())
    clock.wait_for_timer(4.0)

    clock.advance(2.0)
    assert_lane_is_free(system)
    assert starts(trace) == []
    clock.advance(2.0)

    assert incarnation(get(system, "/crew/c")) == 2
    assert starts(trace) == [("a", 2), ("b", 2), ("c", 2)]


def assert_lane_is_free(system: ActorSystem) -> None:
    """Wait until the crew's lane has worked off what was put there before."""
    done = Flag()
    family = get(system, "/crew")._cell.family
    assert family is not None
    # The pool takes its tasks in order, so this job is put on the lane behind those of the clock.
    elsewhere(lambda: family.submit(done.set)).get()
    assert done.wait(PATIENCE)


def test_a_backoff_that_was_cut_short_does_not_shorten_the_next(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    policy = ByError({KeyError: FOREVER}, default=Restart(None, within=None, backoff=Backoff(4.0, cap=4.0)))
    system.spawn(supervisor("crew", *(doer(n, trace, policy=None) for n in "ab"), policy=policy,
                            strategy="rest_for_one"))  # fmt: skip
    failing = get(system, "/crew/b")
    failing.tell(Boom())
    clock.wait_for_timer(4.0)
    get(system, "/crew/a").tell(KeyError())
    assert incarnation(failing) == 2
    clock.advance(3.0)
    failing.tell(Boom())
    clock.wait_for_timer(7.0)

    clock.advance(1.0)
    assert_lane_is_free(system)
    assert starts(trace) == [("a", 2), ("b", 2)]
    clock.advance(3.0)
    assert incarnation(failing) == 3


def test_a_start_that_comes_twice_starts_one_incarnation(
    system: ActorSystem, clock: WatchedClock, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(doer("a", trace, policy=Restart(backoff=Backoff(2.0, cap=2.0))))
    ref.tell(Boom())
    log.wait(AgentBackingOff, "/a")
    clock.wait_for_timer(2.0)
    clock.advance(2.0)
    assert incarnation(ref) == 2
    # The timer of a backoff can be cancelled too late: then its command comes to an agent that runs.
    ref._cell.post(Start())
    assert incarnation(ref) == 2
    assert starts(trace) == [("a", 2)]


# -- a failure that reaches the parent -------------------------------------------


def test_an_escalation_that_meets_a_parent_in_a_planned_restart_neither_suspends_nor_restarts_it_again(
    system: ActorSystem, log: EventLog
) -> None:
    children = [doer("child", policy=Escalate())]
    top = system.spawn(supervisor("top", ChildSpec(Family1, "parent", args=(children,))))
    parent = get(system, "/top/parent")
    lane = Lane()
    parent._cell.control = lane
    gate = held(parent)
    child = get(system, "/top/parent/child")
    restarting = elsewhere(top.restart_child, "parent")
    assert lane.filled.wait(PATIENCE)
    child.tell(Boom())
    log.wait(Escalated, "/top/parent/child")
    log.wait(AgentFailed, "/top/parent")
    gate.open()

    assert restarting.get()
    assert incarnation(parent) == 2
    assert incarnation(get(system, "/top/parent/child")) == 1
    assert [event.path for event in log.of(AgentRestarted)] == ["/top/parent"]


class Family1(Doer):
    """An agent with children that also does what it is sent."""

    def __init__(self, children: list[ChildSpec[Any]], trace: Trace | None = None) -> None:
        super().__init__(trace)
        self._child_specs = children


class Lane(deque[Any]):
    """A control lane that says when a command has come."""

    def __init__(self) -> None:
        super().__init__()
        self.filled = Flag()

    def append(self, command: Any) -> None:
        super().append(command)
        self.filled.set()


@pytest.mark.parametrize("second", [Directive.RESUME, Directive.RESTART])
def test_of_two_escalations_at_once_each_is_decided_and_the_parent_ends_up_as_the_second_says(
    system: ActorSystem, clock: WatchedClock, log: EventLog, second: Directive
) -> None:
    gate = Gate()

    def decide(failure: Failure, history: History) -> Decision:
        gate.wait()
        if str(failure.error) == "second" and second is Directive.RESTART:
            return Decision(Directive.RESTART, 3.0, history)
        return Decision(Directive.RESUME, 0.0, history)

    children = [doer("x", policy=Escalate()), doer("y", policy=Escalate())]
    parent = system.spawn(ChildSpec(Family1, "parent", args=(children,), policy=deciding(decide)))
    for name, text in (("x", "first"), ("y", "second")):
        get(system, f"/parent/{name}").tell(Boom(text))
        gate.reached()
        log.wait(Escalated, f"/parent/{name}")
    gate.open()
    log.wait(AgentFailed, "/parent", times=2)

    if second is Directive.RESTART:
        log.wait(AgentBackingOff, "/parent")
        clock.wait_for_timer(3.0)
        clock.advance(3.0)
        assert incarnation(parent) == 2
        assert [event.path for event in log.of(AgentResumed)][:1] == ["/parent"]
    else:
        assert incarnation(parent) == 1
        assert [incarnation(get(system, f"/parent/{name}")) for name in "xy"] == [1, 1]
        assert len(log.of(AgentResumed, "/parent")) == 1
    assert len(log.of(AgentFailed, "/parent")) == 2


def test_children_that_are_kept_start_afresh_where_their_failure_restarted_the_parent(
    system: ActorSystem, log: EventLog
) -> None:
    children = [doer("failing", policy=Escalate()), doer("other")]
    spec = ChildSpec(Family1, "parent", args=(children,), keep_children=True, policy=FOREVER)
    parent = system.spawn(spec)
    failing, other = get(system, "/parent/failing"), get(system, "/parent/other")
    failing.tell(Boom())
    assert log.wait(AgentRestarted, "/parent").incarnation == 2
    log.wait(AgentRestarted, "/parent/failing")
    assert (incarnation(parent), incarnation(failing), incarnation(other)) == (2, 2, 1)
    assert get(system, "/parent/failing") == failing


def test_a_child_that_was_renewed_with_its_group_is_not_resumed_for_its_earlier_failure(
    system: ActorSystem, log: EventLog, trace: Trace
) -> None:
    gate = Gate()

    def decide(failure: Failure, history: History) -> Decision:
        gate.wait()
        return Decision(Directive.RESUME, 0.0, history)

    children = [doer("x", trace, policy=Escalate()), doer("y", trace)]
    system.spawn(
        ChildSpec(Supervisor, "crew", kwargs={"children": children, "strategy": "one_for_all", "policy": FOREVER},
                  policy=deciding(decide))
    )  # fmt: skip
    x, y = get(system, "/crew/x"), get(system, "/crew/y")
    x.tell(Boom("escalates"))
    gate.reached()
    y.tell(Boom("takes x along"))
    assert incarnation(x) == 2
    gate.open()
    log.wait(AgentResumed, "/crew")
    assert [incarnation(ref) for ref in (x, y)] == [2, 2]
    assert log.of(AgentResumed, "/crew/x") == []


# -- what cancels work -----------------------------------------------------------


def test_work_is_cancelled_when_an_ancestor_is_told_to_end_but_not_by_the_restart_of_one_that_keeps_its_children(
    system: ActorSystem, trace: Trace
) -> None:
    failing, gate = Gate(), Gate()

    class Top(Family1):
        def on_failure(self, *args: Any) -> None:
            failing.wait()

    inner = ChildSpec(Family1, "inner", args=([doer("child", trace)],))
    top = system.spawn(ChildSpec(Top, "top", args=([inner],), keep_children=True, policy=FOREVER))
    child = get(system, "/top/inner/child")
    top.tell(Boom())
    failing.reached()
    assert answer(child, lambda agent: agent.context.cancelled) is False
    failing.open()
    assert incarnation(top) == 2

    def look(agent: Doer) -> None:
        gate.wait()
        trace.note(agent.context.cancelled)

    child.tell(look)
    gate.reached()
    stopping = get(system, "/top/inner").stop(block=False, drain=False)
    gate.open()
    assert stopping.get(timeout=PATIENCE)
    assert trace.wait_for(True)


def test_resume_needs_no_family(system: ActorSystem, log: EventLog) -> None:
    ref = system.spawn(doer("a", policy=Resume()))
    ref.tell(Boom())
    assert incarnation(ref) == 1
    assert [event.path for event in log.of(AgentResumed)] == ["/a"]


def test_an_ended_parent_takes_no_children_and_says_who_it_was(system: ActorSystem) -> None:
    parent = system.spawn(doer("parent"))
    answer(parent, lambda agent: agent.context.spawn(doer("child")))
    assert parent.stop()
    with pytest.raises(AgentStoppedError, match="/parent"):
        parent.start_child(doer("late"))
