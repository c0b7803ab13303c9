"""What do other processes do to the board of a conductor, and what does it do about that?"""

from __future__ import annotations

import contextlib
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
    """Another process has written to the board."""


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

    def listen(self) -> None:
        """Hear of what other processes do, and keep the lease that tells them that this one is there."""
        board, ref = self._board, self._context.ref
        if board.path is None or here.scheduler is not None:
            return
        with contextlib.suppress(ValueError):  # it is watched by another, or by an earlier incarnation
            board.watch(lambda: ref.tell(BoardChanged()))
        self._context.timers.every("lease", board.lease / 3, LeaseDue())

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
