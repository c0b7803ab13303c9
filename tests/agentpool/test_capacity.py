"""Are there ever more agents in a pool than it may have, and is each place given up, however an agent ends?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, Agent, ChildSpec, NameTakenError, Outcome, StartFailedError
from actors.agentpool import AgentPool, KeyTakenError, PoolFullError, SpawnConfig, Status
from actors.testkit import Gate
from policies import Stop
from tests.agentpool.workers import Failing, NoStart, Quitting, at_gate, double, fail
from tests.core.helpers import Boom, EventLog, elsewhere, patience

case = pytest.mark.system_case


@case("T50")
@case("D3.1")
def test_the_third_agent_of_two_is_refused_with_the_count(pool: Any, config: Any) -> None:
    two = pool(2)
    with Gate() as gate:
        ids = [two.spawn(config(at_gate, gate)), two.spawn(config(at_gate, gate))]
        with pytest.raises(PoolFullError, match=r"^agent pool at capacity \(2/2\)$") as full:
            two.spawn(config(double, 1))
        assert (full.value.path, full.value.running, full.value.most) == ("/pool", 2, 2)
        assert ids == [1, 2]
        assert two.active_count == 2
    assert set(two.join_all().results) == {1, 2}
    assert two.spawn(config(double, 1)) == 3  # what was refused has used no id


def test_a_pool_that_is_told_nothing_runs_four_and_has_nothing_to_give(system: ActorSystem) -> None:
    ref = system.spawn(AgentPool, name="pool")
    assert (ref.max_agents, ref.active_count, ref.queued_count) == (4, 0, 0)
    settings = ref.settings
    assert (settings.memory, settings.tool_builder, settings.on_stream, settings.max_depth) == (None, None, None, None)


@case("T50")
def test_a_pool_of_none_refuses_all(pool: Any, config: Any) -> None:
    none = pool(0)
    with pytest.raises(PoolFullError, match=r"\(0/0\)"):
        none.spawn(config(double, 1))
    assert none.start_child(ChildSpec(Agent)).outcome is Outcome.MAX_CHILDREN
    assert none.children() == []


@case("T52")
@case("D1.5")
def test_an_agent_that_has_finished_frees_its_place_without_a_join(pool: Any, config: Any, log: EventLog) -> None:
    one = pool(1)
    for number in range(1, 4):
        assert one.spawn(config(double, number)) == number
        wait_until_empty(one)
    assert [result.value for result in one.join_all().results.values()] == [2, 4, 6]


@case("T53")
@case("D3.3")
@case("D3.22")
@pytest.mark.parametrize("agent", [fail, Failing, Quitting], ids=["raises", "raises when asked", "ends by itself"])
def test_however_an_agent_ends_its_place_and_its_name_are_free(pool: Any, config: Any, agent: Any) -> None:
    one = pool(1)
    for number in (1, 2, 3):
        assert one.spawn(config(agent, Boom("boom"), name="w")) == number
        result = one.join(number)
        assert result.status in (Status.FAILED, Status.STOPPED)
        assert one.active_count == 0
        assert one.children() == []


@case("T53")
@case("D3.5")
def test_an_agent_that_does_not_start_leaves_its_place_and_its_name_free(pool: Any, config: Any) -> None:
    one = pool(1)
    for _ in range(2):
        with pytest.raises(StartFailedError, match="no start") as failed:
            one.spawn(config(NoStart, name="w"))
        assert isinstance(failed.value.cause, Boom)
        assert one.active_count == 0
    assert one.join_next() is None
    assert one.join(one.spawn(config(double, 1, name="w"))).value == 2


@case("T54")
@case("D3.4")
def test_a_key_that_is_worked_on_is_refused(pool: Any, config: Any) -> None:
    several = pool(3)
    with Gate() as gate:
        first = several.spawn(config(at_gate, gate, key="T-1"))
        with pytest.raises(KeyTakenError, match="/pool works on 'T-1' already"):
            several.spawn(config(double, 1, key="T-1"))
        with pytest.raises(KeyTakenError):
            several.fan_out([config(double, 1, key="T-2"), config(double, 1, key="T-2")])
        assert several.active_count == 1
    assert several.join(first).key == "T-1"
    again = several.spawn(config(double, 1, key="T-1"))
    assert (first, again) == (1, 2)


def test_a_name_that_is_taken_is_refused_and_uses_no_id(pool: Any, config: Any) -> None:
    two = pool(3)
    with Gate() as gate:
        two.spawn(config(at_gate, gate, name="w"))
        two.start_child(ChildSpec(Agent, "plain"))
        for name in ("w", "plain"):
            with pytest.raises(NameTakenError, match=f"/pool/{name} is already registered"):
                two.spawn(config(double, 1, name=name))
        assert two.active_count == 2
        assert two.spawn(config(double, 1)) == 2


def test_an_agent_without_a_name_gets_another_where_its_own_is_taken(pool: Any, config: Any) -> None:
    two = pool(2)
    two.start_child(ChildSpec(Agent, "agent-1"))
    result = two.join(two.spawn(config(double, 1)))
    assert (result.id, result.value) == (1, 2)
    assert result.name != "agent-1"


@case("D3.2")
def test_plain_children_count_like_any_other(pool: Any, config: Any) -> None:
    two = pool(2)
    assert two.start_child(ChildSpec(Agent, "w-1"))
    with Gate() as gate:
        two.spawn(config(at_gate, gate))
        refused = two.start_child(ChildSpec(Agent, "w-2"))
        assert refused.outcome is Outcome.MAX_CHILDREN
        assert isinstance(refused.error, StartFailedError)
        assert str(refused.error.cause) == "agent pool at capacity (2/2)"
        assert two.start_child(ChildSpec(Agent, "w-1")).outcome is Outcome.ALREADY_STARTED
    two.join_all()
    assert two.start_child(ChildSpec(Agent, "w-2"))
    assert two.active_count == 2
    assert two.terminate_child("w-2")
    assert two.active_count == 1
    assert two.restart_child("w-2")
    assert two.active_count == 2
    two.terminate_child("w-2")
    with Gate() as gate:
        two.spawn(config(at_gate, gate))
        assert two.restart_child("w-2").outcome is Outcome.MAX_CHILDREN


def test_a_plain_child_that_fails_to_start_or_ends_frees_its_place(pool: Any) -> None:
    one = pool(1)
    assert one.start_child(ChildSpec(NoStart, "w")).outcome is Outcome.START_FAILED
    assert one.active_count == 0
    with pytest.raises(ValueError, match="significant"):
        one.start_child(ChildSpec(Agent, "w", significant=True))
    assert one.active_count == 0
    child = one.start_child(ChildSpec(Agent, "w")).ref
    child.stop()
    wait_until_empty(one)
    assert one.restart_child("w")
    assert one.restart_child("w").outcome is Outcome.OK  # one that runs: a planned restart, in its place
    assert one.active_count == 1
    assert one.restart_child("nobody").outcome is Outcome.NOT_FOUND


def test_children_that_a_subclass_spawns_are_within_the_bound(system: ActorSystem, config: Any) -> None:
    class Own(AgentPool):
        def on_start(self) -> None:
            super().on_start()
            self.context.spawn(Agent, name="own")

    ref = system.spawn(Own, max_agents=1, name="pool")
    with pytest.raises(PoolFullError):
        ref.spawn(config(double, 1))
    assert ref.start_child(ChildSpec(Agent, "w")).outcome is Outcome.MAX_CHILDREN
    assert ref.active_count == 0
    ref.resize(2)
    assert ref.join(ref.spawn(config(double, 1))).id == 1


def test_what_waits_goes_on_when_a_child_of_a_subclass_has_ended(system: ActorSystem, config: Any) -> None:
    class Own(AgentPool):
        def on_start(self) -> None:
            super().on_start()
            self.context.spawn(Agent, name="own")

    ref = system.spawn(Own, max_agents=1, when_full="queue", name="pool")
    ids = [ref.spawn(config(double, 1)), *ref.fan_out([config(double, 2)])]
    assert (ids, ref.active_count, ref.queued_count) == ([1, 2], 0, 2)
    system.find("/pool/own").stop()
    assert [ref.join(id).value for id in ids] == [2, 4]


def test_resize_lets_more_run_and_takes_nobodys_place(pool: Any, config: Any) -> None:
    sized = pool(1)
    with Gate() as gate:
        sized.spawn(config(at_gate, gate))
        sized.resize(2)
        sized.spawn(config(at_gate, gate))
        sized.resize(1)
        assert (sized.max_agents, sized.active_count) == (1, 2)
        with pytest.raises(PoolFullError, match=r"\(2/1\)"):
            sized.spawn(config(double, 1))
        assert sized.start_child(ChildSpec(Agent)).outcome is Outcome.MAX_CHILDREN
    assert len(sized.join_all().results) == 2
    assert sized.join(sized.spawn(config(double, 3))).value == 6


@case("D1.8")
def test_an_agent_that_hangs_is_abandoned_at_its_deadline_and_frees_its_place(
    pool: Any, config: Any, system: ActorSystem, clock: Any
) -> None:
    one = pool(1, policy=Stop())
    with Gate() as gate:
        hung = one.spawn(config(at_gate, gate, deadline=5.0))
        gate.reached()
        clock.advance(5.0)
        result = one.join(hung)
        assert result.status is Status.FAILED
        assert "took longer than 5 seconds" in str(result.error)
        assert one.active_count == 0
        assert [orphan.path for orphan in system.orphans] == ["/pool/agent-1"]
        assert one.join(one.spawn(config(double, 1))).value == 2


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"max_agents": -1}, "max_agents"),
        ({"max_agents": True}, "max_agents"),
        ({"when_full": "wait"}, "when_full"),
        ({"queue": 3}, "queue"),
        ({"when_full": "queue", "queue": -1}, "queue"),
        ({"max_depth": -1}, "max_depth"),
        ({"tool_builder": 3}, "tool_builder"),
        ({"on_stream": 3}, "on_stream"),
        ({"policy": "restart"}, "policy"),
        ({"memory": "crew.memory"}, "memory"),
    ],
)
def test_a_pool_that_makes_no_sense_does_not_start(pool: Any, options: Any, named: str) -> None:
    with pytest.raises(StartFailedError) as failed:
        pool(**options)
    assert isinstance(failed.value.cause, ValueError)
    assert str(failed.value.cause).startswith(f"{named}: ")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"agent": 3}, "agent"),
        ({"agent": dict}, "agent"),
        ({"name": "a/b"}, "name"),
        ({"args": 3}, "args"),
        ({"deadline": 0}, "deadline"),
        ({"key": []}, "key"),
        ({"iterations": 0}, "iterations"),
        ({"iterations": True}, "iterations"),
        ({"policy": 3}, "policy"),
        ({"shutdown": -1}, "shutdown"),
        ({"mailbox": 3}, "mailbox"),
        ({"dispatcher": "none"}, "dispatcher"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused_when_it_is_made(options: Any, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        SpawnConfig(**{"agent": double, **options})


def test_what_is_no_config_and_no_size_is_refused(pool: Any) -> None:
    one = pool(1)
    with pytest.raises(ValueError, match="a SpawnConfig"):
        one.spawn(double)
    with pytest.raises(ValueError, match="configs: any number of SpawnConfigs, not one alone"):
        one.fan_out(SpawnConfig(double))
    for call in (one.join, one.abort, one.ref_of, lambda id: one.send(id, "hello")):
        for wrong in ("1", None, [1], True):
            with pytest.raises(ValueError, match="id: the number that spawn gave, not "):
                call(wrong)
    with pytest.raises(ValueError, match="max_agents"):
        one.resize(-1)
    with pytest.raises(ValueError, match="a ChildSpec"):
        one.start_child(double)
    assert one.active_count == 0


def wait_until_empty(ref: Any) -> None:
    """Wait for the ends of all that run, and leave the results where they are."""
    results = elsewhere(ref.join_all).get(timeout=patience())
    ref.books.put_back(dict(results.results))
    while ref.active_count:
        ref.ask("nothing", timeout=patience())
