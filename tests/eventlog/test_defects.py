"""Are the defects of the log that this one replaces absent from each of ours? Those of the kernel are beside this."""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from actors import ActorSystem, Agent, AgentNotFoundError, AgentStopped, AgentStoppedError, ChildSpec, State
from actors.eventlog import MemoryLog, Retention, SqliteLog, SqliteReader, record
from actors.eventlog.kinds import AgentStateChangedRecord, MissionWorkCompletedRecord, UnknownRecord, encode
from actors.eventlog.log import EventLog
from actors.eventlog.records import Record
from actors.eventlog.stamping import stamped
from policies import Backoff, Restart
from tests.eventlog.conftest import Backend
from tests.eventlog.samples import PATIENCE, change, collect, fill, note, texts

Settle = Callable[[EventLog], None]
defect = pytest.mark.system_case

NAME = re.compile(r"[a-z]+(_[a-z]+)*")


class Worker(Agent):
    """Emits a record, fails, or answers."""

    def on_receive(self, message: Any) -> Any:
        if message == "fail":
            raise ValueError("as told")
        if isinstance(message, Record):
            self.context.emit(message)
        return message


class Ending:
    """What is known of the end of an agent: that it has begun, that it may go on, that it is done."""

    def __init__(self) -> None:
        self.begun, self.gate, self.done = threading.Event(), threading.Event(), threading.Event()


class Tidy(Agent):
    """Takes its time when it stops: until the gate is open."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending

    def on_stop(self) -> None:
        self.ending.begun.set()
        assert self.ending.gate.wait(PATIENCE)
        self.ending.done.set()


@pytest.fixture
def often_interrupted() -> Iterator[None]:
    """Has the interpreter change threads 500 times as often as it does by itself."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(usual)


def kinds(records: Any) -> list[str]:
    return [each.event_type for each in records]


def until(kind: str) -> Callable[[list[Any]], bool]:
    return lambda found: kind in kinds(found)


# -- what is in a log -----------------------------------------------------------------------


@defect("D4.5")
def test_a_record_is_in_all_of_its_views_or_in_none(backend: Backend, settle: Settle, often_interrupted: None) -> None:
    log = backend.log(Retention(None, None, None))
    whose: dict[str, Any] = {"agent_id": "a", "parent_agent_id": "p", "child_agent_id": "c", "mission_id": "m"}
    views: list[dict[str, str]] = [{}, {"agent": "a"}, {"agent": "p"}, {"agent": "c"}, {"mission": "m"}]
    log.append(change("first", **whose))
    settle(log)
    reader = backend.reader(log)
    writer = threading.Thread(target=partial(fill, log, range(1999), **whose))
    writer.start()
    newest = 0
    while newest < 2000:
        # What one view has, each that is asked later must have, whichever is asked first.
        for order in (views, views[::-1]):
            seen = [reader.recent(1, **view)[0].seq for view in order]
            assert seen == sorted(seen)
        newest = min(seen)
        log.flush(PATIENCE)
    writer.join()
    ids = [[each.event_id for each in reader.read(0, 5000, **view)] for view in views]
    assert ids == [[f"{log.run}-{number}" for number in range(1, 2001)]] * len(views)


@defect("D4.5")
def test_what_fails_half_way_is_in_no_view_of_a_file_until_all_of_it_is(
    tmp_path: Path, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("no room")

    with SqliteLog(tmp_path / "run.db") as log:
        log.append(change("before", agent_id="a", mission_id="m"))
        settle(log)
        with SqliteReader(log.path) as reader, monkeypatch.context() as patch:

            def seen() -> list[list[str]]:
                return [texts(reader.read()), texts(reader.read(agent="a")), texts(reader.read(mission="m"))]

            # What is to be put into the file has been put there by then.
            patch.setattr(log, "_take_away", broken)
            log.append(change("half", agent_id="a", mission_id="m"))
            while log.stats.up:
                assert not log.flush(0.001)
            assert seen() == [["before"]] * 3
            patch.undo()
            settle(log)
            assert seen() == [["before", "half"]] * 3


@defect("D4.6")
def test_what_is_emitted_about_a_mission_is_one_record_and_no_other_beside_it(log: EventLog, settle: Settle) -> None:
    with ActorSystem() as system:
        record(system, log)
        worker = system.spawn(Worker, name="w")
        worker.ask(MissionWorkCompletedRecord(message="done", mission_id="m"), timeout=PATIENCE)
        worker.ask("and answered", timeout=PATIENCE)
    settle(log)
    of_missions = [each for each in log.read(0, 1000) if each.mission_id or each.event_type.startswith("mission_")]
    assert [(each.event_type, each.message) for each in of_missions] == [("mission_work_completed", "done")]
    assert list(log.read(mission="m")) == of_missions


@defect("D4.11")
@defect("T90")
def test_a_kind_of_a_later_version_is_in_every_view_and_page_as_any_other(log: EventLog, settle: Settle) -> None:
    later = {"version": 2, "event_type": "coffee_made", "agent_id": "a", "cups": 2}
    with log.follow(0) as follower:
        log.append(note("before", agent_id="a"))
        log._stamping.give(later, True)  # type: ignore[attr-defined]
        log.append(note("after", agent_id="a"))
        followed = collect(follower, lambda found: len(found) >= 3)
    settle(log)
    page = log.read(agent="a")
    assert list(page) == log.recent(3) == followed
    assert (page.bad, follower.bad, log.stats.bad) == (0, 0, 0)
    unknown = page.records[1]
    assert isinstance(unknown, UnknownRecord)
    assert (unknown.event_type, unknown.version, unknown.text) == ("coffee_made", 2, "cups 2")


@defect("D4.12")
def test_the_number_orders_and_the_time_is_that_of_the_log_whatever_a_record_says(
    log: EventLog, settle: Settle
) -> None:
    before = datetime.now(UTC)
    with log.follow() as follower:
        log.append(note("first", timestamp=datetime(2040, 1, 1, tzinfo=timezone(timedelta(hours=2)))))
        log.append(note("second", timestamp=datetime(1999, 1, 1, tzinfo=UTC)))
        followed = collect(follower, lambda found: len(found) >= 2)
    settle(log)
    read = list(log.read())
    assert read == followed == log.recent()
    assert [(each.seq, each.message) for each in read] == [(1, "first"), (2, "second")]
    for each in read:
        assert each.timestamp is not None
        assert each.timestamp.utcoffset() == timedelta(0)
        assert before <= each.timestamp <= datetime.now(UTC)


@defect("D4.13")
def test_kinds_states_and_modes_have_one_form_in_a_log_however_they_were_given(
    log: EventLog, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire: list[dict[str, Any]] = []
    take = log._take  # type: ignore[attr-defined]

    def watch(seq: int, timestamp: float, fields: dict[str, Any], lifecycle: bool) -> None:
        wire.append(stamped(log.run, seq, timestamp, fields))
        take(seq, timestamp, fields, lifecycle)

    monkeypatch.setattr(log, "_take", watch)
    given = AgentStateChangedRecord().with_transition("ForkedContext", State.BACKING_OFF)
    with log.follow() as follower, ActorSystem(policy=Restart(backoff=Backoff(3600.0, cap=3600.0))) as system:
        record(system, log, sample=None)
        worker = system.spawn(Worker, name="w")
        worker.ask(given.with_spawn_mode("ForkedContext"), timeout=PATIENCE)
        worker.tell("fail")
        collect(follower, until("agent_backing_off"))
    settle(log)
    names = ("event_type", "old_state", "new_state", "spawn_mode")
    told = [{name: fields[name] for name in names if name in fields} for fields in wire]
    assert [value for each in told for value in each.values() if not NAME.fullmatch(value)] == []
    assert {
        "event_type": "agent_state_changed",
        "old_state": "forked_context",
        "new_state": "backing_off",
        "spawn_mode": "forked_context",
    } in told
    assert {"event_type": "agent_backing_off", "old_state": "suspended", "new_state": "backing_off"} in told
    read = [json.loads(encode(each)) for each in log.read(0, 1000)]
    assert [{name: fields[name] for name in names if name in fields} for fields in read] == told


@defect("D4.14")
def test_the_newest_of_an_agent_are_also_those_that_name_it_as_parent_or_child(log: EventLog, settle: Settle) -> None:
    log.append(change("of its child", agent_id="c", parent_agent_id="a"))
    log.append(change("of its parent", agent_id="p", child_agent_id="a"))
    log.append(change("its own", agent_id="a"))
    fill(log, range(500), agent_id="loud")
    settle(log)
    assert texts(log.recent(2, agent="a")) == ["of its parent", "its own"]
    assert texts(log.recent(10, agent="a")) == ["of its child", "of its parent", "its own"]


# -- what becomes of it when an agent ends ---------------------------------------------------


@defect("D4.8")
def test_an_agent_is_told_to_be_stopping_before_it_stops_and_to_have_stopped_when_it_has(log: EventLog) -> None:
    ending = Ending()
    done: list[tuple[str, bool]] = []
    with log.follow() as follower, ActorSystem() as system:
        system.events.subscribe(lambda event: done.append((event.path, ending.done.is_set())), AgentStopped)
        record(system, log, sample=None)
        ref = system.spawn(ChildSpec(Tidy, "a", args=(ending,)))
        stopping = ref.stop(block=False)
        assert ending.begun.wait(PATIENCE)
        log.append(note("while it stops"))
        before = collect(follower, until("mission_event"))
        ending.gate.set()
        after = collect(follower, until("agent_stopped"))
        assert stopping.get(timeout=PATIENCE)
        with pytest.raises(AgentStoppedError, match="/a") as refused:
            ref.tell("too late")
        assert refused.value.path == "/a"
        assert not isinstance(refused.value, AgentNotFoundError), "it was there, and is known"
        assert not ref.stop(), "to stop it again is no error, and changes nothing"
    assert done[0] == ("/a", True)
    assert [kind for kind in kinds(before) if "stop" in kind] == ["agent_stopping"]
    (end,) = (each for each in before if isinstance(each, Record) and each.event_type == "agent_stopping")
    assert (end.path, end.old_state, end.new_state) == ("/a", "running", "stopping")
    (last,) = (each for each in after if isinstance(each, Record) and each.path == "/a")
    assert (last.event_type, last.old_state, last.new_state) == ("agent_stopped", "stopping", "stopped")


@defect("D4.9")
def test_nothing_is_left_of_agents_and_missions_that_have_gone(backend: Backend, settle: Settle) -> None:
    log = backend.log(Retention(system=10))
    with ActorSystem() as system:
        record(system, log, sample=None)
        system.spawn(Worker, name="stays")
        for number in range(20):
            system.spawn(Worker, name=f"w{number}").stop()
        log.append(change("a mission", mission_id="m"))
        settle(log)
        assert "/w19" in log.agents(), "what is kept of all says that it has stopped"
        fill(log, range(20))
        log.forget(mission="m")
        settle(log)
        assert log.agents() == ["/stays"]
        assert [len(log.read(agent=f"/w{number}")) for number in (0, 19)] == [0, 0]
        assert len(log.read(mission="m")) == 0
        assert kinds(log.read(agent="/stays")) == ["agent_spawned", "agent_started"]


# -- a log that fails -------------------------------------------------------------------------


@defect("D4.15")
@defect("T98")
def test_what_a_log_fails_to_take_is_counted_and_told_and_the_agents_work_on(
    log: EventLog, settle: Settle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("no room")

    in_memory = isinstance(log, MemoryLog)
    lines: list[str] = []
    sink = logger.add(lambda text: lines.append(str(text)), format="{message}", level="WARNING")
    with ActorSystem() as system:
        recording = record(system, log, sample=None)
        worker = system.spawn(Worker, name="w")
        settle(log)
        good = log.stats.appended
        with monkeypatch.context() as patch:
            patch.setattr(log, "_take" if in_memory else "_write", broken)
            for number in range(50):
                assert worker.ask(note(number), timeout=PATIENCE)
            while not in_memory and log.stats.up:
                assert not log.flush(0.001)
            if in_memory:
                assert (recording.failed, log.stats.appended) == (50, good)
            else:
                stats = log.stats
                assert stats.failed >= 1
                assert (stats.appended, stats.written, stats.waiting, stats.dropped) == (good + 50, good, 50, {})
        system.emit(note("it works again"))
        settle(log)
    logger.remove(sink)
    told = [each.message for each in log.read(0, 1000) if each.message is not None]
    assert told == ([] if in_memory else [str(number) for number in range(50)]) + ["it works again"]
    assert len([line for line in lines if "does not take it" in line or "cannot be written" in line]) == 1
