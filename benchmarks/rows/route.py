"""What does it cost to send through a router, beside a direct tell?"""

from __future__ import annotations

from benchmarks.row import Goal, Metric, Row

MEMBERS = 100

ROW = Row(
    key="route",
    method=(
        f"one thread sends to one of {MEMBERS} members by its name, until the last message has been handled, in turns "
        "with a tell to the same agent; `sending alone` is timed while that agent is held, so that only the "
        "sender's own work counts. The peers have no router that sends to one by name"
    ),
    metrics=(
        Metric("rate", "send through a router", "messages/s"),
        Metric("direct", "the same, a direct tell", "messages/s"),
        Metric("cost", "a send costs as much as", "tells", "lower", (Goal(at_most=1.5),)),
        Metric("alone", "the same, sending alone", "tells", "lower"),
    ),
    sizes={"actortree": 500_000},
)
