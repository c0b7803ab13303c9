"""Do agents that are aborted, or whose pool ends, leave a result and nothing else?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, AgentFailed, AgentStoppedError, Cancelled, StartFailedError
from actors.agentpool import AgentPool, PoolAgent, Status, current_seat
from actors.testkit import Gate
from tests.agentpool.workers import Incrementing, at_gate, double, until_aborted
from tests.core.helpers import EventLog, Trace, elsewhere

case = pytest.mark.system_case


@case("T59")
@case("D1.4")
def test_abort_all_gives_a_cancelled_result_for_each_and_leaves_the_pool_usable(pool: Any, config: Any) -> None:
    two = pool(2, when_full="queue")
    with Gate() as gate:
        ids = two.fan_out([config(until_aborted, gate)] * 3)
        gate.reached(2)
        assert two.abort_all() == ids
        assert two.abort_all() == []
    results = two.join_all().results
    assert sorted(results) == ids
    assert {each.status for each in results.values()} == {Status.CANCELLED}
    assert all(isinstance(each.error, Cancelled) for each in results.values())
    assert two.children() == []
    assert (two.active_count, two.queued_count) == (0, 0)
    assert [two.ref_of(id) for id in ids] == [None, None, None]
    assert two.join(two.spawn(config(double, 2))).value == 4


def test_what_an_aborted_agent_gives_all_the_same_is_not_its_result(pool: Any, config: Any) -> None:
    two = pool(2)
    with Gate() as gate:
        id = two.spawn(config(at_gate, gate))
        gate.reached()
        assert two.abort(id) is True
        assert two.abort(id) is False
    assert two.join(id).status is Status.CANCELLED


def test_what_had_finished_before_it_was_aborted_has_finished(pool: Any, config: Any) -> None:
    two = pool(2)
    id = two.spawn(config(double, 2))
    done = two.join(id, block=False)
    assert done.get().value == 4
    assert two.abort(id) is False
    assert two.abort(7) is False


def test_an_agent_that_waits_for_its_turn_leaves_without_having_started(pool: Any, config: Any, trace: Trace) -> None:
    one = pool(1, when_full="queue")
    with Gate() as gate:
        one.fan_out([config(at_gate, gate), config(trace.note, "never"), config(trace.note, "third")])
        assert one.abort(2)
        assert one.join(2).status is Status.CANCELLED
        assert one.queued_count == 1
    assert len(one.join_all().results) == 2
    assert trace.notes == ["third"]


def test_an_agent_that_is_aborted_while_it_starts_ends_once_it_has_started(pool: Any, config: Any) -> None:
    class Slow(PoolAgent):
        def on_start(self) -> None:
            seat = self.seat
            gates[0].wait()
            seat.pool.abort(seat.id)

        def run(self, query: Any) -> str:
            gates[1].wait()
            return "done"

    gates = [Gate(), Gate()]
    one = pool(1)
    with gates[1], gates[0]:
        spawning = elsewhere(one.spawn, config(Slow))
        gates[0].reached()
        gates[0].open()
        gates[1].open()
        assert spawning.get() == 1
    assert one.join(1).status is Status.CANCELLED
    assert one.active_count == 0


def test_one_that_never_looks_up_is_abandoned_after_its_shutdown(
    pool: Any, config: Any, clock: Any, system: ActorSystem
) -> None:
    one = pool(1)
    with Gate() as gate:
        id = one.spawn(config(at_gate, gate, shutdown=3.0))
        gate.reached()
        one.abort(id)
        clock.advance(3.0)
        assert one.join(id).status is Status.CANCELLED
        assert one.active_count == 0
        assert len(system.orphans) == 1
        assert one.join(one.spawn(config(double, 1))).value == 2


def test_an_abort_is_seen_by_those_that_the_agent_has_spawned(pool: Any, config: Any) -> None:
    def below(gate: Gate) -> None:
        gate.wait()
        current_seat().context.check()

    def above(gate: Gate) -> Any:
        own = current_seat().own_pool()
        return own.join(own.spawn(config(below, gate))).get()

    one = pool(1)
    with Gate() as gate:
        id = one.spawn(config(above, gate))
        gate.reached()
        one.abort(id)
    result = one.join(id)
    assert result.status is Status.CANCELLED


@pytest.mark.parametrize("whose", ["the same pool", "its own pool"])
def test_an_abort_reaches_one_that_waits_for_another(pool: Any, config: Any, clock: Any, whose: str) -> None:
    def above(gate: Gate) -> Any:
        seat = current_seat()
        waits_for = seat.pool if whose == "the same pool" else seat.own_pool()
        return waits_for.join(waits_for.spawn(config(at_gate, gate, shutdown="brutal"))).get()

    two = pool(2)
    with Gate() as gate:
        id = two.spawn(config(above, gate))
        gate.reached()
        two.abort(id)
        if whose == "the same pool":
            assert two.join(id).status is Status.CANCELLED
            assert two.active_count == 1
    if whose != "the same pool":
        assert two.join(id).status is Status.CANCELLED
    assert clock.now() == 0.0


def test_one_that_gives_up_because_it_was_told_to_has_not_failed(pool: Any, config: Any, log: EventLog) -> None:
    two = pool(2)
    with Gate() as gate:
        id = two.spawn(config(until_aborted, gate))
        gate.reached()
        stopping = two.ref_of(id).stop(block=False, drain=False)
    assert two.join(id).status in (Status.CANCELLED, Status.STOPPED)
    assert stopping.get() is True
    assert log.of(AgentFailed) == []


def test_when_the_pool_stops_whoever_waits_is_told(system: ActorSystem, config: Any) -> None:
    ref = system.spawn(AgentPool, max_agents=1, when_full="queue", name="pool")
    with Gate() as gate:
        ref.fan_out([config(until_aborted, gate), config(double, 2)])
        gate.reached()
        nexts = [ref.join_next(block=False) for _ in range(3)]
        stopping = ref.stop(block=False, drain=False)
    assert stopping.get() is True
    results = [each.get() for each in nexts]
    assert [each and each.id for each in results] == [1, 2, None]
    assert results[1].status is Status.STOPPED
    with pytest.raises(AgentStoppedError):
        ref.spawn(config(double, 1))
    with pytest.raises(AgentStoppedError):
        ref.resize(3)
    assert ref.join_next() is None
    assert ref.active_count == 0


def test_a_pool_of_nobody_that_stops_tells_those_that_wait_for_a_place(system: ActorSystem, config: Any) -> None:
    ref = system.spawn(AgentPool, max_agents=0, when_full="queue", name="pool")
    id = ref.spawn(config(Incrementing, 2))
    waiting = ref.join(id, block=False)
    ref.stop()
    assert waiting.get().status is Status.STOPPED


def test_a_pool_that_does_not_start_is_no_pool(system: ActorSystem) -> None:
    with pytest.raises(StartFailedError):
        system.spawn(AgentPool, max_agents=-1, name="pool")
    assert system.find("/pool") is None
