"""What does one agent cost when there are 10 of them, and when there are 1,000,000?"""

from __future__ import annotations

import gc
import time

from benchmarks.proc import resident
from benchmarks.row import Kit, Sample

SIZES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)

LARGEST = {"actortree": 1_000_000, "pykka": 10_000, "otp": 1_000_000}
"""The most agents each peer is asked for. Pykka needs a thread for each."""

RESOLVED = 1_000
"""Below so many agents, pages of 4 KiB hide what one of them costs."""


def measure(kit: Kit, size: int) -> Sample:
    """Seconds to spawn, resident bytes and seconds to stop, each by the number of agents."""

    class Idle(kit.Agent):  # type: ignore[misc, name-defined]
        def on_receive(self, message: object) -> None:
            pass

    refs: list[object] = [None] * size
    with kit.system() as spawn:
        gc.collect()
        before = resident()
        begun = time.perf_counter()
        for index in range(size):
            refs[index] = spawn(Idle)
        spawned = time.perf_counter() - begun
        gc.collect()
        used = resident() - before
        begun = time.perf_counter()
    stopped = time.perf_counter() - begun
    return {"spawn": spawned / size, "bytes": used / size, "stop": stopped / size}
