"""How many agents a second end when the parent of 100,000 is stopped?"""

from __future__ import annotations

from benchmarks.row import Goal, Metric, Row

ROW = Row(
    key="stop",
    method=(
        "a supervisor with 100,000 children is stopped and waited for, children in reverse order; "
        "Pykka has no parents and its cost per agent grows with their number, so "
        "ActorRegistry.stop_all() of 3,000; OTP: a one_for_one supervisor (reverse order, as "
        "here) and a simple_one_for_one one (any order)"
    ),
    metrics=(
        Metric(
            "rate",
            "stop a parent of 100,000",
            "agents/s",
            goals=(Goal(at_least=15, peer="pykka"), Goal(at_least=1, peer="otp")),
        ),
        Metric("any_order", "the same, OTP in any order", "agents/s", goals=(Goal(at_least=1, peer="otp"),)),
    ),
    sizes={"actortree": 100_000, "pykka": 3_000, "otp": 100_000},
)
