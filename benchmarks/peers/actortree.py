"""How does actortree do each row?"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from statistics import median
from typing import Any

from loguru import logger

from actors import ActorSystem, Agent, AgentRef, ChildSpec, Router, Supervisor
from benchmarks.peers.log_redis import log_in_redis
from benchmarks.peers.logs import logs
from benchmarks.peers.tickets import tickets
from benchmarks.proc import peak_resident
from benchmarks.row import Sample
from benchmarks.rows import ROWS, broadcast, spawn
from benchmarks.rows.route import MEMBERS
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


class Counter(Agent):
    """Sets an event that it is told; is held by a barrier, from one meeting there to the next."""

    def on_receive(self, message: object) -> None:
        if isinstance(message, threading.Event):
            message.set()
        elif isinstance(message, threading.Barrier):
            message.wait()
            message.wait()


def route(size: int) -> Sample:
    """`router.send` and `ref.tell`, in turns: to one that handles what comes, then to one that is held."""
    with ActorSystem("benchmark") as system:
        router = system.spawn(Router)
        refs = [system.spawn(Counter, name=f"member-{number}") for number in range(MEMBERS)]
        for ref in refs:
            router.join(ref.name, ref)
        ref = refs[MEMBERS // 2]
        name = ref.name

        def sends(count: int) -> None:
            for number in range(count):
                router.send(name, number)

        def tells(count: int) -> None:
            for number in range(count):
                ref.tell(number)

        ways = (sends, tells)
        turns, part = 5, max(size // 5, 1)
        for way in ways:
            _until_handled(way, ref, max(size // 10, 1))
        handled = [[_until_handled(way, ref, part) for way in ways] for _ in range(turns)]
        alone = [[_while_held(way, ref, part) for way in ways] for _ in range(turns)]
    (through, direct), (through_alone, direct_alone) = (
        [median(times) for times in zip(*table, strict=True)] for table in (handled, alone)
    )
    return {
        "rate": part / through,
        "direct": part / direct,
        "cost": through / direct,
        "alone": through_alone / direct_alone,
    }


def _until_handled(way: Callable[[int], None], ref: AgentRef[Counter], count: int) -> float:
    done = threading.Event()
    begun = time.perf_counter()
    way(count)
    ref.tell(done)
    done.wait()
    return time.perf_counter() - begun


def _while_held(way: Callable[[int], None], ref: AgentRef[Counter], count: int) -> float:
    held = threading.Barrier(2)
    ref.tell(held)
    held.wait()
    begun = time.perf_counter()
    way(count)
    elapsed = time.perf_counter() - begun
    held.wait()
    _until_handled(lambda _: None, ref, 0)
    return elapsed


def broadcasts(size: int) -> Sample:
    """Broadcast to the members of one router."""

    def gather(spawn: Callable[..., Any], members: Sequence[AgentRef[Any]]) -> Callable[[object], object]:
        router = spawn(Router)
        for number, member in enumerate(members):
            router.join(f"member-{number}", member)
        return router.broadcast

    return broadcast.measure(TreeKit(), size, gather)


MEASURES: dict[str, Callable[[int], Sample]] = {
    **{row.key: partial(row.measure, TreeKit()) for row in ROWS.values() if row.measure},
    "route": route,
    "broadcast": broadcasts,
    "spawn": spawn_both,
    "stop": stop,
    "crash": crash,
    "million": million,
    "log": logs,
    "log_redis": log_in_redis,
    "tickets": tickets,
    "scale": partial(scale, TreeKit()),
}
