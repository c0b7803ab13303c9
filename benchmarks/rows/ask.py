"""How many questions a second does one agent answer to one thread that waits for each?"""

from __future__ import annotations

import time

from benchmarks.row import Goal, Kit, Metric, Row, Sample


def measure(kit: Kit, size: int) -> Sample:
    """Ask without a timeout, one after another."""

    class Echo(kit.Agent):  # type: ignore[misc, name-defined]
        def on_receive(self, message: int) -> int:
            return message

    with kit.system() as spawn:
        echo = spawn(Echo)
        for number in range(size // 10):
            echo.ask(number)
        begun = time.perf_counter()
        for number in range(size):
            echo.ask(number)
        return {"rate": size / (time.perf_counter() - begun)}


ROW = Row(
    key="ask",
    method="one thread asks one agent without a timeout and waits for each answer",
    metrics=(
        Metric("rate", "ask", "answers/s", goals=(Goal(at_least=20, peer="pykka"), Goal(at_least=1, peer="otp"))),
    ),
    sizes={
        "actortree": 500_000,
        "pykka": 20_000,
        "thespian": 30_000,
        "autogen": 3_000,
        "xoscar": 10_000,
        "otp": 300_000,
    },
    measure=measure,
)
