"""Does a board tell when others have changed it, and only then?"""

import threading
from collections.abc import Callable
from queue import SimpleQueue

import pytest

from actors.board import Board, watching
from tests.board.crews import TRACK, claim, counted, ticket, track


def watched(board: Board) -> SimpleQueue[str]:
    heard: SimpleQueue[str] = SimpleQueue()
    board.watch(lambda: heard.put(threading.current_thread().name))
    return heard


def test_what_another_board_writes_is_told(boards: Callable[..., Board]) -> None:
    first, second = boards(), boards()
    heard = watched(first)
    second.add_track(track(ticket("A")))
    assert heard.get(timeout=10) == "board-watcher"
    assert counted(first) == {"ready": 1}


def test_what_the_board_itself_writes_is_not_told(boards: Callable[..., Board]) -> None:
    first, second = boards(), boards()
    heard = watched(first)
    other = watched(second)
    first.add_track(track(ticket("A")))
    claim(first, first.join("crew"))
    assert other.get(timeout=10)
    second.add(TRACK, [ticket("B")])
    assert heard.get(timeout=10)
    first.close()
    assert heard.empty()


def test_where_there_are_no_sockets_it_is_told_as_well(
    boards: Callable[..., Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError

    first, second = boards(), boards()
    monkeypatch.setattr(watching, "Door", none)
    heard = watched(first)
    second.add_track(track(ticket("A")))
    assert heard.get(timeout=10)


def test_a_callback_that_fails_is_logged_and_called_again(boards: Callable[..., Board]) -> None:
    first, second = boards(), boards()
    calls: SimpleQueue[int] = SimpleQueue()

    def fail() -> None:
        calls.put(1)
        raise ValueError("torn")

    first.watch(fail)
    second.add_track(track(ticket("A")))
    assert calls.get(timeout=10)
    second.add(TRACK, [ticket("B")])
    assert calls.get(timeout=10)


def test_a_callback_may_use_the_board_and_close_it(boards: Callable[..., Board]) -> None:
    first, second = boards(), boards()
    done: SimpleQueue[dict[str, int]] = SimpleQueue()

    def end() -> None:
        counts = counted(first)
        first.close()
        done.put(counts)

    first.watch(end)
    second.add_track(track(ticket("A")))
    assert done.get(timeout=10) == {"ready": 1}


def test_a_board_is_watched_once_and_one_in_memory_by_nobody(boards: Callable[..., Board]) -> None:
    board = boards()
    board.watch(lambda: None)
    with pytest.raises(ValueError, match="is watched already"):
        board.watch(lambda: None)
    with Board() as memory:
        memory.watch(lambda: None)
    with pytest.raises(ValueError, match="is closed"):
        memory.watch(lambda: None)
