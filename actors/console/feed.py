"""What has a run come to, and what is new?"""

from __future__ import annotations

from collections import Counter, deque
from datetime import UTC, datetime, timedelta
from typing import Any

from actors.console.opening import run_of
from actors.eventlog.fold import Fold, LoggedTree
from actors.eventlog.kept import read_kept
from actors.eventlog.log import Follower, Gap, Reader
from actors.eventlog.records import Record

LETTERS = frozenset({"dead_letter", "overflow"})
_FAILURES = 100
_WINDOW = timedelta(seconds=10)


class Feed:
    """The tree of a run with some counts, read from the beginning of its log and kept up to date by `catch_up`."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.info = run_of(reader)
        self.counts: Counter[str] = Counter()
        self.letters = 0
        self.failures: deque[Record] = deque(maxlen=_FAILURES)
        self._times: deque[datetime] = deque(maxlen=100_000)
        self._last = 0
        self._follower: Follower | None = None
        self._fold = self._read_all()

    def catch_up(self) -> None:
        """Take what has come since; does not wait for anything."""
        if self._follower is None:
            self._follower = self.reader.follow(self._last)
        while batch := self._follower.next_batch(timeout=0.0):
            if any(isinstance(each, Gap) for each in batch):
                # More has come than the log keeps: what was missed is in the views of the agents.
                self._follower.close()
                self._follower = None
                self._fold = self._read_all()
                break
            for record in batch:
                self._fold.add(record)
                self._count(record)
        if not self.is_over:
            self.info = run_of(self.reader)

    def _read_all(self) -> Fold:
        kept = read_kept(self.reader)
        folding = kept.begin(self.info.system if self.info is not None and self.info.system else "?")
        for record in kept.records:
            folding.add(record)
            self._count(record)
        return folding

    def tree(self, *, ended: bool = False) -> LoggedTree:
        """Give the tree as it is by now, with what the agents had in hand when that was last looked at."""
        return self._fold.tree(self.reader.sample(), ended=ended)

    @property
    def is_over(self) -> bool:
        """Whether the run has ended in order; one that was killed never says so."""
        return self.info is not None and bool(self.info.ended)

    def rate(self, now: datetime) -> float:
        """Give the records per second of the last ten seconds."""
        since = now - _WINDOW
        return sum(1 for at in self._times if at > since) / _WINDOW.total_seconds()

    def to_json(self) -> dict[str, Any]:
        """Give tree and counts as JSON values."""
        info = self.info
        times = {} if info is None else {"started": info.started, "run_ended": info.ended}
        counts = {"records": dict(self.counts), "records_per_second": self.rate(datetime.now(UTC))}
        return {**self.tree().to_json(), **times, **counts}

    def _count(self, record: Record | Gap) -> None:
        if isinstance(record, Gap) or record.seq is None or record.seq <= self._last:
            return
        self._last = record.seq
        kind = record.event_type
        self.counts[kind] += 1
        self.letters += kind in LETTERS
        if kind in ("agent_failed", "agent_start_failed"):
            self.failures.append(record)
        if record.timestamp is not None:
            self._times.append(record.timestamp)
