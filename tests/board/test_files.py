"""Do tickets that change the same file never run at once, and is none of them forgotten?"""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.board import Board, Claim, FileOwnedError, Owner
from actors.tickets import TicketState
from actors.typed import Priority
from tests.board.crews import TRACK, at, claim, claimed, states, ticket, track


@pytest.mark.system_case("D0.14")
def test_a_ticket_whose_file_is_taken_is_passed_over_and_takes_none(board: Board, owner: Owner) -> None:
    board.add_track(
        track(ticket("A", files=["x"]), ticket("B", files=["y", "x"]), ticket("C", files=["y"]), ticket("D"))
    )
    assert claimed(board.claim(owner, TRACK, 9)) == "A C D"
    assert at(board, "B") is TicketState.READY
    assert dict(board.waiting_files(TRACK)) == {"B": "x"}


@pytest.mark.parametrize("way", ["complete", "fail", "exhaust", "block_attempt", "give_back"])
def test_files_are_free_however_the_attempt_ends(board: Board, owner: Owner, way: str) -> None:
    board.add_track(track(ticket("A", files=["x", "y"]), ticket("B", files=["y"]), max_retries=0))
    mine = claim(board, owner)
    assert board.claim(owner, TRACK) == ()
    getattr(board, way)(mine, "why")
    assert claimed(board.claim(owner, TRACK, 2)) == ("A" if way == "give_back" else "B")


@pytest.mark.parametrize("way", ["kill", "block"])
def test_files_are_free_when_somebody_ends_the_attempt(board: Board, owner: Owner, way: str) -> None:
    board.add_track(track(ticket("A", files=["x"]), ticket("B", files=["x"])))
    claim(board, owner)
    assert board.claim(owner, TRACK) == ()
    getattr(board, way)(TRACK, "A", "why")
    assert claim(board, owner).ticket.id == "B"


def test_files_stay_taken_while_the_work_is_in_review(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A", files=["x"]), ticket("B", files=["x"])))
    board.review(claim(board, owner))
    assert board.claim(owner, TRACK) == ()


def test_the_most_urgent_of_those_that_wait_for_a_file_gets_it(board: Board, owner: Owner) -> None:
    board.add_track(
        track(
            ticket("A", files=["x"], priority=Priority.CRITICAL),
            ticket("B", files=["x"]),
            ticket("C", files=["x"], priority=Priority.HIGH),
        )
    )
    first = claim(board, owner)
    assert board.claim(owner, TRACK) == ()
    board.complete(first)
    assert claim(board, owner).ticket.id == "C"


def test_a_file_is_handed_on_by_one_that_must_wait_for_another_file(board: Board, owner: Owner) -> None:
    board.add_track(
        track(
            ticket("A", files=["x"]), ticket("B", files=["y"]), ticket("C", files=["x", "y"]), ticket("D", files=["x"])
        )
    )
    first, _ = board.claim(owner, TRACK, 9)
    board.complete(first)
    assert claimed(board.claim(owner, TRACK, 9)) == "D"


@pytest.mark.parametrize("way", ["kill", "block", "complete_by_hand", "hold"])
def test_a_file_is_handed_on_by_one_that_somebody_takes_out_of_the_line(board: Board, owner: Owner, way: str) -> None:
    board.add_track(track(ticket("A", files=["x"]), ticket("B", files=["x"]), ticket("C", files=["x"])))
    first = claim(board, owner)
    assert board.claim(owner, TRACK) == ()
    board.complete(first)
    getattr(board, way)(TRACK, "B", *(["why"] if way in ("kill", "block") else []))
    assert claim(board, owner).ticket.id == "C"


@pytest.mark.parametrize("way", ["kill", "block", "hold"])
def test_one_that_is_taken_out_while_it_waits_for_a_file_is_not_waited_for(
    board: Board, owner: Owner, way: str
) -> None:
    board.add_track(track(ticket("A", files=["x"]), ticket("B", files=["x"]), ticket("C", files=["x"])))
    first = claim(board, owner)
    assert board.claim(owner, TRACK) == ()
    getattr(board, way)(TRACK, "B", *(["why"] if way in ("kill", "block") else []))
    assert dict(board.waiting_files(TRACK)) == {"C": "x"}
    board.complete(first)
    assert claim(board, owner).ticket.id == "C"


def test_a_file_in_one_track_is_not_that_of_another_track(board: Board, owner: Owner) -> None:
    for name in ("one", "two"):
        board.add_track(track(ticket("A", files=["x"]), name=name))
    assert claimed(board.claim(owner, "one")) == claimed(board.claim(owner, "two")) == "A"


def test_a_running_ticket_gets_more_files_all_or_none(board: Board, owner: Owner) -> None:
    board.add_track(track(ticket("A"), ticket("B", files=["y"]), ticket("C", files=["x"]), ticket("D", files=["z"])))
    first, second = board.claim(owner, TRACK, 2)
    with pytest.raises(FileOwnedError, match="file y is already owned by B") as refused:
        board.widen(first, ["x", "y"])
    assert (refused.value.file, refused.value.ticket) == ("y", "B")
    assert board.widen(first, ["x", "x"]) == ("x", "x")
    assert board.widen(first, ["x"]) == ("x",)
    assert claimed(board.claim(owner, TRACK, 9)) == "D"
    board.complete(second)
    assert board.widen(first, ["y"]) == ("y",)
    board.complete(first)
    assert claim(board, owner).ticket.id == "C"


def test_a_refused_file_keeps_its_owner_on_the_way_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(FileOwnedError("x", "A")))
    assert (error.file, error.ticket) == ("x", "A")


FILES = st.lists(st.sampled_from(["x", "y", "z"]), min_size=1, max_size=2, unique=True)


@settings(max_examples=300, deadline=None)
@given(st.lists(FILES, min_size=3, max_size=9), st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9)), max_size=30))
def test_whatever_ends_when_each_ticket_gets_its_files_in_time(
    files: list[list[str]], script: list[tuple[int, int]]
) -> None:
    with Board() as board:
        board.add_track(track(*(ticket(str(at), files=names) for at, names in enumerate(files))))
        owner, running = board.join("crew"), list[Claim]()

        def take(limit: int) -> None:
            taken = {file for each in running for file in each.ticket.files}
            ready = [name for name, state in states(board).items() if state == "ready"]
            expected = []
            for name in ready:
                if len(expected) < limit and not taken & set(files[int(name)]):
                    expected.append(name)
                    taken |= set(files[int(name)])
            claims = board.claim(owner, TRACK, limit)
            assert [each.ticket.id for each in claims] == expected
            running.extend(claims)

        for limit, ends in script:
            take(limit)
            if running and ends:
                board.complete(running.pop(ends % len(running)))
        take(1)
        while running:
            board.complete(running.pop())
            take(1)
        assert set(states(board).values()) == {"completed"}
