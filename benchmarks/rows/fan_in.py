"""How many messages a second does one agent handle when four threads tell it at once?"""

from __future__ import annotations

import threading
import time
from typing import Any

from benchmarks.row import Goal, Kit, Metric, Row, Sample

THREADS = 4


def measure(kit: Kit, size: int) -> Sample:
    """Time from the moment the four threads are let go until the last message has been handled."""

    class Counter(kit.Agent):  # type: ignore[misc, name-defined]
        def __init__(self, last: int, done: threading.Event) -> None:
            super().__init__()
            self.seen = 0
            self.last = last
            self.done = done

        def on_receive(self, message: int) -> None:
            self.seen += 1
            if self.seen == self.last:
                self.done.set()

    def tell_all(counter: Any, share: int, gate: threading.Barrier) -> None:
        gate.wait()
        for number in range(share):
            counter.tell(number)

    def run(count: int) -> float:
        share = max(count // THREADS, 1)
        done, gate = threading.Event(), threading.Barrier(THREADS + 1)
        counter = spawn(Counter, share * THREADS, done)
        tellers = [threading.Thread(target=tell_all, args=(counter, share, gate)) for _ in range(THREADS)]
        for teller in tellers:
            teller.start()
        gate.wait()
        begun = time.perf_counter()
        done.wait()
        elapsed = time.perf_counter() - begun
        for teller in tellers:
            teller.join()
        return elapsed / (share * THREADS)

    with kit.system() as spawn:
        run(max(size // 10, THREADS))
        return {"rate": 1 / run(size)}


ROW = Row(
    key="fan_in",
    method=("four threads (OTP: processes) tell one agent; the in-process Thespian base is not for several threads"),
    metrics=(
        Metric(
            "rate",
            "fan-in of 4 threads",
            "messages/s",
            goals=(Goal(at_least=8, peer="pykka"), Goal(at_least=0.5, peer="otp")),
        ),
    ),
    sizes={"actortree": 1_000_000, "pykka": 100_000, "otp": 2_000_000},
    measure=measure,
)
