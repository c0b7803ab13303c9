"""What do others do to the board of a conductor, and what does it do about that?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from actors._core.here import here
from actors._core.messages import FrameworkMessage
from actors.board import Board, Owner, Transitions
from actors.conductor.crew import Crew
from actors.tickets import TicketState
from actors.tickets.states import RUNNING

if TYPE_CHECKING:
    from actors._core.context import Context


class BoardChanged(FrameworkMessage):
    """Somebody else has written to the board."""


class LeaseDue(FrameworkMessage):
    """The lease of the conductor is to be renewed."""


class Others:
    """Those who work on the same board; used on the conductor's turn alone."""

    def __init__(
        self,
        context: Context,
        board: Board,
        track: str,
        owner: Owner,
        crew: Crew,
        note: Callable[[Transitions], None],
    ) -> None:
        self._context = context
        self._board = board
        self._track = track
        self._owner = owner
        self._crew = crew
        self._note = note
        self._forget: Callable[[], None] | None = None

    def listen(self) -> None:
        """Hear of what others do, and keep the lease that tells other processes that this one is there."""
        board, timers = self._board, self._context.timers
        if board.path is not None and here.scheduler is not None:
            return

        def changed() -> None:
            # A tick is outside the bound of the mailbox, stands for those before it, and is for this incarnation.
            timers.once("board", 0.0, BoardChanged())

        self._forget = board.watch(changed)
        if board.path is not None:
            timers.every("lease", board.lease / 3, LeaseDue())

    def close(self) -> None:
        """Hear of nothing any more; also where the board is somebody else's, and stays open."""
        if self._forget is not None:
            self._forget()

    def on_changed(self) -> None:
        """Give up what is not ours any more."""
        for attempt in list(self._crew.attempts.values()):
            ticket = self._board.ticket(self._track, attempt.ticket)
            if ticket.status not in RUNNING or ticket.assigned_to != self._owner.name:
                how = "killed" if ticket.status is TicketState.KILLED else "lost"
                self._crew.revoke(ticket.id, ticket.blocked_reason or f"the ticket is {ticket.status}", how)

    def renew(self) -> None:
        """Prolong the lease, and take over from those that are gone."""
        self._note(self._board.renew(self._owner))
