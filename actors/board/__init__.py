"""Where tickets are kept while they are worked on, so that they outlive the process, and several may share them."""

from actors.board.board import Board
from actors.board.schema import NotABoardError
from actors.board.values import (
    BoardSnapshot,
    Claim,
    FileOwnedError,
    Late,
    NotOnBoardError,
    Owner,
    Receipt,
    TrackExistsError,
    Transition,
    Transitions,
)

__all__ = [
    "Board",
    "BoardSnapshot",
    "Claim",
    "FileOwnedError",
    "Late",
    "NotABoardError",
    "NotOnBoardError",
    "Owner",
    "Receipt",
    "TrackExistsError",
    "Transition",
    "Transitions",
]
