"""What is the answer where all routees of a pool are asked?

Both kinds are asks of their own, so that they end at their deadline and are waited for as any other; what they gather
are the asks of the routees.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from actors._core.future import AgentFuture, Ask

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.context import Context


def pass_on(source: AgentFuture[Any], ask: Ask[Any]) -> None:
    """Settle an ask as a future that is settled was."""
    ask.resolve(source._value, source._error)


class Gathered(Ask[Any]):
    """One ask for the answers of several."""

    def __init__(self, message: Any, cell: Cell, asker: Context | None, deadline: float | None) -> None:
        super().__init__(message, cell, asker, deadline)
        self._branches: Sequence[Ask[Any]] = ()
        self._left = 0
        # Guards the count of those that have not answered.
        self._left_lock = threading.Lock()

    def gather(self, branches: Sequence[Ask[Any]]) -> None:
        """Wait for these, one at least; called once."""
        self._branches = branches
        self._left = len(branches)
        for branch in branches:
            # As any future: this ask sees to it that all end in time.
            AgentFuture.add_done_callback(branch, partial(self._answered, branch))

    def _answered(self, branch: Ask[Any]) -> None:
        with self._left_lock:
            self._left -= 1
            last = not self._left
        self._take(branch, last)

    def _take(self, branch: Ask[Any], last: bool) -> None:
        raise NotImplementedError  # pragma: no cover - both kinds do it


class AllAnswers(Gathered):
    """The list of all answers, in order; or the first error in that order, once all have answered."""

    def _take(self, branch: Ask[Any], last: bool) -> None:
        if last:
            errors = (branch._error for branch in self._branches if branch._error is not None)
            self.resolve([branch._value for branch in self._branches], next(errors, None))

    def wait_until(self, deadline: float | None) -> bool:
        # One after the other, so that a wait that would close a cycle is found, whichever it is.
        return all(branch.wait_until(deadline) for branch in self._branches) and super().wait_until(deadline)


class FirstAnswer(Gathered):
    """The answer of whoever answers first; the last error, once nobody is left who might."""

    def gather(self, branches: Sequence[Ask[Any]]) -> None:
        super().gather(branches)
        if self.settled:
            # Before all of them were there to be let go.
            self._let_go()

    def _take(self, branch: Ask[Any], last: bool) -> None:
        if branch._error is None:
            self.resolve(branch._value)
        elif last and all(each._error is not None for each in self._branches):
            # Else somebody has answered, on a thread that is about to say so here.
            self.resolve(error=branch._error)

    def resolve(self, value: Any = None, error: BaseException | None = None) -> bool:
        first = super().resolve(value, error)
        if first:
            self._let_go()
        return first

    def _let_go(self) -> None:
        """Who has not begun does not begin any more; who has is told that nobody waits, and ends quietly."""
        now = self.cell.system.clock.now()
        for branch in self._branches:
            if not branch.settled:
                branch.given_up = True
                branch.deadline = now
