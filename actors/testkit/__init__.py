"""How are agents tested without waiting?"""

from actors.testkit.clock import VirtualClock
from actors.testkit.simulation import (
    Deadlock,
    Exhaustive,
    Livelock,
    Priorities,
    RandomWalk,
    Schedule,
    Simulation,
    explore,
    replay,
)
from actors.testkit.waiting import dilation, set_dilation, wait

__all__ = [
    "Deadlock",
    "Exhaustive",
    "Livelock",
    "Priorities",
    "RandomWalk",
    "Schedule",
    "Simulation",
    "VirtualClock",
    "dilation",
    "explore",
    "replay",
    "set_dilation",
    "wait",
]
