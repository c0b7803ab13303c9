"""What does a system of 10,000 agents use that has nothing to do?"""

from __future__ import annotations

import gc
import time

from benchmarks.proc import watch_idle
from benchmarks.row import Goal, Kit, Metric, Row, Sample

SETTLE = 1.0
SECONDS = 5.0


def measure(kit: Kit, size: int) -> Sample:
    """Processor time and wake-ups of the whole process over 5 s, after 1 s in which the start settles."""

    class Idle(kit.Agent):  # type: ignore[misc, name-defined]
        def on_receive(self, message: object) -> None:
            pass

    with kit.system() as spawn:
        refs = [spawn(Idle) for _ in range(size)]
        for ref in refs:
            ref.tell("work once")
        gc.collect()
        time.sleep(SETTLE)
        idling = watch_idle(SECONDS)
        return {"cpu": idling.cpu, "wakeups": idling.wakeups}


ROW = Row(
    key="idle",
    method=(
        "processor time and voluntary context switches of the whole process over 5 s; the process "
        "that measures costs some 0.02 ms/s itself, so the goal of zero is read as 0.2 ms/s"
    ),
    metrics=(
        Metric("cpu", "idle system of 10,000: CPU", "ms/s", "lower", (Goal(at_most=0.2),)),
        Metric("wakeups", "idle system of 10,000: wake-ups", "1/s", "lower"),
    ),
    sizes={"actortree": 10_000, "pykka": 3_000, "autogen": 10_000, "xoscar": 10_000, "otp": 10_000},
    measure=measure,
)
