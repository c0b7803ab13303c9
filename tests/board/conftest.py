"""What do the tests of the board start from? A board in memory and one in a file, in virtual time."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.board import Board, Owner
from actors.testkit import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "crew.board"


@pytest.fixture
def boards(path: Path, clock: VirtualClock) -> Iterator[Callable[..., Board]]:
    """Opens boards on one file, and closes them after the test."""
    opened: list[Board] = []

    def make(**options: Any) -> Board:
        opened.append(Board(path, **{"clock": clock, **options}))
        return opened[-1]

    yield make
    for board in reversed(opened):
        board.close()


@pytest.fixture(params=["memory", "file"])
def board(request: pytest.FixtureRequest, path: Path, clock: VirtualClock) -> Iterator[Board]:
    with Board(":memory:" if request.param == "memory" else path, clock=clock) as board:
        yield board


@pytest.fixture
def owner(board: Board) -> Owner:
    return board.join("crew")
