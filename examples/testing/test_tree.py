"""How do I test what my tree of agents looks like? Run it with pytest."""

from collections.abc import Iterator

import pytest

from actors import ActorSystem, Agent, AgentRestarted, ChildSpec, Supervisor
from actors.testkit import Events, assert_tree


class Pump(Agent):
    """Breaks when it is told to."""

    def on_receive(self, message: str) -> None:
        if message == "break":
            raise RuntimeError("no pressure")


class Station(Supervisor):
    children = (ChildSpec(Pump, name="inlet"), ChildSpec(Pump, name="outlet"))


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem("waterworks") as system:
        yield system


def test_a_new_station_has_two_pumps(system: ActorSystem) -> None:
    system.spawn(Station, name="station")
    assert_tree(
        system,
        """
        waterworks: 3 agents
        └─ ○ station Station idle #1
           ├─ ○ inlet Pump idle #1
           └─ ○ outlet Pump idle #1
        """,
    )


def test_a_broken_pump_is_another_one_afterwards(system: ActorSystem) -> None:
    events = Events(system)
    station = system.spawn(Station, name="station")
    system.select("/station/inlet")[0].tell("break")
    events.expect(AgentRestarted, "/station/inlet")
    assert_tree(  # of a ref: that agent and all below it; `...` stands for whatever is there
        station,
        """
        ○ station Station idle #1
        ├─ ○ inlet Pump idle #2 restarts=1 ... last failure: RuntimeError: no pressure
        └─ ○ outlet Pump idle #1
        """,
    )
