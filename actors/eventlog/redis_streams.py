"""How is a run kept in Redis, whatever becomes of the server?"""

from __future__ import annotations

import os
import time
from typing import Any, ClassVar

from actors.eventlog.log import Retention, retention_of
from actors.eventlog.redis_client import (
    BEGUN,
    BEHIND,
    NAMESPACE,
    RUNS,
    Keys,
    connect,
    errors_of,
    without_password,
    write,
)
from actors.eventlog.redis_reading import RedisReader, RedisReading
from actors.eventlog.stamping import ENDS, SYSTEM_VIEW, Entry, iso, stamped, views_of
from actors.eventlog.waiting_room import is_gap
from actors.eventlog.writing import Buffered, encode_fields

__all__ = ["RedisLog", "RedisReader"]

_SMALLEST_STEP = 8  # entries of one script, at least, when the server is too slow for more


class RedisLog(Buffered):
    """An event log in Redis Streams, for readers on other machines; what an agent does never waits for it.

    `url` is redis://, rediss:// or unix://. Nobody needs to answer there yet: `capacity` records wait in memory, and
    are written in order once it does. Beyond that the oldest are dropped, chatter first, which `stats` counts and one
    `log_gap` record tells. A server that does not answer within `answer_within` seconds, is full, read-only or loading
    counts as down. The view of an agent that has ended goes when the record of its end leaves the view of all records;
    with `expire_after` (seconds), what is in Redis goes when that long nothing was added to it. Raises ImportError
    without the extra `redis`, ValueError for what is no URL of a Redis.
    """

    may_lose_lifecycle: ClassVar[bool] = True
    first_pause: ClassVar[float] = 0.05
    longest_pause: ClassVar[float] = 2.0

    def __init__(
        self,
        url: str,
        retention: Retention | None = None,
        *,
        capacity: int = 10_000,
        namespace: str = NAMESPACE,
        answer_within: float = 0.5,
        expire_after: float | None = None,
    ) -> None:
        super().__init__(capacity)
        if expire_after is not None and not expire_after >= 1:
            raise ValueError(f"expire_after: seconds, at least 1, or None, not {expire_after!r}")
        self._url = url
        self._namespace = namespace
        self._retention = retention_of(retention)
        self._lives = "" if expire_after is None else str(int(expire_after * 1000))
        self._client = connect(url, answer_within)
        self._started = time.time()
        self._reading = _OwnReading(self, url, namespace)
        # Of the writing thread alone:
        self._first = 0  # the first number that this log was given
        self._known = 0  # the last number that the server has said to have
        self._listed = False  # in the index of runs
        self._step = self.batch
        self._ended: dict[str, int] = {}  # views of agents that have ended, and the number of the end, oldest first

    def __repr__(self) -> str:
        return f"<RedisLog of {self.run} at {without_password(self._url)}>"

    @property
    def _reader(self) -> RedisReading:
        return self._reading

    @property
    def _keys(self) -> Keys:
        return Keys(self._namespace, self.run)

    # -- on the writing thread ----------------------------------------------------------

    def _write(self, entries: list[Entry]) -> None:
        if not self._first:
            self._first = _first_number(entries[0])
        done = 0
        try:
            with errors_of(self._url):
                while done < len(entries):
                    step = entries[done : done + self._step]
                    self._write_step(step)
                    done += len(step)
                    self._step = min(self.batch, 2 * self._step)
        except BaseException:
            # What was too much for a slow server may pass in smaller parts.
            self._step = max(_SMALLEST_STEP, self._step // 4)
            self._listed = False
            raise

    def _write_step(self, entries: list[Entry]) -> None:
        did, last = self._try_step(entries, self._known)
        if did == BEHIND:
            did, _ = self._try_step([_lost_by_server(last + 1, self._known, entries[0].timestamp), *entries], last)
        self._known = entries[-1].seq
        if did == BEGUN or not self._listed:
            self._list_run()
        self._drop_ended(entries[-1].seq)

    def _try_step(self, entries: list[Entry], known: int) -> tuple[int, int]:
        keys = self._keys
        positions: dict[str, int] = {}
        records: list[str | int] = []
        for entry in entries:
            views = views_of(entry.fields)
            within = " ".join([str(positions.setdefault(view, len(positions) + 3)) for view in views])
            data = encode_fields(stamped(self.run, entry.seq, entry.timestamp, entry.fields))
            records += (entry.seq, data, within)
            self._note_end(entry, views)
        about = [word for pair in self._about(entries[0].seq).items() for word in pair]
        limits = [self._limit(view) for view in (SYSTEM_VIEW, *positions)]
        streams = [keys.stream(view) for view in positions]
        head = [known, self._lives, len(about) // 2, *about, *limits]
        return write(self._client, [keys.about, keys.events, *streams], [*head, *records])

    def _about(self, seq: int) -> dict[str, str | int]:
        """What a reader is told of the run; `base`: all up to this number was lost before the first that is kept."""
        return {
            "run": self.run,
            "system": self._system,
            "pid": os.getpid(),
            "started": iso(self._started),
            "first": self._first,
            "base": seq - 1 if seq > self._first else 0,
        }

    def _limit(self, view: str) -> str | int:
        kept = self._retention
        limit = kept.system if view == SYSTEM_VIEW else kept.agent if view.startswith("a:") else kept.mission
        return "" if limit is None else limit

    def _list_run(self) -> None:
        index = f"{self._namespace}:{RUNS}"
        self._client.zadd(index, {self.run: self._started})
        if self._lives:
            runs = self._client.zrange(index, 0, -1)
            with self._client.pipeline(transaction=False) as pipeline:
                for run in runs:
                    pipeline.exists(Keys(self._namespace, run.decode()).about)
                gone = [run for run, there in zip(runs, pipeline.execute(), strict=True) if not there]
            if gone:
                self._client.zrem(index, *gone)
        self._listed = True

    def _note_end(self, entry: Entry, views: list[str]) -> None:
        for view in views:
            self._ended.pop(view, None)
        if views and entry.fields.get("event_type") in ENDS and "agent_id" in entry.fields:
            self._ended[views[0]] = entry.seq

    def _drop_ended(self, last: int) -> None:
        if self._retention.system is None:
            return
        oldest = last - self._retention.system
        gone: list[str] = []
        for view, seq in self._ended.items():
            if seq > oldest:
                break
            gone.append(view)
        if gone:
            self._client.unlink(*[self._keys.stream(view) for view in gone])
            for view in gone:
                del self._ended[view]

    def _write_forget(self, view: str) -> None:
        with errors_of(self._url):
            self._client.unlink(self._keys.stream(view))

    def _write_sample(self, sample: dict[str, Any]) -> None:
        with errors_of(self._url):
            self._client.set(self._keys.sample, encode_fields(sample), px=int(self._lives) if self._lives else None)

    def _write_end(self, timestamp: float) -> None:
        keys = self._keys
        fields: dict[str, str | int] = {"run": self.run, "system": self._system, "started": iso(self._started)}
        with errors_of(self._url):
            self._client.hset(keys.about, mapping={**fields, "ended": iso(timestamp)})
            if self._lives:
                self._client.pexpire(keys.about, int(self._lives))
            self._list_run()

    def _close_sink(self) -> None:
        self._client.close()


class _OwnReading(RedisReading):
    """Reads the run that is written here, by whichever id it has got."""

    def __init__(self, log: RedisLog, url: str, namespace: str) -> None:
        super().__init__(url, namespace)
        self._log = log

    @property
    def run(self) -> str:
        return self._log.run

    def __repr__(self) -> str:
        return f"<reader of {self._log!r}>"


def _first_number(entry: Entry) -> int:
    first: int = entry.fields["from_seq"] if is_gap(entry) else entry.seq
    return first


def _lost_by_server(first: int, last: int, timestamp: float) -> Entry:
    """The gap of a server that was started again with an older state: it has the number of the last that is lost."""
    fields = {"event_type": "log_gap", "from_seq": first, "to_seq": last, "count": last - first + 1}
    return Entry(last, timestamp, {**fields, "reason": "lost_by_server"}, True)
