"""Which agents have their handlers tested?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors import Agent
from actors.testkit import run_handler


class Counter(Agent):
    """Adds up what it is sent."""

    def __init__(self, step: int = 1) -> None:
        self.step = step

    def on_start(self) -> None:
        self.total = 0

    def on_receive(self, message: int) -> int:
        return self.add(message)

    def add(self, amount: int) -> int:
        self.total += amount * self.step
        return self.total


class Doer(Agent):
    """Does what it is sent: a function of itself."""

    def on_receive(self, message: Callable[[Doer], Any]) -> Any:
        return message(self)


def do(what: Callable[[Any], Any], **options: Any) -> Any:
    """Run `what(agent)` as the one message of an agent at /doer."""
    return run_handler(Doer, what, name="doer", **options)
