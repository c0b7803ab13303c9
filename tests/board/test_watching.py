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


def test_all_that_watch_one_board_are_told_what_others_write(boards: Callable[..., Board]) -> None:
    board, other = boards(), boards()
    first, second = watched(board), watched(board)
    other.add_track(track(ticket("A")))
    assert first.get(timeout=10) == second.get(timeout=10) == "board-watcher"


def test_where_several_watch_one_board_they_are_told_what_it_writes_itself() -> None:
    with Board() as board:
        first = watched(board)
        board.add_track(track(ticket("A")))
        assert first.empty()  # nobody else can have done that
        second = watched(board)
        board.add(TRACK, [ticket("B")])
        assert (first.qsize(), second.qsize()) == (1, 1)


def test_whoever_watches_no_more_is_not_told(boards: Callable[..., Board]) -> None:
    board, other = boards(), boards()
    stays = watched(board)
    heard: list[str] = []
    forget = board.watch(lambda: heard.append("told"))
    forget()
    forget()
    other.add_track(track(ticket("A")))
    assert stays.get(timeout=10)
    assert heard == []


def test_those_that_watch_are_told_when_others_may_use_the_board_again() -> None:
    with Board() as board:
        used: list[bool] = []

        def look() -> None:
            thread = threading.Thread(target=lambda: used.append(board.tracks() == ()))
            thread.start()
            thread.join(10)

        board.watch(look)
        board.watch(lambda: None)
        owner = board.join("crew")
        board.leave(owner)
        assert used == [True, True]


def test_a_board_that_is_closed_while_it_is_being_watched_leaves_no_thread(
    boards: Callable[..., Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    board = boards()
    errors: list[BaseException] = []
    start = threading.Thread.start

    def close() -> None:
        try:
            board.close()
        except BaseException as error:
            errors.append(error)

    closing = threading.Thread(target=close)

    def closed_meanwhile(thread: threading.Thread) -> None:
        if thread.name == "board-watcher":
            start(closing)
            closing.join(0.2)  # it waits for the board, or else it is through by now
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", closed_meanwhile)
    board.watch(lambda: None)
    closing.join(10)
    assert errors == []
    assert not any(thread.name == "board-watcher" for thread in threading.enumerate())


def test_a_closed_board_cannot_be_watched() -> None:
    with Board() as memory:
        memory.watch(lambda: None)
    with pytest.raises(ValueError, match="is closed"):
        memory.watch(lambda: None)
