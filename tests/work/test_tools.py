"""Does a tool run only when it may, and does the work hear what came of it?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, Emitted
from actors.approvals import ApprovalState, Approver, digest_of
from actors.guard import Quota
from actors.testkit import Probe
from actors.typed import ApprovalAnswer, ApprovalRequest
from actors.work import Blocked, ExhaustedEnd, Job, ToolRefused
from tests.core.helpers import EventLog, Trace, result
from tests.work.conftest import Start
from tests.work.tickets import BOTH_WAYS, asked, done


def answer(outcome: Any, **fields: Any) -> ApprovalAnswer:
    return ApprovalAnswer(task_id="T1", outcome=outcome, **fields)


@BOTH_WAYS
def test_a_tool_gives_its_result_without_asking_anybody(start: Start, written: Any, approver: Probe) -> None:
    def steps(job: Job) -> Any:
        return (yield job.tool("add", lambda a, b: str(a + b), a=1, b=2))

    assert done(start(written(steps)), approver=approver).text == "3"
    approver.expect_none()


@BOTH_WAYS
@pytest.mark.system_case("T78")
def test_in_step_mode_each_tool_asks(start: Start, trace: Trace, written: Any, approver: Probe) -> None:
    def steps(job: Job) -> Any:
        first = yield job.tool("read", lambda path: f"text of {path}", path="a.py")
        second = yield job.tool("write", trace.note, what="b.py")
        return f"{first}; {second}"

    end = asked(start(written(steps)), step_mode=True, approver=approver)
    request = approver.expect(ApprovalRequest)
    assert (request.task_id, request.action, request.payload) == ("T1", "read", {"path": "a.py"})
    assert (request.mission_id, request.agent_id, request.editable) == ("track", "/worker", True)
    approver.reply(answer("approved"))
    assert approver.expect(ApprovalRequest).action == "write"
    approver.reply(answer("refused", reason="not that file"))
    assert result(end).text == "text of a.py; tool 'write' was not run: not that file"
    assert trace.notes == []


@BOTH_WAYS
@pytest.mark.system_case("T78")
def test_a_tool_that_was_refused_is_reported_to_the_work_which_goes_on(
    start: Start, trace: Trace, written: Any, approver: Probe
) -> None:
    def steps(job: Job) -> Any:
        got = yield job.tool("write", trace.note, what="b.py")
        return f"{type(got).__name__} {got.name} {got.reason}"

    end = asked(start(written(steps)), step_mode=True, approver=approver)
    approver.expect(ApprovalRequest)
    approver.reply(answer("expired"))
    assert result(end).text == "ToolRefused write expired"
    assert trace.notes == []


@pytest.mark.parametrize("how", ["fails", "is gone"])
def test_an_approver_that_cannot_answer_has_not_approved(
    start: Start, system: ActorSystem, trace: Trace, how: str
) -> None:
    probe = Probe(system, "keeper")
    if how == "is gone":
        probe.ref.stop()
    end = asked(
        start(lambda job: str(job.tool("write", trace.note, what="b.py").get())), step_mode=True, approver=probe
    )
    if how == "fails":
        probe.expect(ApprovalRequest)
        probe.reply_error(OSError("no disk"))
    assert result(end).text.startswith("tool 'write' was not run: no answer: ")
    assert trace.notes == []


def test_without_an_approver_all_is_approved_in_step_mode(start: Start) -> None:
    assert done(start(lambda job: job.tool("read", lambda: "text").get()), step_mode=True).text == "text"


def test_work_of_which_a_tool_was_aborted_is_blocked(start: Start, trace: Trace, approver: Probe) -> None:
    def work(job: Job) -> Any:
        yield job.tool("write", trace.note, what="b.py")
        trace.note("went on")

    end = asked(start(work), step_mode=True, approver=approver)
    approver.expect(ApprovalRequest)
    approver.reply(answer("aborted", reason="stop all of this"))
    assert isinstance(result(end), Blocked)
    assert result(end).reason == "stop all of this"
    assert trace.notes == []


@BOTH_WAYS
def test_an_edited_input_is_what_the_tool_gets(start: Start, written: Any, approver: Probe) -> None:
    marker = object()

    def run(path: str, lines: Any, deep: dict[str, int], other: object) -> str:
        assert other is marker
        return f"{path} {lines!r} {deep}"

    def steps(job: Job) -> Any:
        return (yield job.tool("write", run, path="a.py", lines=3, deep={"x": 1}, other=marker))

    end = asked(start(written(steps)), step_mode=True, approver=approver)
    request = approver.expect(ApprovalRequest)
    assert request.payload["deep"] == '{"x": 1}'
    approver.reply(answer("approved", payload={**request.payload, "path": "b.py", "lines": "5", "deep": '{"y": 2}'}))
    assert result(end).text == "b.py 5 {'y': 2}"


def test_an_edit_that_is_no_json_is_text(start: Start, approver: Probe) -> None:
    ref = start(lambda job: job.tool("write", lambda lines: repr(lines), lines=3).get())
    end = asked(ref, step_mode=True, approver=approver)
    approver.expect(ApprovalRequest)
    approver.reply(answer("approved", payload={"lines": "all"}))
    assert result(end).text == "'all'"


@BOTH_WAYS
def test_what_is_approved_is_begun_once_and_consumed(
    start: Start, system: ActorSystem, trace: Trace, written: Any
) -> None:
    keeper = system.spawn(Approver, name="keeper", decider=lambda request: True)

    def steps(job: Job) -> Any:
        (executing,) = yield job.tool("write", lambda path: keeper.all(), path="a.py")
        return f"{executing.state} {executing.digest == digest_of('write', {'path': 'a.py'})}"

    assert done(start(written(steps)), step_mode=True, approver=keeper).text == "executing True"
    (approval,) = keeper.all()
    assert approval.state is ApprovalState.CONSUMED


def test_an_approval_that_is_used_up_runs_no_tool_again(start: Start, system: ActorSystem, trace: Trace) -> None:
    keeper = system.spawn(Approver, name="keeper", decider=lambda request: True)

    def work(job: Job) -> Any:
        call = job.act("deploy", trace.note, what="deployed")
        (approval,) = keeper.all(ApprovalState.APPROVED) or [None]
        while approval is None:
            yield
            (approval,) = keeper.all(ApprovalState.APPROVED) or [None]
        keeper.begin(approval.id, approval.digest)
        return str((yield call))

    assert "tool 'deploy' was not run: ApprovalClosedError" in done(start(work), approver=keeper).text
    assert trace.notes == []


@BOTH_WAYS
def test_what_always_needs_an_approval_asks_in_any_mode(start: Start, written: Any, approver: Probe) -> None:
    def steps(job: Job) -> Any:
        return (yield job.act("deploy", lambda to: f"deployed to {to}", to="production"))

    end = asked(start(written(steps)), approver=approver)
    assert approver.expect(ApprovalRequest).action == "deploy"
    approver.reply(answer("approved"))
    assert result(end).text == "deployed to production"


@BOTH_WAYS
def test_what_a_tool_raises_is_raised_where_its_result_is_wanted(start: Start, written: Any) -> None:
    def fails() -> None:
        raise OSError("no disk")

    def steps(job: Job) -> Any:
        try:
            yield job.tool("write", fails)
        except OSError as error:
            return f"went on after {error}"

    assert done(start(written(steps))).text == "went on after no disk"


def test_the_third_equal_call_is_refused_and_the_work_goes_on(start: Start, trace: Trace) -> None:
    def work(job: Job) -> Any:
        for _ in range(2):
            job.tool("read", trace.note, what="a.py").get()
        refused = job.tool("read", trace.note, what="a.py").get()
        job.tool("read", trace.note, what="b.py").get()
        assert isinstance(refused, ToolRefused)
        return refused.reason

    assert done(start(work)).text == "ping-pong detected: tool 'read' called 3 times with same input"
    assert trace.notes == ["a.py", "a.py", "b.py"]


def test_too_many_calls_of_tools_end_the_attempt(start: Start, trace: Trace) -> None:
    def work(job: Job) -> Any:
        for number in range(10):
            job.tool("read", trace.note, what=number).get()

    end = done(start(work), quota=Quota(tool_calls=3))
    assert isinstance(end, ExhaustedEnd)
    assert end.limit == "tool_calls"
    assert trace.notes == [0, 1, 2]


def test_calls_and_results_are_told_among_the_events_long_ones_cut(start: Start, log: EventLog) -> None:
    def fails() -> None:
        raise OSError("no disk")

    def work(job: Job) -> Any:
        job.tool("read", lambda path: "x" * 600, path="a.py").get()
        with pytest.raises(OSError, match="no disk"):
            job.tool("write", fails).get()

    done(start(work))
    told = [event.record for event in log.of(Emitted, "/worker")]
    records = [record for record in told if record.event_type == "agent_stream"]
    assert {record.scope for record in records} == {"Tier 3 (Worker): T1"}
    assert [record.message for record in records] == [
        "read(path='a.py')",
        f"read -> {'x' * 500}... (truncated)",
        "write()",
        "write failed: OSError: no disk",
    ]


def test_a_tool_may_have_an_input_of_any_name(start: Start) -> None:
    def work(job: Job) -> Any:
        return job.tool("t", lambda name, function: f"{name} {function}", name="n", function="f").get()

    assert done(start(work)).text == "n f"
