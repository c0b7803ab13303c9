"""What have attempts used, those that are over or were killed included?"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from actors.board import Board, Claim
from actors.conductor.attempts import Attempt
from actors.guard import Usage, UsageByTier
from actors.work import Spent

_NOTHING = Usage()


class Untold:
    """The last word of each attempt about what it has used, until that is booked; lives with the ref, for any thread.

    So nothing of it is lost with a mailbox, or with the message over which a conductor fails.
    """

    def __init__(self) -> None:
        self._last: dict[tuple[str, int], Spent] = {}
        # Guards it; nothing else happens under it.
        self._lock = threading.Lock()

    def note(self, spent: Spent) -> None:
        with self._lock:
            self._last[spent.task_id, spent.attempt] = spent

    def forget(self, spent: Spent) -> None:
        """It is booked; what was told since is not."""
        key = spent.task_id, spent.attempt
        with self._lock:
            if self._last.get(key) is spent:
                del self._last[key]

    def all(self) -> list[Spent]:
        with self._lock:
            return list(self._last.values())


class Booking:
    """Books on the board what workers say that they have used: all so far, so that what comes twice counts once."""

    def __init__(self, board: Board, attempts: Mapping[str, Attempt], untold: Untold) -> None:
        self._board = board
        self._attempts = attempts
        self._untold = untold

    def book_all(self) -> None:
        """Book what was told and not handled yet: a run ends, and what is told of it is to be right."""
        for spent in self._untold.all():
            self.on_spent(spent)

    def on_spent(self, spent: Spent) -> None:
        """A worker tells what its attempt has used so far; that may be over by now."""
        self._book(spent)
        self._untold.forget(spent)

    def _book(self, spent: Spent) -> None:
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
