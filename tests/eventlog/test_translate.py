"""What is an event of the kernel on the wire: complete, plain, bounded, and soon done?"""

from __future__ import annotations

import dataclasses
import gc
import json
import weakref
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

import pytest
from pydantic import ValidationError

import actors
from actors import (
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentFailed,
    AgentSpawned,
    AgentStarted,
    AgentStopped,
    DeadLetter,
    DeadLetterReason,
    Emitted,
    Event,
    State,
    StopReason,
)
from actors._core.events import AgentSuspended
from actors.eventlog.kinds import (
    DeadLetterRecord,
    MissionEventRecord,
    OverflowRecord,
    UnknownRecord,
    decode,
    encode,
)
from actors.eventlog.translate import LONGEST, translate
from policies import Directive, Escalate, Phase, Policy, Restart, RestartType, Stop

OF_THE_KERNEL = [
    value
    for value in vars(actors).values()
    if isinstance(value, type) and issubclass(value, Event) and value not in (Event, Emitted)
]


def fields(event: Event) -> dict[str, Any]:
    """What is told, as a reader gets it: by way of JSON."""
    told: dict[str, Any] = json.loads(json.dumps(translate(event)[0], allow_nan=False))
    return told


def spawned(policy: Policy | None) -> dict[str, Any]:
    return fields(AgentSpawned("/a", 1, 0.0, Agent, RestartType.TRANSIENT, policy))


# -- what is told ---------------------------------------------------------------------------


def test_a_start_names_the_class_the_restart_type_and_the_limit() -> None:
    assert spawned(Restart(max_restarts=3, within=5.0)) == {
        "version": 1,
        "event_type": "agent_spawned",
        "path": "/a",
        "agent_id": "/a",
        "incarnation": 1,
        "old_state": "new",
        "new_state": "starting",
        "agent": "Agent",
        "restart": "transient",
        "limit": "3 in 5 s",
    }


def test_a_limit_is_what_the_snapshot_says_of_the_same_agent() -> None:
    for policy in (None, Restart(), Restart(2, within=None), Restart(None, within=None), Stop(), Escalate()):
        with ActorSystem("test", policy=policy) as system:
            told: list[Event] = []
            system.events.subscribe(told.append, AgentSpawned)
            system.spawn(Agent, name="a")
            shown = system.tree().find("/a")
            assert shown is not None
            assert fields(told[0]).get("limit", "") == shown.limit


class _Odd(Policy):
    def decide(self, failure: Any, history: Any) -> Any:
        raise NotImplementedError

    def for_exit(self) -> Any:
        raise RuntimeError("cannot tell")


def test_a_policy_that_cannot_tell_its_limit_has_none() -> None:
    assert "limit" not in spawned(_Odd())


def test_a_failure_has_its_error_as_one_line_and_what_was_decided() -> None:
    told = fields(AgentFailed("/a", 2, 0.0, ValueError("two\n lines"), Phase.RECEIVE, Directive.RESTART))
    assert told == {
        "version": 1,
        "event_type": "agent_failed",
        "path": "/a",
        "agent_id": "/a",
        "incarnation": 2,
        "error": "ValueError: two lines",
        "error_type": "ValueError",
        "phase": "receive",
        "directive": "restart",
    }


def test_a_normal_end_that_is_to_be_decided_about_has_no_error() -> None:
    told = fields(AgentSuspended("/a", 1, 0.0, State.RUNNING, None, Phase.EXIT))
    assert (told["old_state"], told["new_state"]) == ("running", "suspended")
    assert "error" not in told


@pytest.mark.parametrize("reason", DeadLetterReason, ids=lambda reason: reason.name)
def test_a_dead_letter_for_want_of_room_is_an_overflow(reason: DeadLetterReason) -> None:
    told, lifecycle = translate(DeadLetter("/a", 1, 0.0, "hello", reason, detail="why", number=4))
    record = decode(told)
    full = reason.name == "FULL" or reason.name.startswith("DROPPED_")
    assert type(record) is (OverflowRecord if full else DeadLetterRecord)
    assert isinstance(record, DeadLetterRecord)
    assert (record.letter, record.letter_type, record.detail, record.number) == ("'hello'", "str", "why", 4)
    assert record.reason == reason.name.lower()
    assert lifecycle is record.lifecycle is False


@pytest.mark.parametrize("kind", OF_THE_KERNEL, ids=lambda kind: kind.__name__)
def test_no_event_of_this_package_is_of_a_kind_that_is_not_known(kind: type[Event]) -> None:
    given: dict[str, Any] = {
        "path": "/a",
        "incarnation": 1,
        "at": 0.0,
        "error": ValueError("no"),
        "was": State.RUNNING,
        "agent": Agent,
        "delay": 0.5,
        "seconds": 1.5,
        "policy": Stop(),
        "topic": None,
        "number": 4,
    }
    names = [field.name for field in dataclasses.fields(kind)]
    told, lifecycle = translate(kind(**{name: given.get(name, "x") for name in names}))
    record = decode(json.dumps(told))
    assert type(record) is not UnknownRecord
    assert record.more == {}
    assert record.lifecycle is lifecycle


# -- bounded, and nobody's object -----------------------------------------------------------


class Huge:
    def __repr__(self) -> str:
        return "x" * 1_000_000


class Silent(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.mark.parametrize(
    "event",
    [
        AgentStopped("/a", 1, 0.0, StopReason.FAILED, ValueError("x" * 1_000_000)),
        DeadLetter("/a", 1, 0.0, Huge(), DeadLetterReason.STOPPED, ValueError("y" * 1_000_000), "z" * 1_000_000),
        AgentAbandoned("/a", 1, 0.0, "m" * 1_000_000, 1.0),
    ],
    ids=lambda event: type(event).__name__,
)
def test_texts_of_the_program_are_cut(event: Event) -> None:
    told = fields(event)
    assert max(len(value) for value in told.values() if isinstance(value, str)) == LONGEST + len("...")


def test_what_cannot_be_printed_is_told_by_its_type() -> None:
    told = fields(AgentStopped("/a", 1, 0.0, StopReason.FAILED, Silent()))
    assert (told["error"], told["error_type"]) == ("<Silent that cannot be printed>", "Silent")
    letter = fields(DeadLetter("/a", 1, 0.0, Silent(), DeadLetterReason.STOPPED))
    assert (letter["letter"], letter["letter_type"]) == ("<Silent that cannot be printed>", "Silent")


def test_text_that_no_file_can_hold_is_told_in_other_characters() -> None:
    told, _ = translate(AgentStopped("/a", 1, 0.0, StopReason.FAILED, ValueError("half \ud83d of it")))
    assert json.dumps(told, ensure_ascii=False).encode()
    assert told["error"] == "ValueError: half \\ud83d of it"


class Letter:
    """A message that others may hold weakly."""


def test_no_object_of_the_program_is_kept() -> None:
    error, message = Silent(), Letter()
    gone = [weakref.ref(error), weakref.ref(message)]
    told, _ = translate(DeadLetter("/a", 1, 0.0, message, DeadLetterReason.FAILED, error))
    del error, message
    gc.collect()
    assert [ref() for ref in gone] == [None, None]
    assert {type(value) for value in told.values()} == {int, str}


# -- what others tell -----------------------------------------------------------------------


class Colour(Enum):
    DARK_RED = auto()


@dataclass(frozen=True, slots=True)
class OrderShipped(Event):
    """An event of a program."""

    colour: Any
    count: Any = 3
    weight: Any = 2.5
    message: Any = None


@dataclass(frozen=True, slots=True)
class MemberJoined(Event):
    """An event of a program that is called as one of ours."""

    reason: Any


def test_an_event_of_the_program_is_told_by_its_name_with_plain_fields() -> None:
    with ActorSystem("test") as system:
        ref = system.spawn(Agent, name="b")
        told, lifecycle = translate(OrderShipped("/a", 1, 0.0, Colour.DARK_RED, count=ref, weight=ValueError("no")))
    assert told == {
        "version": 1,
        "event_type": "order_shipped",
        "path": "/a",
        "agent_id": "/a",
        "incarnation": 1,
        "colour": "dark_red",
        "count": "/b",
        "weight": "ValueError: no",
    }
    assert lifecycle is False
    assert isinstance(decode(told), UnknownRecord)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (True, True),
        (7, 7),
        (0.5, 0.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("two\nlines", "two lines"),
        (Agent, "Agent"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00+00:00"),
        ([1, 2], "[1, 2]"),
        (Silent(), "<Silent that cannot be printed>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_field_is_a_plain_value(value: Any, kept: Any) -> None:
    assert fields(OrderShipped("/a", 1, 0.0, value))["colour"] == kept


def test_a_field_that_is_called_as_one_of_the_head_does_not_take_its_place() -> None:
    told = fields(OrderShipped("/a", 1, 0.0, None, message=[1]))
    assert told["its_message"] == "[1]"
    assert "message" not in told
    assert "colour" not in told


def test_an_event_of_the_program_is_not_taken_for_one_of_ours() -> None:
    told = fields(MemberJoined("/a", 1, 0.0, {"no": "text"}))
    assert told["event_type"] == f"{__name__}.member_joined"
    assert isinstance(decode(told), UnknownRecord)


def test_a_record_that_an_agent_emits_is_its_own_where_it_says_nothing_else() -> None:
    record = MissionEventRecord(message="hi", mission_id="m")
    told = fields(Emitted("/a", 3, 0.0, record))
    assert (told["path"], told["agent_id"], told["incarnation"]) == ("/a", "/a", 3)
    assert (told["message"], told["mission_id"]) == ("hi", "m")
    other = fields(Emitted("/a", 3, 0.0, record.with_agent("bob")))
    assert (other["path"], other["agent_id"]) == ("/a", "bob")


def test_a_record_that_the_system_emits_is_nobodys() -> None:
    record = MissionEventRecord(message="hi")
    assert decode(fields(Emitted("/", 1, 0.0, record))) == record
    assert encode(record) == json.dumps(translate(Emitted("/", 1, 0.0, record))[0], separators=(",", ":"))


@pytest.mark.parametrize("junk", ["text", None, {"event_type": "agent_started"}, MissionEventRecord])
def test_what_is_no_record_is_refused_by_name(junk: Any) -> None:
    with pytest.raises(ValueError, match="/a has emitted what is no Record: "):
        translate(Emitted("/a", 1, 0.0, junk))


def test_a_record_that_is_in_a_log_already_is_refused() -> None:
    record = MissionEventRecord(message="hi", seq=3, event_id="run-3")
    with pytest.raises(ValueError, match="/a has emitted a record that is in a log already: run-3"):
        translate(Emitted("/a", 1, 0.0, record))


def test_what_is_no_json_value_is_refused_where_the_record_is_made() -> None:
    with pytest.raises(ValidationError, match="more"):
        UnknownRecord(event_type="mine", more={"what": object()})


# -- soon done ------------------------------------------------------------------------------


def test_a_start_and_an_end_make_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model costs ten times as much as what is done here."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("a model was made")

    monkeypatch.setattr("pydantic.BaseModel.__init__", refuse)
    assert translate(AgentStarted("/a", 1, 0.0, Agent))[0]["agent"] == "Agent"
    assert translate(AgentStopped("/a", 1, 0.0, StopReason.NORMAL))[0]["reason"] == "normal"
