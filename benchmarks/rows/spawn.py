"""How many supervised agents a second can a program start?"""

from __future__ import annotations

import time

from benchmarks.row import Goal, Kit, Metric, Row, Sample


def measure(kit: Kit, size: int) -> Sample:
    """Start `size` agents from one thread, each with its `on_start` done, and keep them all."""

    class Idle(kit.Agent):  # type: ignore[misc, name-defined]
        def on_start(self) -> None:
            self.ready = True

    with kit.system() as spawn:
        warm = [spawn(Idle) for _ in range(size // 20)]
        begun = time.perf_counter()
        refs = [spawn(Idle) for _ in range(size)]
        elapsed = time.perf_counter() - begun
        assert len(refs) == size
        assert len(warm) == size // 20
        return {"rate": size / elapsed}


_GOALS = (Goal(at_least=20, peer="pykka"), Goal(at_least=0.8, peer="otp"))

ROW = Row(
    key="spawn",
    method=(
        "agents started one after another with on_start done, all kept: system.spawn and "
        "start_child(spec) here; start() in Pykka, which supervises none and does not wait for "
        "on_start; start_child under a simple_one_for_one and a one_for_one supervisor in OTP"
    ),
    metrics=(
        Metric("rate", "spawn a supervised child", "agents/s", goals=_GOALS),
        Metric("named", "the same, start_child(spec) with a name", "agents/s", goals=(_GOALS[1],)),
    ),
    sizes={
        "actortree": 50_000,
        "pykka": 3_000,
        "thespian": 10_000,
        "autogen": 20_000,
        "xoscar": 10_000,
        "otp": 50_000,
    },
    quick=10,
    measure=measure,
)
