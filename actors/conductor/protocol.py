"""What may a conductor be told and asked, besides what workers tell it?

`Pause`, `Resume`, `Kill`, `Cancel`, `NeedsDecision` and `ProgressReport` are those of `actors.typed`. Each of these
here has a method on `ConductorRef`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors._core.messages import ControlMessage
from actors.conductor.results import TrackResult, TrackSnapshot
from actors.guard import UsageByTier
from actors.tickets import Ticket
from actors.typed import Asking


def _check_ticket(ticket: object) -> None:
    if not isinstance(ticket, str):
        raise ValueError(f"ticket: the id of one, not {ticket!r}")


def _check_reason(reason: object) -> None:
    if not isinstance(reason, str):
        raise ValueError(f"reason: a text, not {reason!r}")


@dataclass(frozen=True, slots=True)
class Run(Asking[TrackResult]):
    """Work through the track; answered when it has ended. Whoever asks while it runs waits for the same end."""


@dataclass(frozen=True, slots=True)
class Halt(ControlMessage, Asking[bool]):
    """End the run: give up what runs, so that it is ready again. Answers whether there was a run."""

    reason: str = ""

    def __post_init__(self) -> None:
        _check_reason(self.reason)


@dataclass(frozen=True, slots=True)
class TakeSnapshot(Asking[TrackSnapshot]):
    """Answered with the track as it is now."""


@dataclass(frozen=True, slots=True)
class TellUsage(Asking[UsageByTier]):
    """Answered with what all attempts have used so far."""


@dataclass(frozen=True, slots=True)
class TakeTickets(Asking[tuple[str, ...]]):
    """Take more tickets, all or none; answered with their ids."""

    tickets: tuple[Ticket, ...]


@dataclass(frozen=True, slots=True)
class BlockTicket(Asking[None]):
    """Keep a ticket that does not run from starting, until it is unblocked."""

    ticket: str
    reason: str

    def __post_init__(self) -> None:
        _check_ticket(self.ticket)
        _check_reason(self.reason)


@dataclass(frozen=True, slots=True)
class UnblockTicket(Asking[None]):
    """Let a blocked ticket go on."""

    ticket: str

    def __post_init__(self) -> None:
        _check_ticket(self.ticket)


@dataclass(frozen=True, slots=True)
class CompleteTicket(Asking[None]):
    """Call a ticket done that nobody works on."""

    ticket: str

    def __post_init__(self) -> None:
        _check_ticket(self.ticket)


@dataclass(frozen=True, slots=True)
class RetryTicket(Asking[None]):
    """Have a ticket that has failed or run out worked on again."""

    ticket: str

    def __post_init__(self) -> None:
        _check_ticket(self.ticket)


@dataclass(frozen=True, slots=True)
class ApproveStart(Asking[bool]):
    """Start a ticket that waits for approval; answers whether it waited."""

    ticket: str
    prompt: str | None = None

    def __post_init__(self) -> None:
        _check_ticket(self.ticket)
        if not isinstance(self.prompt, str | None):
            raise ValueError(f"prompt: a text or None, not {self.prompt!r}")


@dataclass(frozen=True, slots=True)
class Step(Asking["str | None"]):
    """Start the next of the tickets that wait for approval; answered with its id, None if none waits."""


@dataclass(frozen=True, slots=True)
class HelpNeeded:
    """A track is stuck: told to the `helper`, once for each reason, and again after a while that grows."""

    track: str
    reason: str
    conductor: Any
