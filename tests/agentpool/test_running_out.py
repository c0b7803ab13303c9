"""What becomes of an agent that has used up what it may use?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import Agent, AgentFailed, AgentRestarted, Emitted
from actors.agentpool import PoolAgent, SpawnToolError, Status, current_seat, spawn_agent
from actors.eventlog.work_kinds import AgentCompletedRecord
from actors.guard import Exhausted, Stuck, Usage
from policies import Restart, Stop
from tests.core.helpers import EventLog

OUT = Exhausted("max iterations reached (5)", "iterations", 6, 5)
STUCK = Stuck("3 model failures in a row", "model_failures", 3, 3)


def run_out(error: Exhausted) -> None:
    current_seat().spend(Usage(10, 5))
    raise error


class RunsOutLater(PoolAgent):
    def run(self, error: Exhausted) -> Any:
        self.seat.spend(Usage(10, 5))
        yield
        raise error


class Asked(Agent):
    def on_receive(self, error: Exhausted) -> None:
        raise error


@pytest.mark.system_case("T67")
@pytest.mark.system_case("D0.11")
@pytest.mark.parametrize("error", [OUT, STUCK], ids=["out", "stuck"])
@pytest.mark.parametrize("work", [run_out, RunsOutLater])
def test_running_out_is_an_end_of_its_own_and_no_failure(
    pool: Any, config: Any, log: EventLog, lines: list[str], work: Any, error: Exhausted
) -> None:
    one = pool(1)
    result = one.join(one.spawn(config(work, error)))
    assert (result.status, result.error, result.value) == (Status.EXHAUSTED, error, None)
    assert (result.incarnations, result.usage) == (1, Usage(10, 5))
    assert log.of(AgentFailed) == log.of(AgentRestarted) == []
    assert not [event for event in log.of(Emitted) if isinstance(event.record, AgentCompletedRecord)]
    assert [line for line in lines if "agent-1" in line] == [f"/pool/agent-1 ran out: {type(error).__name__}: {error}"]
    with pytest.raises(Exhausted):
        result.get()


@pytest.mark.system_case("T67")
def test_an_agent_that_is_asked_and_runs_out_has_run_out(pool: Any, config: Any) -> None:
    one = pool(1)
    result = one.join(one.spawn(config(Asked, OUT)))
    assert (result.status, result.error, result.incarnations) == (Status.EXHAUSTED, OUT, 1)


def test_a_policy_that_somebody_has_chosen_decides_about_it(pool: Any, config: Any, log: EventLog) -> None:
    two = pool(2, policy=Stop())
    ids = two.fan_out([config(run_out, OUT), config(run_out, STUCK, policy=Restart(1, within=60.0, then=Stop()))])
    results = [two.join(id) for id in ids]
    assert [(each.status, each.incarnations) for each in results] == [(Status.EXHAUSTED, 1), (Status.EXHAUSTED, 2)]
    assert len(log.of(AgentFailed)) == 3


def test_whoever_has_another_do_a_part_is_told_that_it_ran_out(pool: Any, config: Any) -> None:
    def divide(query: Any) -> str:
        with pytest.raises(SpawnToolError) as raised:
            current_seat().tools[0](query="a part")
        return str(raised.value)

    def part(query: str) -> None:
        raise OUT

    one = pool(1, tool_builder=spawn_agent(part))
    text = "agent-1-sub ran out: Exhausted: max iterations reached (5)"
    assert one.join(one.spawn(config(divide))).value == text
