"""Does a worker that is interrupted stand still, whatever it is at, and go on when it is to?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import HandlerTimeout
from actors.testkit import Gate, Probe
from actors.typed import AdditionalContext, ApprovalAnswer, ApprovalRequest, Cancel, ReviewFeedback, ReviewRequest
from actors.work import CancelledEnd, CancelToken, Completed, Job, Worker
from tests.core.clocks import WatchedClock
from tests.core.helpers import EventLog, Trace, answer, result
from tests.work.conftest import Start
from tests.work.standing import ONE_ATTEMPT, looking, looks, steps_of, stood
from tests.work.tickets import BOTH_WAYS, asked, assignment

case = pytest.mark.system_case
YES = ApprovalAnswer(task_id="T1", outcome="approved")


# -- standing still --------------------------------------------------------------------------


@case("T99")
@case("D4.7")
@BOTH_WAYS
def test_interrupted_work_goes_no_further_until_it_is_resumed(
    start: Start, clock: WatchedClock, log: EventLog, trace: Trace, written: Any
) -> None:
    gate = Gate()
    ref = start(written(looking(gate, trace)))
    assert ref.work_state == "idle"
    end = asked(ref)
    gate.reached()
    assert ref.work_state == "working"
    assert ref.interrupt("let me look")
    assert ref.work_state == "paused"
    gate.open()
    clock.settle()
    assert trace.notes == ["begun"]
    ref.resume()
    assert result(end).text == "attempt 1"
    assert trace.notes == ["begun", "gone on"]
    assert ref.work_state == "idle"
    assert steps_of(log) == [
        ("agent_state_changed", "idle", "working"),
        ("agent_interrupted", "working", "paused"),
        ("agent_state_changed", "paused", "working"),
        ("agent_state_changed", "working", "idle"),
    ]
    records = stood(log)
    assert {(each.agent_id, each.task_id, each.mission_id) for each in records} == {("/worker", "T1", "track")}
    assert [each.message for each in records] == [None, "let me look", None, None]


@pytest.mark.parametrize(
    "look",
    [
        lambda job: job.check(),
        lambda job: job.progress("half"),
        lambda job: job.spend(1),
        lambda job: job.tool("read", lambda: None).get(),
        lambda job: job.act("write", lambda: None).get(),
    ],
    ids=["check", "progress", "spend", "tool", "act"],
)
def test_a_function_stands_still_wherever_it_looks(start: Start, clock: WatchedClock, trace: Trace, look: Any) -> None:
    gate = Gate()

    def work(job: Job) -> None:
        gate.wait()
        look(job)
        trace.note("gone on")

    ref = start(work)
    end = asked(ref)
    gate.reached()
    ref.interrupt()
    gate.open()
    clock.settle()
    assert trace.notes == []
    ref.resume()
    result(end)
    assert trace.notes == ["gone on"]


@BOTH_WAYS
def test_a_tool_whose_approval_comes_meanwhile_waits(
    start: Start, clock: WatchedClock, trace: Trace, approver: Probe, written: Any
) -> None:
    def steps(job: Job) -> Any:
        return (yield job.act("deploy", lambda: trace.note("deployed") or "deployed"))

    ref = start(written(steps))
    end = asked(ref, approver=approver)
    approver.expect(ApprovalRequest)
    ref.interrupt()
    approver.reply(YES)
    clock.settle()
    assert trace.notes == []
    ref.resume()
    assert result(end).text == "deployed"
    assert trace.notes == ["deployed"]


def test_finished_work_waits_with_its_review(start: Start, clock: WatchedClock, reviewer: Probe) -> None:
    gate = Gate()

    def work(job: Job) -> str:
        gate.wait()
        return "done"

    ref = start(work)
    end = asked(ref, reviewer=reviewer)
    gate.reached()
    ref.interrupt()
    gate.open()
    reviewer.expect(ReviewRequest)  # as far as it comes without another step
    reviewer.reply(ReviewFeedback(work_package_id="track/T1/1", approved=True))
    clock.settle()
    assert not end.settled
    ref.resume()
    assert result(end).text == "done"


@BOTH_WAYS
def test_work_that_has_no_further_step_ends_and_the_worker_stays_interrupted(
    start: Start, log: EventLog, written: Any
) -> None:
    gate = Gate()

    def steps(job: Job) -> Any:
        gate.wait()
        return "done"
        yield

    ref = start(written(steps))
    end = asked(ref)
    gate.reached()
    ref.interrupt()
    gate.open()
    assert result(end).text == "done"
    assert ref.work_state == "paused"
    ref.resume()
    assert ref.work_state == "idle"
    assert steps_of(log)[-2:] == [
        ("agent_interrupted", "working", "paused"),
        ("agent_state_changed", "paused", "idle"),
    ]


# -- what comes meanwhile --------------------------------------------------------------------


@BOTH_WAYS
def test_assignments_wait_while_it_is_interrupted_in_their_order(
    start: Start, clock: WatchedClock, log: EventLog, trace: Trace, written: Any
) -> None:
    def steps(job: Job) -> Any:
        trace.note(job.ticket.id)
        yield
        return job.ticket.id

    ref = start(written(steps))
    assert ref.interrupt()
    ends = [asked(ref, name) for name in ("A", "B", "C")]
    clock.settle()
    assert trace.notes == []
    assert ref.work_state == "paused"
    ref.resume()
    assert [result(end).text for end in ends] == trace.notes == ["A", "B", "C"]
    paused = [("agent_interrupted", "idle", "paused"), ("agent_state_changed", "paused", "idle")]
    assert steps_of(log) == paused + 3 * ONE_ATTEMPT


def test_a_worker_that_is_told_an_assignment_leaves_it_too(start: Start, trace: Trace, clock: WatchedClock) -> None:
    ref = start(lambda job: trace.note(job.ticket.id))
    ref.interrupt()
    ref.tell(assignment("A"))
    clock.settle()
    assert trace.notes == []
    ref.resume()
    trace.wait_for("A")


def test_mail_is_handled_meanwhile(start: Start) -> None:
    class Answering(Worker):
        def on_message(self, message: Any) -> Any:
            return f"got {message}"

    ref = start(lambda job: None, kind=Answering)
    ref.interrupt()
    ends = asked(ref, "A"), asked(ref, "B")
    assert answer(ref, "a question") == "got a question"
    ref.resume()
    assert [result(end) for end in ends] == [result(asked(ref)), result(asked(ref))]


def test_mail_is_handled_between_two_steps_and_heard_after_it_goes_on(start: Start, clock: WatchedClock) -> None:
    gate = Gate()

    def work(job: Job) -> Any:
        gate.wait()
        yield
        return ", ".join(sorted(getattr(each, "content", each) for each in job.received()))

    ref = start(work)
    end = asked(ref)
    gate.reached()
    ref.interrupt()
    gate.open()
    ref.tell("anything")
    ref.tell(AdditionalContext(content="more"))
    assert answer(ref, "a question") is None
    ref.resume()
    assert result(end).text == "a question, anything, more"


@BOTH_WAYS
@pytest.mark.parametrize("how", ["token", "ref", "message"])
def test_a_cancel_ends_the_work_at_once(
    start: Start, clock: WatchedClock, log: EventLog, trace: Trace, written: Any, how: str
) -> None:
    gate = Gate()
    token = CancelToken()
    ref = start(written(looking(gate, trace)))
    end = asked(ref, cancel=token)
    gate.reached()
    ref.interrupt()
    gate.open()
    clock.settle()
    if how == "token":
        token.cancel("enough")
    elif how == "ref":
        ref.cancel("enough")
    else:
        ref.tell(Cancel(reason="enough"))
    ended = result(end)
    assert isinstance(ended, CancelledEnd)
    assert ended.reason == "enough"
    assert trace.notes == ["begun"]
    assert ref.work_state == "paused"
    ref.resume()
    assert steps_of(log)[1:] == [
        ("agent_interrupted", "working", "paused"),
        ("agent_state_changed", "paused", "idle"),
    ]


@BOTH_WAYS
def test_a_cancel_ends_what_waits_to_be_begun_and_nothing_else(start: Start, trace: Trace, written: Any) -> None:
    def steps(job: Job) -> Any:
        trace.note(job.ticket.id)
        yield

    ref = start(written(steps))
    ref.interrupt()
    first, second = asked(ref, "A"), asked(ref, "B")
    ref.tell(Cancel(reason="not needed", task_id="A"))
    assert isinstance(result(first), CancelledEnd)
    assert not second.settled
    ref.resume()
    assert isinstance(result(second), Completed)
    assert trace.notes == ["B"]


@BOTH_WAYS
def test_its_deadline_does_not_pass(start: Start, clock: WatchedClock, trace: Trace, written: Any) -> None:
    gate = Gate()
    ref = start(written(looking(gate, trace)), deadline=5.0)
    end = asked(ref)
    gate.reached()
    ref.interrupt()
    gate.open()
    clock.settle()
    for _ in range(10):
        clock.advance(2.5)
    assert not end.settled
    ref.resume()
    assert result(end).text == "attempt 1"
    assert ref.incarnation == 1


def test_its_deadline_holds_again_once_it_goes_on(start: Start, clock: WatchedClock) -> None:
    before, hang = Gate(), Gate("hang")

    def work(job: Job) -> None:
        looks(before, job)
        hang.wait()

    with hang:
        ref = start(work, deadline=5.0)
        end = asked(ref)
        before.reached()
        ref.interrupt()
        before.open()
        clock.settle()
        clock.advance(2.5)
        ref.resume()
        hang.reached()
        clock.advance(2.5)
        assert not end.settled
        clock.advance(5.0)
        with pytest.raises(HandlerTimeout):
            result(end)
