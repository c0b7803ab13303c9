"""How does what an agent says while it works read in the log?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import pytest
from pydantic import BaseModel

from actors import Emitted
from actors.agentpool import current_seat
from actors.eventlog import decode, encode
from actors.eventlog.work_kinds import AgentStreamRecord
from tests.core.helpers import EventLog


@dataclass(frozen=True)
class TextDelta:
    text: str


@dataclass(frozen=True)
class GaveUp:
    reason: str
    after: float
    who: object = None


@dataclass(frozen=True)
class PhaseChange:
    phase: str
    tool: str | None = None


class Scanned(BaseModel):
    files: int
    folder: str


class Level(IntEnum):
    HIGH = 3


class Colour(StrEnum):
    RED = "red"


@dataclass
class Odd:
    value: Any


class Sly:
    """Fails however one looks at it."""

    def __repr__(self) -> str:
        raise OSError("no")


@dataclass
class SlyFields:
    value: Any

    def __getattribute__(self, name: str) -> Any:
        if name == "value":
            raise OSError("no")
        return super().__getattribute__(name)


class Words(str):
    """A text of the program's own."""


@pytest.fixture
def said(pool: Any, config: Any, log: EventLog) -> Any:
    """Has an agent say something; gives the record of it."""

    def say(event: Any) -> AgentStreamRecord:
        one = pool(1)
        assert one.join(one.spawn(config(lambda query: current_seat().stream(event)))).error is None
        (record,) = (each.record for each in log.of(Emitted) if isinstance(each.record, AgentStreamRecord))
        assert decode(encode(record)) == record
        assert record.path == record.agent_id == "/pool/agent-1"
        assert record.incarnation == 1
        return record

    return say


@pytest.mark.parametrize(
    ("event", "text", "details"),
    [
        ("reads a.py", "reads a.py", {}),
        (TextDelta("fo"), "fo", {"kind": "text_delta"}),
        (GaveUp("too slow", 1.5, "me"), "too slow", {"kind": "gave_up", "fields": {"after": 1.5, "who": "me"}}),
        (
            PhaseChange("act", "add"),
            "phase change: phase act, tool add",
            {"kind": "phase_change", "fields": {"phase": "act", "tool": "add"}},
        ),
        (PhaseChange("done"), "phase change: phase done", {"kind": "phase_change", "fields": {"phase": "done"}}),
        (
            Scanned(files=3, folder="src"),
            "scanned: files 3, folder src",
            {"kind": "scanned", "fields": {"files": 3, "folder": "src"}},
        ),
        ({"c": 1}, "{'c': 1}", {"kind": "dict", "fields": {"c": 1}}),
        ({"text": "of a mapping"}, "of a mapping", {"kind": "dict"}),
        (42, "42", {"kind": "int"}),
        (None, "None", {"kind": "none_type"}),
        (Odd(Level.HIGH), "odd: value <Level.HIGH: 3>", {"kind": "odd", "fields": {"value": "<Level.HIGH: 3>"}}),
        (Odd(Colour.RED), "odd: value red", {"kind": "odd", "fields": {"value": "red"}}),
        (Odd(float("inf")), "odd: value inf", {"kind": "odd", "fields": {"value": "inf"}}),
        (Odd("\ud800"), "odd: value ?", {"kind": "odd", "fields": {"value": "?"}}),
    ],
)
def test_it_reads_as_what_was_said_with_its_kind_and_its_fields(
    said: Any, event: Any, text: str, details: dict[str, Any]
) -> None:
    record = said(event)
    assert (record.text, record.details) == (text, details)


def test_what_is_long_is_cut(said: Any) -> None:
    record = said(GaveUp("r" * 1000, 0.0, ["w" * 1000]))
    assert record.message == "r" * 200 + "..."
    assert record.fields is not None
    assert record.fields["who"] == "['" + "w" * 198 + "..."


def test_of_many_fields_the_first_are_told(said: Any) -> None:
    record = said({str(number): number for number in range(1000)})
    assert record.fields is not None
    assert list(record.fields.values()) == list(range(20))
    assert len(record.text) <= 203


@pytest.mark.parametrize("event", [Sly(), Odd(Sly()), SlyFields(1), {Sly(): 1}], ids=["it", "field", "look", "key"])
def test_what_fails_when_one_looks_at_it_costs_nobody_anything(said: Any, event: Any) -> None:
    assert "cannot be printed" in said(event).text


def _objects_in(value: Any) -> Iterator[type]:
    yield type(value)
    if isinstance(value, dict):
        for each in (*value, *value.values()):
            yield from _objects_in(each)


def test_nothing_of_the_programs_own_is_kept(said: Any) -> None:
    event = {Words("name"): Words("a" * 300), "level": Level.HIGH, "more": [TextDelta("x")], "short": Words("b")}
    record = said(event)
    assert set(_objects_in(record.fields)) | {type(record.message)} == {dict, str}
