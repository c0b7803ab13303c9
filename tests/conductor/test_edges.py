"""What if somebody says to a conductor, or to its workers, what they should not, or too late?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem, ChildSpec, Mailbox, StartFailedError
from actors.board import Board
from actors.conductor import Conductor, TakeSnapshot, TellUsage
from actors.guard import UsageByTier
from actors.testkit import Gate, Probe
from actors.typed import ApprovalAnswer, ApprovalRequest, Cancel, NeedsDecision, ProgressReport
from actors.work import InReview, Job, Spent, Worker
from tests.conductor.conftest import Conduct
from tests.conductor.test_questions import asking, wants
from tests.conductor.tracks import Script, Told, ran, states, ticket, track
from tests.core.helpers import Trace, result
from tests.core.helpers import Worker as Other

case = pytest.mark.system_case


def test_a_ticket_that_somebody_else_has_its_worker_give_up_is_tried_again_as_one_that_failed(
    conduct: Conduct, system: ActorSystem
) -> None:
    began = Trace()

    def work(job: Job) -> Any:
        began.note(job.attempt)
        if job.attempt == 1:
            yield job.sleep(1e6)
        return job.previous_attempt

    conductor = conduct(track("A"), work)
    run = conductor.run(block=False)
    began.wait_for(1)
    worker = system.find("/conductor/pool/w-1")
    assert worker is not None
    worker.tell(Cancel(reason="I said so", task_id="A"))
    assert result(run).done
    assert conductor.snapshot().ticket("A").retry_count == 1


def test_what_is_said_of_attempts_that_are_over_or_of_none_changes_nothing(conduct: Conduct, told: Told) -> None:
    conductor = conduct(track("A"), Script())
    assert ran(conductor).done
    before, count = conductor.snapshot(), len(told.notes)
    for message in (
        ProgressReport(agent_id="/nobody", turn=1, summary=""),
        InReview("track", "A", 1, 1, "/nobody", 1),
        Spent("track", "X", 1, 1, "/nobody", UsageByTier()),
    ):
        conductor.tell(message)
    assert conductor.snapshot() == before
    assert len(told.notes) == count


def test_files_are_not_given_to_a_ticket_that_does_not_run(conduct: Conduct, system: ActorSystem) -> None:
    conductor = conduct(track("A"), Script())
    probe = Probe(system, "asker")
    decision = conductor.ask(NeedsDecision(agent_id=probe.path, task_id="A", decision=wants("a.py")), block=False)
    assert result(decision).reason == "A is not in progress"


def test_a_question_of_somebody_who_is_not_there_is_decided_for_nobody(conduct: Conduct, told: Told) -> None:
    conductor = conduct(track("A"), Script())
    conductor.tell(NeedsDecision(agent_id="somebody", task_id="A", decision=wants()))
    assert ran(conductor).done
    assert len(told.of("conductor_escalation")) == 1


def test_whoever_approves_may_be_asked_to_decide_though_it_is_any_agent(
    conduct: Conduct, system: ActorSystem, trace: Any
) -> None:
    boss = Probe(system, "boss")
    run = conduct(track("A"), asking(trace), approver=boss.ref).run(block=False)
    request = boss.expect(ApprovalRequest)
    boss.reply(ApprovalAnswer(task_id="A", outcome="approved", reason="fine"), to=request)
    assert result(run).done
    assert trace.notes == [("A", True, "fine")]


def test_a_worker_may_be_given_as_a_spec(conduct: Conduct) -> None:
    work = Script()
    conductor = conduct(track("A"), ChildSpec(Worker, args=(work,), shutdown=1.0))
    assert ran(conductor).done
    assert work.of("A", "path") == ["/conductor/pool/w-1"]


@pytest.mark.parametrize("work", [ChildSpec(Other), Other], ids=["spec", "class"])
def test_what_is_no_worker_is_refused(system: ActorSystem, work: Any) -> None:
    with pytest.raises(StartFailedError) as refused:
        system.spawn(Conductor, track("A"), work)
    assert isinstance(refused.value.cause, ValueError)
    assert str(refused.value.cause).startswith("work: ")


def test_a_reviewer_may_be_given_as_a_class(conduct: Conduct) -> None:
    from actors.work import Reviewer

    class Lenient(Reviewer):
        def review(self, request: Any) -> bool:
            return True

    conductor = conduct(track("A", reviewer_required=True), Script(), reviewer=Lenient)
    assert ran(conductor).done
    assert [child.name for child in conductor.children()] == ["reviewer", "pool"]


def test_a_worker_whose_result_comes_after_a_halt_changes_nothing(conduct: Conduct) -> None:
    gate = Gate()
    work = Script([gate, "again"])
    conductor = conduct(track("A"), work)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        assert conductor.halt()
        assert result(run).summary.startswith("Stopped")
        assert states(conductor) == {"A": "ready"}
    assert ran(conductor).done
    assert work.of("A", "attempt") == [1, 2]


def test_a_review_that_is_told_of_twice_is_one(conduct: Conduct, told: Told) -> None:
    gate = Gate()

    def work(job: Job) -> None:
        job.tell(InReview(*job.which, 1))
        job.tell(InReview(*job.which, 1))
        gate.wait()

    conductor = conduct(track("A"), work)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        assert states(conductor) == {"A": "review"}
    assert result(run).done
    assert conductor.incarnation == 1
    assert len(told.of("mission_work_in_review", "A")) == 1


@pytest.mark.threads_only
def test_an_answer_about_a_start_that_another_process_has_decided_changes_nothing(
    conduct: Conduct, system: ActorSystem, told: Told, tmp_path: Path
) -> None:
    boss = Probe(system, "boss")
    tickets = (ticket("A", step_mode=True), ticket("B", step_mode=True))
    conductor = conduct(track(*tickets), Script(), approver=boss.ref, board=tmp_path / "board.db")
    run = conductor.run(block=False)
    first, second = boss.expect(ApprovalRequest), boss.expect(ApprovalRequest)
    with Board(tmp_path / "board.db") as other:  # as another process would
        other.kill("track", "A", "from afar")
    boss.reply(ApprovalAnswer(task_id="A", outcome="approved"), to=first)
    boss.reply(ApprovalAnswer(task_id="B", outcome="approved"), to=second)
    assert result(run).reasons == {"A": "from afar"}
    assert conductor.incarnation == 1


def test_an_attempt_that_ends_while_the_mailbox_of_the_conductor_is_full_is_heard_of(
    conduct: Conduct, system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    working, busy = Gate("working"), Gate("busy")
    usage = Board.usage

    def slowly(board: Board, of: str) -> UsageByTier:
        busy.wait()
        return usage(board, of)

    conductor = conduct(track("A"), Script(A=working), spec_options={"mailbox": Mailbox(1)})
    with busy, working:
        run = conductor.run(block=False)
        working.reached()
        monkeypatch.setattr(Board, "usage", slowly)
        asked = conductor.ask(TellUsage(), block=False)
        busy.reached()
        conductor.tell(TakeSnapshot())  # for which there is just room
        worker = system.find("/conductor/pool/w-1")
        assert worker is not None
        working.open()
        result(worker.ask("are you through?", block=False))
        busy.open()
        result(asked)
    assert result(run).done
