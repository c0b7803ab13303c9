"""How many tickets does a crew work through in a second, and does one cost more where there are many?"""

from __future__ import annotations

from benchmarks.row import Goal, Metric, Row

ROW = Row(
    key="tickets",
    method=(
        "a conductor with four workers, an agent for each ticket, works through tickets that do nothing; each is "
        "claimed, begun, ended and booked on a board in memory, or in a file. Of the track of 100,000, in which each "
        "depends on the one ten before it, as many are worked through. It is loaded from JSON text onto a board in a "
        "file. The peers have no tickets"
    ),
    metrics=(
        Metric("memory", "tickets, board in memory", "tickets/s", goals=(Goal(at_least=500),)),
        Metric("file", "tickets, board in a file", "tickets/s", goals=(Goal(at_least=500),)),
        Metric("large", "of a track of 100,000, in a file", "tickets/s", goals=(Goal(at_least=500),)),
        Metric("load", "100,000 tickets loaded", "s", "lower", (Goal(at_most=5.0),)),
        Metric("bytes", "memory of each", "bytes", "lower", (Goal(at_most=1000.0),)),
    ),
    sizes={"actortree": 2_000},
    quick=4,
)
