"""Which tickets are there, who has which, and how far are they, whatever becomes of the processes that work on them?"""

from __future__ import annotations

from actors.board.adding import Adding
from actors.board.by_hand import ByHand
from actors.board.claiming import Claiming
from actors.board.reading import Reading
from actors.board.watching import Watching


class Board(Adding, Claiming, ByHand, Reading, Watching):
    """The tickets of some tracks, in a SQLite file that many processes may have open, or in memory.

    Always true: each ticket is in one state, and takes only legal steps, one writer at a time, each whole or not at
    all. No two owners have a ticket at once, but for one whose owner did not renew its lease in time; what that one
    brings late changes nothing. What a method has given outlives the process, however it ends; the last moments may be
    lost with the machine.

    `lease`: seconds after which an owner that has not renewed is taken for gone. `clock`: by default the machine's; the
    system's, where agents use the board. All methods may be called on any thread; they wait for one another, and up to
    10 s for another process that writes. Raises NotABoardError for a file of something else, OSError where it cannot be
    written.
    """
