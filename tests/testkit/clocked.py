"""What do tests of virtual time start from? Agents that do what they are sent, and a system that always ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from actors import ActorSystem, Agent, AgentFuture, AgentRef
from actors.testkit import VirtualClock
from policies import Stop

HOUR = 3600.0
PATIENCE = 10.0
"""Real seconds after which a wait has failed."""


class Doer(Agent):
    """Does what it is sent, with itself; anything else it keeps."""

    def __init__(self, seen: list[Any] | None = None) -> None:
        self.seen = [] if seen is None else seen

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self.seen.append(message)
        return message


class Failing(Agent):
    """Fails with each message, and at each start but the first and those from the `good`th on."""

    def __init__(self, good: int = 2) -> None:
        self.good = good

    def on_start(self) -> None:
        if 1 < self.context.incarnation < self.good:
            raise ConnectionError("still down")

    def on_receive(self, message: Any) -> None:
        raise ConnectionError(message)


@contextmanager
def running(clock: VirtualClock) -> Iterator[ActorSystem]:
    """A system that ends in any case: where a failed test leaves an agent waiting, its time to end passes."""
    system = ActorSystem("test", policy=Stop(), clock=clock)
    yield system
    stopping = threading.Thread(target=system.stop)
    stopping.start()
    stopping.join(1.0)
    while stopping.is_alive():
        clock.advance(10.0)
        stopping.join(0.1)


def tells(ref: AgentRef[Any], message: Any) -> Any:
    """Give a message that has an agent tell another something."""
    return lambda agent: ref.tell(message)


def asks(ref: AgentRef[Any], message: Any, timeout: float | None = None) -> Any:
    """Give a message that has an agent ask another and answer with the answer."""
    return lambda agent: ref.ask(message, timeout=timeout)


def waits_for(future: AgentFuture[Any]) -> Any:
    """Give a message that has an agent wait in the kernel."""
    return lambda agent: future.get()


def blocks_on(event: threading.Event) -> Any:
    """Give a message that has an agent block where the kernel does not see it."""

    def hang_there(agent: Agent) -> None:
        assert event.wait(PATIENCE)

    return hang_there
