"""How many events a second does a log take, and what does it cost the thread that reports one?"""

from __future__ import annotations

from benchmarks.row import Goal, Metric, Row

ROW = Row(
    key="log",
    method=(
        "one thread reports events of 100 agents as fast as it can, with one log and its bounds by default; what a log "
        "in a file takes counts when it is in the file. The bare loop writes the same texts into a table of a file in "
        "the same folder, 512 in a transaction. The peers have no log"
    ),
    metrics=(
        Metric("cost", "an event, log in memory", "us", "lower", (Goal(at_most=3.0),)),
        Metric("memory", "events into memory", "events/s", goals=(Goal(at_least=300_000),)),
        Metric("sqlite_cost", "an event, log in a file", "us", "lower"),
        Metric("sqlite", "events into a file", "events/s", goals=(Goal(at_least=50_000),)),
        Metric("sqlite_bare", "the same, a bare loop", "events/s"),
    ),
    sizes={"actortree": 300_000},
)
