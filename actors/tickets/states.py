"""Which states may a ticket be in, and which may follow which?"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final


class TicketState(StrEnum):
    """How far a ticket is."""

    TODO = "todo"
    READY = "ready"
    AWAITING_APPROVAL = "awaiting_approval"
    IN_PROGRESS = "in_progress"
    REVIEW = "review"
    COMPLETED = "completed"
    FAILED = "failed"
    EXHAUSTED = "exhausted"
    BLOCKED = "blocked"
    KILLED = "killed"


_S = TicketState
_ATTEMPT_ENDS = frozenset({_S.COMPLETED, _S.FAILED, _S.EXHAUSTED, _S.BLOCKED, _S.KILLED, _S.READY})
LEGAL: Final = MappingProxyType(
    {
        # It waits for what it depends on. A person may call it done all the same.
        _S.TODO: frozenset({_S.READY, _S.BLOCKED, _S.KILLED, _S.COMPLETED}),
        _S.READY: frozenset({_S.AWAITING_APPROVAL, _S.IN_PROGRESS, _S.BLOCKED, _S.KILLED, _S.COMPLETED}),
        _S.AWAITING_APPROVAL: frozenset({_S.READY, _S.BLOCKED, _S.KILLED}),
        # Ready again: it is tried once more, was given back, or whoever had it is gone.
        _S.IN_PROGRESS: _ATTEMPT_ENDS | {_S.REVIEW},
        _S.REVIEW: _ATTEMPT_ENDS | {_S.IN_PROGRESS},
        _S.BLOCKED: frozenset({_S.TODO, _S.READY, _S.COMPLETED, _S.KILLED}),
        # By hand only.
        _S.FAILED: frozenset({_S.COMPLETED, _S.READY}),
        _S.EXHAUSTED: frozenset({_S.COMPLETED, _S.READY}),
        _S.COMPLETED: frozenset(),
        _S.KILLED: frozenset(),
    }
)
"""The states that may follow each state; all else is refused."""

RUNNING: Final = frozenset({_S.IN_PROGRESS, _S.REVIEW})
"""A worker has it."""
HOPELESS: Final = frozenset({_S.FAILED, _S.EXHAUSTED, _S.BLOCKED, _S.KILLED})
"""What depends on it is blocked."""
ENDED: Final = HOPELESS | {_S.COMPLETED}
"""Nothing happens to it by itself any more."""


class IllegalTransitionError(ValueError):
    """A ticket was to go from a state to one that may not follow it: `ticket`, `old`, `new`."""

    def __init__(self, ticket: str, old: TicketState, new: TicketState, why: str = "") -> None:
        self.ticket = ticket
        self.old = old
        self.new = new
        self.why = why
        super().__init__(f"ticket {ticket} is {old} and cannot become {new}{f': {why}' if why else ''}")

    def __reduce__(self) -> tuple[type[IllegalTransitionError], tuple[str, TicketState, TicketState, str]]:
        return type(self), (self.ticket, self.old, self.new, self.why)


def check_transition(ticket: str, old: TicketState, new: TicketState) -> None:
    """Raise IllegalTransitionError unless `new` may follow `old`."""
    if new not in LEGAL[old]:
        raise IllegalTransitionError(ticket, old, new)
