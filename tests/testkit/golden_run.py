"""What does a rich program do in a simulation? Printed, so that other interpreters and other days can be compared.

Run as `python -m tests.testkit.golden_run NAME` with the name of a strategy; needs nothing but the library.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from typing import Any

from actors import ActorError, Agent, AgentFuture, AgentRef, ChildSpec, Mailbox, Supervisor, Terminated
from actors.testkit import Exhaustive, Priorities, RandomWalk, Simulation
from actors.testkit.simulation import Strategy
from policies import Backoff, Restart

SEEDS = range(5)
STRATEGIES: dict[str, Strategy] = {"random": RandomWalk(), "pct": Priorities(steps=50), "exhaustive": Exhaustive()}


@dataclass(frozen=True)
class Order:
    """Something to be made of a part, by the shop."""

    part: str
    count: int


@dataclass(frozen=True)
class Spoilt:
    """A part that makes whoever gets it fail."""


class Store(Agent):
    """Gives parts, from a thread of its own; opens after a second, and keeps what comes before that."""

    def on_start(self) -> None:
        self.open = False
        self.context.timers.once("open", 1.0, "open")

    def on_receive(self, message: Any) -> Any:
        if message == "open":
            self.open = True
            self.context.unstash_all()
        elif not self.open:
            self.context.stash()
        elif isinstance(message, Spoilt):
            raise ValueError("spoilt")
        return f"one {message}"


class Shop(Agent):
    """Asks the store for each part; gives up one that takes longer than 2 s."""

    def __init__(self, store: AgentRef[Store] | None = None) -> None:
        self.store = store
        self.made: list[str] = []

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Order):
            store = self.context.system.find("/works/store")
            assert store is not None
            for _ in range(message.count):
                self.made.append(store.ask(message.part, timeout=2.0))
        return len(self.made)


class Inspector(Agent):
    """Watches the clerk, and looks at the shop every two seconds."""

    def __init__(self, shop: AgentRef[Shop], clerk: AgentRef[Any]) -> None:
        self.shop = shop
        self.clerk = clerk

    def on_start(self) -> None:
        self.context.watch(self.clerk)
        self.context.timers.every("look", 2.0, "look")

    def on_receive(self, message: Any) -> None:
        if isinstance(message, Terminated):
            self.context.timers.cancel("look")
        else:
            self.clerk.tell(f"{self.shop.ask('how many?', timeout=30.0)} made")


class Clerk(Agent):
    """Writes what it is told; hangs over the third note until it is abandoned."""

    notes = 0

    def on_receive(self, message: str) -> None:
        self.notes += 1
        if self.notes == 3:
            AgentFuture[None]().get()


def program(simulation: Simulation) -> None:
    """A one-for-all crew that backs off with jitter, asks, timers, a watch, a stash, a deadline, a bounded mailbox."""
    policy = Restart(max_restarts=10, within=None, backoff=Backoff(1.0, cap=8.0, jitter=0.5))
    crew = [ChildSpec(Store, "store", dispatcher="thread"), ChildSpec(Shop, "shop")]
    simulation.spawn(Supervisor, name="works", children=crew, strategy="one_for_all", policy=policy)
    store, shop = simulation.select("/works/*")
    narrow = Mailbox(1, overflow="drop_oldest")
    clerk = simulation.spawn(ChildSpec(Clerk, "clerk", deadline=5.0, mailbox=narrow, policy=None))
    simulation.spawn(Inspector, shop, clerk, name="inspector")
    shop.tell(Order("wheel", 2))
    shop.tell(Order("axle", 1))
    store.tell(Spoilt())
    simulation.advance(10.0)
    store.tell(Spoilt())
    draws = random.Random(simulation.seed)
    for _ in range(3):
        shop.tell(Order("door", int(draws.random() * 3)))
        clerk.tell("paint it")
    simulation.advance(20.0)
    clerk.stop(block=False)
    try:
        shop.ask("how many?", timeout=5.0)
    except ActorError:
        simulation.settle()
    simulation.advance(10.0)


def text_of(name: str) -> str:
    """Give the traces of all seeds with this strategy."""
    parts = []
    for seed in SEEDS:
        with Simulation(seed, STRATEGIES[name]) as simulation:
            program(simulation)
        parts += [f"== {name}, seed {seed}: {simulation.steps} steps, {simulation.schedule}", simulation.trace(), ""]
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(text_of(sys.argv[1]))
