"""What does an agent have from its pool, and what can one say to it while it works?"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from actors import AgentNotFoundError, AgentStoppedError, ChildSpec, Emitted, MailboxFullError, ReplyError, get_all
from actors.agentpool import PoolAgent, Seat, Status, current_seat
from actors.eventlog.work_kinds import AgentCompletedRecord
from actors.guard import Usage
from actors.memory import LocalMemory
from actors.testkit import Gate
from policies import Restart, Resume
from tests.agentpool.workers import Incrementing, Talking, at_gate, double
from tests.core.helpers import Boom, EventLog, Trace, answer

case = pytest.mark.system_case


@case("T61")
@case("D1.1")
def test_a_running_agent_receives_messages_and_answers_them(pool: Any, config: Any) -> None:
    two = pool(2)
    id = two.spawn(config(Talking))
    two.send(id, "hello")
    assert answer(two.ref_of(id), "are you there") == "heard are you there"
    two.send(id, "over")
    assert two.join(id).value == ["hello", "are you there", "over"]


@case("D1.2")
def test_a_full_mailbox_refuses_at_once(pool: Any, config: Any) -> None:
    two = pool(2)
    with Gate() as gate:
        id = two.spawn(config(at_gate, gate))
        gate.reached()
        for number in range(32):
            two.send(id, number)
        with pytest.raises(MailboxFullError, match=r"/pool/agent-1 is full \(32 messages\)"):
            two.send(id, 33)
    assert two.join(id).value == "through"


def test_who_cannot_be_sent_anything_is_named(pool: Any, config: Any) -> None:
    one = pool(1, when_full="queue")
    with pytest.raises(AgentNotFoundError, match="/pool has no agent 1"):
        one.send(1, "hello")
    with Gate() as gate:
        one.fan_out([config(at_gate, gate), config(double, 1)])
        with pytest.raises(AgentNotFoundError, match="agent 2 of /pool has not started yet"):
            one.send(2, "hello")
    one.join_all()
    with pytest.raises(AgentStoppedError, match="agent 1 of /pool has ended"):
        one.send(1, "hello")


def test_a_run_of_steps_goes_on_with_what_it_waits_for(pool: Any, config: Any) -> None:
    class Asking(PoolAgent):
        def run(self, other: Any) -> Any:
            first = yield other.ask(1, block=False)
            yield
            try:
                yield other.ask("one", block=False)
            except TypeError:
                return first

    two = pool(2)
    other = two.start_child(plain_spec(Incrementing)).ref
    assert two.join(two.spawn(config(Asking, other))).value == 2
    two.terminate_child("Incrementing")


def plain_spec(kind: Any) -> Any:
    return ChildSpec(kind, kind.__name__, policy=Resume())


def test_a_run_that_yields_anything_else_fails_with_what_it_was(pool: Any, config: Any) -> None:
    def wrong(query: Any) -> Any:
        yield 3

    one = pool(1)
    result = one.join(one.spawn(config(wrong)))
    assert str(result.error) == "run yields None or a future, not 3"


def test_work_that_is_async_fails_and_says_so(pool: Any, config: Any) -> None:
    async def later(query: Any) -> Any:
        return query

    async def each(query: Any) -> Any:
        yield query

    two = pool(2)
    results = [two.join(id) for id in two.fan_out([config(later), config(each)])]
    assert [(result.status, str(result.error)) for result in results] == [
        (Status.FAILED, f"/pool/agent-{id} was given an async function: a pool runs plain ones, and generators")
        for id in (1, 2)
    ]


@case("D1.8")
def test_an_agent_whose_error_is_worth_another_try_runs_its_query_again(pool: Any, config: Any, trace: Trace) -> None:
    class Flaky(PoolAgent):
        def run(self, query: str) -> str:
            trace.note((query, self.context.incarnation))
            if self.context.incarnation < 3:
                raise ConnectionError("cut off")
            return "done"

    one = pool(1)
    result = one.join(one.spawn(config(Flaky, "q")))
    assert (result.value, result.incarnations) == ("done", 3)
    assert trace.notes == [("q", 1), ("q", 2), ("q", 3)]


@case("D1.7")
@case("D1.8")
def test_after_three_restarts_it_has_failed_with_the_last_error(pool: Any, config: Any) -> None:
    def cut_off(query: Any) -> Any:
        yield
        raise ConnectionError(current_seat().context.incarnation)

    one = pool(1)
    result = one.join(one.spawn(config(cut_off)))
    assert (result.status, result.incarnations) == (Status.FAILED, 4)
    assert repr(result.error) == "ConnectionError(4)"
    assert one.active_count == 0


def test_what_waits_in_its_mailbox_is_handled_before_it_begins_again(pool: Any, config: Any) -> None:
    class Forgetful(Talking):
        def run(self, gate: Gate) -> Any:
            gate.wait()
            if self.context.incarnation == 1:
                raise TimeoutError("slow")
            return self.heard

    one = pool(1)
    with Gate() as gate:
        id = one.spawn(config(Forgetful, gate))
        gate.reached()
        one.send(id, "context")
    assert one.join(id).value == ["context"]


@pytest.mark.parametrize("policy", [Resume(), Restart(1, within=None)], ids=["resumed", "restarted"])
def test_a_failure_over_a_message_after_its_value_costs_it_nothing(pool: Any, config: Any, policy: Any) -> None:
    class Late(PoolAgent):
        def run(self, gate: Gate) -> str:
            gate.wait()
            return f"of {self.context.incarnation}"

        def on_receive(self, message: Any) -> Any:
            raise Boom("late")

    one = pool(1)
    with Gate() as gate:
        id = one.spawn(config(Late, gate, policy=policy))
        gate.reached()
        one.send(id, "a message")
    assert one.join(id).value == "of 1"


def test_work_that_failed_and_is_resumed_has_failed(pool: Any, config: Any) -> None:
    def failing(query: Any) -> Any:
        raise Boom(query)

    one = pool(1)
    result = one.join(one.spawn(config(failing, "q", policy=Resume())))
    assert (result.status, str(result.error)) == (Status.FAILED, "q")


def test_work_that_answers_with_an_error_has_failed_and_is_not_tried_again(pool: Any, config: Any) -> None:
    def refusing(query: Any) -> Any:
        raise ReplyError("no")

    one = pool(1)
    result = one.join(one.spawn(config(refusing, policy=Restart(None, within=None))))
    assert (result.status, str(result.error), result.incarnations) == (Status.FAILED, "no", 1)


def test_arguments_go_to_the_class_and_behind_the_query_to_a_function(pool: Any, config: Any) -> None:
    class Scaled(PoolAgent):
        def __init__(self, factor: int, *, plus: int) -> None:
            self.factor = factor
            self.plus = plus

        def run(self, query: int) -> int:
            return query * self.factor + self.plus

    def scaled(query: int, factor: int, *, plus: int) -> int:
        return query * factor + plus

    two = pool(2)
    ids = two.fan_out([config(each, 3, (10,), {"plus": 4}) for each in (Scaled, scaled)])
    assert [two.join(id).value for id in ids] == [34, 34]


def test_an_agent_without_run_or_that_no_pool_has_spawned_says_so(pool: Any, config: Any) -> None:
    one = pool(1)
    assert "PoolAgent has no run(query)" in str(one.join(one.spawn(config(PoolAgent))).error)
    plain = one.start_child(plain_spec(Talking)).ref
    with pytest.raises(RuntimeError, match="was not spawned by a pool"):
        plain.proxy().seat.get()
    with pytest.raises(RuntimeError, match="runs on this thread"):
        current_seat()


# -- what the seat has ------------------------------------------------------------


def test_a_seat_says_who_and_where_it_is(pool: Any, config: Any) -> None:
    def look(query: Any) -> Any:
        seat = current_seat()
        return seat.id, seat.name, seat.path, seat.depth, seat.query, seat.key, repr(seat), seat.pool.path

    one = pool(1)
    expected = (1, "looker", "/pool/looker", 0, "q", "k", "<Seat 1 /pool/looker>", "/pool")
    assert one.join(one.spawn(config(look, "q", name="looker", key="k"))).value == expected


def test_tools_are_built_once_for_each_agent_on_its_own_thread(pool: Any, config: Any) -> None:
    built: list[tuple[int, int]] = []

    def build(seat: Seat) -> list[str]:
        built.append((seat.id, threading.get_ident()))
        return [f"tool of {seat.id}"]

    def use(query: Any) -> Any:
        seat = current_seat()
        return seat.tools, seat.tools is current_seat().tools, threading.get_ident()

    two = pool(2, tool_builder=build)
    ids = two.fan_out([config(use), config(use)])
    values = [two.join(id).value for id in ids]
    assert [value[:2] for value in values] == [(["tool of 1"], True), (["tool of 2"], True)]
    assert sorted(built) == [(id, value[2]) for id, value in zip(ids, values, strict=True)]
    assert threading.get_ident() not in {thread for _, thread in built}


def test_without_a_tool_builder_there_are_none(pool: Any, config: Any) -> None:
    one = pool(1)
    assert one.join(one.spawn(config(lambda query: (current_seat().tools, current_seat().memory)))).value == ((), None)


@case("D1.13")
def test_each_agent_recalls_its_own_alone(pool: Any, config: Any) -> None:
    memory = LocalMemory()
    two = pool(2, memory=memory)

    def remember(query: str) -> list[str]:
        mine = current_seat().memory
        mine.remember(f"what {query} said")
        return [each.text for each in mine.recall("said")]

    ids = two.fan_out([config(remember, "a", name="a"), config(remember, "b", name="b")])
    assert [two.join(id).value for id in ids] == [["what a said"], ["what b said"]]
    assert [each.text for each in memory.recall("/pool/a", "said")] == ["what a said"]


def test_what_an_agent_says_that_it_used_is_in_its_result_also_when_it_was_aborted(pool: Any, config: Any) -> None:
    def spend(gate: Gate) -> None:
        seat = current_seat()
        seat.spend(Usage(100, 50))
        seat.spend(Usage(1, 2))
        gate.wait()
        seat.context.check()

    one = pool(2)
    with Gate() as gate:
        ids = one.fan_out([config(spend, gate), config(spend, gate)])
        gate.reached(2)
        one.abort(ids[0])
    assert [one.join(id).usage for id in ids] == [Usage(101, 52), Usage(101, 52)]


def test_the_usage_of_a_value_is_that_of_its_result(pool: Any, config: Any) -> None:
    class Answer:
        usage = Usage(3, 4)

    one = pool(1)
    assert one.join(one.spawn(config(lambda query: Answer()))).usage == Usage(3, 4)
    assert one.join(one.spawn(config(double, 2))).usage is None


def test_work_that_is_done_is_told_once_in_the_log(pool: Any, config: Any, log: EventLog) -> None:
    two = pool(2)
    ids = two.fan_out([config(double, 2, key="T-1"), config(Incrementing, 2)])
    get_all([two.join(id, block=False) for id in ids])
    records = [event.record for event in log.of(Emitted) if isinstance(event.record, AgentCompletedRecord)]
    assert sorted((each.agent_id, each.task_id, each.message) for each in records) == [
        ("/pool/agent-1", "T-1", "4"),
        ("/pool/agent-2", None, "3"),
    ]
