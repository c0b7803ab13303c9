"""How fast is a conductor, and what does it do while there is nothing to do?"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem
from actors.board import Board
from actors.conductor import Conductor
from actors.testkit import Gate
from actors.testkit.waiting import dilated
from actors.tickets import TicketState, load_tickets
from tests.conductor.tracks import track

case = pytest.mark.system_case


@case("T85")
@case("D3.13")
@pytest.mark.parametrize("place", ["memory", "disk"])
@pytest.mark.parametrize(("tickets", "seconds"), [(50, 2.0), pytest.param(1000, 2.0, marks=pytest.mark.stress)])
def test_tickets_that_do_nothing_are_done_in_under_two_seconds(
    tmp_path: Path, place: str, tickets: int, seconds: float
) -> None:
    with ActorSystem("fast") as system:
        board = ":memory:" if place == "memory" else tmp_path / "board.db"
        names = (f"T{number}" for number in range(tickets))
        conductor = system.spawn(Conductor, track(*names), lambda job: None, board=board)
        began = time.perf_counter()
        result = conductor.run(timeout=dilated(seconds) * 5)
        took = time.perf_counter() - began
    assert result.counts[TicketState.COMPLETED] == tickets
    assert took < dilated(seconds), f"{took:.2f} s"


@case("D3.13")
def test_a_conductor_whose_workers_wait_uses_no_processor_time(tmp_path: Path) -> None:
    with Gate() as gate, ActorSystem("idle") as system:
        conductor = system.spawn(Conductor, track("A", "B"), lambda job: gate.wait(), board=tmp_path / "board.db")
        run = conductor.run(block=False)
        gate.reached(2)
        before = time.process_time()
        threading.Event().wait(1.0)  # nothing is waited for: this is the time in which nothing is to be done
        used = time.process_time() - before
        gate.open()
        assert run.get(timeout=dilated(5.0)).done
    assert used < 0.1, f"{used:.3f} s"


def test_a_ticket_costs_the_same_however_many_there_are() -> None:
    """Counted in statements of the board, which do not depend on the machine."""
    assert abs(statements(40) - statements(400)) < 1.0


def statements(tickets: int) -> float:
    """How many statements a ticket takes on average."""
    count = 0

    def note(_: Any) -> None:
        nonlocal count
        count += 1

    with ActorSystem("counted") as system, Board(clock=system.clock) as board:
        made = load_tickets([{"id": f"T{number}", "description": "x"} for number in range(tickets)])
        conductor = system.spawn(Conductor, track(*made), lambda job: None, board=board, max_workers=1)
        board._connection.set_trace_callback(note)
        assert conductor.run().done
        board._connection.set_trace_callback(None)
    return count / tickets
