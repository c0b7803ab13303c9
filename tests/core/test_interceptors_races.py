"""Do interceptors meet agents that start, change or end at the same moment, whoever comes first at each line?"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentFuture, AgentStoppedError, DeadLetter
from actors.testkit import Priorities, Simulation
from policies import Restart
from tests.core.helpers import Boom

AGAIN = Restart(max_restarts=100, within=None)
SEEDS = range(400)
ORDERS = Priorities(depth=3, steps=150)


class Fickle(Agent):
    """Changes its handler when it is sent "change", fails over "fail", and gives back all else."""

    def on_receive(self, message: Any) -> Any:
        if message == "change":
            self.context.become(self.on_receive)
            self.context.unbecome()
        elif message == "fail":
            raise Boom("asked to")
        return message


def met(system: ActorSystem) -> Any:
    """Put an interceptor there, and ask an agent something that only the interceptor answers like this."""
    with system.intercept(lambda delivery: delivery.answer("met"), on=int):
        ref = system.find("/a")
        return "none" if ref is None else ref.ask(1, block=False).get(timeout=60.0)


@pytest.mark.parametrize("message", ["change", "fail"])
def test_what_is_sent_after_it_was_put_is_met_whatever_the_agent_is_at(message: str) -> None:
    for seed in SEEDS:
        with Simulation(seed, ORDERS, policy=AGAIN) as system:
            ref = system.spawn(Fickle, name="a")
            assert system.race(partial(met, system), partial(ref.tell, message))[0] == "met", seed
            assert ref.ask(1) == 1


def test_an_agent_that_starts_meanwhile_is_met() -> None:
    for seed in SEEDS:
        with Simulation(seed, ORDERS) as system:
            answer, ref = system.race(partial(met, system), partial(system.spawn, Fickle, name="a"))
            assert answer in ("met", "none"), seed
            assert ref.ask(1) == 1


def test_a_message_that_is_delayed_while_its_agent_ends_ends_once() -> None:
    for seed in SEEDS:
        with Simulation(seed, ORDERS) as system:
            ref = system.spawn(Fickle, name="a")
            system.intercept(lambda delivery: delivery.delay(1.0), on=int)
            asked = {number: ref.ask(number, block=False) for number in (1, 2)}
            system.settle()
            system.race(partial(system.clock.advance, 1.0), partial(ref.stop, drain=False, block=False))
            letters = [event.message for event in system.events.recent(100, DeadLetter)]
        answered = [number for number, future in asked.items() if _value(future) == number]
        assert sorted([*answered, *letters]) == [1, 2], seed


def _value(future: AgentFuture[Any]) -> Any:
    """Give the answer, or None where the agent had stopped; one that was left open raises."""
    try:
        return future.get(timeout=0.0)
    except AgentStoppedError:
        return None
