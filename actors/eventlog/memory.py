"""How are records kept in this process, exactly as many as each view may have?"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from itertools import islice
from operator import itemgetter
from typing import Any

from actors._core.checks import check_timeout
from actors.eventlog.log import Follower, Gap, LogStats, Retention, RunInfo, retention_of
from actors.eventlog.reading import Kept, ViewFollower, ViewReader, check_cursor
from actors.eventlog.stamping import ENDS, Fields, StampedLog, Stamping, iso, stamped, view_name

_Stored = tuple[int, float, Fields]
_number = itemgetter(0)


_FEW = 256  # entries whose first goes from a list as fast as from a deque


class _View:
    """The newest `limit` entries of a view, and the one before them, which tells where the gap is."""

    __slots__ = ("entries", "first", "limit", "room", "total")

    def __init__(self, limit: int | None, first: int) -> None:
        # There is one for each agent, and most have few entries: an empty deque is 760 bytes. `room` is where a list
        # that does not see to its length itself is to be cut.
        self.entries: list[_Stored] | deque[_Stored]
        if limit is None or limit <= _FEW:
            self.entries = []
            self.room = None if limit is None else limit + 1
        else:
            self.entries = deque(maxlen=limit + 1)
            self.room = None
        self.limit = limit
        self.first = first
        self.total = 0

    @property
    def start(self) -> int:
        """The index of the oldest that is kept."""
        return 1 if self.limit is not None and len(self.entries) > self.limit else 0

    def gap(self, after: int, gapless: bool) -> Gap | None:
        if not self.start or after >= self.entries[0][0]:
            return None
        first = self.entries[1][0]
        if gapless:
            return Gap(first, first - max(after + 1, self.first))
        return Gap(first, self.total - len(self.entries) + 1 if after < self.first else None)

    def cut(self, start: int, end: int) -> list[_Stored]:
        """Give the entries with these indices, from whichever side is nearer."""
        size = len(self.entries)
        if start <= size // 2:
            return list(islice(self.entries, start, end))
        found = list(islice(reversed(self.entries), max(size - end, 0), size - start))
        found.reverse()
        return found


class MemoryLog(StampedLog, ViewReader):
    """An event log in memory: what is appended can be read at once, and exactly the newest of each view are kept.

    The view of an agent that has ended is dropped when the record of its end leaves the view of all records.
    """

    def __init__(self, retention: Retention | None = None) -> None:
        super().__init__()
        self._retention = retention_of(retention)
        self._stamping = Stamping((self,))
        self._all = _View(self._retention.system, 1)
        self._agents: dict[str, _View] = {}
        self._missions: dict[str, _View] = {}
        self._sample: dict[str, object] | None = None
        self._started = time.time()
        self._ended: float | None = None
        self._last = 0
        self._refused = 0
        self._closed = False
        self._waiting: list[_Gate] = []
        # Guards the views and who waits for more. Reentrant, for the records of signal handlers and finalizers; who
        # reads looks at `_last`, whether there was one. Nothing foreign is called under it.
        self._lock = threading.RLock()

    @property
    def _is_closed(self) -> bool:
        return self._closed

    def __repr__(self) -> str:
        return f"<MemoryLog of {self.run}>"

    # -- writing --------------------------------------------------------------------

    def _take(self, seq: int, timestamp: float, fields: Fields, lifecycle: bool) -> None:
        stored = (seq, timestamp, fields)
        with self._lock:
            if self._closed:
                self._refused += 1
                return
            whole = self._all
            if not self._last:
                whole.first = seq
            self._last = seq
            whole.total += 1
            whole.entries.append(stored)
            if whole.room is not None and len(whole.entries) > whole.room:
                del whole.entries[0]
            if whole.limit is not None and whole.total > whole.limit:
                dropped = whole.entries[0]
                if dropped[2].get("event_type") in ENDS and self._retention.agent is not None:
                    self._drop_ended(dropped)
            self._index(stored)
            if self._waiting:
                waiting, self._waiting = self._waiting, []
                for gate in waiting:
                    gate.open()

    def _index(self, stored: _Stored) -> None:
        get = stored[2].get
        agent = get("agent_id")
        if agent is not None:
            self._add(self._agents, agent, stored, self._retention.agent)
        parent = get("parent_agent_id")
        if parent is not None and parent != agent:
            self._add(self._agents, parent, stored, self._retention.agent)
        child = get("child_agent_id")
        if child is not None and child not in (agent, parent):
            self._add(self._agents, child, stored, self._retention.agent)
        mission = get("mission_id")
        if mission is not None:
            self._add(self._missions, mission, stored, self._retention.mission)

    @staticmethod
    def _add(views: dict[str, _View], name: str, stored: _Stored, limit: int | None) -> None:
        view = views.get(name)
        if view is None:
            view = views[name] = _View(limit, stored[0])
        view.total += 1
        entries = view.entries
        entries.append(stored)
        if view.room is not None and len(entries) > view.room:
            del entries[0]

    def _drop_ended(self, stored: _Stored) -> None:
        agent = stored[2].get("agent_id", "")
        view = self._agents.get(agent)
        if view is not None and view.entries[-1][0] == stored[0]:
            del self._agents[agent]

    def flush(self, timeout: float | None = None) -> bool:
        check_timeout(timeout)
        return True

    def forget(self, *, agent: str | None = None, mission: str | None = None) -> None:
        view_name(agent, mission)
        with self._lock:
            if agent is not None:
                self._agents.pop(agent, None)
            if mission is not None:
                self._missions.pop(mission, None)

    @property
    def stats(self) -> LogStats:
        with self._lock:
            total, refused = self._all.total, self._refused
        return LogStats(total + refused, total, 0, {"closed": refused} if refused else {}, bad=self.bad)

    def _put_sample(self, sample: dict[str, Any]) -> None:
        self._sample = sample

    def _end(self) -> None:
        self._ended = self._stamping.clock()

    # -- reading --------------------------------------------------------------------

    def runs(self) -> list[RunInfo]:
        ended = "" if self._ended is None else iso(self._ended)
        return [RunInfo(self.run, self._system, iso(self._started), ended, self._last)]

    def agents(self) -> list[str]:
        with self._lock:
            return [*self._agents]

    def sample(self) -> dict[str, object] | None:
        return self._sample

    def _after(self, view: str, after: int, count: int) -> tuple[Sequence[Kept], Gap | None]:
        while True:
            with self._lock:
                last = self._last
                found = self._find(view)
                if found is None:
                    return (), None
                gap = found.gap(after, gapless=found is self._all)
                start = max(bisect_right(found.entries, after, key=_number), found.start)
                cut = found.cut(start, start + count)
                if self._last == last:
                    break
        return self._whole(cut), gap

    def _before(self, view: str, before: int | None, count: int) -> Sequence[Kept]:
        while True:
            with self._lock:
                last = self._last
                found = self._find(view)
                if found is None:
                    return ()
                size = len(found.entries)
                end = size if before is None else bisect_left(found.entries, before, key=_number)
                cut = found.cut(max(end - count, found.start), max(end, found.start))
                if self._last == last:
                    return self._whole(cut)

    def _find(self, view: str) -> _View | None:
        if not view:
            return self._all
        return (self._agents if view.startswith("a:") else self._missions).get(view[2:])

    def _whole(self, cut: list[_Stored]) -> list[Kept]:
        run = self.run
        return [(seq, stamped(run, seq, timestamp, fields)) for seq, timestamp, fields in cut]

    def follow(self, after: int | None = None, *, agent: str | None = None, mission: str | None = None) -> Follower:
        view = view_name(agent, mission)
        if after is not None:
            check_cursor(after)
        return ViewFollower(self, view, self._last if after is None else after, _Gate(self))

    def close(self) -> None:
        with self._lock:
            if not self._closed:
                self._closed = True
                self._ended = self._ended or self._stamping.clock()
            waiting, self._waiting = self._waiting, []
        for gate in waiting:
            gate.open()


class _Gate:
    """Where a follower waits: a log opens it once after it was armed, with the next record or its end."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._shut = threading.Lock()
        self._shut.acquire()
        self._armed = False

    def arm(self) -> bool:
        log = self._log
        with log._lock:
            if not self._armed:
                self._shut.acquire(blocking=False)
                self._armed = True
                log._waiting.append(self)
            return not log._closed

    def open(self) -> None:
        """End the wait; the log's lock is held, or nobody can be waiting any more."""
        self._armed = False
        if self._shut.locked():
            self._shut.release()

    def wait(self, timeout: float | None) -> None:
        self._shut.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX))

    def wake(self) -> None:
        with self._log._lock:
            if self in self._log._waiting:
                self._log._waiting.remove(self)
            self.open()

    def close(self) -> None:
        with self._log._lock:
            if self in self._log._waiting:
                self._log._waiting.remove(self)
            self._armed = False
