"""How does anybody speak to a conductor?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from actors._core.future import AgentFuture
from actors._core.ref import AgentRef
from actors.conductor.booking import Untold
from actors.conductor.protocol import (
    ApproveStart,
    BlockTicket,
    CompleteTicket,
    Halt,
    RetryTicket,
    Run,
    Step,
    TakeSnapshot,
    TakeTickets,
    TellUsage,
    UnblockTicket,
)
from actors.conductor.results import TrackResult, TrackSnapshot
from actors.guard import UsageByTier
from actors.tickets import Ticket
from actors.tickets.loading import parse_tickets
from actors.typed import Kill, Pause, Resume
from actors.work import CancelToken, Spent
from actors.work.waits import Question

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.conductor.agent import Conductor  # noqa: F401 - named as text below
    from actors.conductor.places import Places


class ConductorRef(AgentRef["Conductor"]):
    """The way to a conductor: each method sends it a message, and gives the answer.

    A conductor never waits for work, so an answer takes no longer than a step on the board does. All methods may be
    called on any thread, and from any agent but the conductor itself; they raise AgentStoppedError once it has ended.
    """

    __slots__ = ("_places", "_untold")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        # A board in memory, which lives through the restarts of its conductor; see `Places`.
        self._places: Places | None = None
        self._untold = Untold()

    def tell(self, message: Any) -> None:
        """Send a message and go on, as `AgentRef.tell`; what an attempt has used counts from here on."""
        if isinstance(message, Spent):
            self._untold.note(message)
        super().tell(message)

    # -- the run ------------------------------------------------------------------

    @overload
    def run(self, timeout: float | None = None, *, block: Literal[True] = True) -> TrackResult: ...

    @overload
    def run(self, timeout: float | None = None, *, block: Literal[False]) -> AgentFuture[TrackResult]: ...

    def run(self, timeout: float | None = None, *, block: bool = True) -> TrackResult | AgentFuture[TrackResult]:
        """Work through the track and give the result; with `block=False` a future of it.

        Who calls while it runs waits for the same end. A run that has ended may be followed by another: for tickets
        that were added, unblocked or are to be tried again. A conductor that is restarted meanwhile goes on, and so
        does this. Raises AskTimeout after `timeout` seconds; the run goes on.
        """
        answer: Question[TrackResult] = Question(self, Run(), CancelToken(), _raise, times=math.inf)
        return answer.get(timeout=timeout) if block else answer

    def pause(self, reason: str = "") -> bool:
        """Start nothing new; what runs goes on and is booked. Tells whether it was not paused before."""
        return bool(self.ask(Pause(reason=reason)))

    def resume(self) -> bool:
        """Go on after a pause; tells whether it was paused."""
        return bool(self.ask(Resume()))

    def halt(self, reason: str = "") -> bool:
        """End the run: what runs is given up and is ready again, uncounted. Tells whether there was a run.

        `run` begins where this one was. Who waited for it gets a result whose outcome is "stopped".
        """
        return bool(self.ask(Halt(reason)))

    # -- tickets ------------------------------------------------------------------

    def kill(self, ticket: str, reason: str = "") -> bool:
        """Give a ticket up for good, wherever it is; what depends on it is blocked.

        Tells whether that changed anything: a ticket that is not there, or has ended, stays as it is. Its worker is
        told to give up, and what that still answers changes nothing.
        """
        return bool(self.ask(Kill(task_id=ticket, reason=reason)))

    def block(self, ticket: str, reason: str) -> None:
        """Keep a ticket from starting: "[MANUAL] reason". Raises IllegalTransitionError where that cannot be."""
        self.ask(BlockTicket(ticket, reason))

    def unblock(self, ticket: str) -> None:
        """Let a blocked ticket go on; raises IllegalTransitionError where it is not, or something that it needs is."""
        self.ask(UnblockTicket(ticket))

    def complete(self, ticket: str) -> None:
        """Call a ticket done by hand; what it blocked goes on. Raises IllegalTransitionError where that cannot be."""
        self.ask(CompleteTicket(ticket))

    def retry(self, ticket: str) -> None:
        """Have a ticket tried again that has failed or run out. Raises IllegalTransitionError for any other."""
        self.ask(RetryTicket(ticket))

    def add(self, tickets: Iterable[Ticket | Mapping[str, Any]] | Ticket) -> tuple[str, ...]:
        """Add tickets, all or none, and give their ids; also while it runs. Raises TicketsError with all problems."""
        return tuple(self.ask(TakeTickets(tuple(parse_tickets([tickets] if isinstance(tickets, Ticket) else tickets)))))

    # -- starting by hand ---------------------------------------------------------

    def approve_start(self, ticket: str, prompt: str | None = None) -> bool:
        """Start a ticket that waits for approval, with another prompt if one is given; tells whether it waited."""
        return bool(self.ask(ApproveStart(ticket, prompt)))

    def step(self) -> str | None:
        """Start the next of the tickets that wait for approval, and give its id; None if none waits."""
        started: str | None = self.ask(Step())
        return started

    # -- looking ------------------------------------------------------------------

    def snapshot(self) -> TrackSnapshot:
        """Give the track as it is now: all its tickets, who works, who waits, what was used."""
        snapshot: TrackSnapshot = self.ask(TakeSnapshot())
        return snapshot

    def usage(self) -> UsageByTier:
        """Give what all attempts have used so far, by tier."""
        usage: UsageByTier = self.ask(TellUsage())
        return usage

    @property
    def progress(self) -> float:
        """The part of the tickets that have ended, from 0.0 to 1.0."""
        return self.snapshot().progress


def _raise(error: BaseException) -> TrackResult:
    raise error
