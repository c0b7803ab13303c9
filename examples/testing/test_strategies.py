"""Which orders does a simulation try, and what if the program comes to no end? Run it with pytest."""

from typing import Any

import pytest

from actors import Agent, AgentRef
from actors.testkit import Livelock, RandomWalk, Schedule, Simulation, explore


class Guest(Agent):
    """Greets back, for ever."""

    def __init__(self) -> None:
        self.greeted = 0

    def on_receive(self, who: AgentRef[Any]) -> None:
        self.greeted += 1
        who.tell(self.actor_ref)


class Door(Agent):
    """Lets in who comes first."""

    def __init__(self) -> None:
        self.first = ""

    def on_receive(self, name: str) -> str:
        self.first = self.first or name
        return self.first


class Visitor(Agent):
    def on_receive(self, door: AgentRef[Door]) -> None:
        door.tell(self.context.name)


def who_is_first(simulation: Simulation) -> str:
    door = simulation.spawn(Door, name="door")
    for name in ("ann", "bob"):
        simulation.spawn(Visitor, name=name).tell(door)
    simulation.settle()
    first: str = door.ask("nobody")
    return first


@pytest.mark.parametrize("strategy", ["exhaustive", "random", "pct", RandomWalk(stay=0.9)])
def test_every_strategy_lets_either_be_the_first(strategy: str | RandomWalk) -> None:
    first = set()
    explore(lambda simulation: first.add(who_is_first(simulation)), strategy)
    assert first == {"ann", "bob"}


def test_a_schedule_is_one_order() -> None:
    with Simulation(seed=3) as simulation:
        first = who_is_first(simulation)
    again = Schedule(simulation.schedule)  # a strategy of one run; explore, Simulation and replay take it
    with Simulation(strategy=again) as simulation:
        assert who_is_first(simulation) == first
    assert simulation.schedule == again.text


def two_who_greet(simulation: Simulation) -> None:
    ann, bob = simulation.spawn(Guest, name="ann"), simulation.spawn(Guest, name="bob")
    ann.tell(bob)
    simulation.settle()


def test_guests_who_greet_back_for_ever_are_a_livelock() -> None:
    with pytest.raises(Livelock) as caught, Simulation(max_steps=1000) as simulation:
        two_who_greet(simulation)
    assert sorted(caught.value.cycle) == ["/ann: AgentRef", "/bob: AgentRef"]
