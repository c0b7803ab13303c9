"""How fast are actortree's event logs, beside the least that must be done for the same result?"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from pathlib import Path

from actors import ActorSystem, Agent, AgentStarted
from actors.eventlog import EventLog, MemoryLog, SqliteLog, record
from benchmarks.row import Sample

PATHS = [f"/crew/worker-{number}" for number in range(100)]
BATCH = 512


class Worker(Agent):
    """Whose start is reported."""


def logs(size: int) -> Sample:
    """Memory, then a file, then the bare loop."""
    with MemoryLog() as log:
        cost, elapsed = report_events(log, size)
    sample = {"cost": cost / size * 1e6, "memory": size / elapsed}
    with tempfile.TemporaryDirectory() as folder:
        with SqliteLog(Path(folder) / "run.db") as log:
            cost, elapsed = report_events(log, size)
        sample |= {"sqlite_cost": cost / size * 1e6, "sqlite": size / elapsed}
        sample["sqlite_bare"] = size / _bare(Path(folder) / "bare.db", size)
    return sample


def report_events(log: EventLog, size: int) -> tuple[float, float]:
    """Seconds until the last event was reported, and until all were where they are kept."""
    with ActorSystem("benchmark") as system:
        record(system, log, sample=None)
        report = system.events.report
        for number in range(size // 10):
            report(AgentStarted, PATHS[number % 100], 1, 0.0, Worker)
        log.flush()
        begun = time.perf_counter()
        for number in range(size):
            report(AgentStarted, PATHS[number % 100], 1, 0.0, Worker)
        reported = time.perf_counter()
        log.flush()
        written = time.perf_counter()
    stats = log.stats
    assert not stats.dropped, stats
    return reported - begun, written - begun


def _bare(path: Path, size: int) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("CREATE TABLE record(seq INTEGER PRIMARY KEY, fields TEXT)")
    begun = time.perf_counter()
    for start in range(0, size, BATCH):
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO record VALUES (?, ?)", [row_of(start + number) for number in range(BATCH)])
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - begun
    connection.close()
    return elapsed


def row_of(number: int) -> tuple[int, str]:
    path = PATHS[number % 100]
    fields = {
        "version": 1,
        "event_type": "agent_started",
        "path": path,
        "agent_id": path,
        "incarnation": 1,
        "old_state": "starting",
        "new_state": "running",
        "agent": "Worker",
    }
    return number, json.dumps(fields)
