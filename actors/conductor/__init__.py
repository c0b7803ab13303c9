"""Who has a track of tickets worked through by a crew of agents?"""

from actors.conductor.agent import Conductor
from actors.conductor.protocol import (
    ApproveStart,
    BlockTicket,
    CompleteTicket,
    Halt,
    HelpNeeded,
    RetryTicket,
    Run,
    Step,
    TakeSnapshot,
    TakeTickets,
    TellUsage,
    UnblockTicket,
)
from actors.conductor.ref import ConductorRef
from actors.conductor.results import MissionState, Running, TicketView, TrackOutcome, TrackResult, TrackSnapshot

__all__ = [
    "ApproveStart",
    "BlockTicket",
    "CompleteTicket",
    "Conductor",
    "ConductorRef",
    "Halt",
    "HelpNeeded",
    "MissionState",
    "RetryTicket",
    "Run",
    "Running",
    "Step",
    "TakeSnapshot",
    "TakeTickets",
    "TellUsage",
    "TicketView",
    "TrackOutcome",
    "TrackResult",
    "TrackSnapshot",
    "UnblockTicket",
]
