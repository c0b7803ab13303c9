"""How does a worker do its tickets with a model?"""

from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem, Emitted
from actors.guard import Quota, Usage
from actors.memory import LocalMemory
from actors.models import (
    Answer,
    AuthFailed,
    NetworkError,
    Retrying,
    ScriptedDriver,
    Tool,
    ToolCall,
    calls,
    model_work,
)
from actors.testkit import Gate, Probe
from actors.typed import AdditionalContext, ApprovalAnswer, ApprovalRequest, ProgressReport
from actors.work import (
    AddTickets,
    Blocked,
    CancelledEnd,
    CancelToken,
    Completed,
    ExhaustedEnd,
    Job,
    Spent,
    Worker,
    WorkerRef,
)
from tests.core.helpers import EventLog, result
from tests.core.scripted import FOREVER
from tests.work.tickets import asked, assignment, done, ticket


def add(a: int, b: int) -> int:
    return a + b


ADD = calls(("add", {"a": 1, "b": 2}))


@pytest.fixture
def start(system: ActorSystem, spec: Any) -> Any:
    """Starts a worker whose model says these steps; gives both."""

    def begin(*steps: Any, tools: Any = (add,), driver: Any = None, **options: Any) -> tuple[WorkerRef, ScriptedDriver]:
        scripted = ScriptedDriver(steps)
        work = model_work(driver(scripted) if driver else scripted, tools, **options)
        ref = system.spawn(spec(Worker, "worker", args=(work,), policy=FOREVER))
        assert isinstance(ref, WorkerRef)
        return ref, scripted

    return begin


def user_texts(driver: ScriptedDriver, request: int = -1) -> list[str]:
    return [message.text for message in driver.requests[request].messages if message.role == "user"]


def told(driver: ScriptedDriver) -> list[str]:
    return [message.text for message in driver.requests[-1].messages if message.role == "tool"]


def test_the_answer_of_the_model_completes_the_ticket(start: Any) -> None:
    worker, driver = start(ADD, "three")
    end = done(worker, model="large")
    assert isinstance(end, Completed)
    assert end.text == "three"
    assert end.usage is not None
    assert end.usage["Tier 3"] == Usage(20, 10)
    assert told(driver) == ["3"]
    assert [request.model for request in driver.requests] == ["large", "large"]
    assert user_texts(driver)[0] == "Ticket T1\n\ndo T1"


def test_a_word_in_the_answer_blocks_nothing(start: Any) -> None:
    worker, _ = start("BLOCKED: I think so")
    assert isinstance(done(worker), Completed)


def test_without_a_model_of_the_assignment_it_is_the_drivers_own(start: Any) -> None:
    worker, driver = start("ok")
    done(worker)
    assert driver.requests[0].model is None


def test_usage_and_progress_are_told_with_each_turn(start: Any, system: ActorSystem) -> None:
    conductor = Probe(system, "conductor")
    worker, _ = start(ADD, Answer("three", usage=Usage(7, 1, 0.25)))
    end = asked(worker, conductor=conductor)
    assert conductor.expect(ProgressReport).turn == 1
    assert conductor.expect(Spent).used["Tier 3"] == Usage(10, 5)
    assert conductor.expect(ProgressReport).turn == 2
    assert conductor.expect(Spent).used["Tier 3"] == Usage(17, 6, 0.25)
    assert result(end).text == "three"


@pytest.mark.parametrize(
    ("quota", "kind", "limit"),
    [
        (Quota(iterations=1), ExhaustedEnd, "iterations"),
        (Quota(tokens=10), ExhaustedEnd, "tokens"),
        (Quota(tool_calls=1), ExhaustedEnd, "tool_calls"),
    ],
)
def test_running_out_is_an_end_of_its_own_and_what_was_used_counts(
    start: Any, quota: Quota, kind: Any, limit: str
) -> None:
    worker, driver = start(*[calls(("add", {"a": n, "b": n})) for n in range(4)])
    end = done(worker, quota=quota)
    assert isinstance(end, kind)
    assert end.limit == limit
    assert end.usage["Tier 3"].total == 15 * len(driver.requests) > 0


def test_a_model_that_fails_three_times_blocks_the_ticket(start: Any) -> None:
    worker, _ = start(*[NetworkError("down")] * 3)
    end = done(worker)
    assert isinstance(end, Blocked)
    assert end.reason == "3 model failures in a row, the last: NetworkError: down"


def test_tools_that_fail_three_times_block_it_too(start: Any) -> None:
    def fail() -> None:
        raise OSError("disk full")

    worker, _ = start(calls("fail"), calls("fail"), calls("sub"), tools=[fail])
    end = done(worker)
    assert isinstance(end, Blocked)
    assert "3 tool failures in a row" in end.reason


def test_an_error_that_is_not_worth_another_try_fails_the_worker(start: Any) -> None:
    error = AuthFailed("wrong key")
    worker, _ = start(error, "never")
    with pytest.raises(AuthFailed) as raised:
        done(worker)
    assert raised.value is error


def test_a_blocked_call_is_told_to_the_model_and_counted_once(start: Any) -> None:
    other = calls(("add", {"a": 5, "b": 5}))
    worker, driver = start(ADD, ADD, other, ADD, "enough")
    assert done(worker, quota=Quota(tool_calls=4)).text == "enough"
    assert "ping-pong detected: tool 'add' called 3 times with same input" in told(driver)[-1]
    assert told(driver)[-1].startswith("error: ")


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (("sub", {}), "error: there is no tool 'sub'"),
        (("add", {"a": 1}), "missing required field: b"),
        (ToolCall("c", "add", unreadable="{oops"), "it is no JSON object"),
    ],
    ids=["unknown", "wrong input", "unreadable"],
)
def test_a_call_that_cannot_be_made_is_told_to_the_model(start: Any, wanted: Any, text: str) -> None:
    worker, driver = start(Answer(calls=(wanted,)), "so be it")
    assert done(worker).text == "so be it"
    assert text in told(driver)[0]


@pytest.mark.system_case("T78")
def test_in_step_mode_each_tool_is_approved_and_a_refusal_is_told_to_the_model(start: Any, system: ActorSystem) -> None:
    approver = Probe(system, "approver")
    worker, driver = start(ADD, calls(("add", {"a": 3, "b": 4})), "done")
    end = asked(worker, approver=approver, step_mode=True)
    request = approver.expect(ApprovalRequest)
    assert (request.action, request.payload) == ("add", {"a": "1", "b": "2"})
    approver.reply(ApprovalAnswer(task_id="T1", outcome="approved", payload={"a": "1", "b": "9"}))
    approver.expect(ApprovalRequest)
    approver.reply(ApprovalAnswer(task_id="T1", outcome="refused", reason="not today"))
    assert result(end).text == "done"
    assert told(driver) == ["10", "error: tool 'add' was not run: not today"]


def test_what_it_is_told_meanwhile_is_told_to_the_model(start: Any) -> None:
    gate = Gate()

    def look() -> str:
        gate.wait()
        return "seen"

    worker, driver = start(calls("look"), "done", tools=[look])
    end = asked(worker)
    gate.reached()
    worker.tell(AdditionalContext(content="be quick"))
    gate.open()
    assert result(end).text == "done"
    assert user_texts(driver) == ["Ticket T1\n\ndo T1", "be quick"]


def test_why_the_last_attempt_failed_and_what_there_is_to_read_is_in_the_prompt(start: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def double(n):\n    return 2 * n\n")
    worker, driver = start("ok", root=tmp_path)
    done(worker, ticket=ticket(context_requirements=("a.py",)), attempt=2, previous_attempt="it crashed")
    text = user_texts(driver)[0]
    assert "An earlier attempt has failed:\nit crashed" in text
    assert "def double(n)" in text


def test_the_prompt_is_as_it_was_approved(start: Any) -> None:
    worker, driver = start("ok")
    done(worker, prompt="do it gently")
    assert user_texts(driver)[0] == "Ticket T1\n\ndo it gently"


def test_a_wait_for_another_try_ends_at_once_when_the_attempt_is_given_up(start: Any, clock: Any) -> None:
    token = CancelToken()
    worker, driver = start(NetworkError("down", retry_after=60.0), "never", driver=Retrying)
    end = asked(worker, cancel=token)
    clock.advance(30.0, settle=True)
    token.cancel("killed")
    assert result(end) == CancelledEnd("killed", end.get().usage)
    assert clock.now() == 30.0
    assert len(driver.requests) == 1


@pytest.mark.system_case("T81")
def test_an_attempt_given_up_while_the_model_answers_calls_no_tool_and_its_usage_counts(start: Any) -> None:
    token = CancelToken()

    def killed(request: Any) -> Answer:
        token.cancel("killed")
        return ADD

    called: list[int] = []
    worker, _ = start(killed, "never", tools=[Tool.of(lambda a, b: called.append(1), name="add")])
    end = done(worker, cancel=token)
    assert isinstance(end, CancelledEnd)
    assert end.usage is not None
    assert end.usage["Tier 3"] == Usage(10, 5)
    assert called == []


def test_tools_may_depend_on_the_job(start: Any) -> None:
    def tools(job: Job) -> list[Any]:
        return [Tool.of(lambda: job.ticket.id, name="which")]

    worker, driver = start(calls("which"), "done", tools=tools)
    assert done(worker, "T7").text == "done"
    assert told(driver) == ["T7"]


def test_with_a_conductor_the_model_may_delegate(start: Any, system: ActorSystem) -> None:
    conductor = Probe(system, "conductor")
    wanted = calls(("spawn_sub_agent", {"description": "a part", "profile": "tester"}))
    worker, driver = start(wanted, "whole", tools=[])
    end = asked(worker, conductor=conductor)
    conductor.expect(ProgressReport)
    conductor.expect(Spent)
    (part,) = conductor.expect(AddTickets).tickets
    conductor.reply((part.id,))
    assert result(end).text == "whole"
    assert (part.id, part.description) == ("T1.1", "a part")
    assert told(driver) == ["ticket T1.1 is to be done by a tester"]
    assert {"spawn_sub_agent", "send_message", "query_agent_status"} == {one.name for one in driver.requests[0].tools}


def test_what_an_attempt_learns_is_remembered_by_its_track_and_ticket_and_not_by_the_name_of_its_worker(
    start: Any,
) -> None:
    memory = LocalMemory()
    worker, _ = start("a city", memory=memory)
    done(worker)
    assert memory.recall("/worker", "a city") == []
    assert [found.text for found in memory.recall("track/T1", "a city")] == ["Ticket T1\n\ndo T1\na city"]


def test_the_stream_is_told_piece_by_piece_with_the_ticket_and_the_results_cut(start: Any, log: EventLog) -> None:
    worker, _ = start(calls("long"), Answer(("fo", "ur")), tools=[Tool.of(lambda: "x" * 600, name="long")])
    done(worker)
    records = [event.record for event in log.of(Emitted) if event.record.event_type == "agent_stream"]
    assert [record.text for record in records] == [
        "long()",
        f"long -> {'x' * 500}... (truncated)",
        "fo",
        "ur",
        "done",
    ]
    assert {record.scope for record in records} == {"Tier 3 (Worker): T1"}


def test_an_assignment_is_asked_once_for_each_attempt(start: Any) -> None:
    worker, driver = start("one", "two")
    assert [done(worker, assignment("T1", attempt=n)).text for n in (1, 2)] == ["one", "two"]
    assert len(driver.requests) == 2
