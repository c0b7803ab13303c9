"""What becomes of a ticket that fails, and of those behind it?"""

from collections.abc import Callable

import pytest

from actors.board import Board, Owner
from actors.tickets import IllegalTransitionError
from tests.board.crews import TRACK, claim, claimed, counted, reason, states, steps, ticket, track


def chain(board: Board, **fields: int) -> None:
    """A, B behind it, C behind that one, and D by itself."""
    board.add_track(track(ticket("A"), ticket("B", "A"), ticket("C", "B"), ticket("D"), **fields))


def fail_for_good(board: Board, owner: Owner, name: str = "A") -> None:
    mine = claim(board, owner)
    assert mine.ticket.id == name
    board.fail(mine, "torn", max_retries=0)


@pytest.mark.system_case("T73")
def test_a_failed_attempt_is_tried_again_as_often_as_the_track_says_and_then_failed(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), max_retries=2))
    for retries, error in enumerate(["first", "second"], 1):
        assert steps(board.fail(claim(board, owner), error)) == ["A: in_progress -> ready"]
        assert board.ticket(TRACK, "A").retry_count == retries
    assert steps(board.fail(claim(board, owner), "third")) == ["A: in_progress -> failed"]
    assert reason(board, "A") == "third"
    assert board.ticket(TRACK, "A").retry_count == 2


@pytest.mark.system_case("T74")
@pytest.mark.system_case("D0.13")
def test_all_behind_a_ticket_that_failed_for_good_are_blocked_and_no_others(board: Board, owner: Owner) -> None:
    chain(board, max_retries=1)
    board.fail(claim(board, owner), "once")
    assert states(board) == {"A": "ready", "B": "todo", "C": "todo", "D": "ready"}
    assert steps(board.fail(claim(board, owner), "twice")) == [
        "A: in_progress -> failed",
        "B: todo -> blocked",
        "C: todo -> blocked",
    ]
    assert reason(board, "B") == reason(board, "C") == "blocked by failed task A"
    assert claimed(board.claim(owner, TRACK, 4)) == "D"


@pytest.mark.system_case("T75")
def test_what_a_failed_ticket_blocked_is_free_when_somebody_completes_it(board: Board, owner: Owner) -> None:
    chain(board)
    fail_for_good(board, owner)
    assert steps(board.complete_by_hand(TRACK, "A")) == [
        "A: failed -> completed",
        "B: blocked -> ready",
        "C: blocked -> todo",
    ]
    assert (reason(board, "B"), reason(board, "C")) == (None, None)


def test_what_a_failed_ticket_blocked_waits_again_when_it_is_tried_once_more(board: Board, owner: Owner) -> None:
    chain(board)
    fail_for_good(board, owner)
    assert steps(board.retry(TRACK, "A")) == ["A: failed -> ready", "B: blocked -> todo", "C: blocked -> todo"]
    assert claim(board, owner).previous_attempt == "torn"


@pytest.mark.system_case("T67")
def test_running_out_is_an_outcome_of_its_own(board: Board, owner: Owner) -> None:
    chain(board)
    board.exhaust(claim(board, owner), "20 turns")
    assert states(board) == {"A": "exhausted", "B": "blocked", "C": "blocked", "D": "ready"}
    assert reason(board, "C") == "blocked by exhausted task A"
    assert board.receipts(TRACK, "A")[0].outcome == "exhausted"


def test_what_ran_out_may_be_tried_again_where_the_caller_says_so(board: Board, owner: Owner) -> None:
    chain(board)
    assert steps(board.exhaust(claim(board, owner), "20 turns", max_retries=1)) == ["A: in_progress -> ready"]
    assert board.receipts(TRACK, "A")[0].outcome == "exhausted"
    assert claim(board, owner).previous_attempt == "20 turns"


@pytest.mark.system_case("T71")
def test_a_worker_that_cannot_go_on_blocks_its_ticket_with_its_own_words(board: Board, owner: Owner) -> None:
    chain(board)
    board.block_attempt(claim(board, owner), "need key")
    assert (reason(board, "A"), reason(board, "C")) == ("need key", "blocked by blocked task A")
    assert steps(board.unblock(TRACK, "A")) == ["A: blocked -> ready", "B: blocked -> todo", "C: blocked -> todo"]


def test_a_ticket_behind_two_that_failed_is_free_after_both_and_says_which_is_left(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), ticket("B"), ticket("C", "A", "B"), ticket("D", "C"), max_retries=0))
    for each in board.claim(owner, TRACK, 2):
        board.fail(each, "torn")
    assert reason(board, "D") == "blocked by failed task A"
    assert steps(board.complete_by_hand(TRACK, "A")) == ["A: failed -> completed"]
    assert reason(board, "C") == reason(board, "D") == "blocked by failed task B"
    assert steps(board.complete_by_hand(TRACK, "B")) == [
        "B: failed -> completed",
        "C: blocked -> ready",
        "D: blocked -> todo",
    ]


# -- by hand -------------------------------------------------------------------------------


@pytest.mark.system_case("T75")
def test_a_block_by_hand_cascades_and_is_lifted_by_hand(board: Board) -> None:
    chain(board)
    assert steps(board.block(TRACK, "A", "wait")) == ["A: ready -> blocked", "B: todo -> blocked", "C: todo -> blocked"]
    blocked = board.ticket(TRACK, "A")
    assert (blocked.blocked_reason, blocked.manual_block) == ("[MANUAL] wait", True)
    assert not board.ticket(TRACK, "B").manual_block
    board.unblock(TRACK, "A")
    assert states(board) == {"A": "ready", "B": "todo", "C": "todo", "D": "ready"}
    assert not board.ticket(TRACK, "A").manual_block


@pytest.mark.system_case("T75")
def test_unblocking_is_refused_while_a_dependency_is_blocked(board: Board) -> None:
    chain(board)
    board.block(TRACK, "B", "wait")
    board.block(TRACK, "A", "wait")
    with pytest.raises(
        IllegalTransitionError, match="B is blocked and cannot become todo: 1 that it depends on is blocked"
    ):
        board.unblock(TRACK, "B")
    with pytest.raises(IllegalTransitionError, match="C is blocked and cannot become todo: blocked by blocked task B"):
        board.unblock(TRACK, "C")
    board.unblock(TRACK, "A")
    assert states(board) == {"A": "ready", "B": "blocked", "C": "blocked", "D": "ready"}
    board.unblock(TRACK, "B")
    assert states(board) == {"A": "ready", "B": "todo", "C": "todo", "D": "ready"}


@pytest.mark.system_case("T80")
@pytest.mark.system_case("D3.17")
@pytest.mark.parametrize("before", ["in_progress", "review", "ready", "awaiting_approval", "blocked", "todo"])
def test_a_ticket_that_has_not_ended_is_killed_and_what_is_behind_it_blocked(
    board: Board, owner: Owner, before: str
) -> None:
    name = "B" if before == "todo" else "A"
    chain(board)
    if before in ("in_progress", "review"):
        mine = claim(board, owner)
        if before == "review":
            board.review(mine)
    elif before == "awaiting_approval":
        board.hold(TRACK, "A")
    elif before == "blocked":
        board.block(TRACK, "A", "wait")
    assert steps(board.kill(TRACK, name, "not wanted"))[0] == f"{name}: {before} -> killed"
    assert states(board)["C"] == "blocked"
    assert reason(board, "C") == f"blocked by killed task {name}"
    if before in ("in_progress", "review"):
        assert not board.complete(mine, "late")
        assert board.receipts(TRACK, "A")[0].outcome == "killed"
    assert states(board)[name] == "killed"


@pytest.mark.system_case("T80")
def test_killing_what_is_not_there_or_has_ended_does_nothing(board: Board, owner: Owner) -> None:
    chain(board)
    board.complete(claim(board, owner))
    board.kill(TRACK, "B", "once")
    before = board.snapshot(TRACK)
    assert board.kill(TRACK, "Z", "why") == board.kill(TRACK, "A", "why") == board.kill(TRACK, "B", "twice") == ()
    assert board.snapshot(TRACK) == before


def test_a_block_or_completion_by_hand_ends_the_attempt(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), ticket("B")))
    first, second = board.claim(owner, TRACK, 2)
    board.block(TRACK, "A", "wait")
    board.complete_by_hand(TRACK, "B")
    assert not board.complete(first)
    assert not board.fail(second, "late")
    assert [board.receipts(TRACK, name)[0].outcome for name in "AB"] == ["blocked", "given_back"]
    assert counted(board) == {"blocked": 1, "completed": 1}


@pytest.mark.parametrize(
    ("act", "why"),
    [
        (lambda board: board.block(TRACK, "A", "x"), "A is completed and cannot become blocked"),
        (lambda board: board.unblock(TRACK, "D"), "D is ready and cannot become ready: it is not blocked"),
        (lambda board: board.retry(TRACK, "D"), "D is ready and cannot become ready: it has not failed"),
        (lambda board: board.hold(TRACK, "C"), "C is todo and cannot become awaiting_approval"),
        (lambda board: board.release(TRACK, "D"), "D is ready and cannot become ready: its start awaits no approval"),
        (lambda board: board.refuse(TRACK, "D", "x"), "D is ready and cannot become blocked: its start awaits no"),
        (lambda board: board.complete_by_hand(TRACK, "A"), "A is completed and cannot become completed"),
    ],
)
@pytest.mark.system_case("D0.12")
def test_a_step_that_the_state_forbids_is_refused_and_changes_nothing(
    board: Board, owner: Owner, act: Callable[[Board], object], why: str
) -> None:
    chain(board)
    board.complete(claim(board, owner))
    before = board.snapshot(TRACK)
    with pytest.raises(IllegalTransitionError, match=why):
        act(board)
    assert board.snapshot(TRACK) == before


# -- approval of starts --------------------------------------------------------------------


@pytest.mark.system_case("T76")
def test_a_ticket_in_step_mode_starts_only_when_it_is_released(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A", step_mode=True), ticket("B"), max_retries=1))
    assert claimed(board.claim(owner, TRACK, 4)) == "B"
    assert steps(board.hold_next(TRACK, 4)) == ["A: ready -> awaiting_approval"]
    assert board.hold_next(TRACK, 4) == board.claim(owner, TRACK, 4) == ()
    assert steps(board.release(TRACK, "A", "do less")) == ["A: awaiting_approval -> ready"]
    mine = claim(board, owner)
    assert (mine.ticket.id, mine.prompt) == ("A", "do less")
    board.fail(mine, "torn")
    assert claim(board, owner).prompt == "do less"


@pytest.mark.system_case("T76")
def test_each_start_of_a_track_that_does_not_queue_by_itself_needs_release(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), ticket("B", "A"), auto_queue=False))
    assert board.claim(owner, TRACK) == ()
    board.hold_next(TRACK, 4)
    board.release(TRACK, "A")
    board.complete(claim(board, owner))
    assert board.claim(owner, TRACK) == ()
    assert steps(board.hold_next(TRACK, 4)) == ["B: ready -> awaiting_approval"]


@pytest.mark.system_case("T77")
def test_a_start_that_is_refused_blocks_the_ticket_with_the_reason(board: Board) -> None:
    board.add_track(track(ticket("A", step_mode=True), ticket("B", "A")))
    board.hold_next(TRACK)
    board.refuse(TRACK, "A", "Spawn rejected by user.")
    assert reason(board, "A") == "Spawn rejected by user."
    assert states(board) == {"A": "blocked", "B": "blocked"}
    board.unblock(TRACK, "A")
    assert steps(board.hold_next(TRACK)) == ["A: ready -> awaiting_approval"]
