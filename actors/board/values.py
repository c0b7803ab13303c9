"""What does a board give to those who ask it or change it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from actors.guard import UsageByTier
from actors.tickets import Ticket, TicketState, Track


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of one ticket, which is in the board: `attempt` is that of the last claim, 0 before the first."""

    track: str
    ticket: str
    old: TicketState
    new: TicketState
    reason: str
    attempt: int


Transitions = tuple[Transition, ...]
"""In the order in which they were made; what follows from one comes after it."""


@dataclass(frozen=True, slots=True)
class Late:
    """Nothing was changed: the attempt was over already, and the ticket is in `state` now.

    It counts as false, and is no steps for whoever goes through them.
    """

    track: str
    ticket: str
    attempt: int
    state: TicketState

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Iterator[Transition]:
        return iter(())


@dataclass(frozen=True, slots=True)
class Owner:
    """Whoever claims tickets from a board: one run of a conductor. `run` is its own, `name` need not be."""

    run: str
    name: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of one owner to work on a ticket, until the attempt ends or another one begins.

    `ticket` is as it is with this attempt; `previous_attempt` is the error of the one before, if it failed; `prompt` is
    what whoever approved the start wrote instead of the description.
    """

    track: str
    ticket: Ticket
    attempt: int
    owner: str
    previous_attempt: str | None = None
    prompt: str | None = None

    @property
    def fence(self) -> int:
        """A number that grows with each claim of the ticket: whoever gets a smaller one late can refuse it."""
        return self.attempt

    @property
    def key(self) -> str:
        """One text for each attempt there ever is, for what must not be done twice."""
        return f"{self.track}/{self.ticket.id}/{self.attempt}"

    @property
    def transition(self) -> Transition:
        """The step that the claim is."""
        old, new = TicketState.READY, TicketState.IN_PROGRESS
        return Transition(self.track, self.ticket.id, old, new, f"claimed by {self.owner}", self.attempt)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one attempt; times are texts in UTC, "" as long as it has not ended.

    `outcome`: running, completed, failed, exhausted, blocked, killed, given_back, or lost with its owner. `text` is the
    result, the error or the reason. `owner` is the name of who claimed it.
    """

    attempt: int
    owner: str
    began: str
    ended: str
    outcome: str
    text: str
    usage: UsageByTier


@dataclass(frozen=True, slots=True)
class BoardSnapshot:
    """All of a track at one moment, which does not change afterwards: `tickets` in order of loading."""

    track: Track
    state: str
    counts: Mapping[TicketState, int]
    usage: UsageByTier

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        return self.track.tickets


class FileOwnedError(ValueError):
    """A file is another ticket's as long as that one runs: `file`, `ticket`."""

    def __init__(self, file: str, ticket: str) -> None:
        self.file = file
        self.ticket = ticket
        super().__init__(f"file {file} is already owned by {ticket}")

    def __reduce__(self) -> tuple[type[FileOwnedError], tuple[str, str]]:
        return type(self), (self.file, self.ticket)


class NotOnBoardError(LookupError):
    """There is no such track or ticket on the board."""


class TrackExistsError(ValueError):
    """There is a track of that id on the board already."""
