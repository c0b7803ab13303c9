"""How much memory does an agent cost that has nothing to do?"""

from __future__ import annotations

import gc

from benchmarks.proc import resident
from benchmarks.row import Goal, Kit, Metric, Row, Sample


def measure(kit: Kit, size: int) -> Sample:
    """Resident memory before and after `size` agents, by their number.

    The list of refs exists before the first reading, so its slots are no agent's cost.
    """

    class Idle(kit.Agent):  # type: ignore[misc, name-defined]
        def on_receive(self, message: object) -> None:
            pass

    with kit.system() as spawn:
        warm = [spawn(Idle) for _ in range(100)]
        refs: list[object] = [None] * size
        gc.collect()
        before = resident()
        for index in range(size):
            refs[index] = spawn(Idle)
        gc.collect()
        used = resident() - before
        assert refs[-1] is not None
        assert len(warm) == 100
        return {"bytes": used / size}


ROW = Row(
    key="memory",
    method=(
        "difference of resident memory by the number of agents, after the start of 100 others, "
        "refs included; kernel memory of Pykka's threads is not in it; OTP's own account "
        "(erlang:memory) is the second line"
    ),
    metrics=(
        Metric("bytes", "memory of an idle agent", "bytes", "lower", (Goal(at_most=1800),)),
        Metric("own_account", "the same, OTP's own account", "bytes", "lower"),
    ),
    sizes={
        "actortree": 200_000,
        "pykka": 3_000,
        "thespian": 20_000,
        "autogen": 50_000,
        "xoscar": 20_000,
        "otp": 200_000,
    },
    quick=10,
    measure=measure,
)
