"""Who gets which ticket, and what becomes of an attempt that is over?"""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from actors.board import Board, Late, NotOnBoardError, Owner
from actors.tickets import TicketState
from actors.typed import Priority
from tests.board.crews import TRACK, at, claim, claimed, counted, states, steps, ticket, track


@pytest.mark.system_case("T86")
def test_of_ten_claims_of_one_ticket_at_once_exactly_one_wins(boards: Callable[..., Board]) -> None:
    rounds = 20
    shared = [boards() for _ in range(2)]
    names = [str(number) for number in range(rounds)]
    # Each round has one ticket that is ready.
    shared[0].add_track(track(*(ticket(name, *names[at - 1 : at] if at else ()) for at, name in enumerate(names))))
    owners = [(shared[number % 2], shared[number % 2].join(f"owner-{number}")) for number in range(10)]
    won: list[str] = []
    together = threading.Barrier(len(owners))

    def take(board: Board, owner: Owner) -> None:
        for _ in range(rounds):
            together.wait()
            claims = board.claim(owner, TRACK)
            together.wait()
            for each in claims:
                won.append(each.ticket.id)
                board.complete(each)

    threads = [threading.Thread(target=take, args=each) for each in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == names
    assert counted(shared[1]) == {"completed": rounds}


def test_the_most_urgent_come_first_and_then_those_loaded_first(board: Board, owner: Owner) -> None:
    board.add_track(
        track(
            ticket("A"),
            ticket("B", priority=Priority.LOW),
            ticket("C", priority=Priority.CRITICAL),
            ticket("D", priority=Priority.HIGH),
            ticket("E"),
        )
    )
    assert claimed(board.claim(owner, TRACK, 2)) == "C D"
    assert claimed(board.claim(owner, TRACK, 9)) == "A E B"
    assert board.claim(owner, TRACK, 9) == ()


@pytest.mark.system_case("T68")
def test_a_diamond_is_done_in_its_order(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("D", "B", "C"), ticket("B", "A"), ticket("C", "A"), ticket("A")))
    assert states(board) == {"A": "ready", "B": "todo", "C": "todo", "D": "todo"}
    assert steps(board.complete(claim(board, owner))) == [
        "A: in_progress -> completed",
        "B: todo -> ready",
        "C: todo -> ready",
    ]
    b, c = board.claim(owner, TRACK, 4)
    assert steps(board.complete(c)) == ["C: in_progress -> completed"]
    assert steps(board.complete(b)) == ["B: in_progress -> completed", "D: todo -> ready"]
    assert claim(board, owner).ticket.id == "D"


def test_a_claim_has_the_ticket_as_it_is_now_and_a_key_of_its_own(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A", labels=["slow"])))
    first = claim(board, owner)
    assert (first.ticket.status, first.ticket.assigned_to, first.ticket.labels) == ("in_progress", "crew", ("slow",))
    assert (first.key, first.fence, first.previous_attempt, first.prompt) == (f"{TRACK}/A/1", 1, None, None)
    assert steps((first.transition,)) == ["A: ready -> in_progress"]
    board.fail(first, "out of paper")
    second = claim(board, owner)
    assert (second.key, second.fence, second.previous_attempt) == (f"{TRACK}/A/2", 2, "out of paper")
    assert second.ticket.retry_count == 1


@pytest.mark.parametrize(
    "way", ["review", "rework", "complete", "fail", "exhaust", "block_attempt", "give_back", "widen"]
)
def test_what_comes_of_an_attempt_that_is_over_changes_nothing(board: Board, owner: Owner, way: str) -> None:
    board.add_track(track(ticket("A"), ticket("B", "A")))
    first = claim(board, owner)
    board.fail(first, "once")
    claim(board, owner)
    before = board.snapshot(TRACK)
    late = getattr(board, way)(
        first, *(["why"] if way in ("fail", "exhaust", "block_attempt", "give_back", "widen") else [])
    )
    assert late == Late(TRACK, "A", 1, TicketState.IN_PROGRESS)
    assert not late
    assert list(late) == []
    assert board.snapshot(TRACK) == before


def test_a_completed_ticket_never_runs_again(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A")))
    done = claim(board, owner)
    board.complete(done, "the result")
    assert isinstance(board.fail(done, "after all"), Late)
    assert board.claim(owner, TRACK) == ()
    assert board.leave(owner) == ()
    assert counted(board) == {"completed": 1}
    (receipt,) = board.receipts(TRACK, "A")
    assert (receipt.outcome, receipt.text) == ("completed", "the result")


def test_work_goes_to_review_and_back_and_is_still_the_same_attempt(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A")))
    mine = claim(board, owner)
    assert steps(board.review(mine)) == ["A: in_progress -> review"]
    assert steps(board.rework(mine, "no tests")) == ["A: review -> in_progress"]
    board.review(mine)
    assert board.ticket(TRACK, "A").assigned_to == "crew"
    assert steps(board.complete(mine)) == ["A: review -> completed"]
    assert [receipt.attempt for receipt in board.receipts(TRACK, "A")] == [1]


def test_receipts_tell_what_became_of_each_attempt(board: Board, owner: Owner, clock: Any) -> None:
    board.add_track(track(ticket("A"), max_retries=1))
    board.give_back(claim(board, owner), "no room")
    clock.advance(5.0)
    board.fail(claim(board, owner), "torn")
    board.exhaust(claim(board, owner), "20 turns")
    board.retry(TRACK, "A")
    claim(board, owner)
    told = board.receipts(TRACK, "A")
    assert [(each.attempt, each.outcome, each.text) for each in told] == [
        (1, "given_back", "no room"),
        (2, "failed", "torn"),
        (3, "exhausted", "20 turns"),
        (4, "running", ""),
    ]
    assert {each.owner for each in told} == {"crew"}
    assert told[0].began == told[0].ended == "2000-01-01T00:00:00.000+00:00"
    assert told[1].began == "2000-01-01T00:00:05.000+00:00"
    assert told[3].ended == ""


@pytest.mark.system_case("D3.23")
@pytest.mark.system_case("T85")
def test_two_tracks_on_one_board_do_not_touch_each_other(board: Board, owner: Owner) -> None:
    for name in ("one", "two"):
        board.add_track(track(ticket("A", files=["a.py"]), ticket("B", "A"), name=name, max_retries=0))
    first, second = claim(board, owner, "one"), claim(board, owner, "two")
    board.fail(first, "torn")
    assert states(board, "one") == {"A": "failed", "B": "blocked"}
    assert states(board, "two") == {"A": "in_progress", "B": "todo"}
    board.complete(second)
    board.kill("one", "B", "enough")
    assert counted(board, "one") == {"failed": 1, "killed": 1}
    assert counted(board, "two") == {"completed": 1, "ready": 1}
    assert board.tracks() == ("one", "two")


@pytest.mark.parametrize("limit", [-1, 1.5, True, "1"])
def test_a_limit_that_is_no_number_of_tickets_is_refused(board: Board, owner: Owner, limit: Any) -> None:
    board.add_track(track(ticket("A")))
    with pytest.raises(ValueError, match="limit: a whole number of at least 0"):
        board.claim(owner, TRACK, limit)


def test_a_limit_of_none_claims_none(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A")))
    assert board.claim(owner, TRACK, 0) == ()
    assert at(board, "A") is TicketState.READY


def test_a_track_or_ticket_that_is_not_there_is_named(board: Board, owner: Owner) -> None:
    with pytest.raises(NotOnBoardError, match="no track nowhere"):
        board.claim(owner, "nowhere")
    board.add_track(track(ticket("A")))
    with pytest.raises(NotOnBoardError, match="no ticket Z in track track"):
        board.ticket(TRACK, "Z")
    with pytest.raises(NotOnBoardError, match="no ticket Z in track track"):
        board.block(TRACK, "Z", "why")
    with pytest.raises(NotOnBoardError, match="no ticket Z in track track"):
        board.receipts(TRACK, "Z")
