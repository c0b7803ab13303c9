"""How long do 2,000 agents take that block for one second each?"""

from __future__ import annotations

import time
from queue import SimpleQueue

from benchmarks.row import Goal, Kit, Metric, Row, Sample


def measure(kit: Kit, size: int) -> Sample:
    """Time from the first tell until every agent's handler has slept and returned."""

    class Sleeper(kit.Agent):  # type: ignore[misc, name-defined]
        def __init__(self, done: SimpleQueue[None]) -> None:
            super().__init__()
            self.done = done

        def on_receive(self, seconds: float) -> None:
            time.sleep(seconds)
            self.done.put(None)

    with kit.system() as spawn:
        done: SimpleQueue[None] = SimpleQueue()
        refs = [spawn(Sleeper, done) for _ in range(size)]
        begun = time.perf_counter()
        for ref in refs:
            ref.tell(1.0)
        for _ in refs:
            done.get()
        return {"seconds": time.perf_counter() - begun}


ROW = Row(
    key="blocked",
    method=(
        "each handler sleeps one second in its thread (OTP: process), agents started before; "
        "asyncio peers have one thread to block, and Thespian in process one too"
    ),
    metrics=(Metric("seconds", "2,000 agents blocked 1 s each", "s", "lower", (Goal(at_most=2.0),)),),
    sizes={"actortree": 2_000, "pykka": 2_000, "otp": 2_000},
    measure=measure,
)
