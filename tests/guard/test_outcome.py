"""Is running out an outcome of its own, that nobody takes for a result and nobody tries again as it is?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentFailed, AgentRestarted, AgentStopped, ChildSpec, StopReason
from actors.guard import Block, Exhausted, LoopGuard, Quota, Stuck, Usage
from policies import RetryableOnly, Stop
from tests.core.helpers import EventLog, answer

system_case = pytest.mark.system_case


class Reasoner(Agent):
    """Works in a loop on what it is given: so many turns, each of which takes some tokens and calls a tool."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota

    def on_receive(self, message: Any) -> Any:
        turns, tokens, tool = message
        guard = LoopGuard(self.quota)
        blocked = 0
        for turn in range(turns):
            guard.enforce(guard.iteration())
            guard.enforce(guard.spend(Usage(tokens)))
            if tool == "broken":
                guard.enforce(guard.tool_failed(OSError("down")))
            elif isinstance(guard.enforce(guard.tool_call("read", tool or turn)), Block):
                blocked += 1
        return f"done, {blocked} blocked"


@pytest.fixture
def reasoner(system: ActorSystem, dispatcher: Any) -> Any:
    crew = system.spawn(Crew, name="crew")
    quota = Quota(iterations=5, tokens=100)
    return crew.start_child(ChildSpec(Reasoner, "r", args=(quota,), dispatcher=dispatcher)).ref


class Crew(Agent):
    policy = RetryableOnly(otherwise=Stop())


@system_case("T67")
@system_case("D0.11")
@pytest.mark.parametrize(
    ("work", "limit", "text"),
    [
        pytest.param((6, 1, None), "iterations", r"max iterations reached \(5\)", id="turns"),
        pytest.param((3, 50, None), "tokens", "token budget exhausted: 150 > 100", id="tokens"),
        pytest.param((5, 1, "same"), "in_a_row", "called 4 times in a row", id="the same call again and again"),
    ],
)
def test_running_out_is_no_result_and_is_not_tried_again(
    reasoner: Any, log: EventLog, work: Any, limit: str, text: str
) -> None:
    with pytest.raises(Exhausted, match=text) as raised:
        answer(reasoner, work)

    assert (type(raised.value), raised.value.limit) == (Exhausted, limit)
    assert log.wait(AgentStopped, "/crew/r").reason is StopReason.FAILED
    assert isinstance(log.wait(AgentFailed, "/crew/r").error, Exhausted)
    assert log.of(AgentRestarted, "/crew/r") == []


@system_case("T67")
def test_what_ends_within_its_limits_is_a_result(reasoner: Any, log: EventLog) -> None:
    assert answer(reasoner, (5, 20, None)) == "done, 0 blocked"
    assert answer(reasoner, (3, 20, "same")) == "done, 1 blocked"
    assert log.of(AgentFailed) == []


def test_failures_in_a_row_are_told_apart_from_running_out(reasoner: Any) -> None:
    with pytest.raises(Stuck, match="3 tool failures in a row, the last: OSError: down"):
        answer(reasoner, (5, 1, "broken"))
