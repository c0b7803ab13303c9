"""Do followers keep up with many threads at a time: each record once, in order, or a gap that says what is lost?"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from actors.eventlog import Gap, Retention, SqliteLog
from actors.eventlog.log import EventLog
from tests.eventlog.conftest import Backend
from tests.eventlog.samples import collect, fill, numbers, together

ROOT = Path(__file__).parents[2]
THREADS = 8
ROOM = 100_000
"""So many may wait for a log that may lose records, which is another matter."""


@pytest.fixture
def often_interrupted() -> Iterator[None]:
    """Has the interpreter change threads 50 times as often as it does by itself."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(usual)


def emit(log: EventLog, count: int) -> None:
    """Have 8 threads append so many records together."""
    together([partial(fill, log, range(count // THREADS), agent_id=f"agent-{number}") for number in range(THREADS)])


def everything_once_in_order(backend: Backend, count: int) -> None:
    log = backend.log(Retention(None, None, None), ROOM)
    with log.follow() as early, log.follow(agent="agent-3") as one:
        found: list[object] = []
        reader = threading.Thread(
            target=lambda: found.extend(numbers(collect(early, lambda found: len(found) >= count)))
        )
        reader.start()
        emit(log, count)
        of_one = numbers(collect(one, lambda found: len(found) >= count // THREADS))
        reader.join()
    assert found == list(range(1, count + 1))
    assert len(of_one) == len(set(of_one)) == count // THREADS
    assert of_one == sorted(of_one, key=lambda seq: seq or 0)


def test_a_follower_sees_the_records_of_8_threads_once_in_order(backend: Backend) -> None:
    everything_once_in_order(backend, 4_000)


@pytest.mark.stress
@pytest.mark.timeout(300)
def test_a_follower_sees_100_000_records_of_8_threads_once_in_order(backend: Backend) -> None:
    everything_once_in_order(backend, 100_000)


@pytest.mark.stress
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("often_interrupted")
def test_a_follower_sees_100_000_records_of_often_interrupted_threads(backend: Backend) -> None:
    everything_once_in_order(backend, 100_000)


@pytest.mark.stress
@pytest.mark.timeout(300)
@pytest.mark.parametrize("retention", [Retention(), Retention(None, None, None)], ids=["bounded", "unbounded"])
def test_a_late_follower_of_100_000_records_sees_all_or_a_gap(backend: Backend, retention: Retention) -> None:
    log = backend.log(retention, ROOM)
    writer = threading.Thread(target=emit, args=(log, 100_000))
    writer.start()
    with log.follow(0) as late:
        found = collect(late, lambda found: numbers(found[-1:]) == [100_000])
    writer.join()
    seen = 0
    for each in found:
        if isinstance(each, Gap):
            assert each.lost == each.first_available - seen - 1, "the gap says how many are missing"
            seen = each.first_available - 1
        else:
            assert each.seq == seen + 1, "whatever is not seen is told as a gap"
            seen += 1
    assert seen == 100_000
    if retention.system is None:
        assert not any(isinstance(each, Gap) for each in found)


def followed_by_a_process(path: Path, count: int) -> None:
    with SqliteLog(path, retention=Retention(None, None, None)) as log:
        command = [sys.executable, "-m", "tests.eventlog.following_process", str(path), log.run, str(count)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            emit(log, count)
            told, _ = process.communicate(timeout=200)
        finally:
            process.kill()
            process.wait()
    assert json.loads(told) == {"seen": count, "in_order": True, "gaps": 0}


def test_a_follower_in_another_process_sees_each_record_once_in_order(tmp_path: Path) -> None:
    followed_by_a_process(tmp_path / "run.db", 4_000)


@pytest.mark.stress
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("often_interrupted")
def test_a_follower_in_another_process_sees_100_000_records_once_in_order(tmp_path: Path) -> None:
    followed_by_a_process(tmp_path / "run.db", 100_000)
