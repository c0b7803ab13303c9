"""Is work given up at once, wherever it is or waits?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorSystem, AgentFuture, AskTimeout, Cancelled, DeadLetter
from actors.approvals import ApprovalState, Approver
from actors.guard import Stuck
from actors.testkit import Gate, Probe
from actors.typed import AdditionalContext, ApprovalRequest, Cancel, NeedsDecision, ReviewRequest
from actors.work import CancelledEnd, CancelToken, Completed, Job, Spent, Worker
from tests.core.clocks import WatchedClock
from tests.core.helpers import EventLog, Trace, result
from tests.work.conftest import Start
from tests.work.tickets import BOTH_WAYS, asked, assignment, done

WAITS: dict[str, Callable[[Job], AgentFuture[Any]]] = {
    "approval": lambda job: job.approve("deploy", {"to": "production"}),
    "decision": lambda job: job.decide("which of them?"),
    "review": lambda job: job.review(("a.py",)),
    "tool": lambda job: job.tool("write", lambda: "never"),
    "sleep": lambda job: job.sleep(3600.0),
}


@BOTH_WAYS
@pytest.mark.parametrize("what", list(WAITS))
@pytest.mark.system_case("D3.17")
def test_a_wait_ends_at_once(
    start: Start, trace: Trace, written: Any, what: str, conductor: Probe, approver: Probe, reviewer: Probe
) -> None:
    def steps(job: Job) -> Any:
        trace.note("waits")
        try:
            yield WAITS[what](job)
        except Cancelled as error:
            trace.note(str(error))
            raise
        trace.note("went on")

    given = assignment(conductor=conductor, approver=approver, reviewer=reviewer, step_mode=True)
    end = asked(start(written(steps)), given)
    for probe, kind in ((approver, ApprovalRequest), (conductor, NeedsDecision), (reviewer, ReviewRequest)):
        if (what, kind) in _ASKED:
            probe.expect(kind)
    trace.wait_for("waits")
    assert given.cancel.cancel("enough")
    assert result(end).reason == "enough"
    assert trace.notes == ["waits", "given up: enough"]


_ASKED = {
    ("approval", ApprovalRequest),
    ("tool", ApprovalRequest),
    ("decision", NeedsDecision),
    ("review", ReviewRequest),
}


@BOTH_WAYS
def test_an_answer_that_comes_after_the_end_is_a_dead_letter_and_changes_nothing(
    start: Start, log: EventLog, written: Any, approver: Probe
) -> None:
    def steps(job: Job) -> Any:
        yield job.approve("deploy")

    given = assignment(approver=approver)
    end = asked(start(written(steps)), given)
    approver.expect(ApprovalRequest)
    given.cancel.cancel("enough")
    assert isinstance(result(end), CancelledEnd)
    assert not approver.reply("too late")
    assert log.wait(DeadLetter, approver.path).message == "too late"


@BOTH_WAYS
def test_what_was_asked_of_an_approver_is_withdrawn(start: Start, system: ActorSystem, written: Any) -> None:
    ref = system.spawn(Approver, name="keeper")
    gate = Gate("asked")

    def steps(job: Job) -> Any:
        answer = job.approve("deploy")
        gate.wait()
        yield answer

    given = assignment(approver=ref)
    end = asked(start(written(steps)), given)
    gate.reached()
    assert [each.action for each in ref.pending()] == ["deploy"]
    gate.open()
    given.cancel.cancel("enough")
    assert isinstance(result(end), CancelledEnd)
    assert [each.state for each in ref.all()] == [ApprovalState.CANCELLED]


def test_a_request_with_a_key_of_its_own_is_left_to_the_next_attempt(
    start: Start, system: ActorSystem, trace: Trace
) -> None:
    ref = system.spawn(Approver, name="keeper")

    def work(job: Job) -> Any:
        answer = job.approve("deploy", key="release 7")
        trace.note(job.attempt)
        if job.attempt == 1:
            raise OSError("no disk")
        return (yield answer).outcome

    worker = start(work)
    with pytest.raises(OSError, match="no disk"):
        done(worker, approver=ref)
    end = asked(worker, assignment(approver=ref, attempt=2))
    trace.wait_for(2)
    (pending,) = ref.pending()
    ref.approve(pending.id)
    assert result(end).text == "approved"
    assert len(ref.all()) == 1


@BOTH_WAYS
@pytest.mark.system_case("D3.17")
def test_work_that_was_given_up_before_it_began_does_not_begin(start: Start, trace: Trace, written: Any) -> None:
    def steps(job: Job) -> Any:
        trace.note("began")
        yield

    given = assignment()
    given.cancel.cancel("never mind")
    assert done(start(written(steps)), given).reason == "never mind"
    assert trace.notes == []


@BOTH_WAYS
def test_no_tool_runs_after_the_work_was_given_up(start: Start, trace: Trace, written: Any) -> None:
    given = assignment()

    def steps(job: Job) -> Any:
        yield job.tool("first", trace.note, what="first")
        second = job.tool("second", trace.note, what="second")
        given.cancel.cancel("enough")
        yield second

    assert done(start(written(steps)), given).reason == "enough"
    assert trace.notes == ["first"]


def test_a_tool_is_not_even_asked_for_after_the_work_was_given_up(start: Start, trace: Trace, approver: Probe) -> None:
    given = assignment(step_mode=True, approver=approver)

    def work(job: Job) -> Any:
        given.cancel.cancel("enough")
        job.tool("write", trace.note, what="written").get()

    assert isinstance(done(start(work), given), CancelledEnd)
    approver.expect_none()


@BOTH_WAYS
@pytest.mark.system_case("T81")
def test_what_a_call_of_a_model_has_used_is_booked_though_the_work_was_given_up_meanwhile(
    start: Start, trace: Trace, written: Any, conductor: Probe
) -> None:
    given = assignment(conductor=conductor)

    def steps(job: Job) -> Any:
        given.cancel.cancel("enough")  # while the model thinks
        job.spend(100, 50)
        trace.note("went on")
        yield

    end = done(start(written(steps)), given)
    assert isinstance(end, CancelledEnd)
    assert end.usage is not None
    assert end.usage["Tier 3"].total == 150
    assert conductor.expect(Spent).used == end.usage
    assert trace.notes == []


def test_what_a_function_returns_after_it_was_given_up_does_not_count(start: Start) -> None:
    given = assignment()

    def work(job: Job) -> str:
        given.cancel.cancel("enough")
        return "done all the same"

    assert done(start(work), given).reason == "enough"


def test_a_function_that_swallows_the_news_has_not_finished(start: Start) -> None:
    given = assignment()

    def work(job: Job) -> str:
        given.cancel.cancel("enough")
        try:
            job.check()
        except Cancelled:
            return "what of it"
        return "not reached"

    assert isinstance(done(start(work), given), CancelledEnd)


def test_cancelled_that_nobody_asked_for_is_a_failure(start: Start) -> None:
    def work(job: Job) -> None:
        raise Cancelled("by mistake")

    with pytest.raises(Cancelled, match="by mistake"):
        done(start(work))


@BOTH_WAYS
def test_work_whose_asker_waits_no_more_is_given_up(
    start: Start, clock: WatchedClock, trace: Trace, written: Any
) -> None:
    def steps(job: Job) -> Any:
        try:
            yield job.sleep(3600.0)
        finally:
            trace.note("cleaned up")

    ref = start(written(steps))
    end = ref.ask(assignment(), block=False, timeout=5.0)
    end.add_done_callback(lambda: None)  # somebody waits for it without a thread
    clock.settle()
    clock.advance(5.0)
    with pytest.raises(AskTimeout):
        result(end)
    trace.wait_for("cleaned up")
    assert done(start(lambda job: "done", name="other")).text == "done"
    assert ref.incarnation == 1


@BOTH_WAYS
def test_being_stuck_is_no_other_end_than_being_given_up(start: Start, written: Any) -> None:
    given = assignment()

    def steps(job: Job) -> Any:
        yield
        given.cancel.cancel("enough")
        raise Stuck("3 tool failures in a row")

    assert done(start(written(steps)), given).reason == "enough"


@BOTH_WAYS
@pytest.mark.parametrize("how", ["told", "cancel", "routed", "asked"])
@pytest.mark.system_case("D0.9")
def test_a_cancel_reaches_a_worker_that_is_busy(start: Start, trace: Trace, written: Any, how: str) -> None:
    def steps(job: Job) -> Any:
        trace.note("waits")
        yield job.sleep(3600.0)

    ref = start(written(steps))
    end = asked(ref)
    trace.wait_for("waits")
    message = Cancel(reason="enough", task_id="T1")
    if how == "cancel":
        ref.cancel("enough")
    elif how == "routed":
        ref.admit(message)  # as whoever puts messages into mailboxes itself
    else:
        ref.tell(message) if how == "told" else ref.ask(message, block=False)
    assert result(end).reason == "enough"


def test_a_cancel_of_another_ticket_is_none_of_this_work(start: Start, trace: Trace) -> None:
    gate: AgentFuture[str] = AgentFuture()

    def work(job: Job) -> Any:
        trace.note("waits")
        return (yield gate)

    ref = start(work)
    end = asked(ref)
    trace.wait_for("waits")
    ref.tell(Cancel(reason="enough", task_id="T2"))
    gate.resolve("done")
    assert result(end) == Completed("done", usage=result(end).usage)


def test_a_cancel_reaches_an_assignment_that_waits_its_turn(start: Start, trace: Trace) -> None:
    gate: AgentFuture[None] = AgentFuture()

    def work(job: Job) -> Any:
        trace.note(job.ticket.id)
        yield gate

    ref = start(work)
    first, second = asked(ref, "T1"), asked(ref, "T2")
    trace.wait_for("T1")
    ref.tell(Cancel(reason="not that one", task_id="T2"))
    gate.resolve()
    assert isinstance(result(first), Completed)
    assert result(second).reason == "not that one"
    assert trace.notes == ["T1"]


def test_a_cancel_of_the_past_is_not_one_of_the_next_assignment(start: Start) -> None:
    ref = start(lambda job: "done")
    ref.tell(Cancel(reason="enough"))
    assert isinstance(done(ref), Completed)


def test_a_worker_goes_on_with_the_next_assignment_after_one_was_given_up(start: Start) -> None:
    ref = start(lambda job: (yield job.sleep(3600.0)) if job.ticket.id == "T1" else "done")
    first, second = asked(ref, "T1"), asked(ref, "T2")
    ref.cancel("enough", "T1")
    assert isinstance(result(first), CancelledEnd)
    assert isinstance(result(second), Completed)
    assert ref.incarnation == 1


def test_the_code_of_work_in_steps_is_told_where_it_waits(start: Start, trace: Trace) -> None:
    def work(job: Job) -> Any:
        try:
            trace.note("waits")
            yield AgentFuture()  # of somebody who knows nothing of the job
        finally:
            trace.note("cleaned up")

    ref = start(work)
    end = asked(ref)
    trace.wait_for("waits")
    ref.cancel("enough")
    assert isinstance(result(end), CancelledEnd)
    assert trace.notes == ["waits", "cleaned up"]


@BOTH_WAYS
def test_a_worker_that_is_to_end_says_so_to_work_that_looks(start: Start, trace: Trace, written: Any) -> None:
    gate = Gate("work")

    def steps(job: Job) -> Any:
        yield
        gate.wait()
        trace.note(job.cancelled)
        job.check()

    ref = start(written(steps))
    end = asked(ref)
    gate.reached()
    stopped = ref.stop(block=False, drain=False)
    gate.open()
    with pytest.raises(Cancelled):
        result(end)
    assert result(stopped)
    assert trace.notes == [True]


# -- the token itself ---------------------------------------------------------------


def test_a_token_is_cancelled_once_for_the_reason_of_the_first() -> None:
    token = CancelToken()
    assert (token.cancelled, token.reason, repr(token)) == (False, "", "<CancelToken>")
    token.check()
    assert token.cancel("first")
    assert not token.cancel("second")
    assert (token.cancelled, token.reason, repr(token)) == (True, "first", "<CancelToken cancelled: first>")
    with pytest.raises(Cancelled, match="given up: first"):
        token.check()


def test_a_token_ends_with_its_parent_and_its_parent_not_with_it() -> None:
    whole = CancelToken()
    one, other = CancelToken(whole), CancelToken(whole)
    one.cancel("this one")
    assert (whole.cancelled, other.cancelled) == (False, False)
    whole.cancel("all")
    assert (one.reason, other.reason) == ("this one", "all")
    assert CancelToken(whole).reason == "all"


def test_what_a_token_holds_ends_with_it_and_what_is_settled_stays() -> None:
    token = CancelToken()
    waits, there = token.hold(AgentFuture()), token.hold(AgentFuture())
    there.resolve("value")
    token.cancel("enough")
    assert there.get() == "value"
    with pytest.raises(Cancelled, match="given up: enough"):
        waits.get()
    with pytest.raises(Cancelled, match="given up: enough"):
        token.hold(AgentFuture()).get()


@pytest.mark.system_case("D3.22")
def test_a_token_lets_go_of_what_is_settled_and_of_what_is_forgotten() -> None:
    token, called = CancelToken(), Trace()
    for _ in range(100):
        token.hold(AgentFuture[None]()).resolve()
    token.on_cancel(lambda: called.note("forgotten"))()
    token.on_cancel(lambda: called.note("kept"))
    assert len(token._callbacks) == 1
    token.cancel()
    assert called.notes == ["kept"]
    token.on_cancel(lambda: called.note("late"))()
    assert called.notes == ["kept", "late"]


def test_additional_context_is_no_reason_to_give_up(start: Start) -> None:
    ref = start(lambda job: str(len(job.received())), kind=Worker)
    ref.tell(AdditionalContext(content="look at a.py"))
    assert done(ref).text == "1"
