"""How does actortree do each row?"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import Any

from loguru import logger

from actors import ActorSystem, Agent, ChildSpec, Supervisor
from benchmarks.proc import peak_resident
from benchmarks.row import Sample
from benchmarks.rows import ROWS, spawn
from benchmarks.scale import measure as scale
from policies import Restart


class TreeKit:
    """A system with its default policy and dispatcher; the end of the block stops its tree."""

    Agent = Agent

    @contextmanager
    def system(self) -> Iterator[Callable[..., Any]]:
        with ActorSystem("benchmark") as system:
            yield system.spawn


class Idle(Agent):
    def on_receive(self, message: object) -> None:
        pass


def spawn_both(size: int) -> Sample:
    """`system.spawn` without a name, then `start_child` with a spec and a name."""
    unnamed = spawn.measure(TreeKit(), size)
    with ActorSystem("benchmark") as system:
        crew = system.spawn(Supervisor, name="crew")
        begun = time.perf_counter()
        for number in range(size):
            crew.start_child(ChildSpec(Idle, name=f"idle-{number}"))
        elapsed = time.perf_counter() - begun
        assert crew.count_children().active == size
    return {**unnamed, "named": size / elapsed}


def stop(size: int) -> Sample:
    """Stop a supervisor with `size` children, and wait."""
    with ActorSystem("benchmark") as system:
        crew = system.spawn(Supervisor, name="crew")
        started = [crew.start_child(ChildSpec(Idle, name=f"idle-{number}")) for number in range(size)]
        refs = [result.ref for result in started if result.ref is not None]
        assert len(refs) == size
        begun = time.perf_counter()
        crew.stop()
        rate = size / (time.perf_counter() - begun)
        assert not any(ref.is_alive() for ref in refs)
    return {"rate": rate, "any_order": rate}


class Crasher(Agent):
    """Says that it has begun, and raises on each message."""

    def __init__(self, begun: SimpleQueue[None]) -> None:
        self.begun = begun

    def on_start(self) -> None:
        self.begun.put(None)

    def on_receive(self, message: object) -> None:
        raise RuntimeError(message)


def crash(size: int) -> Sample:
    """With a log that ends in /dev/null, then with no sink at all."""
    logger.remove()
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        sink = logger.add(nowhere)
        logged = _crash_loop(size)
        logger.remove(sink)
    burst = max(size // 20, 1)
    return {"logged": size / logged, "quiet": size / _crash_loop(size), "burst": burst / _crash_loop(burst)}


def _crash_loop(size: int) -> float:
    begun: SimpleQueue[None] = SimpleQueue()
    with ActorSystem("benchmark", policy=Restart(max_restarts=None, within=None)) as system:
        crasher = system.spawn(Crasher, begun, name="crasher")
        begun.get()
        started = time.perf_counter()
        for number in range(size):
            crasher.tell(number)
            begun.get()
        return time.perf_counter() - started


class Tally:
    """Counts from any thread, and says when the last has been counted."""

    def __init__(self, last: int) -> None:
        self._lock = threading.Lock()  # Guards the count; nothing foreign runs under it.
        self._left = last
        self.done = threading.Event()

    def count(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left:
                return
        self.done.set()


class Once(Agent):
    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    def on_receive(self, message: object) -> None:
        self.tally.count()


def million(size: int) -> Sample:
    """Build, tell and stop; the stop is the end of the `with` block."""
    tally = Tally(size)
    with ActorSystem("benchmark") as system:
        begun = time.perf_counter()
        refs = [system.spawn(Once, tally) for _ in range(size)]
        built = time.perf_counter()
        for ref in refs:
            ref.tell("once")
        tally.done.wait()
        told = time.perf_counter()
    stopped = time.perf_counter()
    assert not any(ref.is_alive() for ref in refs)
    return {
        "build": built - begun,
        "tell": told - built,
        "stop": stopped - told,
        "peak": float(peak_resident()),
    }


MEASURES: dict[str, Callable[[int], Sample]] = {
    **{row.key: partial(row.measure, TreeKit()) for row in ROWS.values() if row.measure},
    "spawn": spawn_both,
    "stop": stop,
    "crash": crash,
    "million": million,
    "scale": partial(scale, TreeKit()),
}
