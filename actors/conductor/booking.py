"""What have attempts used, those that are over or were killed included?"""

from __future__ import annotations

from collections.abc import Mapping

from actors.board import Board, Claim
from actors.conductor.attempts import Attempt
from actors.guard import Usage, UsageByTier
from actors.work import Spent

_NOTHING = Usage()


class Booking:
    """Books on the board what workers say that they have used: all so far, so that what comes twice counts once."""

    def __init__(self, board: Board, attempts: Mapping[str, Attempt]) -> None:
        self._board = board
        self._attempts = attempts

    def on_spent(self, spent: Spent) -> None:
        """A worker tells what its attempt has used so far; that may be over by now."""
        attempt = self._attempts.get(spent.task_id)
        if attempt is not None and attempt.claim.fence == spent.fence:
            self.spend(attempt.claim, spent.used, attempt)
            return
        try:
            ticket = self._board.ticket(spent.track, spent.task_id)
        except LookupError:
            return  # of another board: whoever sent it is no worker of this conductor
        self.spend(Claim(spent.track, ticket, spent.attempt, ""), spent.used)

    def spend(self, claim: Claim, used: UsageByTier, attempt: Attempt | None = None) -> None:
        """Book all that an attempt has used."""
        if attempt is not None:
            if attempt.used == used:
                return
            attempt.used = used
        for tier, usage in used.items():
            if usage != _NOTHING:
                self._board.spend(claim, tier, usage)
