"""What becomes of the work of an owner that leaves, is restarted, hangs, or whose process is gone?"""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.board import Board, Late, Owner
from actors.testkit import VirtualClock
from tests.board.crews import TRACK, at, claim, claimed, counted, steps, ticket, track


@pytest.mark.system_case("T84")
def test_one_that_joins_again_gets_back_what_it_was_at_and_nothing_that_is_done(board: Board) -> None:
    first = board.join("crew")
    board.add_track(track(ticket("A"), ticket("B"), ticket("C"), max_retries=0))
    done, review, running = board.claim(first, TRACK, 3)
    board.complete(done)
    board.review(review)
    second = board.join("crew")
    assert steps(board.renew(second)) == ["B: review -> ready", "C: in_progress -> ready"]
    assert [receipt.outcome for receipt in board.receipts(TRACK, "C")] == ["lost"]
    again = board.claim(second, TRACK, 3)
    assert claimed(again) == "B C"
    assert {each.ticket.retry_count for each in again} == {0}
    assert isinstance(board.complete(running), Late)
    with pytest.raises(ValueError, match="has left"):
        board.claim(first, TRACK)


def test_one_that_leaves_gives_back_what_it_was_at(board: Board) -> None:
    first, second = board.join("one"), board.join("two")
    board.add_track(track(ticket("A"), ticket("B")))
    claim(board, first)
    claim(board, second)
    assert steps(board.leave(first)) == ["A: in_progress -> ready"]
    assert board.leave(first) == ()
    assert [receipt.outcome for receipt in board.receipts(TRACK, "A")] == ["given_back"]
    assert claimed(board.claim(second, TRACK, 2)) == "A"
    with pytest.raises(ValueError, match="one has left"):
        board.renew(first)


def test_closing_a_board_gives_back_what_its_owners_were_at(boards: Callable[..., Board], path: Path) -> None:
    first = boards()
    first.add_track(track(ticket("A")))
    claim(first, first.join("crew"))
    first.close()
    first.close()
    assert counted(boards()) == {"ready": 1}
    assert sorted(os.listdir(path.parent))[0] == path.name
    with pytest.raises(ValueError, match="is closed"):
        first.counts(TRACK)


def test_one_that_does_not_renew_its_lease_is_taken_for_gone(boards: Callable[..., Board], clock: VirtualClock) -> None:
    first, second = boards(lease=30.0), boards(lease=30.0)
    first.add_track(track(ticket("A")))
    slow, quick = first.join("slow"), second.join("quick")
    mine = claim(first, slow)
    clock.advance(20.0)
    assert second.renew(quick) == ()
    first.renew(slow)
    clock.advance(20.0)
    assert second.renew(quick) == ()
    clock.advance(20.0)
    assert steps(second.renew(quick)) == ["A: in_progress -> ready"]
    taken = claim(second, quick)
    assert isinstance(first.complete(mine), Late)
    assert steps(second.complete(taken)) == ["A: in_progress -> completed"]


def test_one_that_was_taken_for_gone_may_go_on_with_other_tickets(
    boards: Callable[..., Board], clock: VirtualClock
) -> None:
    first, second = boards(), boards()
    first.add_track(track(ticket("A")))
    slow, quick = first.join("slow"), second.join("quick")
    claim(first, slow)
    clock.advance(31.0)
    second.renew(quick)
    mine = claim(first, slow)
    assert (mine.ticket.id, mine.attempt) == ("A", 2)
    assert second.renew(quick) == ()
    assert steps(first.complete(mine)) == ["A: in_progress -> completed"]


def test_one_that_was_taken_for_gone_and_went_on_may_be_gone_again(
    boards: Callable[..., Board], clock: VirtualClock
) -> None:
    first, second = boards(), boards()
    first.add_track(track(ticket("A")))
    slow, quick = first.join("slow"), second.join("quick")
    for attempt in (1, 2):
        assert claim(first, slow).attempt == attempt
        clock.advance(31.0)
        assert steps(second.renew(quick)) == ["A: in_progress -> ready"]


def test_a_claim_prolongs_the_lease(boards: Callable[..., Board], clock: VirtualClock) -> None:
    first, second = boards(), boards()
    first.add_track(track(ticket("A"), ticket("B")))
    busy, other = first.join("busy"), second.join("other")
    claim(first, busy)
    clock.advance(20.0)
    claim(first, busy)
    clock.advance(20.0)
    second.renew(other)
    assert at(second, "A") == "in_progress"


GOES = """
import os, signal, sys
from actors.board import Board
board = Board(sys.argv[1], lease=3600.0)
(claim,) = board.claim(board.join("gone"), "track")
print(claim.key, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.system_case("T84")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no SIGKILL")
def test_one_whose_process_is_gone_is_noticed_before_its_lease_ends(path: Path, packages_folder: Path) -> None:
    with Board(path, lease=3600.0) as board:
        board.add_track(track(ticket("A"), ticket("B", "A"), max_retries=0))
        here = board.join("here")
        gone = subprocess.run(
            [sys.executable, "-c", GOES, str(path)],
            env={**os.environ, "PYTHONPATH": str(packages_folder)},
            stdout=subprocess.PIPE,
            text=True,
            timeout=30,
        )
        assert (gone.returncode, gone.stdout) == (-9, "track/A/1\n")
        assert steps(board.renew(here)) == ["A: in_progress -> ready"]
        (receipt,) = board.receipts(TRACK, "A")
        assert (receipt.outcome, receipt.owner) == ("lost", "gone")
        assert claim(board, here).attempt == 2
        assert len(os.listdir(path.with_name(f"{path.name}-owners"))) == 1


def test_locks_that_a_dead_process_left_are_cleared_away(path: Path, boards: Callable[..., Board]) -> None:
    folder = path.with_name(f"{path.name}-owners")
    folder.mkdir()
    (folder / "stray").write_bytes(b"")
    board = boards()
    owner = board.join("crew")
    assert os.listdir(folder) == [owner.run]
    board.close()
    assert not folder.exists()


def test_one_whose_lock_cannot_be_made_has_not_joined(path: Path, boards: Callable[..., Board]) -> None:
    board = boards()
    path.with_name(f"{path.name}-owners").write_text("in the way")
    with pytest.raises(OSError, match=r"crew\.board-owners"):
        board.join("crew")
    assert board._connection.execute("SELECT count(*) FROM owner").fetchone() == (0,)


@pytest.fixture
def busy(path: Path, boards: Callable[..., Board]) -> Board:
    """A board with an owner that has a ticket, which waits for nobody that writes."""
    board = boards()
    board.add_track(track(ticket("A")))
    claim(board, board.join("crew"))
    board._connection.execute("PRAGMA busy_timeout = 0")
    return board


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Another process writes all the time."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.close()


def test_a_board_that_cannot_be_written_says_so_and_can_be_read(busy: Board, path: Path) -> None:
    with writing(path):
        with pytest.raises(OSError, match="cannot be written: database is locked"):
            busy.kill(TRACK, "A", "enough")
        assert counted(busy) == {"in_progress": 1}
    assert steps(busy.kill(TRACK, "A", "enough")) == ["A: in_progress -> killed"]


def test_nobody_has_joined_a_board_that_cannot_be_written(busy: Board, path: Path) -> None:
    folder = path.with_name(f"{path.name}-owners")
    locks = os.listdir(folder)
    with writing(path), pytest.raises(OSError, match="cannot be written"):
        busy.join("other")
    assert os.listdir(folder) == locks


def test_a_board_that_cannot_be_written_is_closed_all_the_same_and_its_owners_are_gone(
    busy: Board, path: Path, boards: Callable[..., Board]
) -> None:
    with writing(path), pytest.raises(OSError, match="cannot be written"):
        busy.close()
    with pytest.raises(ValueError, match="is closed"):
        busy.counts(TRACK)
    busy.close()
    after = boards()
    assert steps(after.renew(after.join("other"))) == ["A: in_progress -> ready"]


@pytest.mark.system_case("D3.21")
@pytest.mark.parametrize("lease", [0, -1, float("nan"), True, "30"])
def test_a_lease_that_is_no_time_is_refused(lease: Any) -> None:
    with pytest.raises(ValueError, match="lease: seconds above 0"):
        Board(lease=lease)


def test_an_owner_of_another_board_cannot_claim(boards: Callable[..., Board]) -> None:
    first, second = boards(), boards()
    first.add_track(track(ticket("A")))
    owner: Owner = first.join("crew")
    with pytest.raises(ValueError, match="crew has left"):
        second.claim(owner, TRACK)


def test_an_owner_joins_though_the_last_one_is_just_removing_the_folder_of_the_locks(
    boards: Callable[..., Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    board = boards()
    removed: list[str] = []
    mkdir = Path.mkdir

    def removed_at_once(path: Path, *arguments: Any, **options: Any) -> None:
        mkdir(path, *arguments, **options)
        if not removed:
            removed.append(path.name)
            path.rmdir()

    monkeypatch.setattr(Path, "mkdir", removed_at_once)
    owner = board.join("crew")
    assert removed == ["crew.board-owners"]
    assert board.renew(owner) == ()
