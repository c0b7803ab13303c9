"""Does what happens in a system come into its logs, whatever becomes of them, and at no cost to the agents?"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from loguru import logger

from actors import ActorSystem, Agent
from actors.eventlog import MemoryLog, Record, Retention, SqliteLog, record
from actors.eventlog.log import EventLog
from actors.eventlog.samples import figures_of
from actors.eventlog.stamping import Entry
from actors.testkit import VirtualClock
from tests.eventlog.conftest import Backend
from tests.eventlog.samples import PATIENCE, change, collect, fill, note, texts

Settle = Callable[[EventLog], None]


class Worker(Agent):
    """Waits at a gate, fails, emits a record, or answers."""

    def on_receive(self, message: Any) -> Any:
        if message == "fail":
            raise ValueError("as told")
        if isinstance(message, Record):
            self.context.emit(message)
        if isinstance(message, tuple):
            arrived, gate = message
            arrived.set()
            assert gate.wait(PATIENCE)
        return message


class FailingLog(MemoryLog):
    """Takes nothing."""

    taken = 0

    def _take(self, seq: int, timestamp: float, fields: dict[str, Any], lifecycle: bool) -> None:
        self.taken += 1
        raise OSError("the disk is full")


class GatedLog(SqliteLog):
    """Writes nothing until its gate is open."""

    def __init__(self, path: Any) -> None:
        self.gate = threading.Event()
        self.arrived = threading.Event()
        super().__init__(path)

    def _write(self, entries: list[Entry]) -> None:
        self.arrived.set()
        assert self.gate.wait(PATIENCE)
        super()._write(entries)


def kinds(log: EventLog, agent: str | None = None) -> list[str]:
    return [each.event_type for each in log.read(0, 1000, agent=agent)]


def test_the_life_of_an_agent_is_in_the_log_from_its_spawn_to_the_end_of_the_system(
    log: EventLog, settle: Settle
) -> None:
    with ActorSystem("life") as system:
        record(system, log)
        worker = system.spawn(Worker, name="w")
        worker.tell("fail")
        assert worker.ask("hello", timeout=PATIENCE) == "hello"
    settle(log)
    lives = [kind for kind in kinds(log, "/w") if kind != "dead_letter"]
    assert lives == [
        "agent_spawned",
        "agent_started",
        "agent_suspended",
        "agent_failed",
        "agent_restarting",
        "agent_restarted",
        "agent_stopping",
        "agent_stopped",
    ]
    whole = kinds(log)
    assert (whole[0], whole[-1]) == ("system_started", "system_stopped")
    assert [each.seq for each in log.read(0, 1000)] == list(range(1, len(whole) + 1))


def test_the_run_says_which_system_it_was_and_when_it_ended(log: EventLog, settle: Settle) -> None:
    with ActorSystem("named") as system:
        recording = record(system, log)
        settle(log)
        (run,) = log.runs()
        assert (run.run, run.system, run.ended) == (recording.run, "named", "")
        (first,) = log.read()
        assert (first.details["system"], first.details["pid"]) == ("named", os.getpid())
    settle(log)
    (run,) = log.runs()
    assert run.started <= run.ended
    assert run.last_seq == len(log.read(0, 1000))


def test_two_logs_of_one_recording_have_the_same_records(backend: Backend, settle: Settle) -> None:
    one, other = MemoryLog(), backend.log()
    with ActorSystem() as system:
        recording = record(system, one, other)
        assert one.run == other.run == recording.run
        system.spawn(Worker, name="w").tell("fail")
    settle(other)
    assert one.read(0, 1000).records == other.read(0, 1000).records
    assert backend.reader(other).runs()[-1].run == recording.run


@pytest.mark.system_case("T98")
@pytest.mark.system_case("D4.15")
def test_a_log_that_raises_costs_the_others_and_the_agents_nothing() -> None:
    failing, log = FailingLog(), MemoryLog()
    told: list[str] = []
    sink = logger.add(lambda text: told.append(str(text)), format="{message}", level="ERROR")
    with ActorSystem() as system:
        recording = record(system, failing, log, sample=None)
        worker = system.spawn(Worker, name="w")
        assert worker.ask("still here", timeout=PATIENCE) == "still here"
    logger.remove(sink)
    assert kinds(log)[-1] == "system_stopped"
    assert recording.failed == failing.taken == len(kinds(log)) > 5
    assert len([line for line in told if "a record was lost" in line]) == 1, "it is told of once"


@pytest.mark.system_case("T101")
def test_agents_go_on_while_the_log_is_stuck_in_a_write(tmp_path: Any, settle: Settle) -> None:
    log = GatedLog(tmp_path / "run.db")
    with log, ActorSystem() as system:
        record(system, log, sample=None)
        assert log.arrived.wait(PATIENCE), "the write hangs"
        for number in range(50):
            worker = system.spawn(Worker, name=f"w{number}")
            assert worker.ask(number, timeout=PATIENCE) == number
        stats = log.stats
        assert (stats.written, stats.waiting) == (0, stats.appended), "and so it did all the time"
        log.gate.set()
        settle(log)
        assert log.stats.waiting == 0
    stats = log.stats
    assert (stats.dropped, stats.written) == ({}, stats.appended)


@pytest.mark.system_case("T101")
def test_agents_go_on_while_a_follower_reads_nothing(log: EventLog, settle: Settle) -> None:
    with log.follow() as idle, ActorSystem() as system:
        record(system, log)
        worker = system.spawn(Worker, name="w")
        for number in range(300):
            worker.tell(note(number))
        assert worker.ask("done", timeout=PATIENCE) == "done"
        settle(log)
        found = collect(idle, lambda found: texts(found[-1:]) == ["299"])
    assert len(found) == 303


def test_what_an_agent_emits_is_its_own_record(log: EventLog, settle: Settle) -> None:
    with ActorSystem() as system:
        record(system, log)
        worker = system.spawn(Worker, name="w")
        worker.ask(change("mine", mission_id="m"), timeout=PATIENCE)
        worker.ask(note("another's", agent_id="a"), timeout=PATIENCE)
        system.emit(note("nobody's"))
    settle(log)
    (mine,) = log.read(mission="m")
    assert (mine.message, mine.path, mine.agent_id, mine.incarnation) == ("mine", "/w", "/w", 1)
    assert texts(log.read(agent="a")) == ["another's"]
    assert [each.agent_id for each in log.read(0, 1000) if each.message == "nobody's"] == [None]


def test_a_recording_that_is_closed_records_no_more(log: EventLog, settle: Settle) -> None:
    with ActorSystem() as system:
        recording = record(system, log)
        system.spawn(Worker, name="one")
        recording.close()
        recording.close()
        system.spawn(Worker, name="two")
    settle(log)
    assert (kinds(log, "/one"), kinds(log, "/two")) == (["agent_spawned", "agent_started"], [])


def test_two_systems_may_be_recorded_in_one_log(log: EventLog, settle: Settle) -> None:
    with ActorSystem("one") as one, ActorSystem("other") as other:
        record(one, log)
        record(other, log)
        one.spawn(Worker, name="a")
        other.spawn(Worker, name="b")
    settle(log)
    assert [each.seq for each in log.read(0, 1000)] == list(range(1, log.stats.appended + 1))
    assert kinds(log, "/a")[0] == kinds(log, "/b")[0] == "agent_spawned"


def test_a_second_log_with_records_of_another_run_is_refused() -> None:
    used = MemoryLog()
    used.append(note("there is one"))
    with ActorSystem() as system:
        with pytest.raises(ValueError, match="records of another run"):
            record(system, MemoryLog(), used)
        record(system, used)
        assert kinds(used) == ["mission_event", "system_started"]


def test_a_system_that_has_ended_has_nothing_to_record(log: EventLog, settle: Settle) -> None:
    with ActorSystem() as system:
        pass
    record(system, log)
    settle(log)
    assert kinds(log) == ["system_started"]
    assert log.runs()[-1].ended


@pytest.mark.system_case("D4.12")
def test_records_are_in_the_order_of_their_numbers_when_the_time_of_day_steps_back(
    log: EventLog, settle: Settle
) -> None:
    times = iter([2_000_000_000.0, 1_000_000_000.0, 1_500_000_000.0])
    log._stamping.clock = lambda: next(times, 0.0)  # type: ignore[attr-defined]
    fill(log, "abc")
    settle(log)
    assert texts(log.read()) == texts(log.recent()) == ["a", "b", "c"]
    assert [each.timestamp.year for each in log.read() if each.timestamp] == [2033, 2001, 2017]


def test_what_cannot_be_recorded_is_refused() -> None:
    with ActorSystem() as system:
        for arguments, options, text in (
            ((), {}, "logs: at least one"),
            (("run.db",), {}, "event logs of actors.eventlog, not 'run.db'"),
            ((MemoryLog(),), {"sample": 0}, "sample: seconds above 0"),
        ):
            with pytest.raises(ValueError, match=text):
                record(system, *arguments, **options)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="an ActorSystem"):
            record("main", MemoryLog())  # type: ignore[arg-type]


def test_in_virtual_time_the_records_have_virtual_times() -> None:
    log = MemoryLog()
    clock = VirtualClock()
    with ActorSystem(clock=clock) as system:
        record(system, log, sample=None)
        system.spawn(Worker, name="w")
        clock.advance(3600)
        system.emit(note("an hour later"))
    first, *_, last = (each.timestamp for each in log.read(0, 1000) if each.event_type != "system_stopped")
    assert first is not None
    assert last is not None
    assert (last - first).total_seconds() == 3600


def test_a_signal_handler_or_finalizer_that_appends_inside_an_append_waits_for_its_turn() -> None:
    class Interrupted(MemoryLog):
        def _take(self, seq: int, timestamp: float, fields: dict[str, Any], lifecycle: bool) -> None:
            if fields["message"] == "outer":
                assert self.append(note("inner")).seq is None, "its number is not known yet"
            super()._take(seq, timestamp, fields, lifecycle)

    log = Interrupted()
    log.append(note("outer"))
    assert [(each.seq, each.message) for each in log.read()] == [(1, "outer"), (2, "inner")]


def test_a_sample_has_the_figures_of_the_agents_that_are_not_idle(log: EventLog, settle: Settle) -> None:
    arrived, gate = threading.Event(), threading.Event()
    with ActorSystem() as system:
        system.spawn(Worker, name="idle")
        busy = system.spawn(Worker, name="busy")
        busy.tell((arrived, gate))
        busy.tell("waits")
        assert arrived.wait(PATIENCE)
        recording = record(system, log, sample=3600)
        assert recording._sampler is not None
        assert log.sample() is None
        recording._sampler.look()
        settle(log)
        sample: Any = log.sample()
        gate.set()
    assert list(sample["agents"]) == ["/busy"]
    figures = sample["agents"]["/busy"]
    assert (figures["mailbox"], figures["state"], figures["incarnation"]) == (1, "busy", 1)
    assert figures["seconds"] >= 0
    assert sample["at"].endswith("+00:00")


def test_a_sample_is_taken_each_so_many_seconds_but_given_only_if_something_changed() -> None:
    class Sampled(MemoryLog):
        def __init__(self) -> None:
            super().__init__(Retention())
            self.samples: list[Any] = []
            self.changed = threading.Semaphore(0)

        def _put_sample(self, sample: dict[str, Any]) -> None:
            self.samples.append(sample["agents"])
            self.changed.release()

    log = Sampled()
    arrived, gate = threading.Event(), threading.Event()
    with ActorSystem() as system:
        record(system, log, sample=0.001)
        assert log.changed.acquire(timeout=PATIENCE)
        system.spawn(Worker, name="busy").tell((arrived, gate))
        assert log.changed.acquire(timeout=PATIENCE)
        assert arrived.wait(PATIENCE)
        gate.set()
        while figures_of(system) or log.samples[-1]:
            assert log.changed.acquire(timeout=PATIENCE)
    assert log.samples[0] == {}
    assert all(one != other for one, other in zip(log.samples, log.samples[1:], strict=False))
