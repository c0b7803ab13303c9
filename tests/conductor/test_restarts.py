"""What survives the restart of a worker, of the pool, of the conductor, and the end of the program?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem, AgentRestarted, AgentStoppedError, ChildSpec
from actors.board import Board
from actors.conductor import TrackOutcome
from actors.testkit import Gate
from actors.typed import AdditionalContext
from actors.work import Job, Reviewer
from policies import Backoff, ByError, Escalate, Restart, RetryableOnly, Stop
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Fatal, Script, Throttled, Told, ran, states, ticket, track
from tests.core.helpers import EventLog, Trace, result
from tests.core.scripted import FOREVER

case = pytest.mark.system_case


class Hopeless(Exception):
    """More than a pool can judge."""


ESCALATING = ByError({Hopeless: Escalate(), Throttled: Restart()}, default=Stop())


@case("T73")
@case("D3.9")
def test_a_worker_that_is_restarted_twice_keeps_its_path_its_mailbox_and_its_ticket(
    conduct: Conduct, system: ActorSystem, told: Told
) -> None:
    gate = Gate()
    heard = Trace()

    def work(job: Job) -> str:
        if job.attempt == 1:
            gate.wait()
        heard.note((job.attempt, job.model, [note.content for note in job.received()]))
        if job.attempt < 3:
            raise Throttled(f"429 the {job.attempt}.")
        return job.previous_attempt or ""

    conductor = conduct(track("E", models=("small", "middle", "large")), work, max_workers=2)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        worker = system.find("/conductor/pool/w-1")
        assert worker is not None
        worker.tell(AdditionalContext(content="use the cache", task_id="E"))
    assert result(run).done
    assert [(attempt, model) for attempt, model, _ in heard.notes] == [(1, "small"), (2, "middle"), (3, "large")]
    assert heard.notes[1][2] == heard.notes[2][2] == ["use the cache"]
    assert worker.incarnation == 3
    assert [each.agent_id for each in told.of("task_assigned", "E")] == ["/conductor/pool/w-1"] * 3
    assert [each.new_state for each in told.of("mission_work_returned", "E")] == ["ready"] * 2


def test_the_place_of_a_worker_that_comes_back_is_not_given_to_another_ticket(
    conduct: Conduct, clock: Any, told: Told
) -> None:
    work = Script(A=[Throttled("429"), "done"])
    policy = RetryableOnly(restart=Restart(backoff=Backoff(10.0)))
    conductor = conduct(track("A", "B"), work, max_workers=1, policy=policy)
    run = conductor.run(block=False)
    told.wait_told("mission_work_returned", "A")
    assert states(conductor) == {"A": "ready", "B": "ready"}
    assert work.order == ["A"]
    clock.advance_once_due(10.0)
    assert result(run).done
    assert work.order == ["A", "A", "B"]
    assert work.of("A", "path") == ["/conductor/pool/w-1"] * 2


def test_a_worker_whose_restarts_are_used_up_leaves_its_ticket_to_another(conduct: Conduct) -> None:
    work = Script([Throttled("1"), Throttled("2"), "done"])
    policy = RetryableOnly(restart=Restart(max_restarts=1, then=Stop()))
    conductor = conduct(track("A"), work, policy=policy)
    assert ran(conductor).done
    assert work.of("A", "path") == ["/conductor/pool/w-1"] * 2 + ["/conductor/pool/w-2"]


@case("D0.12")
def test_a_failure_that_escalates_has_the_pool_restarted_and_what_else_ran_is_given_back_uncounted(
    conduct: Conduct, told: Told, log: EventLog
) -> None:
    gate = Gate()

    def work(job: Job) -> Any:
        if job.ticket.id == "F":
            gate.wait()
            raise Hopeless("the disk is on fire")
        if job.attempt == 1:
            yield job.sleep(1e6)
        return f"attempt {job.attempt}"

    conductor = conduct(track("B", "F", max_retries=0), work, max_workers=2, policy=ESCALATING)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        told.wait_told("task_assigned", "B")
    end = result(run)
    assert end.reasons == {"F": "Hopeless: the disk is on fire"}
    assert states(conductor) == {"B": "completed", "F": "failed"}
    assert conductor.snapshot().ticket("B").retry_count == 0
    assert [(each.old_state, each.new_state) for each in told.of("mission_work_returned", "B")] == [
        ("in_progress", "ready")
    ]
    (escalation,) = told.of("conductor_escalation")
    assert escalation.message == "/conductor/pool was restarted, with all its workers"
    assert log.wait(AgentRestarted, "/conductor/pool").incarnation == 2


@case("T84")
def test_a_conductor_that_is_restarted_goes_on_and_what_is_done_stays_done(
    conduct: Conduct, told: Told, log: EventLog
) -> None:
    starts = Trace()

    def work(job: Job) -> Any:
        starts.note(job.ticket.id)
        if job.ticket.id == "B" and job.attempt == 1:
            yield job.sleep(1e6)

    conductor = conduct(track("A", ticket("B", "A"), ticket("C", "B")), work, spec_options={"policy": FOREVER})
    run = conductor.run(block=False)
    starts.wait_for("B")
    conductor.terminate_child("pool")  # without which it cannot go on: it fails, and is restarted
    assert result(run).done
    assert conductor.incarnation == 2
    assert starts.notes == ["A", "B", "B", "C"]
    assert told.steps("B") == [
        ("todo", "ready"),
        ("ready", "in_progress"),
        ("in_progress", "ready"),
        ("ready", "in_progress"),
        ("in_progress", "completed"),
    ]


def test_a_run_goes_on_however_often_its_conductor_is_restarted(
    conduct: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("torn")

    conductor = conduct(track("A", auto_queue=False), Script(), spec_options={"policy": FOREVER})
    run = conductor.run(block=False)
    for _ in range(8):
        with monkeypatch.context() as patch:
            patch.setattr(Board, "usage", fail)
            with pytest.raises(RuntimeError):
                conductor.usage()
        assert conductor.snapshot().state == "running"  # and has been asked again by whoever waits
    assert conductor.incarnation == 9
    assert conductor.step() == "A"
    assert result(run).done


@case("T84")
def test_a_conductor_that_is_restarted_while_paused_stays_paused(conduct: Conduct, log: EventLog) -> None:
    conductor = conduct(track("A"), Script(), spec_options={"policy": FOREVER})
    conductor.pause()
    run = conductor.run(block=False)
    conductor.terminate_child("pool")
    log.wait(AgentRestarted, "/conductor")
    assert conductor.snapshot().active == ("Paused",)
    assert not run.settled
    conductor.resume()
    assert result(run).done


@pytest.mark.threads_only
@case("T84")
def test_what_a_file_has_is_gone_on_with_by_another_conductor(conduct: Conduct, tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    first = conduct(track("A", "B"), Script(), board=path, max_workers=1, name="first")
    first.block("B", "not today")
    assert ran(first).outcome is TrackOutcome.BLOCKED
    first.stop()
    again = Script()
    second = conduct("track", again, board=str(path), name="second")
    assert states(second) == {"A": "completed", "B": "blocked"}
    second.unblock("B")
    assert ran(second).done
    assert again.order == ["B"]


@pytest.mark.threads_only
def test_a_track_that_is_on_the_board_gets_the_tickets_that_it_has_not(conduct: Conduct, tmp_path: Path) -> None:
    path = tmp_path / "board.db"
    first = conduct(track("A"), Script(), board=path, name="first")
    assert ran(first).done
    first.stop()
    second = conduct(track("A", ticket("B", "A")), work := Script(), board=path, name="second")
    assert ran(second).done
    assert work.order == ["B"]


def test_a_board_that_was_given_is_left_open(conduct: Conduct, system: ActorSystem) -> None:
    with Board(clock=system.clock) as board:
        first = conduct(track("A"), Script(), board=board, name="first")
        assert ran(first).done
        result(first.stop(block=False))
        assert board.counts("track")
        second = conduct(track("A", id="other"), Script(), board=board, name="second")
        assert ran(second).done
        assert board.tracks() == ("track", "other")


@pytest.mark.threads_only
def test_a_ticket_that_another_process_has_killed_is_given_up_here(
    conduct: Conduct, told: Told, tmp_path: Path
) -> None:
    path = tmp_path / "board.db"

    def work(job: Job) -> Any:
        yield job.sleep(1e6)

    conductor = conduct(track("A"), work, board=path)
    run = conductor.run(block=False)
    told.wait_told("task_assigned", "A")
    with Board(path) as other:  # as another process would
        other.kill("track", "A", "from afar")
        assert result(run).reasons == {"A": "from afar"}
    assert told.kinds("A", "task_killed") == ["task_killed"]


@case("T88")
def test_a_reviewer_that_is_restarted_over_a_review_loses_no_ticket(conduct: Conduct, told: Told) -> None:
    calls = Trace()

    def review(request: Any) -> bool:
        calls.note(request.work_package_id)
        if len(calls.notes) == 1:
            raise Fatal("what was that")
        return True

    conductor = conduct(
        track("A", reviewer_required=True), Script("done"), reviewer=ChildSpec(Reviewer, args=(review,))
    )
    assert ran(conductor).done
    assert calls.notes == ["track/A/1"] * 2
    assert told.steps("A")[-1] == ("review", "completed")


@case("T87")
def test_work_is_reviewed_and_reworked_by_the_same_worker_and_completed_once_it_is_approved(
    conduct: Conduct, told: Told
) -> None:
    rounds = Trace()

    def work(job: Job) -> str:
        rounds.note((job.path, job.feedback.comments if job.feedback else ()))
        return "done"

    def review(request: Any) -> Any:
        return "add a test" if len(rounds.notes) == 1 else True

    conductor = conduct(track("A", reviewer_required=True), work, reviewer=ChildSpec(Reviewer, args=(review,)))
    assert ran(conductor).done
    assert rounds.notes == [("/conductor/pool/w-1", ()), ("/conductor/pool/w-1", ("add a test",))]
    assert told.steps("A") == [
        ("ready", "in_progress"),
        ("in_progress", "review"),
        ("review", "in_progress"),
        ("in_progress", "review"),
        ("review", "completed"),
    ]
    assert [each.event_type for each in told.notes if each.event_type.startswith("reviewer_")] == [
        "reviewer_handoff",
        "reviewer_rejection",
        "reviewer_handoff",
        "reviewer_approval",
    ]


def test_a_board_that_cannot_be_written_even_to_be_closed_is_gone_on_with_once_it_can(
    conduct: Conduct, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = {"complete": 1, "leave": 2}  # the end of an attempt; on the failure, and when the board is closed

    def fail_at_first(name: str) -> None:
        method = getattr(Board, name)

        def instead(board: Board, *args: Any) -> Any:
            if failing[name]:
                failing[name] -= 1
                raise OSError("the disk is full")
            return method(board, *args)

        monkeypatch.setattr(Board, name, instead)

    for name in failing:
        fail_at_first(name)
    options = {"board": tmp_path / "crew.board", "spec_options": {"policy": FOREVER}}
    conductor = conduct(track("A", "B"), Script(), max_workers=1, **options)
    assert ran(conductor).done
    assert failing == {"complete": 0, "leave": 0}
    assert conductor.incarnation == 2


def test_a_run_whose_conductor_ends_for_good_by_a_failure_is_answered_with_that(conduct: Conduct) -> None:
    def work(job: Job) -> Any:
        yield job.sleep(1e6)

    conductor = conduct(track("A"), work)
    run = conductor.run(block=False)
    conductor.terminate_child("pool")  # it cannot go on without it
    with pytest.raises(AgentStoppedError):
        result(run)
    assert not conductor.is_alive()
