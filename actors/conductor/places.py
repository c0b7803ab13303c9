"""What does a conductor have through all its restarts: where does its board come from, and who closes it?"""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.board import Board

if TYPE_CHECKING:
    from actors._core.clock import Clock


class Places:
    """The board of one conductor through all its restarts; used on its turn alone.

    One that was given is not closed here. A file is opened by each incarnation; what is in memory alone is kept as long
    as there is a ref. `has_run` says whether there is a run, which the state of a track that is paused does not tell.
    """

    def __init__(self, ref: Any, given: str | Path | Board, clock: Clock) -> None:
        self._given = given
        self._clock = clock
        self.board: Board | None = None
        self.has_run = False
        if given == ":memory:":
            self.board = Board(clock=clock)
            weakref.finalize(ref, self.board.close)

    @property
    def is_own(self) -> bool:
        return not isinstance(self._given, Board)

    @property
    def is_file(self) -> bool:
        return self.is_own and self._given != ":memory:"

    def open(self) -> Board:
        """Give the board; raises NotABoardError or OSError."""
        if isinstance(self._given, Board):
            return self._given
        if self.board is None:
            self.board = Board(self._given, clock=self._clock)
        return self.board

    def close(self, for_good: bool) -> None:
        """Close what the next incarnation opens again; `for_good`: there is none."""
        if self.board is not None and (self.is_file or for_good):
            # Forgotten first: one that cannot be written when it is closed is closed all the same.
            board, self.board = self.board, None
            board.close()
