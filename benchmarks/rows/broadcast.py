"""How many deliveries a second does a message make that goes to 10,000 agents?"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

from benchmarks.row import Goal, Kit, Metric, Row, Sample

ROUNDS = 10


def measure(kit: Kit, size: int, gather: Callable[[Any, Sequence[Any]], Callable[[int], Any]]) -> Sample:
    """Time from the first of `ROUNDS` broadcasts until each member has handled the last, after one as a warm-up.

    `gather(spawn, members)` makes the members a group, and gives what broadcasts to it.
    """

    class Member(kit.Agent):  # type: ignore[misc, name-defined]
        def __init__(self, done: SimpleQueue[None]) -> None:
            super().__init__()
            self.done = done

        def on_receive(self, last: bool) -> None:
            if last:
                self.done.put(None)

    def run(rounds: int) -> float:
        begun = time.perf_counter()
        for number in range(rounds):
            broadcast(number == rounds - 1)
        for _ in range(size):
            done.get()
        return time.perf_counter() - begun

    with kit.system() as spawn:
        done: SimpleQueue[None] = SimpleQueue()
        broadcast = gather(spawn, [spawn(Member, done) for _ in range(size)])
        run(1)
        return {"rate": size * ROUNDS / run(ROUNDS)}


ROW = Row(
    key="broadcast",
    method=(
        f"one thread broadcasts {ROUNDS} messages to a group (number of members below), until each has handled the "
        "last; actortree: `router.broadcast`, Pykka: `ActorRegistry.broadcast`, autogen-core: `publish_message` to "
        "a topic to which each agent subscribes"
    ),
    metrics=(
        Metric(
            "rate",
            "broadcast to 10,000 members",
            "deliveries/s",
            goals=(Goal(at_least=300_000), Goal(at_least=1, peer="pykka"), Goal(at_least=1, peer="autogen")),
        ),
    ),
    sizes={"actortree": 10_000, "pykka": 10_000, "autogen": 10_000},
    quick=10,
)
