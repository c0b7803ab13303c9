"""What should a track look like? A model that knows of each ticket only what was done to it.

All else, as what is blocked or ready, it works out anew from the whole graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.tickets import Ticket, TicketState

S = TicketState
OPEN = "open"
RUNNING = (S.IN_PROGRESS, S.REVIEW)
HOPELESS = (S.FAILED, S.EXHAUSTED, S.KILLED, S.BLOCKED)


@dataclass
class Known:
    """One ticket of the model; `fact` is "open", or the state that it has by itself."""

    ticket: Ticket
    fact: str = OPEN
    retries: int = 0
    attempt: int = 0
    gated: bool = False
    owner: str | None = None
    files: set[str] = field(default_factory=set)  # that it owns


class Model:
    """What a track should look like."""

    def __init__(self) -> None:
        self.tickets: dict[str, Known] = {}

    def add(self, new: Ticket) -> None:
        self.tickets[new.id] = Known(new, gated=new.step_mode)

    def state(self, name: str) -> TicketState:
        return self.states()[name]

    def states(self) -> dict[str, TicketState]:
        states: dict[str, TicketState] = {}
        for name, known in self.tickets.items():  # each after those that it depends on
            needs = [states[each] for each in known.ticket.depends_on]
            if known.fact != OPEN:
                states[name] = S(known.fact)
            elif any(state in HOPELESS for state in needs):
                states[name] = S.BLOCKED
            elif all(state is S.COMPLETED for state in needs):
                states[name] = S.READY
            else:
                states[name] = S.TODO
        return states

    def claimable(self) -> list[str]:
        """The ids of those that may be claimed now, in order."""
        owned = {file for known in self.tickets.values() for file in known.files}
        order = list(self.tickets)
        ready = [
            name
            for name, state in self.states().items()
            if state is S.READY and not self.tickets[name].gated and not owned & set(self.tickets[name].ticket.files)
        ]
        return sorted(ready, key=lambda name: (-self.tickets[name].ticket.priority.rank, order.index(name)))

    def end(self, name: str, fact: str) -> None:
        known = self.tickets[name]
        known.fact, known.owner, known.files = fact, None, set()
