"""How do many follow one run in Redis over one connection, and none of them slows another down?"""

from __future__ import annotations

import json
import random
import threading
from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from actors.eventlog.log import Gap
from actors.eventlog.reading import Kept, ViewReader
from actors.eventlog.redis_client import RedisDownError, connect, errors_of
from actors.eventlog.stamping import SYSTEM_VIEW, views_of

BLOCK = 5.0
"""Seconds that the server keeps a question for news; the connection is given up a second later."""

_KEPT = 2_000  # newest entries of a view that are kept for its followers
_AT_ONCE = 500  # entries of one answer
_LAST_PART = 2**64 - 1  # the highest second part of an entry's id
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0

RawEntry = tuple[bytes, dict[bytes, bytes] | None]
"""The id and the fields of an entry, as the server gives them."""

_number = itemgetter(0)


class Pause:
    """The seconds before the next try: doubled with each failure, up to a limit, and some of it by chance."""

    def __init__(self) -> None:
        self._next = _FIRST_PAUSE

    def more(self) -> float:
        pause, self._next = self._next, min(2 * self._next, _LONGEST_PAUSE)
        return pause * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._next = _FIRST_PAUSE


class _Window:
    """The newest entries of one view: all that came after the number `start`, as far as the feed has read."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.entries: list[Kept] = []
        self.followers: list[FedView] = []

    def add(self, entry: Kept) -> None:
        self.entries.append(entry)
        if len(self.entries) >= 2 * _KEPT:
            self.start = self.entries[-_KEPT - 1][0]
            del self.entries[:-_KEPT]

    def after(self, number: int, count: int) -> list[Kept]:
        begin = bisect_right(self.entries, number, key=_number)
        return self.entries[begin : begin + count]

    def restart(self, start: int) -> None:
        self.start = start
        self.entries.clear()


class Feed:
    """Reads what is new in a run, once for all who follow it in this process.

    For each view that is followed it keeps the newest entries in memory. A follower that is not there yet, or has
    fallen behind them, reads from the server until it is. Its thread ends with the last follower.
    """

    def __init__(self, url: str, events: str, position: int) -> None:
        self._url = url
        self._events = events
        self._client = connect(url, BLOCK + 1.0)
        self._windows: dict[str, _Window] = {}
        self._position = position
        self._stopped = threading.Event()
        # Guards the windows and the position. Nothing is sent or awaited under it.
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="eventlog-redis-feed", daemon=True)

    @property
    def closed(self) -> bool:
        return self._stopped.is_set()

    def join(self, follower: FedView) -> bool:
        """Take a further follower; False if the feed has ended, because the last one has left."""
        with self._lock:
            if self.closed:
                return False
            window = self._windows.setdefault(follower.view, _Window(self._position))
            window.followers.append(follower)
            if self._thread.ident is None:
                self._thread.start()
            return True

    def leave(self, follower: FedView) -> None:
        with self._lock:
            window = self._windows.get(follower.view)
            if window is None or follower not in window.followers:
                return
            window.followers.remove(follower)
            if not window.followers:
                del self._windows[follower.view]
            last = not self._windows
            if last:
                self._stopped.set()
        if last:
            self.close()

    def close(self) -> None:
        """End it; its followers learn that there is no more."""
        with self._lock:
            self._stopped.set()
            followers = [follower for window in self._windows.values() for follower in window.followers]
        for follower in followers:
            follower.wake()
        # The thread may be about to connect, so that there is nothing to disconnect yet.
        for _ in range(40):
            self._client.connection_pool.disconnect()
            if self._thread.ident is None or self._thread is threading.current_thread():
                break
            self._thread.join(0.05)
            if not self._thread.is_alive():
                break

    def look(self, view: str, position: int, known: int, count: int) -> tuple[list[Kept] | None, int]:
        """Give the entries of a view after `position`, and the number up to which that is all.

        `known` is the number up to which the follower has all. None: it has to ask the server, which then has at least
        what is up to the number.
        """
        with self._lock:
            window = self._windows.get(view)
            if window is None or max(known, position) < window.start:
                return None, self._position
            entries = window.after(position, count)
            return entries, entries[-1][0] if len(entries) == count else self._position

    # -- on its own thread ----------------------------------------------------------

    def _run(self) -> None:
        pause = Pause()
        while not self.closed:
            try:
                entries = self._wait_for_news()
            except Exception as error:
                # Whoever closes it takes the connection away, and the library may trip over that in any way.
                if self.closed:
                    break
                if not isinstance(error, RedisDownError):
                    raise
                self._client.connection_pool.disconnect()
                self._stopped.wait(pause.more())
            else:
                pause.reset()
                if entries:
                    self._hand_out(entries)
        self._client.close()

    def _wait_for_news(self) -> list[Kept]:
        after = f"{self._position}-{_LAST_PART}"
        with errors_of(self._url):
            answer: Any = self._client.execute_command(
                "XREAD", "COUNT", _AT_ONCE, "BLOCK", int(BLOCK * 1000), "STREAMS", self._events, after
            )
        return [kept(entry) for _, entries in answer or () for entry in entries]

    def _hand_out(self, entries: list[Kept]) -> None:
        with self._lock:
            # Entries that are not there any more: each follower has to ask whether its view has lost some of them.
            missing = entries[0][0] > self._position + 1
            woken = set(self._windows) if missing else set()
            if missing:
                for window in self._windows.values():
                    window.restart(entries[0][0] - 1)
            others = len(self._windows) > (SYSTEM_VIEW in self._windows)
            for entry in entries:
                for view in (SYSTEM_VIEW, *(_views(entry) if others else ())):
                    if view in self._windows:
                        self._windows[view].add(entry)
                        woken.add(view)
            self._position = entries[-1][0]
            followers = [follower for view in woken for follower in self._windows[view].followers]
        for follower in followers:
            follower.wake()


class FedView:
    """One follower's side of the feed: what it looks at, and what it waits on."""

    def __init__(self, reader: ViewReader, feed: Feed, view: str) -> None:
        self.view = view
        self._reader = reader
        self._feed = feed
        self._known = -1
        self._news = threading.Event()
        self._pause = Pause()
        self._retry: float | None = None

    def _after(self, view: str, after: int, count: int) -> tuple[Sequence[Kept], Gap | None]:
        entries, known = self._feed.look(view, after, self._known, count)
        if entries is not None:
            self._known = known
            return entries, None
        try:
            found, gap = self._reader._after(view, after, count)
        except RedisDownError:
            self._retry = self._pause.more()
            return (), None
        self._retry = None
        self._pause.reset()
        if len(found) < count:
            self._known = max(known, found[-1][0] if found else 0)
        return found, gap

    def _passed(self, bad: int) -> None:
        self._reader._passed(bad)

    def arm(self) -> bool:
        self._news.clear()
        return not self._feed.closed

    def wait(self, timeout: float | None) -> None:
        if self._retry is not None:
            timeout = self._retry if timeout is None else min(timeout, self._retry)
        self._news.wait(timeout)

    def wake(self) -> None:
        self._news.set()

    def close(self) -> None:
        self._feed.leave(self)


def kept(entry: RawEntry) -> Kept:
    """Give an entry as it is kept; without data it is no record, and is told so when it is decoded."""
    entry_id, fields = entry
    return int(entry_id.partition(b"-")[0]), (fields or {}).get(b"data", b"")


def _views(entry: Kept) -> list[str]:
    try:
        fields = json.loads(entry[1])  # type: ignore[arg-type]
    except ValueError:
        return []
    return views_of(fields) if isinstance(fields, dict) else []
