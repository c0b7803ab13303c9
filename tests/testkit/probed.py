"""What do the tests of probes start from? A system in either world, orders to send, and the texts of errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pydantic
import pytest

from actors import ActorSystem, Agent, AgentFuture
from actors.testkit import ProbeError, Simulation, VirtualClock, wait
from policies import Stop


@dataclasses.dataclass(frozen=True)
class Order:
    """What is ordered."""

    item: str
    count: int = 1


@dataclasses.dataclass(frozen=True)
class Refund:
    item: str


class Payment(pydantic.BaseModel):
    amount: int
    currency: str = "EUR"


class Doer(Agent):
    """Does what it is sent: calls it with itself."""

    def on_receive(self, message: Callable[[Agent], Any]) -> Any:
        return message(self)


def worlds(simulated: bool) -> Iterator[tuple[ActorSystem, Any]]:
    """Give a system in virtual time, on real threads or simulated, and the clock that lets that pass."""
    if simulated:
        with Simulation(seed=7, policy=Stop()) as system:
            yield system, system.clock
    else:
        clock = VirtualClock()
        with ActorSystem("test", policy=Stop(), clock=clock) as system:
            yield system, clock


def text_of(call: Callable[[], Any]) -> str:
    """Give the text of the ProbeError that the call raises."""
    with pytest.raises(ProbeError) as caught:
        call()
    return str(caught.value)


def value_of(future: AgentFuture[Any]) -> Any:
    assert wait(future, 10.0)
    return future.get()
