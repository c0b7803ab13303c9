"""Does a ticket cost the same in a track of a thousand and of a hundred thousand, and how much is that?

Seconds are those of the processor, for others share the machine.
"""

import json
import tracemalloc
from pathlib import Path
from time import process_time

import pytest

from actors.board import Board, Owner
from actors.tickets import Track, load_tickets
from tests.board.crews import TRACK, counted

MANY = 100_000


def text(tickets: int) -> str:
    """Tickets as JSON: groups of three that come one after the other, some with a file that many have."""
    return json.dumps(
        [
            {
                "id": f"t{number}",
                "description": f"do what number {number} says",
                "priority": "high" if number % 5 == 0 else "medium",
                "depends_on": [f"t{number - 1}"] if number % 3 else [],
                "files": [f"{number % 100}.py"] if number % 4 == 0 else [],
            }
            for number in range(tickets)
        ]
    )


def steps_of(board: Board, owner: Owner, pairs: int) -> int:
    """The steps of SQLite's machine for so many claims, each with its completion."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    board._connection.set_progress_handler(count, 1)
    for _ in range(pairs):
        (claim,) = board.claim(owner, TRACK)
        board.complete(claim)
        board.counts(TRACK)
        board.usage(TRACK)
    board._connection.set_progress_handler(None, 1)
    return steps


@pytest.mark.slow
def test_a_claim_and_its_completion_cost_the_same_however_many_tickets_there_are() -> None:
    cost = {}
    for tickets in (1_000, 10_000, MANY):
        with Board() as board:
            board.add_track(Track(id=TRACK, tickets=load_tickets(text(tickets))))
            cost[tickets] = steps_of(board, board.join("crew"), 100)
    assert cost[MANY] <= cost[1_000] * 1.1
    assert cost[10_000] <= cost[1_000] * 1.1


@pytest.mark.stress  # measured, so not with coverage and not beside others
def test_a_hundred_thousand_tickets_are_loaded_within_five_seconds(path: Path) -> None:
    source = text(MANY)
    began = process_time()
    with Board(path) as board:
        board.add_track(Track(id=TRACK, tickets=load_tickets(source)))
        took = process_time() - began
        assert counted(board) == {"ready": MANY // 3 + 1, "todo": MANY - MANY // 3 - 1}
    assert took < 5.0


def test_a_ticket_and_its_place_on_the_board_take_less_than_a_kilobyte() -> None:
    tickets = 5_000
    source = text(tickets)
    load_tickets(source)
    tracemalloc.start()
    try:
        loaded = load_tickets(source)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    with Board() as board:
        board.add_track(Track(id=TRACK, tickets=loaded))
        ((pages,), (size,)) = (
            board._connection.execute(f"PRAGMA {what}").fetchone() for what in ("page_count", "page_size")
        )
    assert (held + pages * size) / tickets < 1024


@pytest.mark.stress
def test_a_thousand_claims_with_their_completion_take_less_than_half_a_second(path: Path) -> None:
    with Board(path) as board:
        board.add_track(Track(id=TRACK, tickets=load_tickets(text(1_000))))
        owner = board.join("crew")
        began = process_time()
        for _ in range(1_000):
            (claim,) = board.claim(owner, TRACK)
            board.complete(claim, "done")
        took = process_time() - began
        assert counted(board) == {"completed": 1_000}
    assert took < 0.5


def test_tickets_that_wait_for_one_file_are_each_looked_at_a_few_times_only() -> None:
    """Else each claim would look at all that wait, and the cost would grow with the square of their number."""
    cost = {}
    for tickets in (100, 1_000):
        source = [{"id": str(number), "description": "", "files": ["one.py"]} for number in range(tickets)]
        with Board() as board:
            board.add_track(Track(id=TRACK, tickets=load_tickets(source)))
            owner = board.join("crew")
            steps_of(board, owner, 10)
            cost[tickets] = steps_of(board, owner, 50)
            (held,) = board.claim(owner, TRACK)
            assert board.claim(owner, TRACK) == ()
            board.complete(held)
            cost[tickets, "parked"] = steps_of(board, owner, 30)
    assert cost[1_000] <= cost[100] * 1.1
    assert cost[1_000, "parked"] <= cost[100, "parked"] * 1.1
