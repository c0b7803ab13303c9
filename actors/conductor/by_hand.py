"""What may somebody outside decide about the tickets of a track, and what if that cannot be?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from actors.board import Board, Transitions
from actors.conductor import protocol
from actors.conductor.starts import Starts
from actors.tickets import Ticket
from actors.tickets.loading import parse_tickets
from actors.work import AddTickets

if TYPE_CHECKING:
    from actors._core.context import Context


class ByHand:
    """Carries decisions from outside out; used on the conductor's turn alone.

    What is wrong with one is raised to who asked for it, and is no failure of the conductor.
    """

    def __init__(
        self,
        context: Context,
        board: Board,
        track: str,
        starts: Starts,
        note: Callable[[Transitions], None],
    ) -> None:
        self._context = context
        self._board = board
        self._track = track
        self._starts = starts
        self._note = note

    def _change(self, change: Callable[[], Transitions]) -> bool:
        try:
            made = change()
        except (ValueError, LookupError) as error:
            if self._context.asked:
                self._context.defer().set_exception(error)
            return False
        self._note(made)
        return True

    def kill(self, ticket: str, reason: str) -> bool:
        """Give a ticket up for good; tells whether that changed anything."""
        made = self._board.kill(self._track, ticket, reason or "killed")
        if made:
            self._starts.withdraw(ticket, reason)
        self._note(made)
        return bool(made)

    def block(self, message: protocol.BlockTicket) -> None:
        self._change(lambda: self._board.block(self._track, message.ticket, message.reason))

    def unblock(self, message: protocol.UnblockTicket) -> None:
        self._change(lambda: self._board.unblock(self._track, message.ticket))

    def complete(self, message: protocol.CompleteTicket) -> None:
        self._change(lambda: self._board.complete_by_hand(self._track, message.ticket))

    def retry(self, message: protocol.RetryTicket) -> None:
        self._change(lambda: self._board.retry(self._track, message.ticket))

    def add(self, message: protocol.TakeTickets | AddTickets) -> tuple[str, ...] | None:
        """Add tickets, and give their ids; a worker may leave out those that are there."""
        tickets: list[Ticket] = []

        def add() -> Transitions:
            tickets.extend(parse_tickets(message.tickets))
            if isinstance(message, AddTickets) and message.known_too:
                tickets[:] = [ticket for ticket in tickets if not self._has(ticket.id)]
            return self._board.add(self._track, tickets)

        return tuple(ticket.id for ticket in tickets) if self._change(add) else None

    def _has(self, ticket: str) -> bool:
        try:
            self._board.ticket(self._track, ticket)
        except LookupError:
            return False
        return True

    def step(self, _: protocol.Step) -> str | None:
        """Start the first of those that await approval."""
        self._starts.hold()
        ticket = self._starts.next_held()
        return ticket if ticket is not None and self._starts.release(ticket) else None
