"""Does each agent of a pool give one result, whatever becomes of it, to one of those who want it?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    Agent,
    AgentNotFoundError,
    AgentStoppedError,
    AskCycleError,
    AskTimeout,
    Cancelled,
    InvalidMessageError,
    ReplyError,
)
from actors.agentpool import PoolAgent, PoolFullError, Status, current_seat
from actors.testkit import Gate
from tests.agentpool.workers import Failing, Incrementing, Quitting, Unwilling, at_gate, double, fail
from tests.core.helpers import Boom, elsewhere, result

case = pytest.mark.system_case


@case("T56")
@case("D1.3")
@case("D1.7")
def test_join_all_has_an_entry_for_each_also_for_those_that_failed(pool: Any, config: Any) -> None:
    five = pool(5)
    with Gate() as gate:
        five.fan_out(
            [
                config(double, 4),
                config(fail, "boom", name="failing"),
                config(Failing, Boom("asked")),
                config(Quitting),
                config(at_gate, gate),
            ]
        )
        gate.reached()
        five.abort(5)
        joining = elsewhere(five.join_all)
    joined = joining.get()
    assert joined.running == {}
    statuses = [Status.COMPLETED, Status.FAILED, Status.FAILED, Status.STOPPED, Status.CANCELLED]
    assert [joined.results[id].status for id in (1, 2, 3, 4, 5)] == statuses
    assert joined.results[1].get() == 8
    assert (joined.results[2].name, str(joined.results[2].error)) == ("failing", "boom")
    assert isinstance(joined.results[2].error, Boom)
    with pytest.raises(Boom, match="asked"):
        joined.results[3].get()
    assert isinstance(joined.results[4].error, AgentStoppedError)
    assert isinstance(joined.results[5].error, Cancelled)


@case("T57")
@case("D1.3")
def test_join_next_gives_as_many_results_as_there_are_agents_and_then_none(pool: Any, config: Any) -> None:
    three = pool(3)
    three.fan_out([config(double, 1), config(fail, "boom"), config(double, 3)])
    results = [three.join_next() for _ in range(3)]
    assert sorted(each.id for each in results) == [1, 2, 3]
    assert three.join_next() is None
    assert three.join_all().results == {}


@case("T58")
@case("D3.3")
def test_join_all_in_time_names_those_that_run_on_and_forgets_none(pool: Any, config: Any, clock: Any) -> None:
    three = pool(3)
    with Gate() as gate:
        three.fan_out([config(at_gate, gate, name="a"), config(at_gate, gate, name="b"), config(double, 1)])
        gate.reached(2)
        clock.settle()
        joining = elsewhere(three.join_all, 0.3)
        clock.waits.wait_until(lambda waits: 0.3 in waits)
        clock.advance(0.3)
        joined = joining.get()
        assert joined.running == {1: "a", 2: "b"}
        assert set(joined.results) == {3}
        assert three.active_count == 2
        three.spawn(config(double, 2))
        three.join(4)
        with pytest.raises(PoolFullError):
            three.fan_out([config(double, 1), config(double, 1)])
    assert set(three.join_all().results) == {1, 2}


@case("T60")
def test_ids_grow_over_rounds_and_begin_with_one(pool: Any, config: Any) -> None:
    three = pool(3)
    given = []
    for _ in range(3):
        given += three.fan_out([config(double, 1)] * 3)
        three.join_all()
    assert given == [1, 2, 3, 4, 5, 6, 7, 8, 9]


@case("T62")
@case("D1.10")
def test_who_waits_for_one_gets_that_one_though_another_ends_first(pool: Any, config: Any) -> None:
    two = pool(2)
    with Gate() as gate:
        slow = two.spawn(config(at_gate, gate))
        quick = two.spawn(config(double, 1))
        waiting = two.join(slow, block=False)
        assert two.join_next().id == quick
        assert not waiting.settled
    assert result(waiting).id == slow
    with pytest.raises(AgentNotFoundError, match="has no agent 1, nor its result"):
        two.join(slow)


@pytest.mark.parametrize("join", ["join", "join_next"])
def test_a_result_is_given_to_one_who_still_waits_for_it(pool: Any, config: Any, clock: Any, join: str) -> None:
    two = pool(2)
    with Gate() as gate:
        id = two.spawn(config(at_gate, gate))
        wait = (
            (lambda *timeout: two.join(id, *timeout, block=False))
            if join == "join"
            else (lambda *timeout: two.join_next(*timeout, block=False))
        )
        early = wait(1.0)
        early.add_done_callback(lambda: None)  # else it looks at the clock when it is waited for
        clock.advance(1.0)
        with pytest.raises(AskTimeout):
            result(early)
        late = wait()
    assert result(late).id == id
    assert two.join_next() is None


def test_all_who_wait_for_the_next_are_told_when_there_is_none(pool: Any, config: Any) -> None:
    two = pool(2)
    with Gate() as gate:
        two.spawn(config(at_gate, gate))
        first, second = two.join_next(block=False), two.join_next(block=False)
    assert result(first).id == 1
    assert result(second) is None


@case("D1.16")
def test_others_may_be_spawned_while_somebody_waits_for_all(pool: Any, config: Any, clock: Any) -> None:
    three = pool(3)
    with Gate() as gate:
        three.spawn(config(at_gate, gate))
        gate.reached()
        joining = elsewhere(three.join_all, 60.0)
        clock.waits.wait_until(lambda waits: 60.0 in waits)
        assert three.join(three.spawn(config(double, 4))).value == 8
    assert set(joining.get().results) == {1}
    assert three.join_next() is None


def test_an_agent_that_knows_nothing_of_pools_is_asked_its_query(pool: Any, config: Any) -> None:
    two = pool(2)
    assert two.join(two.spawn(config(Incrementing, 4))).value == 5
    refused = two.join(two.spawn(config(Unwilling, 4)))
    assert refused.status is Status.FAILED
    assert isinstance(refused.error, ReplyError)


def test_a_query_that_an_agent_does_not_accept_is_its_failure(pool: Any, config: Any) -> None:
    class OnlyNumbers(Agent):
        accepts = int

    two = pool(2)
    refused = two.join(two.spawn(config(OnlyNumbers, "one")))
    assert refused.status is Status.FAILED
    assert isinstance(refused.error, InvalidMessageError)
    assert two.active_count == 0


def test_an_agent_that_is_stopped_before_it_has_answered_was_stopped(pool: Any, config: Any) -> None:
    class Never(Agent):
        def on_receive(self, message: Any) -> None:
            self.context.defer()

    two = pool(2)
    id = two.spawn(config(Never, "q"))
    two.ref_of(id).stop()
    ended = two.join(id)
    assert ended.status is Status.STOPPED
    assert "was stopped (requested) before it gave a value" in str(ended.error)


def test_an_agent_does_not_wait_for_itself(pool: Any, config: Any) -> None:
    def joins(query: Any) -> Any:
        seat = current_seat()
        if query == "join":
            return seat.pool.join(seat.id)
        return (seat.pool.join_next(), seat.pool.join_all().results)

    two = pool(2)
    alone = two.join(two.spawn(config(joins, "next")))
    assert alone.value == (None, {})
    cycle = two.join(two.spawn(config(joins, "join")))
    assert isinstance(cycle.error, AskCycleError)


def test_two_that_wait_for_each_other_do_not_hang(pool: Any, config: Any) -> None:
    class Mutual(PoolAgent):
        def run(self, query: Any) -> Any:
            query.wait()
            return self.seat.pool.join(3 - self.seat.id)

    two = pool(2)
    with Gate() as gate:
        two.fan_out([config(Mutual, gate), config(Mutual, gate)])
        gate.reached(2)
    results = list(two.join_all().results.values())
    # The one that is refused fails; the other is given that, if nobody else has collected it.
    found = [each.error for each in results] + [each.value.error for each in results if each.value is not None]
    assert AskCycleError in {type(error) for error in found}


def test_what_was_never_given_or_is_no_timeout_is_refused(pool: Any) -> None:
    two = pool(2)
    for id in (0, 1, 7):
        with pytest.raises(AgentNotFoundError, match=f"has no agent {id}"):
            two.join(id)
    with pytest.raises(ValueError, match="timeout"):
        two.join_next("soon")
