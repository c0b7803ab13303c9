"""What does a board do with texts and numbers that SQLite cannot keep as they are?"""

import pytest

from actors.board import Board, Owner
from actors.guard import Usage
from actors.tickets import TicketsError
from tests.board.crews import TRACK, claim, reason, ticket, track

HALF = "caf\udce9.txt"
"""What Python makes of a file name that is not UTF-8: it stands in errors of the system, and in what work returns."""
KEPT = "caf\\udce9.txt"


def test_what_an_attempt_says_is_kept_also_where_it_is_not_utf_8(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), ticket("B"), ticket("C"), max_retries=1))
    board.fail(claim(board, owner), HALF)
    again = claim(board, owner)
    assert (again.ticket.id, again.previous_attempt) == ("A", KEPT)
    (step,) = board.complete(again, HALF)
    assert [receipt.text for receipt in board.receipts(TRACK, "A")] == [KEPT, KEPT]
    assert step.reason == KEPT
    board.block_attempt(claim(board, owner), HALF)
    assert reason(board, "B") == KEPT
    board.kill(TRACK, "C", HALF)
    assert reason(board, "C") == KEPT


def test_a_prompt_and_a_tier_that_are_not_utf_8_are_kept(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A", step_mode=True)))
    board.hold_next(TRACK)
    board.release(TRACK, "A", HALF)
    mine = claim(board, owner)
    assert mine.prompt == KEPT
    board.spend(mine, HALF, Usage(10))
    assert board.usage(TRACK)[KEPT] == Usage(10)


def test_no_ticket_has_an_id_that_is_not_utf_8(board: Board) -> None:
    board.add_track(track(ticket("A")))
    assert board.kill(TRACK, HALF, "whoever that is") == ()
    with pytest.raises(LookupError, match="there is no ticket"):
        board.unblock(TRACK, HALF)


def test_tickets_that_cannot_be_written_are_refused_by_name_and_all_of_them(board: Board) -> None:
    board.add_track(track(ticket("A")))
    with pytest.raises(TicketsError, match=r"^item 2: ticket C cannot be kept: .*utf-8"):
        board.add(TRACK, [ticket("B"), ticket("C", title=HALF)])
    assert [each.id for each in board.snapshot(TRACK).track.tickets] == ["A"]


def test_a_track_that_cannot_be_written_is_refused_by_name(board: Board) -> None:
    with pytest.raises(ValueError, match=r"^track track cannot be kept: .*utf-8"):
        board.add_track(track(ticket("A"), description=HALF))
    assert board.tracks() == ()


def test_nothing_is_booked_that_sqlite_could_not_add_up(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), ticket("B")))
    for _ in range(2):
        board.spend(claim(board, owner), "Tier 3", Usage(10**30, 2**63 - 1, 1.7e308))
    assert board.usage(TRACK)["Tier 3"] == Usage(2**62, 2**62, 1e300)
