"""How are agents tested without waiting?"""

from actors.testkit.checked import Checked, CheckedSimulation, CheckedSystem
from actors.testkit.clock import VirtualClock
from actors.testkit.drawing import assert_tree
from actors.testkit.expectations import Expectations, Expected
from actors.testkit.faults import Fault, Faults, FullMailbox, Hang, InjectedFault
from actors.testkit.gate import Gate, GateError
from actors.testkit.handler import HandlerRun, run_handler, stand_in
from actors.testkit.noting import HandlerTestError
from actors.testkit.probe import Probe, ProbeError
from actors.testkit.recording import Events, EventView
from actors.testkit.simulation import (
    Deadlock,
    Exhaustive,
    Livelock,
    Priorities,
    RandomWalk,
    ReplayError,
    Schedule,
    Simulation,
    SimulationError,
    explore,
    replay,
)
from actors.testkit.supervision_model import SupervisorModel
from actors.testkit.waiting import dilation, set_dilation, wait

__all__ = [
    "Checked",
    "CheckedSimulation",
    "CheckedSystem",
    "Deadlock",
    "EventView",
    "Events",
    "Exhaustive",
    "Expectations",
    "Expected",
    "Fault",
    "Faults",
    "FullMailbox",
    "Gate",
    "GateError",
    "HandlerRun",
    "HandlerTestError",
    "Hang",
    "InjectedFault",
    "Livelock",
    "Priorities",
    "Probe",
    "ProbeError",
    "RandomWalk",
    "ReplayError",
    "Schedule",
    "Simulation",
    "SimulationError",
    "SupervisorModel",
    "VirtualClock",
    "assert_tree",
    "dilation",
    "explore",
    "replay",
    "run_handler",
    "set_dilation",
    "stand_in",
    "wait",
]
