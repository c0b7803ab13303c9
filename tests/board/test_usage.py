"""Is what all attempts have used booked once, whatever became of them?"""

import threading

import pytest

from actors.board import Board, Owner
from actors.guard import Usage
from tests.board.crews import TRACK, claim, ticket, track


@pytest.mark.system_case("T81")
@pytest.mark.system_case("D3.11")
def test_what_workers_use_at_the_same_time_adds_up_the_killed_ones_too(board: Board, owner: Owner) -> None:
    board.add_track(track(*(ticket(name) for name in "ABCD")))
    claims = board.claim(owner, TRACK, 4)
    board.kill(TRACK, "D", "enough")
    threads = [threading.Thread(target=board.spend, args=(each, "Tier 3", Usage(100, 50, 0.5))) for each in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert board.usage(TRACK)["Tier 3"] == Usage(400, 200, 2.0)
    assert board.usage(TRACK).total == Usage(400, 200, 2.0)


def test_what_is_told_again_or_late_is_booked_once(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A")))
    mine = claim(board, owner)
    for so_far in (Usage(10, 1), Usage(30, 5), Usage(30, 5), Usage(20, 2)):
        board.spend(mine, "Tier 3", so_far)
    assert board.usage(TRACK)["Tier 3"] == Usage(30, 5)


def test_each_attempt_is_booked_by_itself_also_after_its_end(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A")))
    first = claim(board, owner)
    board.fail(first, "torn")
    second = claim(board, owner)
    board.spend(second, "Tier 3", Usage(10))
    board.spend(first, "Tier 3", Usage(5))
    board.spend(first, "Tier 2", Usage(1))
    assert [dict(receipt.usage)["Tier 3"] for receipt in board.receipts(TRACK, "A")] == [Usage(5), Usage(10)]
    assert (board.usage(TRACK)["Tier 3"], board.usage(TRACK)["Tier 2"]) == (Usage(15), Usage(1))


@pytest.mark.system_case("T81")
def test_an_unknown_tier_is_counted_apart(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A")))
    board.spend(claim(board, owner), "Tier 9", Usage(10))
    assert board.usage(TRACK).unknown == ("Tier 9",)
    assert board.usage(TRACK)["Tier 9"] == Usage(10)


def test_the_known_tiers_are_there_with_nothing_used(board: Board) -> None:
    board.add_track(track(ticket("A")))
    assert list(board.usage(TRACK)) == ["Tier 1", "Tier 2", "Tier 3", "Tier 4"]
    assert board.usage(TRACK).total == Usage()
