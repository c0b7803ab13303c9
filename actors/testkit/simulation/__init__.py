"""How is a tree of agents run in one order out of all, again and again?"""

from actors.testkit.simulation.choices import (
    Chooser,
    Exhaustive,
    Priorities,
    RandomWalk,
    ReplayError,
    Schedule,
    Strategy,
)
from actors.testkit.simulation.clock import SimulatedClock
from actors.testkit.simulation.errors import Deadlock, Livelock, SimulationError
from actors.testkit.simulation.exploring import Exploration, explore, replay
from actors.testkit.simulation.system import Simulation

__all__ = [
    "Chooser",
    "Deadlock",
    "Exhaustive",
    "Exploration",
    "Livelock",
    "Priorities",
    "RandomWalk",
    "ReplayError",
    "Schedule",
    "SimulatedClock",
    "Simulation",
    "SimulationError",
    "Strategy",
    "explore",
    "replay",
]
