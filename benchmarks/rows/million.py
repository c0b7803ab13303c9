"""Can 1,000,000 agents be alive at once, be told something each, and be stopped?"""

from __future__ import annotations

from benchmarks.row import Goal, Metric, Row

ROW = Row(
    key="million",
    method=(
        "1,000,000 top-level agents (OTP: under a simple_one_for_one supervisor) are started, "
        "told one message each and waited for, then stopped; memory is the process's highest "
        "resident size; Pykka would need as many threads"
    ),
    metrics=(
        Metric("build", "1,000,000 agents: build", "s", "lower"),
        Metric("tell", "1,000,000 agents: each told once", "s", "lower"),
        Metric("stop", "1,000,000 agents: stop", "s", "lower"),
        Metric("peak", "1,000,000 agents: peak memory", "bytes", "lower", (Goal(at_most=3_000_000_000),)),
    ),
    sizes={"actortree": 1_000_000, "otp": 1_000_000},
)
