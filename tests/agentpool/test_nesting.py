"""Does an agent that has others work for it get their answers, as deep as it may, without a deadlock?"""

from __future__ import annotations

from typing import Any

import pytest

from actors.agentpool import SpawnAgentTool, SpawnDepthError, SpawnToolError, Status, current_seat, spawn_agent
from actors.testkit import Gate
from tests.agentpool.workers import at_gate, double, fail
from tests.core.helpers import Trace

case = pytest.mark.system_case


def descend(query: str) -> Any:
    """Has another do the rest, with its tool; gives the paths from here down, and why it went no deeper."""
    seat = current_seat()
    (tool,) = seat.tools
    try:
        return [seat.path, *tool(query=f"{query}'")]
    except SpawnToolError as error:
        return [seat.path, str(error)]


@case("T62")
@case("D1.10")
@case("D1.11")
@case("D1.12")
def test_a_depth_of_two_refuses_the_third_level(pool: Any, config: Any) -> None:
    one = pool(1, tool_builder=spawn_agent(descend), max_depth=2)
    result = one.join(one.spawn(config(descend, "q")))
    assert result.value == [
        "/pool/agent-1",
        "/pool/agent-1/pool/agent-1-sub",
        "/pool/agent-1/pool/agent-1-sub/pool/agent-1-sub-sub",
        "spawn depth limit reached (2/2)",
    ]


@case("D1.12")
def test_who_goes_round_the_tool_is_as_deep_as_it_is(pool: Any, config: Any) -> None:
    def below(query: Any) -> Any:
        seat = current_seat()
        if query == "same":
            return seat.pool.join(seat.pool.spawn(config(below, "same"))).get()
        return seat.own_pool().join(seat.own_pool().spawn(config(below, "own"))).get()

    several = pool(4, max_depth=2)
    for query in ("same", "own"):
        error = several.join(several.spawn(config(below, query))).error
        assert isinstance(error, SpawnDepthError)
        assert str(error) == "spawn depth limit reached (2/2)"
        several.join_all()


@case("T62")
@case("D1.10")
def test_a_parent_gets_the_answer_of_its_own_child_though_another_ends_first(
    pool: Any, config: Any, trace: Trace
) -> None:
    gates = {"slow": Gate("slow"), "quick": Gate("quick")}

    def ask_for(name: str) -> Any:
        seat = current_seat()
        trace.note(name)
        id = seat.pool.spawn(config(at_gate_of, name))
        return seat.pool.join(id).value

    def at_gate_of(name: str) -> str:
        gates[name].wait()
        return name

    four = pool(4)
    with gates["slow"], gates["quick"]:
        slow, quick = four.fan_out([config(ask_for, "slow"), config(ask_for, "quick")])
        gates["slow"].reached()
        gates["quick"].reached()
        gates["quick"].open()
        assert four.join(quick).value == "quick"
    assert four.join(slow).value == "slow"


def tool_of(seat: Any, agent: Any, **options: Any) -> SpawnAgentTool:
    (tool,) = spawn_agent(agent, **options)(seat)
    return tool


def test_the_tool_says_what_is_wrong_and_its_agent_goes_on(pool: Any, config: Any) -> None:
    def call(query: Any) -> list[str]:
        seat = current_seat()
        said = []
        for tool, given in (
            (tool_of(seat, double), {}),
            (tool_of(seat, double), {"query": "a", "name": "a/b"}),
            (tool_of(seat, fail), {"query": "boom", "name": "failing"}),
        ):
            with pytest.raises(SpawnToolError) as error:
                tool(**given)
            said.append(str(error.value))
        seat.own_pool().resize(0)
        with pytest.raises(SpawnToolError) as error:
            tool_of(seat, double)(query="a")
        return [*said, str(error.value)]

    one = pool(1)
    said = one.join(one.spawn(config(call))).get()
    assert said[0] == "missing required field: query"
    assert said[1].startswith("spawn failed: a name has no /")
    assert said[2] == "failing failed: Boom: boom"
    assert said[3] == "spawn failed: agent pool at capacity (0/0)"


def test_the_tool_waits_no_longer_than_it_may_and_aborts_the_other(
    pool: Any, config: Any, clock: Any, trace: Trace
) -> None:
    def call(gate: Gate) -> Any:
        seat = current_seat()
        try:
            tool_of(seat, at_gate, timeout=5.0)(query=gate)
        except SpawnToolError as error:
            trace.note("aborted")
            return str(error), seat.own_pool().join_next().status
        return None

    one = pool(1)
    with Gate() as gate:
        id = one.spawn(config(call, gate))
        gate.reached()
        clock.advance_once_due(5.0)
        trace.wait_for("aborted")
        gate.open()
        assert one.join(id).value == ("agent-1-sub gave no answer within 5 seconds", Status.CANCELLED)


def test_the_pool_of_an_agents_own_is_like_the_one_it_sits_in_and_ends_with_it(pool: Any, config: Any) -> None:
    def look(query: Any) -> Any:
        own = current_seat().own_pool(3)
        again = current_seat().own_pool()
        return own.path, own is again, own.max_agents, own.settings.max_depth, own

    one = pool(1, max_depth=5)
    *facts, own = one.join(one.spawn(config(look))).value
    assert facts == ["/pool/agent-1/pool", True, 3, 5]
    assert not own.is_alive()
