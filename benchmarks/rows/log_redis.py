"""How many events a second does a log in Redis take, and what does it cost the thread that reports one?"""

from __future__ import annotations

from benchmarks.row import Goal, Metric, Row

ROW = Row(
    key="log_redis",
    method=(
        "one thread reports events of 100 agents as fast as it can, with a log in Redis and its bounds by default, but "
        "room for all to wait; an event counts when it is in the stream of the run and in that of its agent. The bare "
        "loop adds the same texts to one stream of the same server, bounded alike, 500 in a pipeline. The peers have "
        "no log"
    ),
    metrics=(
        Metric("cost", "an event, log in Redis", "us", "lower"),
        Metric("redis", "events into Redis", "events/s", goals=(Goal(at_least=20_000),)),
        Metric("redis_bare", "the same, a bare loop", "events/s"),
    ),
    sizes={"actortree": 200_000},
)
