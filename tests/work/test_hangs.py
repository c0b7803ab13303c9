"""What becomes of work that hangs, and of what it says too late?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, AgentFuture, AskCycleError, Cancelled, HandlerTimeout, OrphanReturned
from actors.testkit import Gate, Probe
from actors.typed import AdditionalContext, ApprovalAnswer, ApprovalRequest
from actors.work import Completed, Job, Spent, cause_of
from tests.core.clocks import WatchedClock
from tests.core.helpers import EventLog, Trace, result
from tests.work.conftest import Start
from tests.work.tickets import BOTH_WAYS, asked, assignment, done

YES = ApprovalAnswer(task_id="T1", outcome="approved")


@BOTH_WAYS
def test_work_that_hangs_fails_by_its_deadline_and_the_next_attempt_is_done(
    start: Start, clock: WatchedClock, written: Any
) -> None:
    hang = Gate("hang")

    def steps(job: Job) -> Any:
        yield
        if job.attempt == 1:
            hang.wait()
        return f"attempt {job.attempt}"

    with hang:
        ref = start(written(steps), deadline=5.0)
        end = asked(ref)
        hang.reached()
        clock.advance_once_due(5.0)
        with pytest.raises(Exception, match=r"(?s).*") as caught:
            result(end)
        assert isinstance(cause_of(caught.value), HandlerTimeout)
        assert done(ref, assignment(attempt=2)).text == "attempt 2"
        assert ref.incarnation == 2


@BOTH_WAYS
def test_what_comes_of_it_later_changes_nothing(
    start: Start, clock: WatchedClock, log: EventLog, trace: Trace, written: Any, conductor: Probe
) -> None:
    hang = Gate("hang")

    def steps(job: Job) -> Any:
        yield
        if job.attempt == 2:
            return "done"
        job.spend(10, 5)
        hang.wait()
        try:
            job.spend(1000, 500)
        except Cancelled:
            trace.note("fenced")
            raise
        return "late"

    ref = start(written(steps), deadline=5.0)
    end = asked(ref, assignment(conductor=conductor, fence=7))
    hang.reached()
    clock.advance_once_due(5.0)
    with pytest.raises(Exception, match=r"(?s).*"):
        result(end)
    again = done(ref, assignment(attempt=2, fence=8, conductor=conductor))
    hang.open()
    log.wait(OrphanReturned, ref.path)
    assert isinstance(again, Completed)
    assert again.text == "done"
    assert trace.notes == ["fenced"]
    told = conductor.messages
    assert [(each.fence, each.used["Tier 3"].total) for each in told if isinstance(each, Spent)] == [(7, 15)]


@BOTH_WAYS
def test_a_wait_for_an_answer_does_not_count_against_the_deadline(
    start: Start, clock: WatchedClock, written: Any, approver: Probe
) -> None:
    def steps(job: Job) -> Any:
        answer = yield job.approve("deploy")
        return answer.outcome

    ref = start(written(steps), deadline=5.0)
    end = asked(ref, approver=approver)
    approver.expect(ApprovalRequest)
    clock.settle()
    for _ in range(10):
        clock.advance(2.5)
    assert not end.settled
    approver.reply(YES)
    assert result(end).text == "approved"
    assert ref.incarnation == 1


def test_the_deadline_holds_again_after_the_wait(start: Start, clock: WatchedClock, approver: Probe) -> None:
    hang = Gate("hang")

    def work(job: Job) -> Any:
        job.approve("deploy").get()
        hang.wait()

    with hang:
        end = asked(start(work, deadline=5.0), approver=approver)
        approver.expect(ApprovalRequest)
        clock.settle()
        clock.advance(2.5)
        approver.reply(YES)
        hang.reached()
        clock.advance(2.5)
        assert not end.settled
        clock.advance(5.0)
        with pytest.raises(HandlerTimeout):
            result(end)


def test_telling_of_progress_keeps_the_deadline_away(start: Start, clock: WatchedClock) -> None:
    gates = [Gate(f"step {number}") for number in range(4)]

    def work(job: Job) -> str:
        for gate in gates:
            gate.wait()
            job.progress(f"{job.turn} done")
        return f"{job.turn} turns"

    end = asked(start(work, deadline=5.0))
    for gate in gates:
        gate.reached()
        clock.advance(3.0)
        gate.open()
    assert result(end).text == "4 turns"


def test_a_thread_that_was_left_behind_in_a_wait_is_set_free(start: Start, clock: WatchedClock, log: EventLog) -> None:
    """Its future is of nobody whom the worker asked, so it counts as work: but the end of the attempt ends it."""
    waits = Gate("waits")

    def work(job: Job) -> Any:
        future = job.token.hold(AgentFuture[None]())
        waits.wait()
        return future.get() if job.attempt == 1 else "done"

    ref = start(work, deadline=5.0)
    end = asked(ref)
    waits.reached()
    waits.open()
    clock.advance_once_due(5.0)
    with pytest.raises(HandlerTimeout):
        result(end)
    log.wait(OrphanReturned, ref.path)
    assert done(ref, assignment(attempt=2)).text == "done"


def test_nobody_who_waits_in_a_cycle_waits_for_ever(start: Start, system: ActorSystem) -> None:
    def review(job: Job) -> Any:
        other = system.find("/w-2")
        assert other is not None
        return job.ask_of(other, assignment("T2"), timeout=None).get().text

    def ask_back(job: Job) -> Any:
        first = system.find("/w-1")
        assert first is not None
        try:
            return job.ask_of(first, "how far are you?").get()
        except AskCycleError as error:
            return " -> ".join(error.cycle)

    first = start(review, name="w-1")
    start(ask_back, name="w-2")
    assert done(first).text == "/w-2 -> /w-1 -> /w-2"


def test_an_attempt_that_was_given_up_and_ends_late_takes_nothing_away_that_the_next_one_was_told(
    start: Start, clock: WatchedClock, log: EventLog
) -> None:
    hang, heard = Gate("hang"), Gate("heard")

    def work(job: Job) -> Any:
        if job.attempt == 1:
            hang.wait()
            return "late"
        first = job.received()
        heard.wait()
        return [note.content for note in (*first, *job.received())]

    def steps(job: Job) -> str:
        return ",".join(work(job))

    ref = start(steps, deadline=5.0)
    lost = asked(ref)
    hang.reached()
    ref.cancel("it does not look")
    clock.advance_once_due(5.0)
    with pytest.raises(Exception, match=r"(?s).*"):
        result(lost)
    ref.tell(AdditionalContext(content="one"))
    again = asked(ref, assignment(attempt=2))
    heard.reached()
    hang.open()
    log.wait(OrphanReturned, ref.path)
    ref.tell(AdditionalContext(content="two"))
    heard.open()
    assert result(again).text == "one,two"
