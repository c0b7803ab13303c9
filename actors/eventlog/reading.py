"""How is a view read, whatever keeps it?

A log tells what it keeps after a number, or before one; pages, the newest few and followers are made of that. Entries
that are no records are passed, and counted.
"""

from __future__ import annotations

import threading
import time
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

from actors._core.checks import check_timeout
from actors.eventlog.kinds import decode
from actors.eventlog.log import Follower, Gap, Page, Reader
from actors.eventlog.records import BadEntryError, Record
from actors.eventlog.stamping import Fields, view_name

Kept = tuple[int, str | bytes | Fields]
"""A number, and the whole record of that number as it is kept."""

_AT_ONCE = 256  # entries of one look into the log
_HIGHEST = 2**53  # a number that every log, and JSON, can say


class ViewReader(Reader):
    """A reader that needs to be told only what a view keeps; safe on all threads if that is."""

    def __init__(self) -> None:
        self.bad = 0
        # Guards the count of entries that are no records; nothing else happens under it.
        self._counting = threading.Lock()

    def _passed(self, bad: int) -> None:
        if bad:
            with self._counting:
                self.bad += bad

    @abstractmethod
    def _after(self, view: str, after: int, count: int) -> tuple[Sequence[Kept], Gap | None]:
        """Give the first `count` entries after a number, and the gap before them."""

    @abstractmethod
    def _before(self, view: str, before: int | None, count: int) -> Sequence[Kept]:
        """Give the last `count` entries before a number, oldest first; None is the end."""

    def read(self, after: int = 0, count: int = 100, *, agent: str | None = None, mission: str | None = None) -> Page:
        check_count(count)
        check_cursor(after)
        view = view_name(agent, mission)
        records: list[Record] = []
        first: Gap | None = None
        cursor, bad = after, 0
        while len(records) < count:
            kept, gap = self._after(view, cursor, min(count - len(records), _AT_ONCE))
            if gap is not None and records:
                break  # Records were dropped between two looks: the gap is for the next page to tell.
            first = first or gap
            if not kept:
                break
            good, wrong = decoded(kept)
            records += good
            bad += wrong
            cursor = kept[-1][0]
        self._passed(bad)
        return Page(tuple(records), cursor, first, bad)

    def recent(
        self,
        count: int = 20,
        *,
        agent: str | None = None,
        mission: str | None = None,
        kinds: tuple[str, ...] = (),
    ) -> list[Record]:
        check_count(count)
        check_kinds(kinds)
        view = view_name(agent, mission)
        found: list[Record] = []
        before: int | None = None
        while len(found) < count:
            # With a filter, most of what is looked at may not fit.
            kept = self._before(view, before, _AT_ONCE if kinds else min(count - len(found), _AT_ONCE))
            if not kept:
                break
            before = kept[0][0]
            good, _ = decoded(kept)
            found = [record for record in good if not kinds or record.event_type in kinds] + found
        return found[-count:]


def decoded(kept: Sequence[Kept]) -> tuple[list[Record], int]:
    """Give those that are records, and how many are not."""
    good: list[Record] = []
    for _, entry in kept:
        with suppress(BadEntryError):
            good.append(decode(entry))
    return good, len(kept) - len(good)


def check_count(count: object) -> None:
    """Raise ValueError for what is no whole number of at least 1."""
    if type(count) is not int or count < 1:
        raise ValueError(f"count: a whole number of at least 1, not {count!r}")


def check_kinds(kinds: object) -> None:
    """Raise ValueError for what is no collection of kinds; so is one kind alone."""
    if isinstance(kinds, str):
        raise ValueError(f"kinds: several kinds, as in ({kinds!r},)")
    if not isinstance(kinds, tuple | list | set | frozenset) or not all(isinstance(kind, str) for kind in kinds):
        raise ValueError(f"kinds: several kinds, as in ('agent_failed',), not {kinds!r}")


def check_cursor(after: object) -> None:
    """Raise ValueError for what is no whole number of at least 0, or more than a log can count to."""
    if type(after) is not int or not 0 <= after <= _HIGHEST:
        raise ValueError(f"after: the number of a record, or 0, not {after!r}")


class Waker(Protocol):
    """How a follower learns that there may be more to read.

    `arm`, then look, then `wait`: what comes after `arm` ends the wait, so nothing is missed between look and wait.
    """

    def arm(self) -> bool:
        """From now on, news end the next wait; False once there can be none, since the log is closed."""
        ...

    def wait(self, timeout: float | None) -> None:
        """Wait for news, for `wake`, or until `timeout` seconds are over."""
        ...

    def wake(self) -> None:
        """End the wait; on any thread."""
        ...

    def close(self) -> None:
        """Let go of what it needs, while nobody waits; may be called twice."""
        ...


class ViewFollower(Follower):
    """Follows one view of a `ViewReader`."""

    def __init__(self, reader: ViewReader, view: str, cursor: int, waker: Waker) -> None:
        self._reader = reader
        self._view = view
        self._cursor = self._position = cursor
        self._waker = waker
        self._bad = 0
        self._closed = False
        # Held while the follower looks or waits, so that its end lets go of nothing that is in use.
        self._using = threading.Lock()

    @property
    def cursor(self) -> int:
        return self._cursor

    @property
    def bad(self) -> int:
        return self._bad

    @property
    def closed(self) -> bool:
        return self._closed

    def next_batch(self, timeout: float | None = None) -> list[Record | Gap]:
        check_timeout(timeout)
        # One that no wait can be told, such as infinity, is the same as none.
        deadline = None if timeout is None or timeout > threading.TIMEOUT_MAX else time.monotonic() + timeout
        try:
            with self._using:
                return self._next(deadline)
        finally:
            if self._closed:
                self._waker.close()

    def _next(self, deadline: float | None) -> list[Record | Gap]:
        while not self._closed:
            more = self._waker.arm()
            # Looks at `_closed` first: to arm may have used up the call of who has just closed it.
            found = self._look()
            if found or self._closed:
                return found
            left = None if deadline is None else deadline - time.monotonic()
            if not more:
                self._closed = True
            elif left is not None and left <= 0:
                break
            else:
                self._waker.wait(left)
        return []

    def _look(self) -> list[Record | Gap]:
        while not self._closed:
            kept, gap = self._reader._after(self._view, self._position, _AT_ONCE)
            found: list[Record | Gap] = []
            if gap is not None:
                found.append(gap)
                self._position = max(self._position, gap.first_available - 1)
            if not kept:
                return found
            good, bad = decoded(kept)
            self._bad += bad
            self._reader._passed(bad)
            self._position = kept[-1][0]
            if good:
                self._cursor = self._position if good[-1].seq is None else good[-1].seq
            found += good
            if found:
                return found
        return []

    def close(self) -> None:
        self._closed = True
        self._waker.wake()
        # Where it waits on another thread, that one lets go.
        if self._using.acquire(blocking=False):
            self._waker.close()
            self._using.release()
