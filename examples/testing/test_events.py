"""How do I test what happened in my system, and in which order? Run it with pytest."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors import ActorSystem, Agent, AgentFailed, AgentRestarted, AgentStopped, ChildSpec, StopReason, Supervisor
from actors.testkit import Events, EventView


class Lamp(Agent):
    """Burns out of too much."""

    def on_receive(self, watts: int) -> str:
        if watts > 100:
            raise OverflowError(f"{watts} watts")
        return "on"


class Room(Supervisor):
    children = (ChildSpec(Lamp, name="desk"), ChildSpec(Lamp, name="ceiling"))
    strategy = "one_for_all"


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem("test") as system:
        yield system


@pytest.fixture
def events(system: ActorSystem) -> Events:
    return Events(system)  # records from here on, so make it before the agents


def test_both_lamps_are_replaced_when_one_burns_out(system: ActorSystem, events: Events) -> None:
    system.spawn(Room, name="room")
    system.select("/room/ceiling")[0].tell(1000)
    failed = events.expect(AgentFailed, "/room/ceiling", error=OverflowError)  # waits until it happens
    assert str(failed.error) == "1000 watts"
    events.expect_sequence([(AgentRestarted, "/room/desk"), (AgentRestarted, "/room/ceiling")])
    events.none(AgentStopped)  # so far


def test_children_stop_before_their_parent(system: ActorSystem, events: Events) -> None:
    system.spawn(Room, name="room").stop()
    ends = [(AgentStopped, path) for path in ("/room/ceiling", "/room/desk", "/room")]
    assert events.expect_sequence(ends)[-1].reason is StopReason.REQUESTED


def test_the_life_of_the_room_is_as_it_was_written_down(system: ActorSystem, events: Events) -> None:
    system.spawn(Room, name="room")
    system.spawn(Lamp, name="hall")
    system.select("/room")[0].stop()
    room: EventView = events.within("/room")  # all of it, from the beginning
    # With ACTORTREE_UPDATE_GOLDEN=1 in the environment the file is written instead. No line of it holds a time.
    room.assert_golden(Path(__file__).parent / "golden" / "room.txt")
