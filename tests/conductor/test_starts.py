"""Does a ticket whose start needs approval start when it is given, and only then?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem
from actors.approvals import ApprovalClosedError, Approver, ApproverRef
from actors.board import Board
from actors.conductor import TrackOutcome
from actors.testkit import Probe
from actors.typed import ApprovalAnswer, ApprovalRequest
from actors.work import Job
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Script, Told, ran, states, ticket, track
from tests.core.helpers import result
from tests.core.scripted import FOREVER

case = pytest.mark.system_case


@pytest.fixture
def approver(system: ActorSystem) -> ApproverRef:
    ref = system.spawn(Approver, name="approver")
    assert isinstance(ref, ApproverRef)
    return ref


@case("T76")
@case("D3.8")
def test_without_auto_queue_a_ticket_waits_until_its_start_is_approved_and_is_told_of_once(
    conduct: Conduct, told: Told
) -> None:
    work = Script()
    conductor = conduct(track("A", "B", auto_queue=False), work)
    run = conductor.run(block=False)
    told.wait_told("mission_work_held", "B")
    assert states(conductor) == {"A": "awaiting_approval", "B": "awaiting_approval"}
    assert conductor.snapshot().active == ("Awaiting Approval: A", "Awaiting Approval: B")
    assert work.jobs == []
    assert conductor.approve_start("B", "another prompt")
    told.wait_told("mission_work_completed", "B")
    assert not conductor.approve_start("B")
    assert not conductor.approve_start("X")
    assert conductor.approve_start("A")
    assert result(run).done
    assert work.of("B", "prompt") == ["another prompt"]
    assert work.order == ["B", "A"]
    assert len(told.of("mission_work_held")) == 2


@case("T76")
def test_step_starts_one_ticket_after_the_other(conduct: Conduct, told: Told) -> None:
    work = Script()
    conductor = conduct(track("A", ticket("B", "A"), auto_queue=False), work)
    run = conductor.run(block=False)
    told.wait_told("mission_work_held", "A")
    assert conductor.step() == "A"
    told.wait_told("mission_work_held", "B")
    assert conductor.step() == "B"
    assert result(run).done
    assert conductor.step() is None
    assert work.order == ["A", "B"]


@case("T76")
@case("T77")
@case("D3.8")
def test_a_ticket_in_step_mode_asks_the_approver_once_and_starts_with_the_edited_prompt(
    conduct: Conduct, approver: ApproverRef, told: Told
) -> None:
    work = Script(A=[ValueError("once"), "done"])
    conductor = conduct(track(ticket("A", step_mode=True), "B"), work, approver=approver)
    run = conductor.run(block=False)
    told.wait_told("approval_state_changed")
    (request,) = approver.pending()
    assert (request.action, request.task_id, request.mission_id) == ("start", "A", "track")
    assert request.payload == {"prompt": "do A", "model": "gemini-2.5-flash-lite", "role": "Tier 3 Worker"}
    assert work.of("A", "prompt") == []
    approver.approve(request.id, {**request.payload, "prompt": "do A gently"})
    assert result(run).done
    assert work.of("A", "prompt") == ["do A gently"] * 2  # approved once, for all attempts
    assert [str(each.state) for each in approver.all()] == ["consumed"]


@case("T77")
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda approver, id: approver.deny(id), "Spawn rejected by user."),
        (lambda approver, id: approver.deny(id, "too dear"), "Spawn rejected by user. (too dear)"),
    ],
    ids=["plain", "with a reason"],
)
def test_a_start_that_is_refused_blocks_the_ticket(
    conduct: Conduct, approver: ApproverRef, told: Told, answer: Any, reason: str
) -> None:
    work = Script()
    conductor = conduct(track(ticket("A", step_mode=True), ticket("B", "A")), work, approver=approver)
    run = conductor.run(block=False)
    told.wait_told("approval_state_changed")
    answer(approver, approver.pending()[0].id)
    end = result(run)
    assert end.outcome is TrackOutcome.BLOCKED
    assert end.reasons["A"] == reason
    assert work.jobs == []
    assert told.steps("A") == [("ready", "awaiting_approval"), ("awaiting_approval", "blocked")]


def test_a_start_that_is_aborted_kills_the_ticket(conduct: Conduct, approver: ApproverRef, told: Told) -> None:
    conductor = conduct(track(ticket("A", step_mode=True)), Script(), approver=approver)
    run = conductor.run(block=False)
    told.wait_told("approval_state_changed")
    approver.abort(approver.pending()[0].id, "drop it")
    assert result(run).reasons == {"A": "drop it"}
    assert states(conductor) == {"A": "killed"}


@case("T77")
@case("D3.18")
def test_no_answer_by_the_deadline_is_a_no_and_a_late_one_changes_nothing(
    conduct: Conduct, approver: ApproverRef, told: Told, clock: Any
) -> None:
    work = Script()
    conductor = conduct(track(ticket("A", step_mode=True)), work, approver=approver, approval_timeout=60.0)
    run = conductor.run(block=False)
    told.wait_told("approval_state_changed")
    (request,) = approver.pending()
    clock.advance_once_due(60.1)
    end = result(run)
    assert end.reasons == {"A": "No answer to the request to start it."}
    with pytest.raises(ApprovalClosedError):
        approver.approve(request.id)
    assert states(conductor) == {"A": "blocked"}
    assert work.jobs == []


@case("T77")
def test_without_an_approver_all_is_approved(conduct: Conduct) -> None:
    def work(job: Job) -> Any:
        answer = yield job.approve("deploy")
        return answer.outcome

    conductor = conduct(track(ticket("A", step_mode=True)), work)
    assert ran(conductor).done


@case("T78")
def test_in_step_mode_each_tool_asks_and_one_that_is_refused_does_not_run(
    conduct: Conduct, approver: ApproverRef, told: Told
) -> None:
    ran_tools = []

    def tool(path: str) -> str:
        ran_tools.append(path)
        return f"wrote {path}"

    def work(job: Job) -> Any:
        first = yield job.tool("write", tool, path="a")
        second = yield job.tool("write", tool, path="b")
        return f"{first}; {second}"

    conductor = conduct(track(ticket("A", step_mode=True)), work, approver=approver)
    run = conductor.run(block=False)
    for number, say in enumerate(("approve", "approve", "deny")):
        told.wait_until(
            lambda _, n=number: sum(e.new_state == "pending" for e in told.of("approval_state_changed")) > n
        )
        (request,) = approver.pending()
        getattr(approver, say)(request.id)
    assert result(run).done
    assert ran_tools == ["a"]
    board = conductor._places.board  # type: ignore[union-attr]
    assert board is not None
    (receipt,) = board.receipts("track", "A")
    assert receipt.text.startswith("wrote a; ")
    assert "wrote b" not in receipt.text


def test_a_ticket_that_was_refused_and_unblocked_asks_anew(conduct: Conduct, approver: ApproverRef, told: Told) -> None:
    conductor = conduct(track(ticket("A", step_mode=True)), Script(), approver=approver)
    run = conductor.run(block=False)
    told.wait_told("approval_state_changed")
    approver.deny(approver.pending()[0].id)
    assert not result(run).done
    conductor.unblock("A")
    run = conductor.run(block=False)
    told.wait_told("mission_work_held", "A", times=2)
    told.wait_told_asked(2)
    approver.approve(approver.pending()[0].id)
    assert result(run).done


def test_whoever_approves_may_be_any_agent(conduct: Conduct, system: ActorSystem) -> None:
    boss = Probe(system, "boss")
    work = Script()
    conductor = conduct(track(ticket("A", step_mode=True), ticket("B", step_mode=True)), work, approver=boss.ref)
    run = conductor.run(block=False)
    asked = [boss.expect(ApprovalRequest), boss.expect(ApprovalRequest)]
    for request in asked:
        is_first = request.task_id == "A"
        boss.reply(ApprovalAnswer(task_id=request.task_id, outcome="approved" if is_first else "refused"), to=request)
    assert result(run).reasons == {"B": "Spawn rejected by user."}
    assert work.order == ["A"]


def test_an_approver_that_is_not_there_any_more_has_not_approved(conduct: Conduct, approver: ApproverRef) -> None:
    result(approver.stop(block=False))
    end = ran(conduct(track(ticket("A", step_mode=True)), Script(), approver=approver))
    assert end.reasons["A"].startswith("No answer to the request to start it. (AgentStoppedError")


def test_only_so_many_tickets_await_approval_at_a_time(conduct: Conduct, told: Told) -> None:
    conductor = conduct(track(*(f"T{number}" for number in range(150)), auto_queue=False), Script())
    run = conductor.run(block=False)
    told.wait_told("mission_work_held", times=100)
    assert len(conductor.snapshot().awaiting_approval) == 100
    for _ in range(150):
        assert conductor.step() is not None
    assert result(run).done
    assert len(told.of("mission_work_held")) == 150


def test_a_run_after_a_stop_goes_on_with_the_request_that_is_open(
    conduct: Conduct, approver: ApproverRef, told: Told
) -> None:
    conductor = conduct(track(ticket("A", step_mode=True)), Script(), approver=approver)
    stopped = conductor.run(block=False)
    told.wait_told_asked(1)
    conductor.halt("for today")
    assert result(stopped).outcome is TrackOutcome.STOPPED
    run = conductor.run(block=False)
    conductor.snapshot()
    (request,) = approver.pending()
    approver.approve(request.id)
    assert result(run).done
    assert told.asked == 1


def test_a_ticket_that_was_refused_and_is_unblocked_is_asked_about_anew_also_after_a_restart(
    conduct: Conduct, approver: ApproverRef, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    conductor = conduct(
        track(ticket("A", step_mode=True)), Script(), approver=approver, spec_options={"policy": FOREVER}
    )
    run = conductor.run(block=False)
    told.wait_told_asked(1)
    approver.deny(approver.pending()[0].id)
    assert result(run).outcome is TrackOutcome.BLOCKED

    def fail(*_: object) -> None:
        raise RuntimeError("torn")

    with monkeypatch.context() as patch:
        patch.setattr(Board, "usage", fail)
        with pytest.raises(RuntimeError):
            conductor.usage()
    conductor.unblock("A")
    run = conductor.run(block=False)
    told.wait_told_asked(2)
    (request,) = approver.pending()
    assert request.key == "track/A/start/2"
    approver.approve(request.id)
    assert result(run).done
    assert conductor.incarnation == 2
