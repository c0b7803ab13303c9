"""Is every transition told, once, and is there a scenario for every kind of record?"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem
from actors._core.commands import NEXT
from actors.conductor.telling import KIND_OF
from actors.eventlog.kinds import KINDS, LogGapRecord, Record, SystemStartedRecord, decode
from actors.eventlog.stamping import Entry
from actors.eventlog.translate import system_started, translate
from actors.eventlog.waiting_room import WaitingRoom
from tests.core.clocks import WatchedClock
from tests.core.conftest import clock, dispatcher, log, pytest_generate_tests, spec, system, trace, world
from tests.core.helpers import EventLog
from tests.eventlog.every_kind import EMITTED, LOGS
from tests.eventlog.every_step import SCENARIOS, TOLD, Stage, Watch
from tests.eventlog.every_work import WORK
from tests.properties.seeds import run_seeds

__all__ = ["clock", "dispatcher", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]


PAGE = Path(__file__).parents[2] / "docs" / "events.md"
ROW = re.compile(r"^\| `(\w+)` \| [^|]* \|([^|]*)\| (?:lifecycle|chatter) \|", re.MULTILINE)


@pytest.fixture
def stage(system: ActorSystem, clock: WatchedClock, log: EventLog, spec: Any) -> Stage:
    return Stage(system, clock, log, spec)


@pytest.mark.system_case("T99")
def test_every_legal_step_has_a_kind_that_tells_it_and_a_scenario_that_takes_it() -> None:
    legal = {(was, state) for was, states in NEXT.items() for state in states}
    assert set(TOLD) == legal
    assert set().union(*SCENARIOS.values()) == legal


@pytest.mark.system_case("T99")
@pytest.mark.system_case("D4.8")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_step_is_silent_and_none_is_told_twice(
    scenario: Callable[[Stage], None], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(monkeypatch)
    watch.hear(stage.system.events)
    scenario(stage)
    stage.system.stop()
    assert watch.told == watch.taken
    assert SCENARIOS[scenario] <= watch.steps
    assert [(step, kind) for step, kind in watch.kinds if kind not in TOLD[step].split(", ")] == []


@pytest.mark.system_case("T99")
@pytest.mark.system_case("D4.7")
def test_every_kind_has_a_scenario() -> None:
    assert {*EMITTED, *LOGS} == set(KINDS)


@pytest.mark.system_case("T99")
@pytest.mark.system_case("D4.7")
@pytest.mark.parametrize("kind", EMITTED)
def test_a_record_of_each_kind_is_told_and_can_be_read(kind: str, stage: Stage) -> None:
    records: list[Record] = []
    stage.system.events.subscribe(lambda event: records.append(decode(json.dumps(translate(event)[0]))))
    EMITTED[kind](stage)
    stage.system.stop()
    found = [record for record in records if record.event_type == kind]
    assert found
    assert [record for record in records if type(record) is not KINDS[record.event_type] or record.more] == []
    if kind in WORK:
        old, new = states_on_the_page()[kind]
        assert {record.old_state for record in found} <= old or old == {"any"}
        assert {record.new_state for record in found} <= new
        assert all(record.agent_id or record.scope for record in found)
        assert {record.mission_id for record in found} == ({"track"} if about_tickets(kind) else {None})


def about_tickets(kind: str) -> bool:
    return kind not in ("agent_completed", "breaker_state_changed")


def states_on_the_page() -> dict[str, tuple[set[Any], set[Any]]]:
    """The old and the new states that the page says of each kind; None is that there is none."""
    found = {}
    for kind, cell in ROW.findall(PAGE.read_text(encoding="utf-8")):
        olds, _, news = cell.strip().rpartition(", ")
        old = {None if name == "none" else name or None for name in re.split(", | or ", olds)}
        found[kind] = old, {name or None for name in news.split(" or ")}
    return found


@pytest.mark.system_case("T99")
@pytest.mark.system_case("D4.7")
def test_the_page_has_the_states_of_every_step_of_a_ticket() -> None:
    told: dict[str, tuple[set[str], set[str]]] = {}
    for (old, new), record in KIND_OF.items():
        olds, news = told.setdefault(record.model_fields["event_type"].default, (set(), set()))
        olds.add(str(old))
        news.add(str(new))
    page = states_on_the_page()
    assert {kind: page[kind] for kind in told} == told


def test_a_recording_tells_that_it_has_begun_and_a_log_what_it_has_lost(system: ActorSystem) -> None:
    begun = decode(json.dumps(system_started(system)))
    room = WaitingRoom(1, None)
    for seq in (1, 2, 3):
        room.put(Entry(seq, 0.0, {"event_type": "mission_event"}, False))
    gap = decode(json.dumps(room.take(1)[0].fields))
    assert isinstance(begun, SystemStartedRecord)
    assert (begun.system, begun.pid) == (system.name, os.getpid())
    assert isinstance(gap, LogGapRecord)
    assert (gap.from_seq, gap.to_seq, gap.count, gap.reason) == (1, 2, 2, "no_room")
    assert {begun.event_type, gap.event_type} == set(LOGS)


@pytest.mark.parametrize("where", ["simulated", "threaded"])
def test_no_step_is_silent_in_programs_that_nobody_wrote(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(monkeypatch)
    run_seeds(where, range(60))
    assert len(watch.taken) > 200
    assert watch.told == watch.taken
