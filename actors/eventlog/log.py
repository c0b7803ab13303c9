"""What does an event log promise, wherever it keeps its records?

A *cursor* is the `seq` of the last record that its reader has: reading goes on after it, so nothing comes twice. A
*view* is all records, or those of one agent or of one mission; each keeps its own number of newest records.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from actors.eventlog.kinds import Record


@dataclass(frozen=True, slots=True)
class Retention:
    """How many of the newest records each view keeps; None is all of them."""

    system: int | None = 1000
    agent: int | None = 100
    mission: int | None = 500

    def __post_init__(self) -> None:
        for name in ("system", "agent", "mission"):
            value = getattr(self, name)
            if value is not None and (type(value) is not int or value < 1):
                raise ValueError(f"{name}: a whole number of at least 1, or None, not {value!r}")


def retention_of(given: object) -> Retention:
    """Give the bounds that are meant, None being those by default. Raises ValueError for anything else."""
    if given is None:
        return Retention()
    if not isinstance(given, Retention):
        raise ValueError(f"retention: a Retention or None, not {given!r}")
    return given


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that are not kept any more: `lost` of them came after the cursor and before `first_available`.

    `lost` is None where only some of them belonged to the view, and nobody knows how many.
    """

    first_available: int
    lost: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """What one read gave: `records` oldest first, the `cursor` to read on from, the gap before them if there is one.

    `bad` entries of the log were passed over, because they are no records; the cursor is behind them.
    """

    records: tuple[Record, ...]
    cursor: int
    gap: Gap | None = None
    bad: int = 0

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """One run in a log: `started` and `ended` are ISO texts in UTC; `ended` is "" while it goes on, or was killed."""

    run: str
    system: str
    started: str
    ended: str
    last_seq: int


@dataclass(frozen=True, slots=True)
class LogStats:
    """What became of the records: `appended` = `written` + `waiting` + all of `dropped`.

    `dropped` is by reason; `failed` counts writes that failed and were tried again or given up; `up` is whether the
    last one succeeded.
    """

    appended: int
    written: int
    waiting: int
    dropped: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    bad: int = 0
    up: bool = True


class Follower(ABC):
    """Gives each record of a view once, in order, and the gaps between them; iterating blocks until there is one.

    It is one reader's own: only `close` may be called on another thread.
    """

    @abstractmethod
    def next_batch(self, timeout: float | None = None) -> list[Record | Gap]:
        """Give what has come, at least one unless `timeout` (seconds) ends first or it is closed: then nothing."""

    @property
    @abstractmethod
    def cursor(self) -> int:
        """The `seq` of the last record that was given."""

    @property
    @abstractmethod
    def bad(self) -> int:
        """How many entries were passed over because they are no records."""

    @property
    @abstractmethod
    def closed(self) -> bool: ...

    @abstractmethod
    def close(self) -> None:
        """End it; whoever waits in it comes back. May be called on any thread, and twice."""

    def __iter__(self) -> Iterator[Record | Gap]:
        while not self.closed:
            yield from self.next_batch()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Reader(ABC):
    """Reads one run of a log, the newest unless another is named; on any thread, while it is written or after."""

    @property
    @abstractmethod
    def run(self) -> str:
        """The run that is read."""

    @abstractmethod
    def runs(self) -> list[RunInfo]:
        """Give the runs that the log holds, oldest first."""

    @abstractmethod
    def read(self, after: int = 0, count: int = 100, *, agent: str | None = None, mission: str | None = None) -> Page:
        """Give at most `count` records after the cursor, oldest first; 0 is before the first. Unknown views are empty.

        Raises ValueError for a count below 1, a negative cursor, or both `agent` and `mission`.
        """

    @abstractmethod
    def recent(
        self,
        count: int = 20,
        *,
        agent: str | None = None,
        mission: str | None = None,
        kinds: tuple[str, ...] = (),
    ) -> list[Record]:
        """Give the newest `count` of those that fit, oldest first."""

    @abstractmethod
    def follow(self, after: int | None = None, *, agent: str | None = None, mission: str | None = None) -> Follower:
        """Follow a view from a cursor; None is from now on."""

    @abstractmethod
    def agents(self) -> list[str]:
        """Give the agents that have a view, in no order: all that live, and some that have ended not long ago."""

    @abstractmethod
    def sample(self) -> dict[str, object] | None:
        """Give the newest figures of the live agents, `{"at": ISO time, "agents": {path: figures}}`, or None."""

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections, and end the followers. May be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class EventLog(Reader):
    """A log that is written here: one run, of which it gives each record the next `seq`."""

    @abstractmethod
    def append(self, record: Record) -> Record:
        """Take a record and give it as it is kept, with `seq`, `event_id`, `run` and `timestamp`.

        May be called on any thread; never blocks, never fails for what is behind the log. Raises ValueError for what is
        no Record, or has a `seq` already.
        """

    @abstractmethod
    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was appended before is where it is kept; False if `timeout` seconds were not enough."""

    @abstractmethod
    def forget(self, *, agent: str | None = None, mission: str | None = None) -> None:
        """Drop one view, as when the agent or the mission is removed; the other views keep what they have."""

    @property
    @abstractmethod
    def stats(self) -> LogStats: ...
