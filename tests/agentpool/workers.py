"""What do the agents do that the tests of pools spawn?"""

from __future__ import annotations

from typing import Any

from actors import Agent, ReplyError
from actors.agentpool import PoolAgent, current_seat
from actors.testkit import Gate
from tests.core.helpers import Boom


def double(query: Any) -> Any:
    return query * 2


def at_gate(gate: Gate) -> str:
    """Waits at the gate that it is given as its query."""
    gate.wait()
    return "through"


def until_aborted(gate: Gate) -> str:
    """Waits at the gate, and looks whether it is to give up."""
    gate.wait()
    current_seat().context.check()
    return "not aborted"


def fail(query: Any) -> Any:
    raise Boom(query)


class Incrementing(Agent):
    """Knows nothing of pools: answers with one more."""

    def on_receive(self, message: int) -> int:
        return message + 1


class Failing(Agent):
    def on_receive(self, message: Any) -> Any:
        raise message


class Unwilling(Agent):
    def on_receive(self, message: Any) -> Any:
        raise ReplyError("not now")


class NoStart(PoolAgent):
    """Fails to start."""

    def on_start(self) -> None:
        raise Boom("no start")


class Quitting(PoolAgent):
    """Ends without a value."""

    def run(self, query: Any) -> Any:
        self.stop()
        yield
        return "too late"


class Talking(PoolAgent):
    """Says what it hears while it runs, until it hears "over"."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def run(self, query: Any) -> Any:
        while "over" not in self.heard:
            yield
        return self.heard

    def on_receive(self, message: Any) -> Any:
        self.heard.append(message)
        return f"heard {message}"
