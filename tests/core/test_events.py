"""Who hears of what happens, and what if a listener fails?"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import actors
from actors import (
    ActorSystem,
    AgentFailed,
    AgentRestarted,
    AgentStarted,
    AgentStopped,
    ChildSpec,
    Event,
    EventStream,
    StopReason,
)
from policies import Restart
from tests.core.doer import Doer, crash, stop
from tests.core.helpers import PATIENCE, EventLog, Flag, answer, elsewhere, result

KINDS = [value for value in vars(actors).values() if isinstance(value, type) and issubclass(value, Event)]


class Listener:
    """Notes what it hears and raises what it is given."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.heard: list[Any] = []
        self.error = error

    def __call__(self, event: Event) -> None:
        self.heard.append(event)
        if self.error is not None:
            raise self.error

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def started(number: int) -> AgentStarted:
    return AgentStarted(f"/a-{number}", 1, float(number))


def test_a_subscriber_hears_all_later_events_in_order() -> None:
    stream = EventStream()
    stream.publish(started(0))
    listener = Listener()
    stream.subscribe(listener)
    for number in (1, 2, 3):
        stream.publish(started(number))
    assert listener.heard == [started(1), started(2), started(3)]


def test_a_subscriber_hears_the_kinds_it_asked_for_and_their_subclasses() -> None:
    stream = EventStream()
    ends, starts, everything = Listener(), Listener(), Listener()
    stream.subscribe(ends, AgentStopped)
    stream.subscribe(starts, AgentStarted, AgentRestarted)
    stream.subscribe(everything, Event)
    events = [started(1), AgentRestarted("/a", 2, 2.0, None), AgentStopped("/a", 2, 3.0, StopReason.NORMAL)]
    for event in events:
        stream.publish(event)
    assert ends.heard == events[2:]
    assert starts.heard == events[:2]
    assert everything.heard == events


def test_who_unsubscribes_hears_nothing_more_and_the_others_do() -> None:
    stream = EventStream()
    listener, other = Listener(), Listener()
    unsubscribe = stream.subscribe(listener)
    again = stream.subscribe(listener)
    stream.subscribe(other)
    stream.publish(started(1))
    unsubscribe()
    unsubscribe()
    stream.publish(started(2))
    again()
    stream.publish(started(3))
    assert listener.heard == [started(1), started(1), started(2)]
    assert other.heard == [started(1), started(2), started(3)]


def test_a_subscriber_may_end_its_subscription_while_it_is_called() -> None:
    stream = EventStream()
    heard: list[Event] = []

    def once(event: Event) -> None:
        heard.append(event)
        unsubscribe()

    unsubscribe = stream.subscribe(once)
    stream.publish(started(1))
    stream.publish(started(2))
    assert heard == [started(1)]


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)], ids=["error", "exit"])
def test_what_a_subscriber_raises_is_logged_and_hurts_nobody(lines: list[str], error: BaseException) -> None:
    stream = EventStream()
    failing, other = Listener(error), Listener()
    stream.subscribe(failing)
    stream.subscribe(other)
    stream.publish(started(1))
    stream.publish(started(2))
    assert failing.heard == other.heard == [started(1), started(2)]
    assert lines == ["an event subscriber failed: <Listener that cannot be printed>"] * 2


def test_agents_live_on_under_a_subscriber_that_exits(system: ActorSystem, log: EventLog, lines: list[str]) -> None:
    system.events.subscribe(Listener(SystemExit(3)), AgentStarted, AgentFailed)
    agent = system.spawn(Doer, name="a")
    agent.tell(crash)
    assert log.wait(AgentStopped, "/a").reason is StopReason.FAILED
    assert answer(system.spawn(Doer, name="a"), "hello") == "hello"
    assert sum(line.startswith("an event subscriber failed") for line in lines) == 3


def test_a_subscriber_sees_an_event_before_the_agent_goes_on(system: ActorSystem) -> None:
    heard = Flag()
    go_on = Flag()

    def hold(event: Event) -> None:
        heard.set()
        assert go_on.wait(PATIENCE)

    agent = system.spawn(Doer, name="a")
    unsubscribe = system.events.subscribe(hold, AgentStopped)
    stopping = elsewhere(agent.stop)
    assert heard.wait(PATIENCE)
    assert not stopping.settled
    go_on.set()
    assert result(stopping) is True
    unsubscribe()


def test_the_newest_events_are_kept_oldest_first() -> None:
    stream = EventStream(keep=3)
    assert stream.recent() == []
    for number in range(5):
        stream.publish(started(number))
    assert stream.recent() == [started(2), started(3), started(4)]
    assert stream.recent(2) == [started(3), started(4)]
    assert stream.recent(0) == []
    assert stream.recent(100) == [started(2), started(3), started(4)]


def test_recent_events_are_counted_after_they_were_picked_by_kind(system: ActorSystem) -> None:
    stop(system.spawn(Doer, name="a"))
    stop(system.spawn(Doer, name="b"))
    assert [event.path for event in system.events.recent(1, AgentStarted)] == ["/b"]
    assert [type(event) for event in system.events.recent(2, AgentStarted, AgentStopped)] == [
        AgentStarted,
        AgentStopped,
    ]
    assert system.events.recent(5, AgentFailed) == []


def test_the_events_of_one_agent_come_in_order_with_incarnation_and_time(system: ActorSystem, clock: Any) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", policy=Restart()))
    clock.advance(1.5)
    agent.tell(crash)
    answer(agent, "barrier")
    stop(agent)
    told = [
        (type(event).__name__, event.incarnation, event.at) for event in system.events.recent() if event.path == "/a"
    ]
    assert told == [
        ("AgentSpawned", 1, 0.0),
        ("AgentStarted", 1, 0.0),
        ("DeadLetter", 1, 1.5),
        ("AgentSuspended", 1, 1.5),
        ("AgentFailed", 1, 1.5),
        ("AgentRestarting", 2, 1.5),
        ("AgentRestarted", 2, 1.5),
        ("AgentStopping", 2, 1.5),
        ("AgentStopped", 2, 1.5),
    ]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_is_a_frozen_value_that_says_who_and_when(kind: type[Event]) -> None:
    names = [field.name for field in dataclasses.fields(kind)]
    assert names[:3] == ["path", "incarnation", "at"]
    event = kind(**dict.fromkeys(names, "x"))  # type: ignore[arg-type]
    assert event == kind(**dict.fromkeys(names, "x"))  # type: ignore[arg-type]
    assert repr(event).startswith(f"{kind.__name__}(path='x', incarnation='x', at='x'")
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.path = "/other"  # type: ignore[misc]
    assert kind.__doc__
