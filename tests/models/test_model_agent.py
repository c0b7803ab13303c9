"""How does an agent of a pool work with a model?"""

from dataclasses import replace
from typing import Any

import pytest

from actors import ActorSystem, AgentStopped, DeadLetter
from actors.agentpool import AgentPool, PoolAgent, SpawnConfig, Status, current_seat, spawn_agent
from actors.guard import Exhausted, Manifest, Quota, Usage
from actors.memory import LocalMemory
from actors.models import (
    Answer,
    AuthFailed,
    LoopResult,
    ModelAgent,
    ModelLoop,
    NetworkError,
    PhaseChange,
    Retrying,
    ScriptedDriver,
    TextDelta,
    ask,
    calls,
    model_work,
)
from actors.testkit import Gate
from actors.typed import AdditionalContext
from tests.core.helpers import EventLog, Trace, result

DOWN = NetworkError("down")


def config(driver: Any, query: str = "why?", dispatcher: Any = "pool", **more: Any) -> SpawnConfig:
    return SpawnConfig(ModelAgent, query, kwargs={"driver": driver, **more}, dispatcher=dispatcher)


def add(a: int, b: int) -> int:
    return a + b


ADD = calls(("add", {"a": 1, "b": 2}))


def test_its_value_is_what_the_loop_came_to(system: ActorSystem, dispatcher: Any) -> None:
    pool = system.spawn(AgentPool)
    id = pool.spawn(config(ScriptedDriver([ADD, "three"]), dispatcher=dispatcher, tools=[add]))
    result = pool.join(id)
    assert result.status is Status.COMPLETED
    assert result.value == LoopResult("three", Usage(20, 10), 2, 1)
    assert result.usage == Usage(20, 10)


def test_many_agents_share_one_driver_and_each_has_a_guard_of_its_own(system: ActorSystem, dispatcher: Any) -> None:
    pool = system.spawn(AgentPool, max_agents=4)
    driver = ScriptedDriver(["ok"], repeat=True)
    manifest = Manifest(quota=Quota(iterations=1))
    pool.fan_out([config(driver, dispatcher=dispatcher, manifest=manifest) for _ in range(4)])
    joined = pool.join_all()
    assert [result.get().text for result in joined.results.values()] == ["ok"] * 4
    assert len(driver.requests) == 4


def test_its_tools_are_its_own_and_those_of_the_pool(system: ActorSystem) -> None:
    built: list[int] = []

    def build(seat: Any) -> list[Any]:
        built.append(seat.id)
        return [add]

    pool = system.spawn(AgentPool, tool_builder=build)
    driver = ScriptedDriver([ADD, ADD, "done"])
    result = pool.join(pool.spawn(config(driver, tools={"subtract": lambda a, b: a - b})))
    assert result.get().text == "done"
    assert [tool.name for tool in driver.requests[0].tools] == ["subtract", "add"]
    assert built == [1]


def test_what_it_does_is_in_the_stream_with_its_path(system: ActorSystem, trace: Trace) -> None:
    pool = system.spawn(AgentPool, on_stream=trace.note, name="pool")
    driver = ScriptedDriver([Answer(("fo", "ur"))])
    pool.join(pool.spawn(config(driver)))
    notes = trace.wait_until(lambda notes: notes and getattr(notes[-1], "event", None) == PhaseChange("done"))
    assert {(event.id, event.path) for event in notes} == {(1, "/pool/agent-1")}
    assert [event.event.text for event in notes if isinstance(event.event, TextDelta)] == ["fo", "ur"]


def test_it_remembers_for_itself_alone(system: ActorSystem) -> None:
    memory = LocalMemory()
    pool = system.spawn(AgentPool, memory=memory, name="pool")
    named = replace(config(ScriptedDriver(["a city"]), "Paris"), name="guide")
    pool.join(pool.spawn(named))
    assert [found.text for found in memory.recall("/pool/guide", "paris")] == ["Paris\na city"]
    assert memory.recall("/pool/agent-2", "paris") == []


@pytest.mark.system_case("T67")
def test_running_out_is_an_outcome_of_its_own_and_is_not_tried_again(system: ActorSystem) -> None:
    pool = system.spawn(AgentPool)
    driver = ScriptedDriver([ADD], repeat=True)
    result = pool.join(pool.spawn(config(driver, tools=[add], manifest=Manifest(quota=Quota(iterations=2)))))
    assert result.status is Status.EXHAUSTED
    assert isinstance(result.error, Exhausted)
    assert result.error.limit == "iterations"
    assert result.usage == Usage(20, 10)
    assert result.incarnations == 1


def test_an_error_that_is_not_worth_another_try_is_the_result(system: ActorSystem) -> None:
    pool = system.spawn(AgentPool)
    error = AuthFailed("wrong key")
    result = pool.join(pool.spawn(config(ScriptedDriver([error]))))
    assert result.error is error
    assert result.incarnations == 1


class Once:
    """A step of a script that fails with what is no error of a model, the first time."""

    def __init__(self) -> None:
        self.called = 0

    def __call__(self, request: Any) -> Any:
        self.called += 1
        if self.called == 1:
            raise ConnectionError("gone")
        return "there"


def test_an_agent_that_fails_in_a_way_worth_it_begins_again(system: ActorSystem) -> None:
    pool = system.spawn(AgentPool)
    result = pool.join(pool.spawn(config(ScriptedDriver([Once()], repeat=True))))
    assert result.get().text == "there"
    assert result.incarnations == 2


def test_its_driver_waits_by_the_clock_of_the_system(system: ActorSystem, clock: Any) -> None:
    pool = system.spawn(AgentPool)
    id = pool.spawn(config(Retrying(ScriptedDriver([DOWN, DOWN, DOWN, "there"]))))
    clock.advance(7.0, settle=True)
    assert pool.join(id).get().text == "there"


def test_what_it_is_sent_meanwhile_is_told_with_the_next_turn(system: ActorSystem, log: EventLog) -> None:
    gate = Gate()
    pool = system.spawn(AgentPool)
    driver = ScriptedDriver([calls("look"), "done"])

    def look() -> str:
        gate.wait()
        return "seen"

    id = pool.spawn(config(driver, tools=[look]))
    gate.reached()
    pool.send(id, "be quick")
    pool.send(id, AdditionalContext(content="and kind"))
    pool.send(id, 42)  # which it does not know
    gate.open()
    assert pool.join(id).get().text == "done"
    said = [message.text for message in driver.requests[-1].messages if message.role == "user"]
    assert said == ["why?", "be quick", "and kind"]
    assert [letter.message for letter in log.of(DeadLetter)] == [42]


@pytest.mark.system_case("T62")
def test_its_model_may_have_another_agent_do_a_part(system: ActorSystem) -> None:
    inner = ScriptedDriver([lambda request: f"answer to {request.messages[-1].text}"], repeat=True)
    builder = spawn_agent(ModelAgent, kwargs={"driver": inner})
    pool = system.spawn(AgentPool, tool_builder=builder, max_depth=2, name="pool")
    outer = ScriptedDriver([calls(("spawn_agent", {"query": "a part"}), "spawn_agent"), "whole"])
    result = pool.join(pool.spawn(config(outer)))
    assert result.get().text == "whole"
    told = [message.text for message in outer.requests[-1].messages if message.role == "tool"]
    assert "answer to a part" in told[0]
    assert "missing required field: query" in told[1]


@pytest.mark.system_case("S1.40")
@pytest.mark.parametrize(("allowed", "turns"), [(20, 10), (3, 3)])
def test_an_agent_that_does_a_part_takes_ten_turns_at_most(system: ActorSystem, allowed: int, turns: int) -> None:
    def on_and_on(request: Any) -> Any:
        return calls(("add", {"a": 1, "b": len(request.messages)}))

    inner = ScriptedDriver([on_and_on], repeat=True)
    manifest = Manifest(quota=Quota(iterations=allowed))
    builder = spawn_agent(ModelAgent, kwargs={"driver": inner, "tools": [add], "manifest": manifest})
    pool = system.spawn(AgentPool, tool_builder=builder, max_depth=1, name="pool")
    outer = ScriptedDriver([calls(("spawn_agent", {"query": "a part", "name": "part"})), "whole"])
    result = pool.join(pool.spawn(config(outer)))
    told = [message.text for message in outer.requests[-1].messages if message.role == "tool"]
    assert len(told) == 1
    assert told[0].endswith(f"part ran out: Exhausted: max iterations reached ({turns})")
    assert (result.get().text, len(inner.requests)) == ("whole", turns)


def test_how_many_turns_an_agent_takes_can_be_bounded_where_it_is_spawned(system: ActorSystem) -> None:
    pool = system.spawn(AgentPool)
    driver = ScriptedDriver([ADD], repeat=True)
    result = pool.join(pool.spawn(replace(config(driver, tools=[add]), iterations=1)))
    assert str(result.error) == "max iterations reached (1)"


def test_an_agent_that_is_aborted_asks_no_more(system: ActorSystem) -> None:
    gate = Gate()
    pool = system.spawn(AgentPool)

    def wait(request: Any) -> Answer:
        gate.wait()
        return ADD

    driver = ScriptedDriver([wait, "never"])
    id = pool.spawn(config(driver, tools=[add]))
    gate.reached()
    pool.abort(id)
    gate.open()
    assert pool.join(id).status is Status.CANCELLED
    assert len(driver.requests) == 1


@pytest.mark.parametrize("wrong", ["gpt", ScriptedDriver, None])
@pytest.mark.parametrize("kind", [ModelAgent, ModelLoop, Retrying, model_work])
def test_what_is_no_driver_is_refused_where_it_is_given(kind: Any, wrong: Any) -> None:
    with pytest.raises(ValueError, match="driver: a ModelDriver, such as OpenAIDriver"):
        kind(wrong)


# -- aborted between two tries ----------------------------------------------------


def retry(query: str) -> str:
    return Retrying(ScriptedDriver([DOWN], repeat=True), delays=(60.0,)).complete(ask(query)).text


def model_retries() -> SpawnConfig:
    return config(Retrying(ScriptedDriver([DOWN], repeat=True), delays=(60.0,)))


class RetriesInStart(PoolAgent):
    def on_start(self) -> None:
        retry("?")


@pytest.mark.parametrize("waiting", [lambda: SpawnConfig(retry, "?"), model_retries], ids=["function", "model"])
def test_an_agent_that_is_aborted_between_two_tries_is_free_at_once(
    system: ActorSystem, clock: Any, dispatcher: Any, lines: list[str], waiting: Any
) -> None:
    pool = system.spawn(AgentPool)
    id = pool.spawn(replace(waiting(), dispatcher=dispatcher))
    clock.armed.wait_until(lambda notes: notes)

    pool.abort(id)

    result = pool.join(id)
    assert result.status is Status.CANCELLED
    assert "was aborted" in str(result.error)
    assert not system.orphans
    assert not [line for line in lines if "failed" in line]


def test_so_is_one_that_an_aborted_agent_has_do_a_part(system: ActorSystem, clock: Any, log: EventLog) -> None:
    pool = system.spawn(AgentPool, tool_builder=spawn_agent(retry), name="pool")
    id = pool.spawn(SpawnConfig(lambda query: current_seat().tools[0](query=query, name="part"), "?"))
    clock.armed.wait_until(lambda notes: notes)

    pool.abort(id)

    assert pool.join(id).status is Status.CANCELLED
    assert log.wait(AgentStopped, "/pool/agent-1/pool/part")
    assert not system.orphans


@pytest.mark.parametrize("stops", [lambda system, pool: pool.stop(), lambda system, pool: system.stop()])
def test_so_is_one_whose_pool_ends(
    system: ActorSystem, clock: Any, dispatcher: Any, lines: list[str], stops: Any
) -> None:
    pool = system.spawn(AgentPool)
    below = spawn_agent(retry)
    id = pool.spawn(SpawnConfig(lambda query: below(current_seat())[0](query=query, name="part"), "?"))
    other = pool.spawn(replace(model_retries(), dispatcher=dispatcher))
    clock.armed.wait_until(lambda notes: len(notes) >= 2)
    futures = [pool.join(each, block=False) for each in (id, other)]

    stops(system, pool)

    assert [result(future).status for future in futures] == [Status.CANCELLED] * 2
    assert not system.orphans
    assert not [line for line in lines if "failed" in line]


def test_so_is_one_that_waits_in_its_start(system: ActorSystem, clock: Any) -> None:
    pool = system.spawn(AgentPool, when_full="queue", max_agents=1)
    with Gate() as gate:
        _, id = pool.fan_out([SpawnConfig(lambda query: gate.wait()), SpawnConfig(RetriesInStart)])
        gate.reached()
    clock.armed.wait_until(lambda notes: notes)

    pool.abort(id)

    assert pool.join(id).status is Status.CANCELLED
    assert not system.orphans


def test_it_says_what_it_is() -> None:
    agent = ModelAgent(ScriptedDriver([]), manifest=Manifest(name="thinker"))
    assert repr(agent) == "<ModelAgent thinker with <ScriptedDriver scripted, asked 0 times>>"
