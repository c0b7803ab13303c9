"""What chaos has found, each in the fewest steps that show it."""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem
from actors.board import Board
from actors.conductor import Conductor
from actors.guard import Usage
from actors.testkit import Faults, Gate, Simulation
from actors.tickets.states import RUNNING
from actors.work import Job, Spent
from policies import Restart
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Script, Throttled, Told, states, ticket, track
from tests.conductor.witnesses import Steps
from tests.core.helpers import result


def test_a_ticket_that_was_given_up_begins_again_when_the_last_worker_has_let_go_of_it(
    conduct: Conduct, told: Told
) -> None:
    gate = Gate()
    work = Script(A=[gate, "again"])
    conductor = conduct(track("A", ticket("B", "A")), work, max_workers=2)
    with gate:
        conductor.run(block=False)
        gate.reached()
        conductor.halt("a break")  # which its worker, busy as it is, does not hear
        run = conductor.run(block=False)
        conductor.add(ticket("C"))
        told.wait_told("mission_work_completed", "C")  # so there was a place for A, too
        assert work.of("A", "attempt") == [1]
        assert states(conductor)["A"] == "ready"
    assert result(run).done
    assert work.of("A", "attempt") == [1, 2]


def stops_itself(job: Job) -> Any:
    if job.attempt == 1:
        job.agent_context.ref.stop(block=False, drain=False)
        yield job.sleep(1e6)


def stops_itself_or_fails(job: Job) -> Any:
    if job.attempt == 1 and job.ticket.id in "BDF":
        yield job.sleep(0.0)
        raise Throttled("once")
    yield from stops_itself(job)


@pytest.mark.parametrize("work", [stops_itself, stops_itself_or_fails])
def test_no_more_are_in_progress_than_may_be_while_a_worker_has_ended_and_its_attempt_not_yet(work: Any) -> None:
    assert [most_in_progress(seed, work) for seed in range(30)] == [3] * 30


def most_in_progress(seed: int, work: Any) -> int:
    """Have tickets worked on by three in this order of things, and give how many were in progress at a time."""
    with Simulation(seed) as system:
        board = Board(clock=system.clock)
        steps = Steps(board)
        conductor: Any = system.spawn(Conductor, track(*"ABCDEFGHIJ"), work, max_workers=3, board=board)
        assert conductor.run().done
    most = 0
    inside: set[str] = set()
    for step in steps.all():
        (inside.add if step.new in RUNNING else inside.discard)(step.ticket)
        most = max(most, len(inside))
    board.close()
    return most


def test_what_was_used_is_booked_though_the_conductor_is_stopped_before_it_comes_to_hear_of_it(
    conduct: Conduct, system: ActorSystem
) -> None:
    told = Gate()

    def work(job: Job) -> Any:
        job.spend(100, 50)
        job.spend(10, 5)
        told.wait()
        yield job.sleep(1e6)

    with Board(clock=system.clock) as board, Faults(system) as faults:
        conductor = conduct(track("A"), work, board=board)
        hang = faults.hang(conductor, Spent)  # busy with what it is told first, it has the rest still in its mailbox
        with told:
            conductor.run(block=False)
            told.reached()
        hang.reached()
        stopped = conductor.stop(block=False, drain=False)
        hang.clear()
        result(stopped)
        assert board.usage("track").total == Usage(110, 55)
        assert [each.usage.total for each in board.receipts("track", "A")] == [Usage(110, 55)]


def test_what_was_used_is_booked_though_the_conductor_fails_over_that_very_message(
    conduct: Conduct, system: ActorSystem
) -> None:
    def work(job: Job) -> Any:
        job.spend(100, 50)
        if job.attempt == 1:
            yield job.sleep(1e6)

    with Faults(system) as faults:
        faults.crash("/conductor", Spent)
        conductor = conduct(track("A"), work, spec_options={"policy": Restart()})
        assert result(conductor.run(block=False)).usage.total == Usage(200, 100)
