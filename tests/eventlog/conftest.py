"""On which logs do the conformance tests run?

`backend` makes logs of one kind, `log` is one of them with the bounds that it has by default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from actors.eventlog.log import EventLog, Retention
from actors.eventlog.memory import MemoryLog
from tests.eventlog import servers
from tests.eventlog.samples import PATIENCE


@dataclass
class Backend:
    """Makes logs of one kind, and closes them after the test.

    `exact` is whether bounds are kept to the record; `reopen` gives another reader of what a log has written, as
    another process would have it, and is None where there is no such thing.
    """

    name: str
    make: Callable[[Retention | None, int], EventLog]
    exact: bool = True
    reopen: Callable[[EventLog], Any] | None = None
    made: list[Any] = field(default_factory=list)

    def log(self, retention: Retention | None = None, capacity: int = 10_000) -> EventLog:
        """A new log; `capacity` records may wait to be written, where they wait."""
        made = self.make(retention, capacity)
        self.made.append(made)
        return made

    def reader(self, log: EventLog) -> Any:
        """Another reader of the log's run; the log itself where nobody else can read it."""
        if self.reopen is None:
            return log
        made = self.reopen(log)
        self.made.append(made)
        return made

    def close(self) -> None:
        for made in reversed(self.made):
            made.close()


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[servers.RedisServer]:
    with servers.running() as server:
        yield server


@pytest.fixture
def redis_server(_redis_server: servers.RedisServer) -> servers.RedisServer:
    """The worker's own redis-server, empty."""
    _redis_server.reset()
    return _redis_server


@pytest.fixture(params=["memory", "sqlite", "redis"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    made = _BACKENDS[request.param](request, tmp_path)
    yield made
    made.close()


def _memory(request: pytest.FixtureRequest, folder: Path) -> Backend:
    return Backend("memory", lambda retention, capacity: MemoryLog(retention))


def _sqlite(request: pytest.FixtureRequest, folder: Path) -> Backend:
    from actors.eventlog.sqlite import SqliteLog, SqliteReader

    path = folder / "run.db"
    return Backend(
        "sqlite",
        lambda retention, capacity: SqliteLog(path, retention=retention, capacity=capacity),
        reopen=lambda log: SqliteReader(path, log.run),
    )


def _redis(request: pytest.FixtureRequest, folder: Path) -> Backend:
    servers.needs_redis()
    from actors.eventlog.redis_reading import RedisReader
    from actors.eventlog.redis_streams import RedisLog

    url = request.getfixturevalue("redis_server").url
    return Backend(
        "redis",
        lambda retention, capacity: RedisLog(url, retention=retention, capacity=capacity),
        exact=False,
        reopen=lambda log: RedisReader(url, log.run),
    )


_BACKENDS: dict[str, Callable[[pytest.FixtureRequest, Path], Backend]] = {
    "memory": _memory,
    "sqlite": _sqlite,
    "redis": _redis,
}


@pytest.fixture
def log(backend: Backend) -> EventLog:
    return backend.log()


@pytest.fixture
def settle() -> Callable[[EventLog], None]:
    """Waits until a log has all records where it keeps them."""

    def settle(log: EventLog) -> None:
        assert log.flush(PATIENCE), f"not written after {PATIENCE:g} s: {log.stats}"

    return settle
