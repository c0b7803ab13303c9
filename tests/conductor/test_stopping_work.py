"""Is work paused, killed and given up at once, whoever is busy with it?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, AgentStopped
from actors.approvals import ApprovalRequest, Approver
from actors.conductor import TrackOutcome
from actors.guard import Usage
from actors.testkit import Gate
from actors.typed import Cancel, Kill, Pause, Resume
from actors.work import Job
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Fatal, Script, Throttled, Told, ran, states, ticket, track
from tests.core.helpers import EventLog, Trace, result

case = pytest.mark.system_case


def patient(job: Job) -> Any:
    """Waits until it is given up."""
    yield job.sleep(1e6)


@case("T79")
def test_paused_nothing_new_starts_and_what_runs_ends_and_is_booked(conduct: Conduct, told: Told) -> None:
    gate = Gate()

    def work(job: Job) -> None:
        gate.wait()
        job.spend(10, 5)

    conductor = conduct(track("A", "B"), work, max_workers=1)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        assert conductor.pause("lunch")
        assert not conductor.pause()
    told.wait_told("mission_work_completed", "A")
    assert states(conductor) == {"A": "completed", "B": "ready"}
    assert conductor.usage()["Tier 3"] == Usage(10, 5)
    assert conductor.snapshot().active == ("Paused",)
    assert not run.settled
    assert conductor.resume()
    assert not conductor.resume()
    assert result(run).done
    assert told.missions() == [
        ("planning", "running"),
        ("running", "paused"),
        ("paused", "running"),
        ("running", "completed"),
    ]


@case("T79")
@case("D3.20")
def test_a_pause_before_the_run_holds_it(conduct: Conduct) -> None:
    work = Script()
    conductor = conduct(track("A"), work)
    conductor.pause()
    run = conductor.run(block=False)
    assert states(conductor) == {"A": "ready"}
    assert not run.settled
    conductor.resume()
    assert result(run).done


@case("T79")
@case("D3.20")
def test_a_stop_while_paused_ends_the_run(conduct: Conduct, told: Told) -> None:
    conductor = conduct(track("A"), Script())
    conductor.pause()
    run = conductor.run(block=False)
    result(conductor.stop(block=False))
    end = result(run)
    assert end.outcome is TrackOutcome.STOPPED
    assert end.summary == "Stopped: track track. Tasks: 0 completed, 0 failed, 0 blocked. Run it again to resume"
    assert told.missions()[-1] == ("paused", "stopped")


@case("D3.24")
def test_a_stop_gives_back_what_runs_and_leaves_no_worker(conduct: Conduct, told: Told, system: ActorSystem) -> None:
    conductor = conduct(track("A", "B"), patient, max_workers=1)
    run = conductor.run(block=False)
    told.wait_told("task_assigned", "A")
    result(conductor.stop(block=False))
    end = result(run)
    assert end.outcome is TrackOutcome.STOPPED
    assert {str(state) for state, number in end.counts.items() if number} == {"ready"}
    assert told.steps("A")[-1] == ("in_progress", "ready")
    assert told.kinds("A", "task_lost") == ["task_lost"]
    assert system.select("/conductor/**") == []


def test_halted_what_ran_is_ready_again_and_the_next_run_goes_on(conduct: Conduct, told: Told) -> None:
    gate = Gate()

    def work(job: Job) -> Any:
        if job.attempt == 1 and job.ticket.id == "A":
            yield job.sleep(1e6)

    conductor = conduct(track("A", ticket("B", "A")), work)
    assert not conductor.halt()
    run = conductor.run(block=False)
    told.wait_told("task_assigned", "A")
    assert conductor.halt("shutdown")
    assert result(run).outcome is TrackOutcome.STOPPED
    assert states(conductor) == {"A": "ready", "B": "todo"}
    assert conductor.snapshot().ticket("A").retry_count == 0
    gate.open()
    assert ran(conductor).done
    assert told.missions()[-3:] == [("running", "stopped"), ("stopped", "running"), ("running", "completed")]


def test_a_cancel_that_names_no_ticket_ends_the_run_and_one_that_does_kills_it(conduct: Conduct, told: Told) -> None:
    conductor = conduct(track("A", "B"), patient)
    run = conductor.run(block=False)
    told.wait_told("task_assigned", "B")
    conductor.tell(Cancel(reason="not this one", task_id="A"))
    told.wait_told("mission_work_killed", "A")
    conductor.tell(Cancel(reason="shutdown"))
    assert result(run).outcome is TrackOutcome.STOPPED
    assert states(conductor) == {"A": "killed", "B": "ready"}


def test_pause_resume_and_kill_may_be_told_as_messages(conduct: Conduct, told: Told) -> None:
    conductor = conduct(track("A", "B"), Script())
    conductor.tell(Pause(reason="wait"))
    run = conductor.run(block=False)
    conductor.tell(Kill(task_id="A", reason="no"))
    conductor.tell(Resume())
    assert result(run).reasons == {"A": "no"}
    assert states(conductor) == {"A": "killed", "B": "completed"}


# -- kill ------------------------------------------------------------------------------


@case("T80")
@case("D3.17")
@case("D3.14")
def test_a_running_ticket_is_killed_at_once_and_its_late_result_changes_nothing(
    conduct: Conduct, told: Told, log: EventLog
) -> None:
    gate = Gate()
    work = Script(A=gate)
    conductor = conduct(track("A", ticket("B", "A"), "C"), work)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        told.wait_told("mission_work_completed", "C")
        assert conductor.kill("A", "no more")
        assert states(conductor) == {"A": "killed", "B": "blocked", "C": "completed"}
        end = result(run)  # while its worker is still there
    assert end.outcome is TrackOutcome.BLOCKED
    assert end.reasons == {"A": "no more", "B": "blocked by killed task A"}
    assert end.summary == "Tasks: 1 completed, 0 failed, 1 blocked, 1 killed"
    log.wait(AgentStopped, "/conductor/pool/w-1")
    assert states(conductor)["A"] == "killed"
    assert told.steps("A") == [("ready", "in_progress"), ("in_progress", "killed")]
    assert told.kinds("A", "task_killed", "task_completed", "task_failed") == ["task_killed"]


@case("T80")
@case("D3.17")
def test_a_ticket_whose_worker_waits_is_killed_where_it_waits(conduct: Conduct, told: Told) -> None:
    seen = Trace()

    def work(job: Job) -> Any:
        seen.note("began")
        try:
            yield job.sleep(1e6)
        finally:
            seen.note(job.ticket.id)

    conductor = conduct(track("A"), work)
    run = conductor.run(block=False)
    seen.wait_for("began")
    assert conductor.kill("A", "now")
    assert result(run).reasons == {"A": "now"}
    seen.wait_for("A")


@case("T80")
@case("D3.17")
@case("D3.18")
def test_a_ticket_whose_tool_waits_for_approval_is_killed_and_the_request_is_withdrawn(
    conduct: Conduct, system: ActorSystem, told: Told
) -> None:
    approver = system.spawn(Approver, name="approver")

    def work(job: Job) -> Any:
        yield job.approve("deploy")

    conductor = conduct(track("A"), work, approver=approver)
    run = conductor.run(block=False)
    told.wait_told("approval_state_changed")
    assert [each.action for each in approver.pending()] == ["deploy"]
    assert conductor.kill("A", "too risky")
    assert result(run).reasons == {"A": "too risky"}
    assert approver.pending() == ()
    assert [str(each.state) for each in approver.all()] == ["cancelled"]


@case("T80")
def test_a_ticket_whose_start_waits_for_approval_is_killed_and_the_request_is_withdrawn(
    conduct: Conduct, system: ActorSystem, told: Told
) -> None:
    approver = system.spawn(Approver, name="approver")
    work = Script()
    conductor = conduct(track(ticket("A", step_mode=True)), work, approver=approver)
    run = conductor.run(block=False)
    told.wait_told("approval_state_changed")
    assert conductor.kill("A", "no")
    assert result(run).reasons == {"A": "no"}
    assert approver.pending() == ()
    assert work.jobs == []
    assert told.steps("A") == [("ready", "awaiting_approval"), ("awaiting_approval", "killed")]


@case("T80")
def test_a_ticket_that_waits_for_its_turn_is_killed_and_never_started(conduct: Conduct) -> None:
    gate = Gate()
    work = Script(gate)
    conductor = conduct(track("A", "B", ticket("C", "B")), work, max_workers=1)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        assert conductor.kill("B", "not needed")
        assert states(conductor) == {"A": "in_progress", "B": "killed", "C": "blocked"}
    assert result(run).reasons == {"B": "not needed", "C": "blocked by killed task B"}
    assert work.order == ["A"]


@case("T80")
def test_to_kill_a_ticket_that_is_not_there_or_has_ended_changes_nothing(conduct: Conduct, told: Told) -> None:
    conductor = conduct(track("A", "B"), Script(B=Fatal("no")))
    ran(conductor)
    before = conductor.snapshot()
    count = len(told.notes)
    assert not conductor.kill("X", "unknown")
    assert not conductor.kill("A", "completed")
    assert not conductor.kill("B", "failed")
    assert conductor.snapshot() == before
    assert len(told.notes) == count


@case("T80")
def test_a_ticket_that_is_ready_for_the_worker_of_its_last_attempt_is_killed_too(
    conduct: Conduct, told: Told, clock: Any
) -> None:
    from policies import Backoff, Restart, RetryableOnly

    work = Script(Throttled("429"))
    policy = RetryableOnly(restart=Restart(backoff=Backoff(10.0)))
    conductor = conduct(track("A"), work, policy=policy)
    run = conductor.run(block=False)
    told.wait_told("mission_work_returned", "A")
    assert states(conductor) == {"A": "ready"}  # its worker is backing off
    assert conductor.kill("A", "enough")
    assert result(run).reasons == {"A": "enough"}
    assert work.of("A", "attempt") == [1]


@case("T79")
def test_all_that_is_asked_of_a_conductor_is_answered_while_all_workers_are_busy(conduct: Conduct) -> None:
    gate = Gate()
    conductor = conduct(track(*"ABCDEF"), Script(gate), max_workers=4)
    with gate:
        run = conductor.run(block=False)
        gate.reached(4)
        assert conductor.pause()
        assert conductor.kill("E")
        conductor.block("F", "later")
        conductor.add(ticket("G"))
        assert states(conductor) == {
            **dict.fromkeys("ABCD", "in_progress"),
            "E": "killed",
            "F": "blocked",
            "G": "ready",
        }
        assert conductor.resume()
    assert result(run).outcome is TrackOutcome.BLOCKED


# -- usage -----------------------------------------------------------------------------


@case("T81")
@case("D3.11")
def test_what_is_used_adds_up_by_tier_the_killed_and_failed_included(conduct: Conduct, told: Told) -> None:
    def work(job: Job) -> Any:
        job.spend(100, 50)
        if job.ticket.id == "killed":
            yield job.sleep(1e6)
        if job.ticket.id == "failed":
            raise Fatal("no")

    conductor = conduct(track("A", "B", "killed", "failed", max_retries=0), work, max_workers=4)
    run = conductor.run(block=False)
    told.wait_until(lambda _: len(told.of("usage_reported")) == 4)
    told.wait_told("mission_work_completed", "B")
    conductor.kill("killed")
    end = result(run)
    assert end.usage["Tier 3"] == Usage(400, 200)
    assert end.usage.total == Usage(400, 200)
    assert end.usage.unknown == ()


@case("T81")
def test_a_tier_that_is_not_known_is_counted_apart(conduct: Conduct) -> None:
    def work(job: Job) -> None:
        job.spend(1, 2, tier="Tier 9")
        job.spend(3, 4)

    end = ran(conduct(track("A"), work))
    assert end.usage.unknown == ("Tier 9",)
    assert end.usage["Tier 9"] == Usage(1, 2)
    assert end.usage["Tier 3"] == Usage(3, 4)


@case("T81")
def test_what_a_killed_worker_still_tells_is_booked_once(conduct: Conduct, log: EventLog) -> None:
    gate = Gate()

    def work(job: Job) -> None:
        job.book(Usage(1, 1))
        gate.wait()
        job.book(Usage(10, 10))

    conductor = conduct(track("A"), work)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        conductor.kill("A")
        assert result(run).usage["Tier 3"] == Usage(1, 1)
    log.wait(AgentStopped, "/conductor/pool/w-1")
    assert conductor.usage()["Tier 3"] == Usage(11, 11)


def test_a_request_for_approval_is_no_message_of_a_conductors(conduct: Conduct, system: ActorSystem) -> None:
    conductor = conduct(track("A"), Script())
    conductor.tell(ApprovalRequest(task_id="A", action="x"))
    assert ran(conductor).done
    assert conductor.incarnation == 1
