"""What is on the board after tickets were added: all of them or none, and what of those that were there?"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.board import Board, NotABoardError, NotOnBoardError, Owner, TrackExistsError
from actors.guard import Usage
from actors.tickets import TicketsError, TicketState, Track, load_tickets
from actors.typed import Priority
from tests.board.crews import TRACK, claim, claimed, counted, reason, states, steps, ticket, track

S = TicketState


def test_a_ticket_comes_back_as_it_was_loaded(board: Board) -> None:
    loaded = ticket(
        "A",
        title="first",
        priority=Priority.HIGH,
        step_mode=True,
        model_override="own",
        context_requirements=["a.py"],
        target_file="b.py",
        target_symbols=["f"],
        files=["b.py"],
        labels=["slow"],
        metadata={"profile": "tester"},
        retry_count=1,
        assigned_to="somebody",
        tier="Tier 2",
    )
    made = track(loaded, description="all", reviewer_required=True, max_retries=5, models=("one", "two"))
    assert board.add_track(made) == ()
    assert board.ticket(TRACK, "A") == loaded.model_copy(update={"status": S.READY})
    assert board.track(TRACK) == made.model_copy(update={"tickets": ()})
    assert board.snapshot(TRACK).track == made.model_copy(update={"tickets": (board.ticket(TRACK, "A"),)})


def test_tickets_that_were_under_way_begin_anew_and_those_that_had_ended_do_not(board: Board) -> None:
    early = ("todo", "ready", "awaiting_approval", "in_progress", "review")
    ended = ("completed", "failed", "exhausted", "killed", "blocked")
    tickets = [ticket(state, status=state) for state in (*early, *ended)]
    board.add_track(track(*tickets, ticket("last", "completed")))
    assert states(board) == {**dict.fromkeys(early, "ready"), **{state: state for state in ended}, "last": "ready"}


def test_what_depends_on_tickets_that_had_failed_is_blocked_from_the_beginning(board: Board) -> None:
    tickets = [
        ticket("A", status=S.FAILED, blocked_reason="torn"),
        ticket("B", "A"),
        ticket("C", "B"),
        ticket("D", status=S.BLOCKED, blocked_reason="[MANUAL] wait", manual_block=True),
        ticket("E", "D"),
    ]
    assert steps(board.add_track(track(*tickets))) == ["B: todo -> blocked", "E: todo -> blocked", "C: todo -> blocked"]
    assert (reason(board, "A"), reason(board, "C")) == ("torn", "blocked by failed task A")
    assert (reason(board, "D"), reason(board, "E")) == ("[MANUAL] wait", "blocked by blocked task D")
    board.unblock(TRACK, "D")
    board.retry(TRACK, "A")
    assert counted(board) == {"ready": 2, "todo": 3}


def test_a_snapshot_can_be_loaded_again(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), ticket("B", "A"), ticket("C", "B"), ticket("D"), max_retries=0))
    board.fail(claim(board, owner), "torn")
    board.block(TRACK, "D", "wait")
    before = states(board)
    board.add_track(board.snapshot(TRACK).track.model_copy(update={"id": "again"}))
    assert states(board, "again") == before
    assert board.snapshot("again").tickets == board.snapshot(TRACK).tickets
    board.complete_by_hand("again", "A")
    assert states(board, "again") == {"A": "completed", "B": "ready", "C": "todo", "D": "blocked"}


def test_a_track_that_is_there_is_not_added_again_but_gone_on_with(board: Board, owner: Owner) -> None:
    made = track(ticket("A"), ticket("B", "A"))
    assert board.open_track(made) == ()
    board.complete(claim(board, owner))
    with pytest.raises(TrackExistsError, match="there is a track track on"):
        board.add_track(made)
    board.open_track(track(ticket("A", title="new"), ticket("B", "A"), ticket("C", "A")))
    assert states(board) == {"A": "completed", "B": "ready", "C": "ready"}
    assert board.ticket(TRACK, "A").title == ""


def test_tickets_may_be_added_while_others_run(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), ticket("B", "A"), max_retries=0))
    board.complete(claim(board, owner))
    running = claim(board, owner)
    assert board.add(TRACK, [ticket("C", "A"), ticket("D", "B"), ticket("E", "D")]) == ()
    assert states(board) == {"A": "completed", "B": "in_progress", "C": "ready", "D": "todo", "E": "todo"}
    assert steps(board.complete(running)) == ["B: in_progress -> completed", "D: todo -> ready"]


def test_a_ticket_that_is_added_behind_one_that_failed_is_blocked_at_once(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), ticket("B", "A"), max_retries=0))
    board.fail(claim(board, owner), "torn")
    made = board.add(TRACK, [ticket("C", "B"), ticket("D", "C"), ticket("E", "A", "B")])
    assert sorted(steps(made)) == ["C: todo -> blocked", "D: todo -> blocked", "E: todo -> blocked"]
    assert reason(board, "D") == reason(board, "E") == "blocked by failed task A"
    board.complete_by_hand(TRACK, "A")
    assert states(board) == {"A": "completed", "B": "ready", "C": "todo", "D": "todo", "E": "todo"}


@pytest.mark.system_case("D3.15")
@pytest.mark.parametrize(
    ("new", "why"),
    [
        ([ticket("C"), ticket("A")], "item 2: id: there is a ticket A already"),
        ([ticket("C"), ticket("C")], "item 2: id: the id C is that of item 1, too"),
        ([ticket("C"), ticket("D", "Z")], "item 2: depends_on: ticket D depends on Z, which there is not"),
        ([ticket("C", "D"), ticket("D", "C")], "item 1: depends_on: a cycle: C -> D -> C"),
    ],
)
def test_of_tickets_that_do_not_fit_none_is_added(board: Board, new: list[object], why: str) -> None:
    board.add_track(track(ticket("A"), ticket("B")))
    before = board.snapshot(TRACK)
    with pytest.raises(TicketsError) as refused:
        board.add(TRACK, new)  # type: ignore[arg-type]
    assert str(refused.value) == why
    assert board.snapshot(TRACK) == before


def test_tickets_for_a_track_that_is_not_there_are_refused(board: Board) -> None:
    with pytest.raises(NotOnBoardError, match="no track track"):
        board.add(TRACK, [ticket("A")])


def test_an_empty_track_has_nothing_to_claim(board: Board, owner: Owner) -> None:
    board.add_track(Track(id=TRACK))
    assert board.claim(owner, TRACK, 4) == ()
    assert counted(board) == {}
    assert board.snapshot(TRACK).tickets == ()


def test_all_is_there_when_the_file_is_opened_again(boards: Callable[..., Board]) -> None:
    first = boards()
    first.add_track(track(*load_tickets(json.dumps([{"id": "A", "description": "x"}]))))
    mine = claim(first, first.join("crew"))
    first.spend(mine, "Tier 3", Usage(100, 50))
    first.complete(mine, "the result")
    first.set_track_state(TRACK, "running")
    before = first.snapshot(TRACK)
    first.close()
    second = boards()
    assert second.snapshot(TRACK) == before
    assert second.receipts(TRACK, "A")[0].text == "the result"
    assert second.claim(second.join("crew"), TRACK) == ()


def test_the_state_of_a_track_is_kept_and_the_one_before_given(board: Board) -> None:
    board.add_track(track(ticket("A")))
    assert board.track_state(TRACK) == "planning"
    assert board.set_track_state(TRACK, "running") == "planning"
    assert board.set_track_state(TRACK, "running") == "running"
    assert board.snapshot(TRACK).state == "running"


def test_a_file_of_something_else_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("a letter to somebody, which is long enough to be a file of its own, and then some more" * 20)
    before = path.read_bytes()
    with pytest.raises(NotABoardError, match="is no board"):
        Board(path)
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there_is_an_oserror(path: Path) -> None:
    with pytest.raises(OSError, match="cannot be opened"):
        Board(path.parent / "nowhere" / "crew.board")


@pytest.mark.system_case("T83")
@pytest.mark.system_case("D3.16")
def test_a_snapshot_does_not_change_afterwards(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), ticket("B", "A")))
    before = board.snapshot(TRACK)
    mine = claim(board, owner)
    board.spend(mine, "Tier 3", Usage(1, 1))
    board.complete(mine)
    assert [each.status for each in before.tickets] == [S.READY, S.TODO]
    assert (before.counts[S.READY], before.counts[S.TODO], before.counts[S.COMPLETED]) == (1, 1, 0)
    assert before.usage.total == Usage()
    with pytest.raises(TypeError):
        before.counts[S.READY] = 0  # type: ignore[index]


def test_tickets_that_are_stuck_are_listed_by_state(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), ticket("B", "A"), ticket("C", "A"), ticket("D", step_mode=True), max_retries=0))
    board.fail(claim(board, owner), "torn")
    board.hold_next(TRACK)
    assert [each.id for each in board.stuck(TRACK, S.FAILED)] == ["A"]
    assert [each.blocked_reason for each in board.stuck(TRACK, S.BLOCKED)] == ["blocked by failed task A"] * 2
    assert [each.id for each in board.stuck(TRACK, S.BLOCKED, limit=1)] == ["B"]
    assert [each.id for each in board.stuck(TRACK, S.AWAITING_APPROVAL)] == ["D"]
    with pytest.raises(ValueError, match="state: one of"):
        board.stuck(TRACK, S.READY)


def test_the_board_says_where_it_is(board: Board) -> None:
    assert repr(board) == f"<Board in {board.path or 'memory'}>"


def test_what_was_claimed_stays_claimed_though_the_caller_forgets_it(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A")))
    assert claimed(board.claim(owner, TRACK)) == "A"
    assert board.claim(board.join("other"), TRACK) == ()
