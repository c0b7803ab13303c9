"""Is work for which there is no place refused whole, or done in its turn?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, Agent, ChildSpec, NameTakenError
from actors.agentpool import AgentPool, PoolAgent, PoolFullError, Status, current_seat
from actors.testkit import Gate
from tests.agentpool.workers import NoStart, at_gate, double
from tests.core.helpers import Boom, Trace, elsewhere

case = pytest.mark.system_case


@case("T55")
@case("D1.6")
def test_five_on_two_are_refused_whole_and_none_is_started(pool: Any, config: Any, trace: Trace) -> None:
    two = pool(2)
    with pytest.raises(PoolFullError, match=r"\(0/2\)"):
        two.fan_out([config(trace.note, number) for number in range(5)])
    assert two.active_count == 0
    assert two.join_all().results == {}
    assert trace.notes == []
    assert two.fan_out([config(trace.note, 1), config(trace.note, 2)]) == [1, 2]


@case("T55")
@case("D1.6")
def test_five_on_two_with_a_queue_are_all_done_two_at_a_time(pool: Any, config: Any) -> None:
    two = pool(2, when_full="queue")
    gates = [Gate(f"gate {number}") for number in range(5)]
    ids = two.fan_out([config(at_gate, gate) for gate in gates])
    assert ids == [1, 2, 3, 4, 5]
    for number, gate in enumerate(gates):
        for reached in gates[number : number + 2]:
            reached.reached()
        assert [each.came for each in gates] == [1] * min(number + 2, 5) + [0] * max(0, 3 - number)
        assert (two.active_count, two.queued_count) == (min(2, 5 - number), max(0, 3 - number))
        gate.open()
        assert two.join(number + 1).value == "through"
    assert two.join_next() is None


def test_what_waits_takes_its_turn_in_order_and_the_queue_has_a_bound(pool: Any, config: Any, trace: Trace) -> None:
    one = pool(1, when_full="queue", queue=2)
    with Gate() as gate:
        one.spawn(config(at_gate, gate))
        one.spawn(config(trace.note, "b"))
        with pytest.raises(PoolFullError, match=r"^agent pool at capacity \(1/1\), and 1 wait$") as full:
            one.fan_out([config(trace.note, "c"), config(trace.note, "d")])
        assert full.value.waiting == 1
        assert one.spawn(config(trace.note, "c")) == 3
        assert one.ref_of(2) is None
    assert sorted(one.join_all().results) == [1, 2, 3]
    assert trace.notes == ["b", "c"]


def test_a_plain_child_does_not_jump_the_queue(pool: Any, config: Any) -> None:
    one = pool(1, when_full="queue")
    with Gate() as gate:
        one.spawn(config(at_gate, gate))
        one.spawn(config(at_gate, gate))
        assert not one.start_child(ChildSpec(Agent))
    assert len(one.join_all().results) == 2
    assert one.start_child(ChildSpec(Agent))


def test_a_larger_pool_starts_those_that_wait(pool: Any, config: Any) -> None:
    one = pool(0, when_full="queue")
    with Gate() as gate:
        one.fan_out([config(at_gate, gate)] * 3)
        assert (one.active_count, one.queued_count) == (0, 3)
        one.resize(2)
        gate.reached(2)
        assert (one.active_count, one.queued_count) == (2, 1)
    assert sorted(one.join_all().results) == [1, 2, 3]


def test_a_start_that_fails_later_is_the_failure_of_that_one(pool: Any, config: Any) -> None:
    one = pool(1, when_full="queue")
    with Gate() as gate:
        one.spawn(config(at_gate, gate))
        one.fan_out([config(NoStart), config(double, 3)])
    results = one.join_all().results
    assert results[2].status is Status.FAILED
    assert isinstance(results[2].error, Boom)
    assert results[3].value == 6


def test_a_start_that_fails_in_a_fan_out_does_not_keep_the_others(pool: Any, config: Any) -> None:
    three = pool(3)
    assert three.fan_out([config(double, 1), config(NoStart), config(double, 3)]) == [1, 2, 3]
    results = three.join_all().results
    assert [results[id].status.value for id in (1, 2, 3)] == ["completed", "failed", "completed"]
    assert three.active_count == 0


def test_two_of_one_name_are_refused_together(pool: Any, config: Any) -> None:
    three = pool(3)
    with pytest.raises(NameTakenError, match="/pool/w"):
        three.fan_out([config(double, 1, name="w"), config(double, 1, name="w")])
    assert three.join_next() is None
    assert three.spawn(config(double, 1)) == 1


@case("D1.11")
def test_what_an_agent_of_the_pool_spawns_never_waits_behind_itself(pool: Any, config: Any) -> None:
    def nested(query: Any) -> Any:
        seat = current_seat()
        return seat.pool.join(seat.pool.spawn(config(double, query))).value

    one = pool(1, when_full="queue")
    failed = one.join(one.spawn(config(nested, 3)))
    assert str(failed.error) == "agent pool at capacity (1/1)"
    one.resize(2)
    assert one.join(one.spawn(config(nested, 3))).value == 6


def test_those_that_wait_go_on_after_a_restart_of_the_pool(system: ActorSystem, config: Any) -> None:
    ref = system.spawn(AgentPool, max_agents=1, when_full="queue", name="pool")
    with Gate() as gate:
        ref.fan_out([config(at_gate, gate, shutdown="brutal"), config(double, 2), config(double, 3)])
        gate.reached()
        restarting = elsewhere(system_restart, system)
        gate.open()
        restarting.get()
        results = ref.join_all().results
    assert results[1].status in (Status.STOPPED, Status.COMPLETED)
    assert [results[id].value for id in (2, 3)] == [4, 6]
    assert ref.incarnation == 2
    assert ref.spawn(config(double, 1)) == 4


def system_restart(system: ActorSystem) -> None:
    assert system.guardian.ref.restart_child("pool")


class Slow(PoolAgent):
    def run(self, query: Any) -> Any:
        query.wait()
