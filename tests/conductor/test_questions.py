"""Is every question of a worker answered, whoever is there to decide it?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from actors import ActorSystem
from actors.approvals import Approver
from actors.testkit import Gate, Probe
from actors.typed import AdditionalContext, Decision, GraphNode, NeedsDecision, NodeCreated, NodeStatus, NodeType
from actors.work import Job
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Script, Told, ran, states, ticket, track
from tests.core.helpers import Trace, result

case = pytest.mark.system_case


def asking(trace: Trace, question: Any = "ship it?") -> Any:
    """Work that asks, and notes what it is answered."""

    def work(job: Job) -> Any:
        decision = yield job.decide(question)
        trace.note((job.ticket.id, decision.granted, decision.reason))

    return work


def wants(*files: str) -> GraphNode:
    return GraphNode(
        id="d1", project_id="track", node_type=NodeType.DECISION, title="more files", status=NodeStatus.PENDING,
        created_at=datetime(2026, 1, 1, tzinfo=UTC), metadata={"requested_files": ",".join(files)},
    )  # fmt: skip


@case("T17")
@case("D0.8")
@pytest.mark.parametrize(
    ("answer", "granted", "reason"),
    [
        (True, True, ""),
        (False, False, "refused"),
        ("not on a friday", False, "not on a friday"),
        (Decision(granted=True, reason="go"), True, "go"),
        (None, False, "no decision, but None"),
        (ValueError("hm"), False, "not decided: ValueError: hm"),
    ],
    ids=["yes", "no", "why not", "decision", "nothing", "failure"],
)
def test_a_decider_answers(conduct: Conduct, trace: Trace, answer: Any, granted: bool, reason: str) -> None:
    def decide(question: NeedsDecision) -> Any:
        assert question.decision.title == "ship it?"
        if isinstance(answer, BaseException):
            raise answer
        return answer

    assert ran(conduct(track("A"), asking(trace), decider=decide)).done
    assert trace.notes == [("A", granted, reason)]


@case("D0.8")
def test_a_decider_may_be_an_agent_and_has_so_long(
    conduct: Conduct, system: ActorSystem, trace: Trace, clock: Any
) -> None:
    boss = Probe(system, "boss")
    run = conduct(track("A"), asking(trace), decider=boss.ref, decision_timeout=60.0).run(block=False)
    boss.expect(NeedsDecision)
    clock.advance_once_due(60.0)
    assert result(run).done
    assert trace.notes == [("A", False, "nobody has decided it within 60 s")]


@case("T17")
@case("D0.8")
def test_where_there_is_nobody_to_decide_it_is_refused_and_told_of(conduct: Conduct, trace: Trace, told: Told) -> None:
    assert ran(conduct(track("A"), asking(trace))).done
    assert trace.notes == [("A", False, "nobody is there to decide")]
    (escalation,) = told.of("conductor_escalation")
    assert (escalation.message, escalation.correlation_id) == ("ship it?", "track/A/1/1")


@case("D0.8")
@pytest.mark.parametrize("say", ["approve", "deny"])
def test_where_there_is_no_decider_whoever_approves_decides(
    conduct: Conduct, system: ActorSystem, trace: Trace, told: Told, say: str
) -> None:
    approver = system.spawn(Approver, name="approver")
    run = conduct(track("A"), asking(trace), approver=approver).run(block=False)
    told.wait_told("approval_state_changed")
    (request,) = approver.pending()
    assert (request.action, request.payload["question"]) == ("decide", "ship it?")
    getattr(approver, say)(request.id, reason="because")
    assert result(run).done
    assert trace.notes == [("A", say == "approve", "because")]
    assert len(told.of("conductor_escalation")) == 1


def test_a_worker_gets_the_files_that_nobody_has(conduct: Conduct, trace: Trace) -> None:
    heard = Trace()

    def work(job: Job) -> Any:
        decision = yield job.decide(wants("a.py", "b.py"))
        heard.note((decision.granted, [note.content for note in job.received()]))

    assert ran(conduct(track("A"), work)).done
    assert heard.notes == [(True, ["Scope expanded: you now have access to a.py, b.py"])]


@case("D0.8")
def test_a_worker_does_not_get_a_file_that_another_has(conduct: Conduct, trace: Trace, told: Told) -> None:
    gate = Gate()

    def work(job: Job) -> Any:
        if job.ticket.id == "B":
            gate.wait()
            return
        decision = yield job.decide(wants("b.py"))
        trace.note((decision.granted, decision.reason))

    conductor = conduct(track(ticket("B", files=("b.py",)), ticket("A")), work)
    with gate:
        run = conductor.run(block=False)
        trace.wait_until(lambda notes: notes)
    assert result(run).done
    assert trace.notes == [(False, "FileOwnedError: file b.py is already owned by B")]
    assert told.of("conductor_escalation")[0].message.endswith("file b.py is already owned by B")  # type: ignore[union-attr]


def test_a_question_that_was_told_is_answered_with_a_message(conduct: Conduct, system: ActorSystem) -> None:
    conductor = conduct(track("A"), Script(), decider=lambda question: True)
    probe = Probe(system, "asker")
    conductor.tell(NeedsDecision(agent_id=probe.path, task_id="A", decision=wants()))
    assert probe.expect(Decision) == Decision(task_id="A", granted=True)


def test_a_decider_that_takes_its_time_holds_up_nobody(conduct: Conduct, trace: Trace) -> None:
    gate = Gate()

    def decide(question: Any) -> bool:
        gate.wait()
        return True

    conductor = conduct(track("A", "B"), asking(trace), decider=decide)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        assert conductor.kill("B")
        assert states(conductor) == {"A": "in_progress", "B": "killed"}
    result(run)
    assert trace.notes == [("A", True, "")]


def test_work_may_add_tickets_and_delegate(conduct: Conduct) -> None:
    done = Trace()

    def work(job: Job) -> Any:
        done.note(job.ticket.id)
        if job.ticket.id == "A":
            added = yield job.add_tickets([ticket("B", "A"), ticket("C", "B")])
            again = yield job.add_tickets([ticket("B"), ticket("D")], known_too=True)
            assert (added, again) == (("B", "C"), ("D",))

    assert ran(conduct(track("A"), work)).done
    assert sorted(done.notes) == ["A", "B", "C", "D"]


def test_tickets_that_cannot_be_added_are_the_workers_error(conduct: Conduct) -> None:
    heard = Trace()

    def work(job: Job) -> Any:
        try:
            yield job.add_tickets([ticket("B", "X")])
        except ValueError as error:
            heard.note(str(error))

    conductor = conduct(track("A"), work)
    assert ran(conductor).done
    assert heard.notes == ["item 1: depends_on: ticket B depends on X, which there is not"]
    assert states(conductor) == {"A": "completed"}


def test_a_node_that_a_worker_has_created_is_noted(conduct: Conduct, told: Told) -> None:
    conductor = conduct(track("A"), Script())
    conductor.tell(NodeCreated(agent_id="/w", parent_id="A", node=wants()))
    assert ran(conductor).done
    assert told.of("mission_event")[0].message == "/w has created d1"


def test_what_is_to_be_known_of_the_track_is_heard_by_the_worker_that_it_was_told(
    conduct: Conduct, system: ActorSystem
) -> None:
    gate = Gate()
    heard = Trace()

    def work(job: Job) -> None:
        gate.wait()
        heard.note([note.content for note in job.received()])

    conductor = conduct(track("A"), work)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        worker = system.find(conductor.snapshot().running[0].worker)
        assert worker is not None
        worker.tell(AdditionalContext(content="hurry"))
    assert result(run).done
    assert heard.notes == [["hurry"]]


@pytest.mark.parametrize(
    ("ask", "state"),
    [
        pytest.param(lambda job: job.approve("deploy"), "cancelled", id="of the attempt's own, that made no use of it"),
        pytest.param(lambda job: job.approve("deploy", key="mine"), "approved", id="with a key, for whoever has that"),
        pytest.param(lambda job: job.act("deploy", lambda: None), "consumed", id="of what was done"),
        pytest.param(lambda job: job.decide("ship it?"), "consumed", id="of what was decided"),
    ],
)
def test_what_was_approved_does_not_stay_approved_when_the_attempt_has_ended(
    conduct: Conduct, system: ActorSystem, ask: Any, state: str
) -> None:
    def work(job: Job) -> Any:
        yield ask(job)

    approver = system.spawn(Approver, decider=lambda _: True, name="approver")
    assert ran(conduct(track("A"), work, approver=approver)).done
    (approval,) = approver.all()
    assert approval.state == state
