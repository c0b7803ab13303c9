"""What does a record look like on the wire, and what does a reader make of what it does not know?"""

from __future__ import annotations

import json
import pickle
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import ValidationError

from actors import State
from actors.eventlog.kinds import (
    HEAD,
    KINDS,
    VERSION,
    AgentStartedRecord,
    AgentStoppedRecord,
    BadEntryError,
    LogGapRecord,
    MissionEventRecord,
    Record,
    SpawnMode,
    TaskAssignedRecord,
    UnknownRecord,
    decode,
    encode,
)

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
ROW = re.compile(r"^\| `(\w+)` \| .* \| (lifecycle|chatter) \| .* \|$", re.MULTILINE)

OF_COORDINATION = [
    "agent_state_changed",
    "agent_spawned",
    "agent_stopped",
    "task_assigned",
    "task_completed",
    "task_failed",
    "mission_state_changed",
    "mission_work_promoted",
    "mission_work_assigned",
    "mission_work_completed",
    "mission_work_blocked",
    "mission_help_needed",
    "mission_watch_triggered",
    "mission_event",
    "task_delegated",
    "agent_interrupted",
    "agent_resumed",
    "agent_completed",
    "agent_failed",
    "reviewer_handoff",
    "reviewer_approval",
    "conductor_escalation",
]


def full(kind: type[Record]) -> Record:
    """A record of the kind with every field that it has."""
    made: dict[str, Any] = {
        "seq": 7,
        "incarnation": 2,
        "timestamp": datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
        "spawn_mode": SpawnMode.FORKED_CONTEXT,
        "old_state": "idle",
        "new_state": "working",
        "fields": {"number": 1, "text": "one"},
    }
    for name, field in kind.model_fields.items():
        if name not in ("version", "event_type", "more") and name not in made:
            text = str(field.annotation)
            made[name] = 3 if "int" in text or "float" in text else f"the {name}"
    return kind(**{name: value for name, value in made.items() if name in kind.model_fields})


# -- on the wire ----------------------------------------------------------------------------


@pytest.mark.system_case("T90")
def test_absent_fields_are_left_out_the_type_is_in_snake_case_and_the_time_is_utc() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    record = TaskAssignedRecord(timestamp=at, task_id="t1", message="do it")
    assert json.loads(encode(record)) == {
        "version": VERSION,
        "event_type": "task_assigned",
        "timestamp": "2026-01-02T01:04:05Z",
        "task_id": "t1",
        "message": "do it",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_of_each_kind_comes_back_as_it_was(kind: str) -> None:
    for record in (KINDS[kind](), full(KINDS[kind])):
        text = encode(record)
        assert "\n" not in text
        assert decode(text) == decode(text.encode()) == decode(json.loads(text)) == record
        assert type(decode(text)) is KINDS[kind]
        assert encode(decode(text)) == text


@pytest.mark.system_case("D4.13")
@pytest.mark.parametrize("kind", KINDS)
def test_all_names_are_in_snake_case(kind: str) -> None:
    names = [kind, *KINDS[kind].model_fields]
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []


def test_the_kinds_of_coordination_are_all_there() -> None:
    assert set(OF_COORDINATION) <= set(KINDS)
    assert len(OF_COORDINATION) == 22


def test_the_head_is_the_same_for_all_kinds() -> None:
    assert [kind for kind, model in KINDS.items() if not set(model.model_fields) >= HEAD] == []


def test_text_that_is_not_ascii_stays_readable() -> None:
    record = MissionEventRecord(message="zwölf Boxkämpfer → 🙂")
    assert "zwölf Boxkämpfer → 🙂" in encode(record)
    assert decode(encode(record)) == record


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_each_kind_and_whether_it_lasts(kind: str) -> None:
    rows = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
    assert rows[kind] == ("lifecycle" if KINDS[kind].lifecycle else "chatter")
    assert set(rows) == set(KINDS)


# -- values ---------------------------------------------------------------------------------


def test_a_record_is_frozen_and_refuses_fields_that_it_does_not_have() -> None:
    record = AgentStartedRecord(path="/a")
    with pytest.raises(ValidationError, match="frozen"):
        record.path = "/b"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        AgentStartedRecord(pth="/a")  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="Input should be 'agent_started'"):
        AgentStartedRecord(event_type="agent_stopped")  # type: ignore[arg-type]


def test_a_time_without_its_zone_and_a_number_below_1_are_refused() -> None:
    with pytest.raises(ValidationError, match="timezone info"):
        AgentStartedRecord(timestamp=datetime(2026, 1, 2))
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        AgentStartedRecord(seq=0)


def test_builders_chain_give_another_record_and_keep_the_kind() -> None:
    first = AgentStoppedRecord(reason="failed")
    record = (
        first.with_agent("a")
        .with_task("t")
        .with_mission("m")
        .with_transition("Working", State.STOPPED)
        .with_parent_agent("p")
        .with_child_agent("c")
        .with_scope("s")
        .with_spawn_mode("resumed")
    )
    assert first == AgentStoppedRecord(reason="failed")
    assert record == AgentStoppedRecord(
        reason="failed",
        agent_id="a",
        task_id="t",
        mission_id="m",
        old_state="working",
        new_state="stopped",
        parent_agent_id="p",
        child_agent_id="c",
        scope="s",
        spawn_mode=SpawnMode.RESUMED,
    )


@pytest.mark.system_case("D4.13")
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("BackingOff", "backing_off"),
        ("backing_off", "backing_off"),
        (State.BACKING_OFF, "backing_off"),
        ("RUNNING", "running"),
        ("in-progress", "in_progress"),
        ("To Do", "to_do"),
        ("HTTPWait", "http_wait"),
    ],
)
def test_states_are_written_in_one_way_however_they_are_given(given: Any, kept: str) -> None:
    record = AgentStartedRecord().with_transition(given, given)
    assert (record.old_state, record.new_state) == (kept, kept)


@pytest.mark.system_case("D4.13")
@pytest.mark.parametrize("given", [SpawnMode.FORKED_CONTEXT, "forked_context", "ForkedContext"])
def test_modes_are_written_in_one_way_however_they_are_given(given: Any) -> None:
    record = AgentStartedRecord().with_spawn_mode(given)
    assert record.spawn_mode is SpawnMode.FORKED_CONTEXT
    assert '"spawn_mode":"forked_context"' in encode(record)


def test_a_mode_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="'fresh', 'forked_context' or 'resumed'"):
        AgentStartedRecord().with_spawn_mode("forkedcontext")


def test_a_record_reads_as_one_line() -> None:
    assert MissionEventRecord(message="as said").text == "as said"
    stopped = AgentStoppedRecord(old_state="stopping", new_state="stopped", reason="failed", error="Boom: no")
    assert stopped.text == "stopping -> stopped: error Boom: no, reason failed"
    assert LogGapRecord(from_seq=3, to_seq=5, count=3, reason="no_room").text == (
        "from_seq 3, to_seq 5, count 3, reason no_room"
    )


# -- what a reader does not know ------------------------------------------------------------


@pytest.mark.system_case("T90")
@pytest.mark.system_case("D4.11")
def test_a_kind_that_is_not_known_is_kept_and_readable() -> None:
    text = '{"version":1,"event_type":"coffee_made","seq":3,"path":"/kitchen","cups":2,"more":{"milk":true}}'
    record = decode(text)
    assert isinstance(record, UnknownRecord)
    assert (record.event_type, record.seq, record.path) == ("coffee_made", 3, "/kitchen")
    assert record.more == {"cups": 2, "more": {"milk": True}}
    assert record.text == "cups 2, more {'milk': True}"
    assert json.loads(encode(record)) == json.loads(text)
    assert decode(encode(record)) == record


@pytest.mark.system_case("D4.11")
def test_fields_of_a_later_version_are_kept_and_written_again() -> None:
    fields = {"version": 2, "event_type": "agent_started", "path": "/a", "mood": "good"}
    record = decode(fields)
    assert isinstance(record, AgentStartedRecord)
    assert (record.version, record.more) == (2, {"mood": "good"})
    assert json.loads(encode(record)) == fields
    assert json.loads(encode(record.with_task("t"))) == {**fields, "task_id": "t"}


def test_what_a_later_version_says_in_other_words_is_kept_as_of_a_kind_that_is_not_known() -> None:
    fields = {"version": 2, "event_type": "agent_stopped", "path": "/a", "reason": {"code": 3}}
    record = decode(fields)
    assert isinstance(record, UnknownRecord)
    assert record.more == {"reason": {"code": 3}}
    assert json.loads(encode(record)) == fields


def test_a_kind_of_ones_own_is_written_and_read_by_those_who_do_not_have_it() -> None:
    class Deployed(Record):
        event_type: Literal["deployed"] = "deployed"
        host: str

    record = Deployed(host="north").with_mission("m1")
    read = decode(encode(record))
    assert (read.event_type, read.mission_id, read.more) == ("deployed", "m1", {"host": "north"})


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("", "JSONDecodeError"),
        ("not json", "JSONDecodeError"),
        (b"\xff\xfe", "UnicodeDecodeError"),
        ("[1, 2]", "it is no JSON object"),
        ("{}", "it has no event_type"),
        ('{"event_type": 3}', "it has no event_type"),
        ('{"event_type": ""}', "event_type: String should have at least 1 character"),
        ('{"event_type": "agent_started", "seq": "x"}', "seq: Input should be a valid integer"),
        ('{"event_type": "agent_stopped", "reason": {"code": 3}}', "reason: Input should be a valid string"),
        ('{"event_type": "new", "version": 2, "incarnation": []}', "incarnation: Input should be a valid integer"),
        ("[" * 100_000, "RecursionError"),
        (None, "TypeError"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_an_entry_that_is_no_record_is_refused_with_what_is_wrong(entry: Any, why: str) -> None:
    with pytest.raises(BadEntryError, match=re.escape(why)) as refused:
        decode(entry)
    assert len(refused.value.entry) <= 200
    assert why in refused.value.why
    copy = pickle.loads(pickle.dumps(refused.value))
    assert (copy.entry, copy.why, str(copy)) == (refused.value.entry, refused.value.why, str(refused.value))
