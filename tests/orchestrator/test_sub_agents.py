"""What does an agent get that uses another as a tool?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, AgentRef, AgentStopped, Cancelled, Escalated
from actors.orchestrator import Request, SubAgent, ToolResult
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, answer, result
from tests.core.scripted import doer
from tests.orchestrator.deeds import Looking, work


@pytest.fixture
def caller(system: ActorSystem, spec: Any) -> AgentRef[Any]:
    ref: AgentRef[Any] = system.spawn(spec(Looking, "caller"))
    return ref


def calls(tool: SubAgent, text: str = "go") -> Any:
    return lambda agent: tool(text)


def test_each_call_has_a_fresh_agent_under_the_one_that_calls(
    caller: AgentRef[Any], trace: Trace, log: EventLog
) -> None:
    tool = SubAgent("helper", work(trace))
    assert [answer(caller, calls(tool, text)) for text in ("a", "b")] == [ToolResult(["a"]), ToolResult(["b"])]
    assert trace.notes == ["made", "a", "made", "b"]
    for number in (1, 2):
        log.wait(AgentStopped, f"/caller/helper-{number}")
    assert answer(caller, lambda agent: len(agent.context.children)) == 0


def test_what_goes_wrong_is_the_result_of_the_call_and_no_failure_of_the_caller(
    caller: AgentRef[Any], log: EventLog
) -> None:
    def fails(messages: Any) -> Any:
        raise Boom("no answer")

    def never() -> Any:
        raise Boom("no start")

    failing = answer(caller, calls(SubAgent("fails", lambda: fails)))
    assert failing == ToolResult(error="tool 'fails' failed: Boom: no answer")
    starting = answer(caller, calls(SubAgent("never", never)))
    assert starting.error.startswith("tool 'never' failed: StartFailedError: ")
    assert answer(caller, "who") == 1
    assert log.of(Escalated) == []


def test_a_call_takes_no_longer_than_its_time(caller: AgentRef[Any], clock: WatchedClock) -> None:
    gate = Gate()
    asked = caller.ask(calls(SubAgent("slow", lambda: lambda messages: gate.wait(), timeout=2.0)), block=False)
    gate.reached()
    clock.wait_for_timer(2.0)
    clock.advance(2.0)
    assert result(asked).error == "tool 'slow' failed: AskTimeout: no reply from /caller/slow-1 within 2 seconds"
    gate.open()


def test_the_callers_cancellation_cancels_what_it_called(caller: AgentRef[Any], trace: Trace) -> None:
    gate = Gate()

    class Careful(Looking):
        def on_receive(self, message: Any) -> Any:
            if not isinstance(message, Request):
                return super().on_receive(message)
            gate.wait()
            trace.note(("cancelled", self.context.cancelled))
            self.context.check()

    asked = caller.ask(calls(SubAgent("careful", Careful)), block=False)
    gate.reached()
    stopped = caller.stop(block=False, drain=False)
    gate.open()
    with pytest.raises(Cancelled):
        result(asked)
    assert result(stopped) is True
    assert trace.notes == [("cancelled", True)]


def test_a_call_may_need_approval_and_nothing_starts_without_it(caller: AgentRef[Any], trace: Trace) -> None:
    asked: list[str] = []

    def approve(text: str) -> bool:
        asked.append(text)
        return text == "yes"

    tool = SubAgent("tool", work(trace), approve=approve)
    assert answer(caller, calls(tool, "no")) == ToolResult(error="tool 'tool' was refused")
    assert trace.notes == []
    assert answer(caller, calls(tool, "yes")) == ToolResult(["yes"])
    assert asked == ["no", "yes"]


def test_a_tool_is_an_agents_and_is_refused_where_there_is_none() -> None:
    with pytest.raises(RuntimeError, match=r"^the tool 'x' was called by no agent"):
        SubAgent("x", work())("go")


@pytest.mark.parametrize(
    ("name", "factory", "options"),
    [("a/b", work(), {}), ("a", None, {}), ("a", doer("b"), {}), ("a", work(), {"approve": "yes"})],
)
def test_a_tool_that_makes_no_sense_is_refused(name: str, factory: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SubAgent(name, factory, **options)
