"""How many messages a second does one agent handle when one thread tells it?"""

from __future__ import annotations

import threading
import time

from benchmarks.row import Goal, Kit, Metric, Row, Sample


def measure(kit: Kit, size: int) -> Sample:
    """Time from the first tell until the last message has been handled."""

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

    def run(count: int) -> float:
        done = threading.Event()
        counter = spawn(Counter, count, done)
        begun = time.perf_counter()
        for number in range(count):
            counter.tell(number)
        done.wait()
        return time.perf_counter() - begun

    with kit.system() as spawn:
        run(max(size // 10, 1))
        return {"rate": size / run(size)}


ROW = Row(
    key="tell",
    method="one thread tells one agent; the clock stops when the last message has been handled",
    metrics=(
        Metric(
            "rate",
            "tell",
            "messages/s",
            goals=(Goal(at_least=15, peer="pykka"), Goal(at_least=0.4, peer="otp")),
        ),
    ),
    sizes={
        "actortree": 1_000_000,
        "pykka": 100_000,
        "thespian": 50_000,
        "autogen": 2_000,
        "xoscar": 10_000,
        "otp": 2_000_000,
    },
    measure=measure,
)
