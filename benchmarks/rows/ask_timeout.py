"""What does an ask with a timeout cost, and how late does the timeout fire?"""

from __future__ import annotations

import threading
import time
from typing import Any

import pykka

from benchmarks.row import Goal, Kit, Metric, Row, Sample

TIMEOUT = 0.2
ATTEMPTS = 5


def measure(kit: Kit, size: int) -> Sample:
    """The rate of ask(timeout=5), then the worst lateness of `ATTEMPTS` timeouts of 0.2 s."""

    class Echo(kit.Agent):  # type: ignore[misc, name-defined]
        def on_receive(self, message: int) -> int:
            return message

    class Waiting(kit.Agent):  # type: ignore[misc, name-defined]
        def on_receive(self, release: threading.Event) -> None:
            release.wait()

    class Spinning(kit.Agent):  # type: ignore[misc, name-defined]
        def on_receive(self, release: threading.Event) -> None:
            while not release.is_set():
                pass

    with kit.system() as spawn:
        echo = spawn(Echo)
        for number in range(size // 10):
            echo.ask(number, timeout=5)
        begun = time.perf_counter()
        for number in range(size):
            echo.ask(number, timeout=5)
        elapsed = time.perf_counter() - begun
        return {
            "rate": size / elapsed,
            "late": max(_lateness(spawn(Waiting)) for _ in range(ATTEMPTS)) * 1e3,
            "late_busy": max(_lateness(spawn(Spinning)) for _ in range(ATTEMPTS)) * 1e3,
        }


def _lateness(agent: Any) -> float:
    release = threading.Event()
    begun = time.perf_counter()
    try:
        agent.ask(release, timeout=TIMEOUT)
    except pykka.Timeout:
        return time.perf_counter() - begun - TIMEOUT
    finally:
        release.set()
    raise AssertionError("an agent that had not been released has answered")


ROW = Row(
    key="ask_timeout",
    method=(
        "one thread asks one agent with timeout=5; lateness is the worst of 5 timeouts of 0.2 s, "
        "once with a handler that blocks and once with one that computes"
    ),
    metrics=(
        Metric("rate", "ask(timeout=5)", "answers/s", goals=(Goal(at_least=1.5, peer="pykka"),)),
        Metric("late", "a timeout of 0.2 s fires late by", "ms", "lower", (Goal(at_most=20),)),
        Metric("late_busy", "the same, handler computing", "ms", "lower", (Goal(at_most=20),)),
    ),
    sizes={"actortree": 50_000, "pykka": 20_000, "autogen": 2_000, "xoscar": 10_000, "otp": 300_000},
    measure=measure,
)
