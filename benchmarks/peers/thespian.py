"""How does Thespian do each row, with its in-process base?

`simpleSystemBase` runs every actor in the caller's thread, so it is Thespian at its fastest.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from thespian.actors import Actor, ActorExitRequest, ActorSystem

from benchmarks.proc import resident
from benchmarks.row import Sample


@contextmanager
def _system() -> Iterator[Any]:
    system = ActorSystem("simpleSystemBase")
    try:
        yield system
    finally:
        system.shutdown()


class Counter(Actor):
    """Counts numbers and answers `"seen"` with the count."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if message == "seen":
            self.send(sender, self.seen)
        elif not isinstance(message, ActorExitRequest):
            self.seen += 1


class Echo(Actor):
    def receiveMessage(self, message: Any, sender: Any) -> None:
        if not isinstance(message, ActorExitRequest):
            self.send(sender, message)


class Player(Actor):
    """Answers the partner until none is left, then tells who began the game."""

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, ActorExitRequest):
            return
        partner, starter, left = message
        if left == 0:
            self.send(starter, "done")
        else:
            self.send(partner or sender, (None, starter or sender, left - 1))


def tell(size: int) -> Sample:
    with _system() as system:
        counter = system.createActor(Counter)
        begun = time.perf_counter()
        for number in range(size):
            system.tell(counter, number)
        seen = system.ask(counter, "seen")
        elapsed = time.perf_counter() - begun
        assert seen == size, f"{seen} of {size} were handled"
        return {"rate": size / elapsed}


def ask(size: int) -> Sample:
    with _system() as system:
        echo = system.createActor(Echo)
        begun = time.perf_counter()
        for number in range(size):
            system.ask(echo, number)
        return {"rate": size / (time.perf_counter() - begun)}


def ping_pong(size: int) -> Sample:
    with _system() as system:
        ping, pong = system.createActor(Player), system.createActor(Player)
        begun = time.perf_counter()
        answer = system.ask(ping, (pong, None, size - 1))
        elapsed = time.perf_counter() - begun
        assert answer == "done", answer
        return {"rate": size / elapsed}


def spawn(size: int) -> Sample:
    with _system() as system:
        begun = time.perf_counter()
        addresses = [system.createActor(Echo) for _ in range(size)]
        elapsed = time.perf_counter() - begun
        assert len(addresses) == size
        return {"rate": size / elapsed}


def memory(size: int) -> Sample:
    with _system() as system:
        warm = [system.createActor(Echo) for _ in range(100)]
        addresses: list[Any] = [None] * size
        gc.collect()
        before = resident()
        for index in range(size):
            addresses[index] = system.createActor(Echo)
        gc.collect()
        used = resident() - before
        assert len(warm) == 100
        return {"bytes": used / size}


MEASURES: dict[str, Callable[[int], Sample]] = {
    "tell": tell,
    "ask": ask,
    "ping_pong": ping_pong,
    "spawn": spawn,
    "memory": memory,
}
