"""What does an event of a life say, what does it cost where nobody listens, and what can a program tell itself?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentAbandoned,
    AgentBackingOff,
    AgentHalted,
    AgentRestarting,
    AgentSpawned,
    AgentStarted,
    AgentStopped,
    AgentStopping,
    AgentSuspended,
    Cancelled,
    ChildSpec,
    Emitted,
    EventStream,
    OrphanReturned,
    State,
    StopReason,
    Supervisor,
)
from actors.testkit import Gate
from policies import Backoff, Phase, Policy, Restart, RestartType, Stop
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, crash, end, start, stop
from tests.core.helpers import Boom, EventLog, answer
from tests.core.scripted import FOREVER

# -- what they say --------------------------------------------------------------------------


def test_a_start_says_the_class_its_restart_type_and_the_policy_of_its_parent(
    system: ActorSystem, log: EventLog, spec: Any
) -> None:
    parent = system.spawn(spec(Supervisor, "parent", kwargs={"policy": FOREVER}))
    parent.start_child(spec(Doer, "a", restart="temporary"))
    parent.start_child(spec(Doer, "b", policy=Stop()))
    told = {event.path: (event.agent, event.restart, event.policy) for event in log.of(AgentSpawned)}
    assert told == {
        "/parent": (Supervisor, RestartType.TRANSIENT, system.guardian.family_policy),
        "/parent/a": (Doer, RestartType.TEMPORARY, FOREVER),
        "/parent/b": (Doer, RestartType.TRANSIENT, Stop()),
    }
    assert [event.agent for event in log.of(AgentStarted)] == [Supervisor, Doer, Doer]


class Unsure(Doer):
    """Has children, and no idea what is to become of the second."""

    @property
    def policy(self) -> Any:  # type: ignore[override]
        if self.context.children:
            raise Boom("no policy")
        return FOREVER


def test_a_start_says_no_policy_where_the_parent_cannot(system: ActorSystem, log: EventLog) -> None:
    parent = system.spawn(Unsure, name="parent")
    answer(parent, start(Doer, name="a"))
    answer(parent, start(Doer, name="b"))
    assert log.of(AgentSpawned, "/parent/b")[0].policy is None


def test_a_failure_and_its_restart_are_told_with_the_states_before(system: ActorSystem, log: EventLog) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", policy=FOREVER))
    agent.tell(crash)
    answer(agent, "barrier")
    (suspended,) = log.of(AgentSuspended)
    assert (suspended.was, suspended.incarnation, suspended.phase) == (State.RUNNING, 1, Phase.RECEIVE)
    assert str(suspended.error) == "crash of #1"
    (restarting,) = log.of(AgentRestarting)
    assert (restarting.was, restarting.incarnation) == (State.SUSPENDED, 2)


def test_a_normal_end_that_the_supervisor_is_to_decide_about_is_no_error(system: ActorSystem, log: EventLog) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", restart="permanent", policy=FOREVER))
    agent.tell(end)
    answer(agent, "barrier")
    (suspended,) = log.of(AgentSuspended)
    assert (suspended.was, suspended.error, suspended.phase) == (State.RUNNING, None, Phase.EXIT)


def test_siblings_that_are_taken_along_are_told_with_the_states_before(
    system: ActorSystem, log: EventLog, clock: WatchedClock
) -> None:
    children = [ChildSpec(Doer, name) for name in "ab"]
    policy = Restart(None, within=None, backoff=Backoff(10.0))
    system.spawn(Supervisor, name="crew", children=children, strategy="one_for_all", policy=policy)
    first = system.find("/crew/a")
    assert first is not None
    first.tell(crash)
    log.wait(AgentBackingOff, "/crew/a")
    clock.advance_to(10.0)
    log.wait(AgentRestarting, "/crew/b")
    assert [(event.path, event.was) for event in log.of(AgentHalted)] == [
        ("/crew/b", State.RUNNING),
        ("/crew/a", State.SUSPENDED),
    ]
    assert [(event.delay, event.was) for event in log.of(AgentBackingOff)] == [(10.0, State.HALTED)]
    assert [(event.path, event.was) for event in log.of(AgentRestarting)] == [
        ("/crew/a", State.BACKING_OFF),
        ("/crew/b", State.HALTED),
    ]


def test_an_end_is_told_before_the_mail_is_lost_and_before_the_children_end(system: ActorSystem, log: EventLog) -> None:
    parent, gate = system.spawn(Doer, name="parent"), Gate()
    answer(parent, start(Doer, name="child"))
    with gate:
        parent.tell(lambda agent: gate.wait())
        gate.reached()
        parent.tell("too late")
        ended = parent.stop(block=False, drain=False)
    ended.get(timeout=10.0)
    log.wait(AgentStopped, "/parent")
    told = [(type(event).__name__, event.path) for event in log.notes]
    assert told[told.index(("AgentStopping", "/parent")) :] == [
        ("AgentStopping", "/parent"),
        ("DeadLetter", "/parent"),
        ("AgentStopping", "/parent/child"),
        ("AgentStopped", "/parent/child"),
        ("AgentStopped", "/parent"),
    ]
    (stopping,) = log.of(AgentStopping, "/parent")
    assert (stopping.was, stopping.reason) == (State.RUNNING, StopReason.REQUESTED)


# -- where nobody listens -------------------------------------------------------------------


class Counted(AgentStarted):
    made = 0

    def __new__(cls, *args: Any) -> Counted:
        cls.made += 1
        return super().__new__(cls)


def test_an_event_is_made_when_somebody_wants_to_see_it() -> None:
    Counted.made = 0
    stream = EventStream()
    stream.report(Counted, "/a", 1, 0.0)
    assert Counted.made == 0
    assert stream.recent(1) == [Counted("/a", 1, 0.0)]
    heard: list[Any] = []
    stream.subscribe(heard.append)
    stream.report(Counted, "/b", 1, 0.0)
    assert heard == [Counted("/b", 1, 0.0)]


def test_what_nobody_heard_is_among_the_recent_events_in_order_and_by_kind() -> None:
    stream = EventStream(keep=3)
    stream.report(AgentStopped, "/z", 1, 0.0, StopReason.NORMAL, None)
    stream.report(AgentStarted, "/a", 1, 0.0)
    stream.publish(AgentRestarting("/a", 2, 1.0, State.RUNNING))
    stream.report(AgentStopped, "/a", 2, 2.0, StopReason.NORMAL, None)
    stopped = AgentStopped("/a", 2, 2.0, StopReason.NORMAL)
    assert stream.recent() == [AgentStarted("/a", 1, 0.0), AgentRestarting("/a", 2, 1.0, State.RUNNING), stopped]
    assert stream.recent(2, AgentStarted, AgentStopped) == [AgentStarted("/a", 1, 0.0), stopped]
    assert stream.recent(0) == []


# -- what a program tells -------------------------------------------------------------------


def test_an_agent_tells_something_of_its_own_among_its_events(
    system: ActorSystem, log: EventLog, clock: WatchedClock, spec: Any
) -> None:
    agent = system.spawn(spec(Doer, "a", policy=FOREVER))
    agent.tell(crash)
    clock.advance(2.0)
    answer(agent, lambda agent: agent.context.emit({"half": "done"}))
    assert log.of(Emitted) == [Emitted("/a", 2, 2.0, {"half": "done"})]
    stop(agent)
    assert [type(event) for event in log.notes][-3:] == [Emitted, AgentStopping, AgentStopped]


def test_a_system_tells_something_of_its_own_on_the_thread_of_the_caller(
    system: ActorSystem, clock: WatchedClock
) -> None:
    clock.advance(2.0)
    heard: list[Any] = []
    system.events.subscribe(heard.append, Emitted)
    system.emit("all is well")
    assert heard == [Emitted("/", 1, 2.0, "all is well")]


def test_an_agent_that_was_abandoned_tells_nothing_more(
    system: ActorSystem, log: EventLog, clock: WatchedClock
) -> None:
    gate, raised = Gate(), []

    def too_late(agent: Doer) -> None:
        gate.wait()
        with pytest.raises(Cancelled) as cancelled:
            agent.context.emit("too late")
        raised.append(cancelled.value)

    with gate:
        system.spawn(ChildSpec(Doer, "a", deadline=5.0, policy=FOREVER)).tell(too_late)
        gate.reached()
        clock.advance(5.0)
        log.wait(AgentAbandoned, "/a")
    log.wait(OrphanReturned, "/a")
    assert len(raised) == 1
    assert log.of(Emitted) == []


class Vague(Policy):
    """Cannot say what follows a normal end."""

    def decide(self, failure: Any, history: Any) -> Any:
        raise NotImplementedError

    def for_exit(self) -> Any:
        raise Boom("cannot tell")


def test_a_tree_shows_no_limit_where_a_policy_cannot_tell_it(system: ActorSystem) -> None:
    system.spawn(ChildSpec(Doer, "a", policy=Vague()))
    shown = system.tree().find("/a")
    assert shown is not None
    assert shown.limit == ""
