"""What does a worker tell the one who conducts it, and ask of it?

Besides `ProgressReport` and `NeedsDecision` of `actors.typed`. Each names the attempt that it is about, with its fence,
so that what comes of one that is over is known for what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors._core.messages import Inquiry
from actors.guard import UsageByTier

if TYPE_CHECKING:
    from actors.tickets import Ticket


@dataclass(frozen=True, slots=True)
class OfAttempt:
    """Which attempt this is about: `agent_id` is the worker's path."""

    track: str
    task_id: str
    attempt: int
    fence: int
    agent_id: str


@dataclass(frozen=True, slots=True)
class Spent(OfAttempt):
    """Told whenever the attempt has used something: `used` is all that it has used so far, by tier.

    So one that is lost, comes twice or comes late makes no sum wrong.
    """

    used: UsageByTier


@dataclass(frozen=True, slots=True)
class InReview(OfAttempt):
    """Told when the work is handed to the reviewer, for the `round`-th time."""

    round: int


@dataclass(frozen=True, slots=True)
class Reworked(OfAttempt):
    """Told when the work came back from its reviewer, and is done again by the same worker."""

    round: int
    comments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddTickets(OfAttempt):
    """Asked: add these to the track; answered with the ids of those that are new, or raises what is wrong with them.

    With `known_too` a ticket whose id is there already is left out, so that a second attempt does not add it again.
    """

    tickets: tuple[Ticket, ...]
    known_too: bool = False


@dataclass(frozen=True, slots=True)
class QueryStatus:
    """Asked: what is the agent of this path, or name, at? Answered with text."""

    agent_id: str


@dataclass(frozen=True, slots=True)
class AreYouThere(Inquiry):
    """Asked of a worker that has failed, behind what waits for it: answered once it is back, or has ended."""
