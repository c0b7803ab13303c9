"""Is the bound kept, and is each agent's result given once, whatever happens at the same moment?"""

from __future__ import annotations

import random
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from actors import ActorSystem, Agent, ChildSpec, Outcome
from actors.agentpool import AgentPool, AgentPoolRef, PoolAgent, PoolFullError, SpawnConfig, Status, current_seat
from actors.testkit import Gate, Simulation
from policies import Stop
from tests.agentpool.workers import NoStart, at_gate, double
from tests.core.helpers import elsewhere
from tests.core.scripted import at_once

case = pytest.mark.system_case


class Bodies:
    """Counts how many run at once."""

    def __init__(self) -> None:
        self.now = self.most = self.all = 0
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        with self._lock:
            self.now += 1
            self.all += 1
            self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.now -= 1


@pytest.fixture
def fast_switches() -> Iterator[None]:
    was = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(was)


def spawn_or_none(pool: AgentPoolRef, config: SpawnConfig) -> int | None:
    try:
        return pool.spawn(config)
    except PoolFullError:
        return None


@case("T51")
@case("D3.1")
def test_of_several_that_spawn_at_once_as_many_are_accepted_as_there_are_places(pool: Any, config: Any) -> None:
    two = pool(2)
    given: list[int] = []
    for _ in range(5):
        with Gate() as gate:
            ids = at_once(*[lambda gate=gate: spawn_or_none(two, config(at_gate, gate))] * 6)
            accepted = [id for id in ids if id is not None]
            assert len(accepted) == 2
            assert two.active_count == 2
        given += accepted
        assert sorted(two.join_all().results) == sorted(accepted)
    assert sorted(given) == list(range(1, 11))


@case("T51")
@case("D3.1")
@pytest.mark.stress
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_16_threads_on_two_places_300_times(fast_switches: None) -> None:
    bodies = Bodies()
    begin, over = threading.Barrier(17), threading.Barrier(17)
    accepted: list[int | None] = []
    gates = [Gate()]

    def body(gate: Gate) -> None:
        with bodies:
            gate.wait()

    def thread() -> None:
        for _ in range(300):
            begin.wait()
            accepted.append(spawn_or_none(two, SpawnConfig(body, gates[0])))
            over.wait()

    with ActorSystem("stress", policy=Stop()) as system:
        two = system.spawn(AgentPool, max_agents=2, name="pool")
        threads = [threading.Thread(target=thread) for _ in range(16)]
        for each in threads:
            each.start()
        for number in range(300):
            gates[0] = Gate()
            with gates[0]:
                begin.wait()
                over.wait()
                ids = [id for id in accepted if id is not None]
                accepted.clear()
                gates[0].reached(2)
                assert sorted(ids) == [2 * number + 1, 2 * number + 2]
            assert sorted(two.join_all().results) == sorted(ids)
        for each in threads:
            each.join()
        assert (bodies.most, bodies.all, two.active_count) == (2, 600, 0)


@pytest.mark.stress
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_spawns_ends_aborts_resizes_and_joins_at_once_lose_no_result_and_no_place(fast_switches: None) -> None:
    bodies = Bodies()

    def body(seed: int) -> int:
        with bodies:
            current_seat().context.check()
            if seed % 5 == 0:
                raise ValueError(seed)
            return seed

    def spawn(seed: int) -> None:
        for number in range(150):
            agent = NoStart if number % 17 == 0 else body
            given.extend(pool.fan_out([SpawnConfig(agent, seed * 1000 + number)] * (number % 3 + 1)))

    def disturb() -> None:
        chance = random.Random(1)
        for _ in range(300):
            pool.abort(chance.randint(1, 2000))
            pool.resize(chance.randint(1, 4))
            pool.start_child(ChildSpec(Agent, "plain"))
            pool.terminate_child("plain")

    def collect() -> None:
        while not done.is_set():
            if (result := pool.join_next()) is not None:
                collected.append(result)

    given: list[int] = []
    collected: list[Any] = []
    done = threading.Event()
    with ActorSystem("stress", policy=Stop()) as system:
        pool = system.spawn(AgentPool, max_agents=4, when_full="queue", policy=Stop(), name="pool")
        spawners = [threading.Thread(target=spawn, args=(seed,)) for seed in range(1, 5)]
        others = [threading.Thread(target=disturb), *(threading.Thread(target=collect) for _ in range(2))]
        for each in (*spawners, *others):
            each.start()
        for each in (*spawners, others[0]):
            each.join()
        pool.terminate_child("plain")
        collected.extend(pool.join_all().results.values())
        done.set()
        for each in others:
            each.join()
        collected.extend(pool.join_all().results.values())
        assert Counter(result.id for result in collected) == Counter(given)
        assert sorted(given) == list(range(1, len(given) + 1))
        assert bodies.most <= 4
        assert (pool.active_count, pool.queued_count, bodies.now) == (0, 0, 0)


class Varied(PoolAgent):
    """Does one of the things that agents do, in one step or several."""

    def run(self, query: int) -> Any:
        self.context.check()
        if query % 4 == 0:
            raise ValueError(query)
        if query % 4 == 1:
            yield
            yield
        if query % 4 == 2:
            self.stop()
        return query


@pytest.mark.parametrize("seed", range(60))
def test_in_whatever_order_each_that_was_given_an_id_has_one_result(seed: int) -> None:
    chance = random.Random(seed)
    with Simulation(seed=seed, policy=Stop()) as system:
        pool = system.spawn(AgentPool, max_agents=2, when_full="queue", policy=Stop(), name="pool")

        def spawn(first: int) -> list[int]:
            return [pool.spawn(SpawnConfig(Varied, first + number)) for number in range(5)]

        def disturb() -> None:
            for _ in range(4):
                pool.abort(chance.randint(1, 10))
                pool.resize(chance.randint(1, 3))
                if pool.start_child(ChildSpec(Agent, "plain")).outcome is not Outcome.MAX_CHILDREN:
                    pool.terminate_child("plain")

        def collect() -> list[Any]:
            return [result for _ in range(5) if (result := pool.join_next()) is not None]

        works = [elsewhere(spawn, 0), elsewhere(spawn, 10), elsewhere(disturb), elsewhere(collect), elsewhere(collect)]
        given = [*works[0].get(), *works[1].get()]
        works[2].get()
        results = [*works[3].get(), *works[4].get(), *pool.join_all().results.values()]
        assert sorted(result.id for result in results) == sorted(given) == list(range(1, 11))
        assert (pool.active_count, pool.queued_count) == (0, 0)
        assert {result.status for result in results} <= set(Status)


@pytest.mark.parametrize("seed", range(40))
def test_whenever_the_pool_stops_whoever_waits_is_told(seed: int) -> None:
    with Simulation(seed=seed, policy=Stop()) as system:
        pool = system.spawn(AgentPool, max_agents=2, when_full="queue", policy=Stop(), name="pool")
        ids = pool.fan_out([SpawnConfig(Varied, number) for number in range(6)])
        joins = [elsewhere(lambda id=id: pool.join(id)) for id in ids]
        stopping = elsewhere(pool.stop, drain=bool(seed % 2))
        assert [each.get().id for each in joins] == ids
        assert stopping.get() is True
        assert (pool.active_count, pool.queued_count, pool.join_next()) == (0, 0, None)


@pytest.mark.parametrize("seed", range(40))
def test_whenever_the_pool_is_restarted_what_waits_is_done_all_the_same(seed: int) -> None:
    with Simulation(seed=seed, policy=Stop()) as system:
        pool = system.spawn(AgentPool, max_agents=2, when_full="queue", policy=Stop(), name="pool")
        ids = pool.fan_out([SpawnConfig(double, number) for number in range(6)])
        restarting = elsewhere(system.guardian.ref.restart_child, "pool")
        results = [pool.join(id) for id in ids]
        assert restarting.get()
        assert {result.status for result in results} <= {Status.COMPLETED, Status.STOPPED}
        assert sum(result.status is Status.STOPPED for result in results) <= 2
        assert (pool.active_count, pool.queued_count) == (0, 0)
