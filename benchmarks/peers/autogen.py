"""How does autogen-core do each row, with its single-threaded runtime?"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from autogen_core import (
    AgentId,
    DefaultTopicId,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TypeSubscription,
    message_handler,
)

from benchmarks.proc import resident, watch_idle
from benchmarks.row import Sample
from benchmarks.rows.ask_timeout import ATTEMPTS, TIMEOUT
from benchmarks.rows.broadcast import ROUNDS
from benchmarks.rows.idle import SECONDS, SETTLE

TOPIC = "numbers"


@dataclass
class Number:
    value: int


@dataclass
class Sleep:
    seconds: float


class Counter(RoutedAgent):
    def __init__(self, last: int, done: asyncio.Event) -> None:
        super().__init__("counter")
        self.seen = 0
        self.last = last
        self.done = done

    @message_handler
    async def on_number(self, message: Number, ctx: MessageContext) -> None:
        self.seen += 1
        if self.seen == self.last:
            self.done.set()


class Group:
    """How many members have yet to handle the last message; one event loop, so one at a time."""

    def __init__(self, size: int) -> None:
        self.left = size
        self.done = asyncio.Event()


class Member(RoutedAgent):
    """Handles zero as the last message."""

    def __init__(self, groups: list[Group]) -> None:
        super().__init__("member")
        self.groups = groups

    @message_handler
    async def on_number(self, message: Number, ctx: MessageContext) -> None:
        if message.value == 0:
            group = self.groups[-1]
            group.left -= 1
            if group.left == 0:
                group.done.set()


class Echo(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("echo")

    @message_handler
    async def on_number(self, message: Number, ctx: MessageContext) -> Number:
        return message

    @message_handler
    async def on_sleep(self, message: Sleep, ctx: MessageContext) -> Number:
        await asyncio.sleep(message.seconds)
        return Number(0)


class Player(RoutedAgent):
    """Publishes each number less one to the partner's topic until none is left."""

    def __init__(self, partner: str, done: asyncio.Event) -> None:
        super().__init__("player")
        self.partner = partner
        self.done = done

    @message_handler
    async def on_number(self, message: Number, ctx: MessageContext) -> None:
        if message.value == 0:
            self.done.set()
        else:
            await self.publish_message(Number(message.value - 1), DefaultTopicId(type=self.partner))


@asynccontextmanager
async def _runtime() -> AsyncIterator[SingleThreadedAgentRuntime]:
    runtime = SingleThreadedAgentRuntime()
    runtime.start()
    try:
        yield runtime
    finally:
        await runtime.stop()
        await runtime.close()


async def tell(size: int) -> Sample:
    """Publish to a topic with one subscriber: autogen-core's message that nobody waits for."""
    async with _runtime() as runtime:
        done = asyncio.Event()
        await Counter.register(runtime, "counter", lambda: Counter(size, done))
        await runtime.add_subscription(TypeSubscription(TOPIC, "counter"))
        topic = DefaultTopicId(type=TOPIC)
        begun = time.perf_counter()
        for number in range(size):
            await runtime.publish_message(Number(number), topic)
        await done.wait()
        return {"rate": size / (time.perf_counter() - begun)}


async def ask(size: int) -> Sample:
    async with _runtime() as runtime:
        await Echo.register(runtime, "echo", Echo)
        begun = time.perf_counter()
        for number in range(size):
            await runtime.send_message(Number(number), AgentId("echo", "one"))
        return {"rate": size / (time.perf_counter() - begun)}


async def ask_timeout(size: int) -> Sample:
    """The timeout is asyncio's; a handler that computes would block the loop, so that line stays empty."""
    async with _runtime() as runtime:
        await Echo.register(runtime, "echo", Echo)
        begun = time.perf_counter()
        for number in range(size):
            await asyncio.wait_for(runtime.send_message(Number(number), AgentId("echo", "one")), 5)
        elapsed = time.perf_counter() - begun
        late = []
        for attempt in range(ATTEMPTS):
            asked = time.perf_counter()
            try:
                question = runtime.send_message(Sleep(TIMEOUT * 3), AgentId("echo", f"slow-{attempt}"))
                await asyncio.wait_for(question, TIMEOUT)
            except TimeoutError:
                late.append(time.perf_counter() - asked - TIMEOUT)
        assert len(late) == ATTEMPTS
        # Let the abandoned handlers end before the runtime does.
        await asyncio.sleep(TIMEOUT * 4)
        return {"rate": size / elapsed, "late": max(late) * 1e3}


async def ping_pong(size: int) -> Sample:
    async with _runtime() as runtime:
        done = asyncio.Event()
        for name, partner in (("ping", "pong"), ("pong", "ping")):
            await Player.register(runtime, name, partial(Player, partner, done))
            await runtime.add_subscription(TypeSubscription(name, name))
        begun = time.perf_counter()
        await runtime.publish_message(Number(size - 1), DefaultTopicId(type="ping"))
        await done.wait()
        return {"rate": size / (time.perf_counter() - begun)}


async def broadcast(size: int) -> Sample:
    """Publish to a topic with `size` agents; each is of a type of its own, as a topic reaches one agent of a type."""
    async with _runtime() as runtime:
        groups: list[Group] = []
        for number in range(size):
            await Member.register(runtime, f"member-{number}", lambda: Member(groups), skip_class_subscriptions=True)
            await runtime.add_subscription(TypeSubscription(TOPIC, f"member-{number}"))

        async def run(rounds: int) -> float:
            groups.append(Group(size))
            begun = time.perf_counter()
            for number in reversed(range(rounds)):
                await runtime.publish_message(Number(number), DefaultTopicId(type=TOPIC))
            await groups[-1].done.wait()
            return time.perf_counter() - begun

        await run(1)
        return {"rate": size * ROUNDS / await run(ROUNDS)}


async def _start(runtime: SingleThreadedAgentRuntime, name: str, count: int) -> None:
    for number in range(count):
        await runtime.get(AgentId(name, str(number)), lazy=False)


async def spawn(size: int) -> Sample:
    """An agent is made when it is first looked up; nothing supervises it."""
    async with _runtime() as runtime:
        await Echo.register(runtime, "echo", Echo)
        begun = time.perf_counter()
        await _start(runtime, "echo", size)
        return {"rate": size / (time.perf_counter() - begun)}


async def memory(size: int) -> Sample:
    async with _runtime() as runtime:
        await Echo.register(runtime, "echo", Echo)
        await Echo.register(runtime, "warm", Echo)
        await _start(runtime, "warm", 100)
        gc.collect()
        before = resident()
        await _start(runtime, "echo", size)
        gc.collect()
        return {"bytes": (resident() - before) / size}


async def idle(size: int) -> Sample:
    async with _runtime() as runtime:
        await Echo.register(runtime, "echo", Echo)
        await _start(runtime, "echo", size)
        gc.collect()
        await asyncio.sleep(SETTLE)
        idling = await asyncio.to_thread(watch_idle, SECONDS)
        return {"cpu": idling.cpu, "wakeups": idling.wakeups}


def _in_loop(measure: Callable[[int], Awaitable[Sample]]) -> Callable[[int], Sample]:
    async def main(size: int) -> Sample:
        return await measure(size)

    return lambda size: asyncio.run(main(size))


MEASURES: dict[str, Callable[[int], Sample]] = {
    measure.__name__: _in_loop(measure)
    for measure in (tell, ask, ask_timeout, ping_pong, broadcast, spawn, memory, idle)
}
