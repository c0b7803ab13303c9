"""How does xoscar do each row, with every actor in the main process of its pool?"""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import xoscar

from benchmarks.proc import resident, watch_idle
from benchmarks.row import Sample
from benchmarks.rows.ask_timeout import ATTEMPTS, TIMEOUT
from benchmarks.rows.idle import SECONDS, SETTLE


class Counter(xoscar.Actor):  # type: ignore[misc]
    def __init__(self, last: int, done: asyncio.Event) -> None:
        super().__init__()
        self.seen = 0
        self.last = last
        self.done = done

    async def add(self, number: int) -> None:
        self.seen += 1
        if self.seen == self.last:
            self.done.set()


class Echo(xoscar.Actor):  # type: ignore[misc]
    async def echo(self, message: int) -> int:
        return message

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Player(xoscar.Actor):  # type: ignore[misc]
    def __init__(self, done: asyncio.Event) -> None:
        super().__init__()
        self.done = done

    async def play(self, partner: Any, left: int) -> None:
        if left == 0:
            self.done.set()
        else:
            await partner.play.tell(self.ref(), left - 1)


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@asynccontextmanager
async def _pool() -> AsyncIterator[str]:
    address = _free_address()
    pool = await xoscar.create_actor_pool(address, n_process=0)
    try:
        yield address
    finally:
        await pool.stop()


async def tell(size: int) -> Sample:
    async with _pool() as address:
        done = asyncio.Event()
        counter = await xoscar.create_actor(Counter, size, done, address=address, uid="counter")
        begun = time.perf_counter()
        for number in range(size):
            await counter.add.tell(number)
        await done.wait()
        return {"rate": size / (time.perf_counter() - begun)}


async def ask(size: int) -> Sample:
    async with _pool() as address:
        echo = await xoscar.create_actor(Echo, address=address, uid="echo")
        begun = time.perf_counter()
        for number in range(size):
            await echo.echo(number)
        return {"rate": size / (time.perf_counter() - begun)}


async def ask_timeout(size: int) -> Sample:
    """The timeout is asyncio's; a handler that computes would block the loop, so that line stays empty."""
    async with _pool() as address:
        echo = await xoscar.create_actor(Echo, address=address, uid="echo")
        begun = time.perf_counter()
        for number in range(size):
            await asyncio.wait_for(echo.echo(number), 5)
        elapsed = time.perf_counter() - begun
        late = []
        for attempt in range(ATTEMPTS):
            slow = await xoscar.create_actor(Echo, address=address, uid=f"slow-{attempt}")
            asked = time.perf_counter()
            try:
                await asyncio.wait_for(slow.sleep(TIMEOUT * 3), TIMEOUT)
            except TimeoutError:
                late.append(time.perf_counter() - asked - TIMEOUT)
        assert len(late) == ATTEMPTS
        return {"rate": size / elapsed, "late": max(late) * 1e3}


async def ping_pong(size: int) -> Sample:
    async with _pool() as address:
        done = asyncio.Event()
        ping = await xoscar.create_actor(Player, done, address=address, uid="ping")
        pong = await xoscar.create_actor(Player, done, address=address, uid="pong")
        begun = time.perf_counter()
        await ping.play.tell(pong, size - 1)
        await done.wait()
        return {"rate": size / (time.perf_counter() - begun)}


async def spawn(size: int) -> Sample:
    async with _pool() as address:
        begun = time.perf_counter()
        refs = [await xoscar.create_actor(Echo, address=address, uid=f"echo-{number}") for number in range(size)]
        elapsed = time.perf_counter() - begun
        assert len(refs) == size
        return {"rate": size / elapsed}


async def memory(size: int) -> Sample:
    async with _pool() as address:
        warm = [await xoscar.create_actor(Echo, address=address, uid=f"warm-{number}") for number in range(100)]
        refs: list[Any] = [None] * size
        gc.collect()
        before = resident()
        for number in range(size):
            refs[number] = await xoscar.create_actor(Echo, address=address, uid=f"echo-{number}")
        gc.collect()
        used = resident() - before
        assert len(warm) == 100
        return {"bytes": used / size}


async def idle(size: int) -> Sample:
    async with _pool() as address:
        refs = [await xoscar.create_actor(Echo, address=address, uid=f"echo-{number}") for number in range(size)]
        gc.collect()
        await asyncio.sleep(SETTLE)
        idling = await asyncio.to_thread(watch_idle, SECONDS)
        assert len(refs) == size
        return {"cpu": idling.cpu, "wakeups": idling.wakeups}


def _in_loop(measure: Callable[[int], Awaitable[Sample]]) -> Callable[[int], Sample]:
    async def main(size: int) -> Sample:
        return await measure(size)

    return lambda size: asyncio.run(main(size))


MEASURES: dict[str, Callable[[int], Sample]] = {
    measure.__name__: _in_loop(measure) for measure in (tell, ask, ask_timeout, ping_pong, spawn, memory, idle)
}
