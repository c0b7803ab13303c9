"""How is a record written without delaying the agent that it is about?

`append` puts it into a waiting room; one thread writes what waits there, many at a time, and tries again what failed.
"""

from __future__ import annotations

import atexit
import json
import os
import random
import threading
import time
import weakref
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from loguru import logger

from actors._core.checks import check_timeout
from actors.eventlog.log import Follower, LogStats, Page, RunInfo
from actors.eventlog.reading import ViewReader
from actors.eventlog.records import Record
from actors.eventlog.stamping import Entry, Fields, StampedLog, Stamping, view_name
from actors.eventlog.waiting_room import WaitingRoom, is_gap

_EXIT_SECONDS = 2.0  # for all logs together, where a program ends without closing them
_open_logs: weakref.WeakSet[Buffered] = weakref.WeakSet()


class Buffered(StampedLog):
    """An event log whose records wait in memory until its own thread has written them.

    `_write`, and the other hooks, are called on that thread alone; what they raise is told once, and the same entries
    are tried again after a pause that grows from `first_pause` to `longest_pause` seconds. `capacity` entries may wait;
    see `WaitingRoom` for what is dropped beyond. Lifecycle entries are dropped only where `may_lose_lifecycle`, or when
    ten times as many wait while writing fails.
    """

    may_lose_lifecycle: ClassVar[bool] = False
    batch: ClassVar[int] = 500  # entries of one `_write`, at most
    linger: ClassVar[float] = 0.005  # seconds in which more may come before what waits is written
    first_pause: ClassVar[float] = 0.1
    longest_pause: ClassVar[float] = 5.0
    expected: ClassVar[tuple[type[Exception], ...]] = (OSError,)  # what `_write` raises for what is wrong outside
    close_within: ClassVar[float] = 5.0  # seconds in which `close` writes what still waits

    def __init__(self, capacity: int = 10_000) -> None:
        super().__init__()
        if type(capacity) is not int or capacity < 1:
            raise ValueError(f"capacity: a whole number of at least 1, not {capacity!r}")
        self._stamping = Stamping((self,))
        self._room = WaitingRoom(capacity, capacity if self.may_lose_lifecycle else None)
        self._held: list[Entry] = []  # taken out of the room to be written
        self._forgets: deque[tuple[int, str]] = deque()  # after which number which view is dropped
        self._new_sample: dict[str, Any] | None = None
        self._new_end: float | None = None
        self._appended = self._written = self._failed = 0
        self._last = self._settled = 0  # the last number that was taken, and that is done with
        self._asked = self._answered = 0  # orders: what is to be done beside writing entries
        self._up = True
        self._idle = self._hurry = self._closing = self._over = False
        self._thread: threading.Thread | None = None
        # Guards all of the above. No I/O under it, and nothing foreign. Reentrant, for the records of signal handlers.
        self._lock = threading.RLock()
        self._news = threading.Condition(self._lock)  # for the thread that writes
        self._done = threading.Condition(self._lock)  # for those who flush
        _open_logs.add(self)

    # -- what is behind it: on the writing thread ----------------------------------------

    @abstractmethod
    def _write(self, entries: list[Entry]) -> None:
        """Write them all or raise; in order, each once, though the same ones may come again after a failure."""

    @abstractmethod
    def _write_forget(self, view: str) -> None:
        """Drop a view, see `view_name`."""

    @abstractmethod
    def _write_sample(self, sample: dict[str, Any]) -> None:
        """Keep the figures in place of those before."""

    @abstractmethod
    def _write_end(self, timestamp: float) -> None:
        """Note that the run ended at this time (unix seconds)."""

    @abstractmethod
    def _close_sink(self) -> None:
        """Let go of what is needed for writing; also called where nothing was ever written."""

    @property
    @abstractmethod
    def _reader(self) -> ViewReader:
        """Who reads this run; opened when it is first needed. On any thread."""

    # -- on any thread -------------------------------------------------------------------

    def _take(self, seq: int, timestamp: float, fields: Fields, lifecycle: bool) -> None:
        with self._lock:
            self._appended += 1
            if self._closing:
                self._room.dropped["closed"] += 1
                return
            self._last = seq
            self._room.put(Entry(seq, timestamp, fields, lifecycle))
            if self._thread is None:
                self._start()
            elif self._idle or len(self._room) == self.batch:
                self._idle = False
                self._news.notify()

    @property
    def _is_closed(self) -> bool:
        return self._closing

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name=f"eventlog-{self.run}", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return  # The program is ending: whoever flushes or closes the log writes then.
        self._thread = thread

    def forget(self, *, agent: str | None = None, mission: str | None = None) -> None:
        view = view_name(agent, mission)
        if view:
            with self._lock:
                self._forgets.append((self._last, view))
                self._order()

    def _put_sample(self, sample: dict[str, Any]) -> None:
        with self._lock:
            if self._new_sample is None:
                self._order()
            self._new_sample = sample

    def _end(self) -> None:
        with self._lock:
            if self._new_end is None:
                self._order()
            self._new_end = self._stamping.clock()

    def _order(self) -> None:
        self._asked += 1
        if self._thread is None and not self._closing:
            self._start()
        self._idle = False
        self._news.notify()

    def flush(self, timeout: float | None = None) -> bool:
        check_timeout(timeout)
        longest = None if timeout is None or timeout > threading.TIMEOUT_MAX else timeout
        with self._lock:
            last, asked = self._last, self._asked
            self._hurry = True
            self._news.notify()
            alone = self._thread is None and not self._over
        if alone:
            self._work_off()
        with self._lock:
            self._done.wait_for(lambda: alone or self._over or self._is_done(last, asked), longest)
            return self._is_done(last, asked)

    def _is_done(self, last: int, asked: int) -> bool:
        return self._settled >= last and self._answered >= asked

    def close(self) -> None:
        with self._lock:
            first = not self._closing
            if first:
                self._end()
            self._closing = self._hurry = True
            self._news.notify()
            thread = self._thread
        if thread is None and first:
            self._run()
        elif thread is not None and thread is not threading.current_thread():
            thread.join(self.close_within)
            with self._lock:
                # Where it hangs it may come back yet; what it is writing then was counted as lost.
                self._give_up()
        self._reader.close()

    def _leave_to_parent(self) -> None:
        """In a process that was forked: write nothing, and have nobody wait for a thread that is not here."""
        # Nor may be whoever held the locks.
        self._lock = threading.RLock()
        self._news, self._done = threading.Condition(self._lock), threading.Condition(self._lock)
        self._stamping.forked()
        with self._lock:
            self._thread = None
            self._closing = True
            self._give_up()

    @property
    def stats(self) -> LogStats:
        with self._lock:
            dropped = dict(self._room.dropped)
            waiting = self._appended - self._written - sum(dropped.values())
            counts = self._appended, self._written, waiting, dropped, self._failed
            return LogStats(*counts, bad=self._reader.bad, up=self._up)

    # -- on the writing thread -----------------------------------------------------------

    def _run(self) -> None:
        failures = 0
        while self._await_work():
            if self._work_off():
                failures = 0
                continue
            failures += 1
            with self._lock:
                if self._closing:
                    break
                # A flush has one try made at once, not one after another.
                self._hurry = False
                longest = min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 60))
                self._news.wait_for(lambda: self._hurry or self._closing, longest * random.uniform(0.5, 1.0))
        with self._lock:
            self._give_up()
        try:
            self._close_sink()
        except Exception as error:
            logger.opt(exception=error).warning("{!r} was not closed in order", self)

    def _await_work(self) -> bool:
        """Wait for what is to be written, and a little longer for more; False once it is closed and all is done."""
        with self._lock:
            while not self._has_work():
                self._settled = max(self._settled, self._last)
                self._hurry = False
                self._done.notify_all()
                if self._closing:
                    return False
                self._idle = True
                self._news.wait()
                self._idle = False
            if not (self._hurry or self._closing or len(self._room) >= self.batch):
                self._news.wait(self.linger)
            return True

    def _has_work(self) -> bool:
        return bool(self._held or not self._room.empty or self._asked > self._answered)

    def _work_off(self) -> bool:
        """Write until nothing waits; False if that failed."""
        while (step := self._next_step()) is not None:
            write, done = step
            try:
                write()
            except Exception as error:
                self._note_failure(error)
                return False
            with self._lock:
                done()
                was_up, self._up = self._up, True
                self._room.most = self._most()
                self._done.notify_all()
            if not was_up:
                logger.info("{!r} is written again", self)
        return True

    def _next_step(self) -> tuple[Callable[[], None], Callable[[], None]] | None:
        """Give what to write next, and what to note when that is done; the lock is held for the second."""
        with self._lock:
            if (sample := self._new_sample) is not None:
                return partial(self._write_sample, sample), partial(self._sample_written, sample)
            if not self._held:
                self._held = self._room.take(self.batch, self._forgets[0][0] if self._forgets else None)
            if self._held:
                return partial(self._write, self._held), self._entries_written
            if self._forgets:
                return partial(self._write_forget, self._forgets[0][1]), self._forgotten
            if (end := self._new_end) is not None:
                return partial(self._write_end, end), self._end_written
            self._settled = max(self._settled, self._last)
            return None

    def _entries_written(self) -> None:
        if self._over:
            return
        self._written += sum(not is_gap(entry) for entry in self._held)
        self._settled = self._held[-1].seq
        self._held = []

    def _sample_written(self, sample: dict[str, Any]) -> None:
        if self._new_sample is sample:
            self._new_sample = None
            self._answered += 1

    def _forgotten(self) -> None:
        self._forgets.popleft()
        self._answered += 1

    def _end_written(self) -> None:
        self._new_end = None
        self._answered += 1

    def _note_failure(self, error: Exception) -> None:
        with self._lock:
            self._failed += 1
            was_up, self._up = self._up, False
            self._room.most = self._most()
            waiting = len(self._room) + len(self._held)
        if was_up:
            # What is wrong outside is said in a line. A traceback, which may show the values of variables, and so a
            # password, is for what should not happen.
            unexpected = None if isinstance(error, self.expected) else error
            logger.opt(exception=unexpected).warning(
                "{!r} cannot be written, and is tried again; {} wait: {}", self, waiting, error
            )

    def _most(self) -> int | None:
        if self.may_lose_lifecycle:
            return self._room.capacity
        return None if self._up else 10 * self._room.capacity

    def _give_up(self) -> None:
        self._over = True
        self._room.drop_all(self._held, "closed")
        self._held = []
        self._done.notify_all()

    # -- reading ---------------------------------------------------------------------------

    def read(self, after: int = 0, count: int = 100, *, agent: str | None = None, mission: str | None = None) -> Page:
        return self._reader.read(after, count, agent=agent, mission=mission)

    def recent(
        self,
        count: int = 20,
        *,
        agent: str | None = None,
        mission: str | None = None,
        kinds: tuple[str, ...] = (),
    ) -> list[Record]:
        return self._reader.recent(count, agent=agent, mission=mission, kinds=kinds)

    def follow(self, after: int | None = None, *, agent: str | None = None, mission: str | None = None) -> Follower:
        return self._reader.follow(after, agent=agent, mission=mission)

    def runs(self) -> list[RunInfo]:
        return self._reader.runs()

    def agents(self) -> list[str]:
        return self._reader.agents()

    def sample(self) -> dict[str, object] | None:
        return self._reader.sample()


def _flush_all() -> None:
    """Have written what waits. Nothing is closed: the systems that still run have their end to tell."""
    deadline = time.monotonic() + _EXIT_SECONDS
    for log in tuple(_open_logs):
        if log._up and not log._over:
            log.flush(max(0.0, deadline - time.monotonic()))


def _leave_all_to_parent() -> None:
    for log in tuple(_open_logs):
        log._leave_to_parent()


atexit.register(_flush_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_to_parent)

_ENCODER = json.JSONEncoder(separators=(",", ":"), default=repr, allow_nan=False)


def encode_fields(fields: Fields) -> str:
    """Give the fields as JSON in ASCII; what no JSON can say becomes a text, so that this never fails."""
    try:
        return _ENCODER.encode(fields)
    except Exception as error:
        plain = {name: value for name, value in fields.items() if type(value) in (str, int) and type(name) is str}
        return json.dumps({**plain, "message": f"a part of this record is no JSON: {type(error).__name__}"})
