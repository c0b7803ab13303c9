"""What may a person, or a conductor for one, decide about a ticket from outside?"""

from __future__ import annotations

from typing import Any

from actors.board.store import Store
from actors.board.values import Transitions
from actors.board.writer import BY_HAND, BY_ITSELF, Row, unblocked
from actors.tickets import IllegalTransitionError, TicketState
from actors.tickets.states import HOPELESS

_S = TicketState
_TO_HOLD = (
    "SELECT id FROM ticket WHERE track = ? AND gated = 1 AND state = 'ready' AND parked IS NULL"
    " ORDER BY rank, n LIMIT ?"
)


class ByHand(Store):
    """The part of a board that takes decisions from outside. An attempt that one of them ends is late with its result.

    All raise NotOnBoardError for a ticket that there is not, and IllegalTransitionError where its state forbids it, but
    for `kill`.
    """

    def hold_next(self, track: str, limit: int = 1) -> Transitions:
        """Have up to `limit` ready tickets await the approval that their start needs, the most urgent first.

        These are tickets in step mode, and all those of a track that does not queue by itself.
        """
        with self._reading() as connection:
            if not connection.execute(_TO_HOLD, (self._number(track), 1)).fetchall():
                return ()
        with self._writing() as writer:
            for (ticket,) in writer.execute(_TO_HOLD, (self._number(track), limit)).fetchall():
                writer.move(self._row(writer, track, ticket), _S.AWAITING_APPROVAL, "its start needs approval")
            return writer.settle()

    def hold(self, track: str, ticket: str) -> Transitions:
        """Have a ready ticket await approval of its start."""
        return self._step(track, ticket, _S.AWAITING_APPROVAL, "its start needs approval", gated=1)

    def release(self, track: str, ticket: str, prompt: str | None = None) -> Transitions:
        """Approve the start of a ticket, this one and those of later attempts; `prompt` replaces its description."""
        with self._writing() as writer:
            row = self._row(writer, track, ticket)
            if row.state is not _S.AWAITING_APPROVAL:
                raise IllegalTransitionError(ticket, row.state, _S.READY, "its start awaits no approval")
            changes: dict[str, Any] = {"gated": 0} if prompt is None else {"gated": 0, "prompt": prompt}
            writer.move(row, _S.READY, "its start is approved", **changes)
            return writer.settle()

    def refuse(self, track: str, ticket: str, reason: str) -> Transitions:
        """Block a ticket whose start was not approved, for this reason."""
        with self._writing() as writer:
            row = self._row(writer, track, ticket)
            if row.state is not _S.AWAITING_APPROVAL:
                raise IllegalTransitionError(ticket, row.state, _S.BLOCKED, "its start awaits no approval")
            writer.move(row, _S.BLOCKED, reason, own=BY_ITSELF)
            return writer.settle()

    def block(self, track: str, ticket: str, reason: str) -> Transitions:
        """Block a ticket by hand, and all behind it."""
        return self._step(track, ticket, _S.BLOCKED, f"[MANUAL] {reason}", own=BY_HAND)

    def unblock(self, track: str, ticket: str) -> Transitions:
        """Free a blocked ticket, and what it blocked; refused as long as something that it depends on is hopeless."""
        with self._writing() as writer:
            row = self._row(writer, track, ticket)
            new = unblocked(row)
            if row.state is not _S.BLOCKED:
                raise IllegalTransitionError(ticket, row.state, new, "it is not blocked")
            if row.hopeless:
                raise IllegalTransitionError(ticket, row.state, new, self._why_blocked(row))
            writer.move(row, new, "unblocked by hand")
            return writer.settle()

    def _why_blocked(self, row: Row) -> str:
        tickets = f"{row.hopeless} that it depends on {'are' if row.hopeless > 1 else 'is'} blocked, failed or killed"
        return tickets if row.own else f"{row.reason}"

    def complete_by_hand(self, track: str, ticket: str, text: str = "completed by hand") -> Transitions:
        """Call a ticket done that has not ended, or not well; what it blocked is free."""
        return self._step(track, ticket, _S.COMPLETED, text, outcome="given_back")

    def retry(self, track: str, ticket: str) -> Transitions:
        """Have a failed or exhausted ticket be tried once more; what it blocked is free."""
        with self._writing() as writer:
            row = self._row(writer, track, ticket)
            if row.state not in (_S.FAILED, _S.EXHAUSTED):
                raise IllegalTransitionError(ticket, row.state, _S.READY, "it has not failed")
            writer.move(row, _S.READY, "to be tried once more")
            return writer.settle()

    def kill(self, track: str, ticket: str, reason: str) -> Transitions:
        """Kill a ticket that has not ended, and block all behind it; nothing happens for others, or one not there."""
        with self._writing() as writer:
            row = writer.find(self._number(track), ticket)
            if row is None or row.state in (HOPELESS | {_S.COMPLETED}) - {_S.BLOCKED}:
                return ()
            writer.move(row, _S.KILLED, reason)
            return writer.settle()

    def _step(self, track: str, ticket: str, new: TicketState, reason: str, **also: Any) -> Transitions:
        with self._writing() as writer:
            row = self._row(writer, track, ticket)
            writer.move(row, new, reason, **also)
            return writer.settle()
