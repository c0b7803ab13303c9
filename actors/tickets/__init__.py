"""What is to be done, and in which order? Tickets and tracks as values, their states, and how they are loaded."""

from actors.tickets.graph import cycles, in_order
from actors.tickets.loading import generate_tickets, load_tickets
from actors.tickets.packages import WorkPackage, work_packages
from actors.tickets.problems import Problem, TicketsError
from actors.tickets.states import LEGAL, IllegalTransitionError, TicketState
from actors.tickets.ticket import MODELS, Ticket, Track

__all__ = [
    "LEGAL",
    "MODELS",
    "IllegalTransitionError",
    "Problem",
    "Ticket",
    "TicketState",
    "TicketsError",
    "Track",
    "WorkPackage",
    "cycles",
    "generate_tickets",
    "in_order",
    "load_tickets",
    "work_packages",
]
