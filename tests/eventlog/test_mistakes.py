"""Is every mistake in the use of a log refused at once, with what was wrong, instead of failing or losing later?"""

from __future__ import annotations

import math
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from actors import ActorSystem
from actors.eventlog import EventLog, MemoryLog, Retention, SqliteLog, make_log, open_log, record
from actors.eventlog.kinds import MissionEventRecord
from actors.eventlog.redis_streams import RedisLog
from tests.eventlog.samples import PATIENCE, fill, note, texts


@pytest.mark.parametrize("after", [2**63, 10**30])
def test_a_cursor_beyond_all_numbers_is_refused(log: EventLog, after: int) -> None:
    with pytest.raises(ValueError, match=f"after: the number of a record, or 0, not {after}"):
        log.read(after)
    with pytest.raises(ValueError, match="after"):
        log.follow(after)


@pytest.mark.parametrize("kinds", [None, 5, "note", (5,)])
def test_kinds_that_are_none_are_refused(log: EventLog, kinds: Any) -> None:
    with pytest.raises(ValueError, match="kinds: several kinds"):
        log.recent(kinds=kinds)


@pytest.mark.parametrize("view", ["agent", "mission"])
def test_an_id_that_no_record_can_have_is_refused(log: EventLog, view: str) -> None:
    with pytest.raises(ValueError, match=rf"{view}: a text that UTF-8 can say, not '\\ud800'"):
        log.read(**{view: "\ud800"})  # type: ignore[arg-type]


@pytest.mark.parametrize("timeout", ["1", math.nan, True])
def test_a_timeout_that_is_no_time_is_refused(log: EventLog, timeout: Any) -> None:
    with log.follow() as follower, pytest.raises(ValueError, match="timeout: seconds, or None"):
        follower.next_batch(timeout)
    with pytest.raises(ValueError, match="timeout: seconds, or None"):
        log.flush(timeout)


@pytest.mark.parametrize("timeout", [math.inf, 1e30])
def test_a_timeout_longer_than_any_wait_is_none(log: EventLog, timeout: float) -> None:
    with log.follow() as follower:
        later = threading.Timer(0.05, log.append, [note("late")])
        later.start()
        assert texts(follower.next_batch(timeout)) == ["late"]
        later.join()
    assert log.flush(timeout)


@pytest.mark.parametrize(
    "make",
    [
        lambda folder, bounds: MemoryLog(bounds),
        lambda folder, bounds: SqliteLog(folder / "run.db", retention=bounds),
        lambda folder, bounds: RedisLog("redis://localhost:1/0", bounds),
    ],
    ids=["memory", "sqlite", "redis"],
)
def test_bounds_that_are_none_are_refused_before_anything_is_made(
    tmp_path: Path, make: Callable[[Path, Any], object]
) -> None:
    with pytest.raises(ValueError, match="retention: a Retention or None, not 5"):
        make(tmp_path, 5)
    assert not [*tmp_path.iterdir()]


def test_a_closed_log_takes_no_recording(log: EventLog) -> None:
    log.close()
    with ActorSystem() as system, pytest.raises(ValueError, match=r"logs: .* is closed"):
        record(system, log)


@pytest.mark.parametrize(("name", "said"), [("a\0b.db", r"'.*a\\x00b\.db'"), ("\ud800.db", r"'.*\\ud800\.db'")])
def test_a_name_that_no_file_can_have_is_told(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(OSError, match=f"{said} cannot be opened"):
        make_log(str(tmp_path / name))


def test_what_is_wrong_with_the_disk_is_a_line_and_no_traceback(tmp_path: Path) -> None:
    lines: list[str] = []
    sink = logger.add(lines.append, level="WARNING", format="{message}")
    try:
        with SqliteLog(tmp_path / "run.db", retention=Retention(None, None, None)) as log:
            log._connection.execute("PRAGMA max_page_count = 1")
            fill(log, range(2000))
            while log.stats.up:
                assert not log.flush(0.01)
            log._connection.execute("PRAGMA max_page_count = 1073741823")
            assert log.flush(PATIENCE)
    finally:
        logger.remove(sink)
    assert "cannot be written, and is tried again" in lines[0]
    assert lines[0].endswith(": database or disk is full\n")


def test_a_file_that_is_removed_while_it_is_written_is_told_and_its_records_are_not_called_written(
    tmp_path: Path,
) -> None:
    path, aside = tmp_path / "run.db", tmp_path / "aside.db"
    with SqliteLog(path) as log:
        log.append(note("before"))
        assert log.flush(PATIENCE)
        path.rename(aside)
        log.append(note("gone"))
        while log.stats.up:
            assert not log.flush(0.01)
        assert (log.stats.written, log.stats.waiting) == (1, 1)
        aside.rename(path)
        assert log.flush(PATIENCE), "it is found again"
        assert texts(log.read()) == ["before", "gone"]


def test_what_waits_for_a_file_that_stays_away_is_counted_as_lost_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with SqliteLog(path) as log:
        path.unlink()
        log.append(note("gone"))
    assert (log.stats.written, log.stats.dropped) == (0, {"chatter_closed": 1})
    assert not path.exists()


@pytest.mark.parametrize(
    "url", ["redis://me:hidden@localhost:port/0", "redis://me:hidden@localhost:99999/0", "redis://me:hidden/x@h"]
)
def test_a_url_that_is_none_is_told_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"url: no host and port can be read in redis://me:\*\*\*@") as caught:
        make_log(url)
    assert "hidden" not in str(caught.value)


FORKING = """
import os, sys, threading, warnings
from actors.eventlog import SqliteLog
from tests.eventlog.samples import note
warnings.simplefilter("ignore")  # later versions warn of what is tried here
log = SqliteLog(sys.argv[1])
log.append(note("before"))
assert log.flush(20)
with log._lock, log._stamping._lock:  # as a thread may that is not in the child
    child = os.fork()
if not child:
    log.append(note("of the child"))
    log.flush()
    print(log.stats.dropped, flush=True)
    log.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
log.append(note("after"))
log.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_leaves_the_log_to_its_parent_and_counts_what_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    ran = subprocess.run(
        [sys.executable, "-c", FORKING, path],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (ran.stdout, ran.returncode) == ("{'closed': 1}\n", 0), ran.stderr
    with open_log(path) as reader:
        assert texts(reader.read()) == ["before", "after"]


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.db"
    SqliteLog(path).close()

    def refuse(*arguments: object, **options: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")  # as it does for whoever has no right

    monkeypatch.setattr("sqlite3.connect", refuse)
    with pytest.raises(OSError, match=rf"{re.escape(str(path))} cannot be read: unable to open"):
        open_log(path)


def test_a_system_is_recorded_once_in_a_log_and_may_be_again_after_that() -> None:
    log = MemoryLog()
    with ActorSystem("twice") as system:
        first = record(system, log, sample=None)
        with pytest.raises(ValueError, match=r"'twice' is recorded in .* already"):
            record(system, log, sample=None)
        before = log.stats.appended
        system.emit(MissionEventRecord(message="once"))
        assert log.stats.appended == before + 1
        first.close()
        record(system, log, sample=None).close()
