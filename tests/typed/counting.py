"""Who is sent typed messages in these tests?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from actors import Accepting, Agent, Asking


@dataclass(frozen=True)
class Incr:
    by: int


class Get(BaseModel, Asking[int]):
    name: str = "total"


class Reset:
    """Neither pydantic's nor a dataclass."""


class Counter(Accepting[Incr | Get | Reset]):
    """Counts, and keeps what it was sent."""

    def __init__(self, total: int = 0) -> None:
        self.total = total
        self.seen: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        self.seen.append(message)
        match message:
            case Incr(by):
                self.total += by
            case Reset():
                self.total = 0
            case Get():
                return self.total
        return None

    def add(self, number: int) -> int:
        self.total += number
        return self.total


class LooseCounter(Agent):
    """As Counter, but unknown to type checkers."""

    accepts = Incr | Get | Reset

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        self.seen.append(message)
        return len(self.seen)
