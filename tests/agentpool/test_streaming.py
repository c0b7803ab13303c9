"""Does each reader know who says what, and does no agent wait for a reader?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, Emitted
from actors.agentpool import StreamEvent, StreamLagged, current_seat
from actors.agentpool.stream import ROOM
from actors.eventlog.work_kinds import AgentStreamRecord
from actors.testkit import Gate, Probe
from tests.core.helpers import EventLog, Trace

case = pytest.mark.system_case


def say(words: Any) -> str:
    for word in words:
        current_seat().stream(word)
    return "said"


@case("D1.9")
def test_each_event_bears_who_said_it(pool: Any, config: Any, trace: Trace, log: EventLog) -> None:
    two = pool(2, on_stream=trace.note)
    two.fan_out([config(say, ["a", "b"]), config(say, [{"c": 1}])])
    two.join_all()
    events = trace.wait_until(lambda notes: len(notes) == 3)
    assert [(each.id, each.path, each.incarnation, each.event) for each in events if each.id == 1] == [
        (1, "/pool/agent-1", 1, "a"),
        (1, "/pool/agent-1", 1, "b"),
    ]
    assert [each.event for each in events if each.id == 2] == [{"c": 1}]
    records = [event.record for event in log.of(Emitted) if isinstance(event.record, AgentStreamRecord)]
    assert sorted((each.agent_id, each.message) for each in records) == [
        ("/pool/agent-1", "a"),
        ("/pool/agent-1", "b"),
        ("/pool/agent-2", "{'c': 1}"),
    ]


@case("D1.9")
def test_a_reader_that_is_stuck_holds_up_nobody_and_is_told_what_it_lost(pool: Any, config: Any, trace: Trace) -> None:
    gate = Gate()

    def read(event: Any) -> None:
        trace.note(event)
        gate.wait()

    one = pool(1, on_stream=read)
    with gate:
        first = one.spawn(config(say, ["first"]))
        assert one.join(first).value == "said"
        gate.reached()
        many = one.spawn(config(say, range(ROOM + 5)))
        assert one.join(many).value == "said"
        assert one.active_count == 0
    events = trace.wait_until(lambda notes: len(notes) == ROOM + 2)
    assert events[1] == StreamLagged("/pool", 5)
    assert [each.event for each in events[2:]] == list(range(5, ROOM + 5))


def test_a_reader_that_fails_is_a_line_in_the_log_once_and_gets_the_rest(
    pool: Any, config: Any, trace: Trace, lines: list[str]
) -> None:
    def read(event: StreamEvent) -> None:
        trace.note(event.event)
        raise OSError("closed")

    one = pool(1, on_stream=read)
    one.join(one.spawn(config(say, ["a", "b"])))
    trace.wait_until(lambda notes: notes == ["a", "b"])
    assert [line for line in lines if "reader" in line] == [
        "the stream of /pool has a reader that fails: OSError: closed"
    ]
    assert one.incarnation == 1


def test_the_reader_may_be_an_agent(pool: Any, config: Any, system: ActorSystem) -> None:
    probe = Probe(system)
    one = pool(1, on_stream=probe.ref)
    one.join(one.spawn(config(say, ["a"])))
    event = probe.expect(StreamEvent)
    assert (event.path, event.event) == ("/pool/agent-1", "a")


def test_what_was_said_last_is_read_before_the_pool_has_ended(pool: Any, config: Any, trace: Trace) -> None:
    def say_last(gate: Gate) -> None:
        gate.wait()
        current_seat().stream("last")

    one = pool(1, on_stream=lambda event: trace.note(event.event))
    with Gate() as gate:
        one.spawn(config(say_last, gate))
        gate.reached()
        stopping = one.stop(block=False)
    stopping.get()
    assert trace.notes == ["last"]
    assert one.stop() is False
