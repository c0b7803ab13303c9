"""Does a log in a file hold several runs, tell others at once, and say plainly what is wrong with a file?"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors._store.doorbell import Door, Watch, folder_of
from actors.eventlog import Gap, NotALogError, Retention, SqliteLog, SqliteReader, make_log, open_log
from actors.eventlog.kinds import AgentStartedRecord, AgentStoppedRecord
from actors.eventlog.reading import ViewFollower
from actors.eventlog.sqlite_file import FORMAT
from tests.eventlog.samples import PATIENCE, change, collect, fill, numbers, texts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def count(path: Path, table: str) -> int:
    connection = sqlite3.connect(path)
    (found,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    connection.close()
    return int(found)


# -- runs ------------------------------------------------------------------------------


def test_a_file_holds_several_runs_and_is_read_by_its_newest(path: Path) -> None:
    names = []
    for text in ("first", "second"):
        with SqliteLog(path) as log:
            log.append(change(text))
            names.append(log.run)
    with SqliteReader(path) as newest, SqliteReader(path, names[0]) as first:
        assert (texts(newest.read()), texts(first.read())) == (["second"], ["first"])
        assert [run.run for run in newest.runs()] == names
        assert all(run.started <= run.ended for run in newest.runs())


def test_two_logs_may_write_into_one_file_at_a_time(path: Path) -> None:
    with SqliteLog(path) as one, SqliteLog(path) as other:
        for log in (one, other):
            fill(log, range(500), agent_id="a")
        assert one.flush(PATIENCE)
        assert other.flush(PATIENCE)
        assert [each.seq for each in one.read(0, 1000)] == [each.seq for each in other.read(0, 1000)]
        assert len(one.read(0, 1000, agent="a")) == 100


def test_the_oldest_runs_that_have_ended_make_room_for_new_ones(path: Path) -> None:
    with SqliteLog(path, keep_runs=2) as going_on:
        for text in "abc":
            with SqliteLog(path, keep_runs=2) as log:
                log.append(change(text, agent_id="x"))
        runs = [run.run for run in going_on.runs()]
        assert (len(runs), runs[0]) == (3, going_on.run), "one that goes on is kept"
        assert (count(path, "record"), count(path, "view"), count(path, "entry")) == (2, 2, 2)
    with pytest.raises(ValueError, match="keep_runs"):
        SqliteLog(path, keep_runs=0)


def test_a_run_that_was_killed_has_no_end_and_goes_when_its_process_is_gone(path: Path) -> None:
    program = (
        "import os, sys; from actors.eventlog import SqliteLog; from tests.eventlog.samples import change\n"
        "log = SqliteLog(sys.argv[1]); log.append(change('last words')); log.flush(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], cwd=Path(__file__).parents[2], check=False)
    with SqliteReader(path) as reader:
        assert texts(reader.read()) == ["last words"]
        (run,) = reader.runs()
        assert (run.ended, run.last_seq) == ("", 1)
    with SqliteLog(path, keep_runs=1) as log:
        assert [each.run for each in log.runs()] == [log.run]


@pytest.mark.parametrize("ending", ["log.append(change('last words'))", "system.emit(change('last words'))"])
def test_a_program_that_ends_without_closing_its_log_has_it_written(path: Path, ending: str) -> None:
    program = (
        "import sys; from actors import ActorSystem; from actors.eventlog import SqliteLog, record\n"
        "from tests.eventlog.samples import change\n"
        "SqliteLog.linger = 0.5\n"
        "log = SqliteLog(sys.argv[1]); system = ActorSystem(); record(system, log)\n"
    )
    subprocess.run([sys.executable, "-c", program + ending, str(path)], cwd=Path(__file__).parents[2], check=True)
    with SqliteReader(path) as reader:
        told = [each.message or each.event_type for each in reader.read()]
        assert (told[0], told[-1]) == ("system_started", "system_stopped")
        assert "last words" in told


# -- what is kept ------------------------------------------------------------------------


def test_a_record_is_in_the_file_as_long_as_a_view_has_it_and_no_longer(path: Path) -> None:
    with SqliteLog(path, retention=Retention(system=20, agent=5, mission=10)) as log:
        log.append(change("rare", agent_id="rare"))
        for _ in range(7):
            fill(log, range(100), agent_id="often", mission_id="m")
            assert log.flush(PATIENCE)
            assert count(path, "record") == 21
            assert count(path, "entry") == 16
        assert texts(log.read(agent="rare")) == ["rare"]
        assert log.read(0, 1000).gap == Gap(682, 681)
        log.forget(agent="rare")
        assert log.flush(PATIENCE)
        assert count(path, "record") == 20


@pytest.mark.system_case("D4.9")
def test_the_view_of_an_agent_that_has_ended_goes_with_the_record_of_its_end(path: Path) -> None:
    with SqliteLog(path, retention=Retention(system=10)) as log:
        for number in range(1000):
            name = f"/w{number}"
            log.append(AgentStartedRecord(path=name, agent_id=name))
            log.append(AgentStoppedRecord(path=name, agent_id=name))
        assert log.flush(PATIENCE)
        assert [len(log.read(agent=f"/w{number}")) for number in (0, 994, 995, 999)] == [0, 0, 2, 2]
        assert (count(path, "view"), count(path, "record")) == (5, 10)


def test_forgetting_a_view_without_bounds_leaves_no_record_behind(path: Path) -> None:
    with SqliteLog(path, retention=Retention(system=3, agent=None)) as log:
        fill(log, range(10), agent_id="a")
        assert log.flush(PATIENCE)
        assert (count(path, "record"), len(log.read(agent="a"))) == (10, 10)
        log.forget(agent="a")
        assert log.flush(PATIENCE)
        assert (count(path, "record"), count(path, "entry")) == (3, 0)


def test_writing_a_batch_goes_through_no_table(path: Path) -> None:
    plans: list[str] = []
    with SqliteLog(path, retention=Retention(system=20, agent=2, mission=3)) as log:
        explained = sqlite3.connect(path, check_same_thread=False)

        def explain(statement: str) -> None:
            if statement.startswith(("INSERT", "DELETE", "UPDATE")):
                plans.extend(row[3] for row in explained.execute(f"EXPLAIN QUERY PLAN {statement}"))

        log._connection.set_trace_callback(explain)
        for number in range(50):
            name = f"/w{number}"
            log.append(AgentStartedRecord(path=name, agent_id=name, mission_id="m"))
            log.append(AgentStoppedRecord(path=name, agent_id=name, mission_id="m"))
            assert log.flush(PATIENCE)
        explained.close()
    assert len(plans) > 100
    tables = {
        plan for plan in plans if plan.startswith("SCAN") and plan.split()[1] in ("record", "view", "entry", "run")
    }
    assert tables == set()


def test_a_record_with_text_of_any_kind_comes_back(path: Path) -> None:
    odd = ["", "\x00", "☃ \U0001f600", "\ud800"[:0] + "half", "'; DROP TABLE record; --", "x" * 100_000]
    with SqliteLog(path) as log:
        fill(log, odd)
        assert log.flush(PATIENCE)
        assert texts(log.read()) == odd


# -- what others have done to the file -----------------------------------------------------


@pytest.mark.parametrize(
    "change_to",
    [
        "fields = 'no JSON'",
        "fields = '[]'",
        "fields = '{\"event_type\": 7}'",
        'fields = \'{"event_type":"agent_sta\'',
        "fields = ''",
        "fields = 7",
        "fields = x'ff'",
        "fields = CAST(x'ff' AS TEXT)",
        "fields = replace(hex(zeroblob(100000)), '00', '[')",
        "at = 'yesterday'",
        "at = 1e300",
    ],
)
def test_an_entry_that_was_spoilt_is_passed_and_counted(path: Path, change_to: str) -> None:
    with SqliteLog(path) as log:
        fill(log, "abc")
    connection = sqlite3.connect(path)
    connection.execute(f"UPDATE record SET {change_to} WHERE seq = 2")
    connection.commit()
    connection.close()
    with SqliteReader(path) as reader, reader.follow(0) as follower:
        page = reader.read()
        assert (texts(page), page.bad) == (["a", "c"], 1)
        assert texts(follower.next_batch()) == ["a", "c"]
        assert follower.bad == 1


def test_what_is_wrong_with_a_file_is_said_plainly(tmp_path: Path) -> None:
    text, other, empty, later = (tmp_path / name for name in ("notes.txt", "other.db", "empty.db", "later.db"))
    text.write_text("this is no database, but long enough to be asked whether it is one\n" * 20)
    empty.touch()
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE mine(x)")
    connection.close()
    SqliteLog(later).close()
    connection = sqlite3.connect(later)
    connection.execute(f"PRAGMA user_version = {FORMAT + 1}")
    connection.close()
    for path, why in (
        (text, "not a database"),
        (other, "a database of something else"),
        (empty, "it is empty"),
        (later, f"it has format {FORMAT + 1}"),
        (tmp_path, "it is a folder"),
    ):
        with pytest.raises(NotALogError, match=why) as caught:
            open_log(path)
        assert str(path) in str(caught.value)
    for path in (text, other, later):
        with pytest.raises(NotALogError):
            make_log(path)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nowhere\.db"):
        open_log(tmp_path / "nowhere.db")
    with pytest.raises(OSError, match="cannot be opened"):
        make_log(tmp_path / "no folder" / "run.db")
    assert not (tmp_path / "nowhere.db").exists(), "who reads makes no file"


def test_a_run_that_is_not_there_is_told_with_those_that_are(path: Path) -> None:
    with SqliteLog(path) as log, pytest.raises(LookupError, match=f"no run 'other'; it has {log.run}"):
        SqliteReader(path, "other")


def test_open_log_knows_files_and_urls(path: Path) -> None:
    make_log(str(path)).close()
    for target in (path, str(path)):
        with open_log(target) as reader:
            assert isinstance(reader, SqliteReader)
    with pytest.raises(ValueError, match="a path, or a URL with one of redis://"):
        open_log("https://example.org/log")
    for target in ("", None):
        with pytest.raises(ValueError, match="a path or a URL"):
            open_log(target)  # type: ignore[arg-type]


@pytest.fixture
def archive() -> Iterator[Path]:
    """A folder that everybody may read; pytest's own are closed to others, and root may write anywhere."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def test_a_file_in_a_folder_where_nothing_may_be_made_can_be_read(archive: Path) -> None:
    path = archive / "run.db"
    with SqliteLog(path) as log:
        fill(log, "abc")
    path.chmod(0o444)
    archive.chmod(0o555)
    program = (
        "import os, sys\n"
        "from actors.eventlog import open_log\n"
        "os.geteuid() or os.setuid(65534)\n"
        "with open_log(sys.argv[1]) as reader, reader.follow(1) as follower:\n"
        "    print(*(each.message for each in reader.read()), *(each.message for each in follower.next_batch()))"
    )
    command = [sys.executable, "-c", program, str(path)]
    ran = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert (ran.stdout, ran.returncode) == ("a b c b c\n", 0), ran.stderr


@pytest.mark.system_case("T98")
@pytest.mark.system_case("D4.15")
def test_a_full_disk_is_counted_and_all_is_written_in_order_when_there_is_room(path: Path) -> None:
    with SqliteLog(path, retention=Retention(None, None, None)) as log:
        assert log.flush(PATIENCE)
        # SQLite says that the disk is full when a file may have no more pages.
        log._connection.execute("PRAGMA max_page_count = 1")
        fill(log, range(2000))
        while log.stats.up:
            assert not log.flush(0.01)
        stats = log.stats
        assert stats.failed >= 1
        assert (stats.waiting, stats.dropped) == (2000 - stats.written, {})
        log._connection.execute("PRAGMA max_page_count = 1073741823")
        assert log.flush(PATIENCE)
        assert texts(log.read(0, 5000)) == [str(number) for number in range(2000)]
        assert log.stats.up


def test_what_another_process_holds_is_written_when_it_lets_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors._store.database.BUSY_SECONDS", 0.01)
    with SqliteLog(path) as log:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        log.append(change("x"))
        while log.stats.up:
            assert not log.flush(0.01)
        holder.execute("ROLLBACK")
        holder.close()
        assert log.flush(PATIENCE)
        assert texts(log.read()) == ["x"]


# -- those who follow ----------------------------------------------------------------------


def test_followers_leave_nothing_beside_the_file(path: Path) -> None:
    with SqliteLog(path) as log:
        with log.follow() as one, log.follow():
            assert len(os.listdir(folder_of(path))) == 2
            log.append(change("x"))
            assert texts(collect(one, bool)) == ["x"]
        assert not folder_of(path).exists()
    assert sorted(file.name for file in path.parent.iterdir()) == ["run.db"]


def test_the_socket_of_a_follower_that_was_killed_is_removed(path: Path) -> None:
    with SqliteLog(path) as log, log.follow() as follower:
        dead = folder_of(path) / "1-1"
        killed = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        killed.bind(str(dead))
        killed.close()
        strange = folder_of(path) / "notes.txt"
        strange.write_text("mine")
        log.append(change("x"))
        assert texts(collect(follower, bool)) == ["x"]
        # It may have been told before the dead one was; the next time, all were told the time before.
        log.append(change("y"))
        assert texts(collect(follower, bool)) == ["y"]
        assert not dead.exists()
        strange.unlink(missing_ok=True)


def test_a_follower_is_rung_at_wherever_the_file_is(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 30) / ("name" * 30)
    deep.mkdir(parents=True)
    with SqliteLog(deep / "run.db") as log, log.follow() as follower:
        assert isinstance(follower, ViewFollower)
        assert isinstance(follower._waker, Door if sys.platform == "linux" else Door | Watch)
        log.append(change("x"))
        assert texts(collect(follower, bool)) == ["x"]


def test_where_there_are_no_such_sockets_followers_look_for_themselves(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("actors._store.doorbell._AF_UNIX", None)
    with SqliteLog(path) as log:
        follower = log.follow()
        assert isinstance(follower, ViewFollower)
        assert isinstance(follower._waker, Watch)
        assert follower.next_batch(0.01) == []
        found: list[object] = []
        reader = threading.Thread(target=lambda: found.extend(numbers(follower)))
        reader.start()
        fill(log, "abc")
        log.close()
        reader.join(PATIENCE)
        assert not reader.is_alive()
        assert found == [1, 2, 3]


def test_a_reader_that_is_closed_ends_its_followers_and_reads_no_more(path: Path) -> None:
    with SqliteLog(path) as log:
        fill(log, "ab")
        assert log.flush(PATIENCE)
        reader = SqliteReader(path)
        follower = reader.follow(0)
        reader.close()
        reader.close()
        assert texts(follower) == ["a", "b"], "first it gives what there is"
        assert follower.closed
        closed: list[Callable[[], object]] = [reader.read, reader.runs, reader.sample, reader.follow]
        for ask in closed:
            with pytest.raises(ValueError, match="is closed"):
                ask()
