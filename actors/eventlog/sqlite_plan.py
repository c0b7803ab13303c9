"""Which rows of a file does a batch of entries add, and which does it take away?

What the views of a run hold is known here, in memory, so that a batch is a few statements whatever the bounds are, and
a record that is bounded out within its own batch is never written.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field

from actors.eventlog.log import Retention
from actors.eventlog.stamping import ENDS, Entry, views_of


@dataclass(slots=True)
class Plan:
    """The rows that are added, and the keys of those that go."""

    entries: list[Entry] = field(default_factory=list)
    gone_records: list[int] = field(default_factory=list)
    views: list[tuple[int, str, int, int, int]] = field(default_factory=list)  # id, name, first, lost, lost_to
    gone_views: list[int] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)  # view, number
    gone_places: list[tuple[int, int]] = field(default_factory=list)
    first: int = 0
    floor: int = 0
    last: int = 0


class _View:
    """What one view holds: the numbers that are kept, and of a view without bounds those of this batch."""

    __slots__ = ("changed", "first", "id", "kept", "limit", "lost", "lost_to", "newest")

    def __init__(self, number: int, limit: int | None, first: int) -> None:
        self.id = number
        self.limit = limit
        self.first = self.newest = first
        self.kept: deque[int] = deque()
        self.lost = self.lost_to = 0
        self.changed = True


class Books:
    """What the views of one run hold; for one thread.

    The view of an agent that has ended goes when the record of its end leaves the view of all records.
    """

    def __init__(self, run: int, retention: Retention) -> None:
        self._retention = retention
        self._ids = itertools.count((run << 32) + 1)
        self._views: dict[str, _View] = {}
        self._all: deque[int] = deque()
        self._holders: dict[int, int] = {}  # of each record that will go: how many views hold it
        self._ends: dict[int, str] = {}  # the records of ends, and the views that go with them
        self._first = 0

    def add(self, entries: list[Entry]) -> Plan:
        """Enter a batch, and say what that means for the file."""
        plan = Plan(first=self._first or entries[0].seq, last=entries[-1].seq)
        self._first = plan.first
        touched: dict[str, _View] = {}
        start = entries[0].seq
        dead: set[int] = set()
        for entry in entries:
            names = views_of(entry.fields)
            holders = 1 if self._retention.system is not None else None
            for name in names:
                view = touched[name] = self._views.get(name) or self._open(name, entry.seq)
                holders = None if holders is None or view.limit is None else holders + 1
            if holders is not None:
                self._holders[entry.seq] = holders
            for name in names:
                self._place(self._views[name], entry.seq, start, plan, dead)
            self._bound_all(entry, start, plan, dead)
        plan.entries = [entry for entry in entries if entry.seq not in dead] if dead else entries
        plan.floor = self._all[0] if self._all else self._first
        for name, view in touched.items():
            self._tell(name, view, start, plan)
        return plan

    def _open(self, name: str, seq: int) -> _View:
        limit = self._retention.agent if name.startswith("a:") else self._retention.mission
        view = self._views[name] = _View(next(self._ids), limit, seq)
        return view

    def _place(self, view: _View, seq: int, start: int, plan: Plan, dead: set[int]) -> None:
        view.newest = seq
        view.kept.append(seq)
        if view.limit is not None and len(view.kept) > view.limit:
            oldest = view.kept.popleft()
            view.lost += 1
            view.lost_to = oldest
            view.changed = True
            if oldest < start:
                plan.gone_places.append((view.id, oldest))
            self._release(oldest, start, plan, dead)

    def _release(self, seq: int, start: int, plan: Plan, dead: set[int]) -> None:
        holders = self._holders.get(seq)
        if holders is None:
            return
        if holders > 1:
            self._holders[seq] = holders - 1
            return
        del self._holders[seq]
        if seq < start:
            plan.gone_records.append(seq)
        else:
            dead.add(seq)

    def _bound_all(self, entry: Entry, start: int, plan: Plan, dead: set[int]) -> None:
        limit = self._retention.system
        if limit is None:
            return
        self._all.append(entry.seq)
        if self._retention.agent is not None and entry.fields.get("event_type") in ENDS:
            self._ends[entry.seq] = f"a:{entry.fields.get('agent_id')}"
        if len(self._all) > limit:
            oldest = self._all.popleft()
            ended = self._ends.pop(oldest, None) if self._ends else None
            if ended is not None and ended in self._views and self._views[ended].newest == oldest:
                self._drop(ended, start, plan, dead)
            self._release(oldest, start, plan, dead)

    def _drop(self, name: str, start: int, plan: Plan, dead: set[int]) -> None:
        view = self._views.pop(name)
        plan.gone_views.append(view.id)
        if view.limit is not None:
            for seq in view.kept:
                self._release(seq, start, plan, dead)

    def _tell(self, name: str, view: _View, start: int, plan: Plan) -> None:
        if self._views.get(name) is not view:
            return  # It ended and went within the batch.
        fresh = [seq for seq in view.kept if seq >= start] if view.kept[0] < start else view.kept
        plan.places += [(view.id, seq) for seq in fresh]
        if view.changed:
            plan.views.append((view.id, name, view.first, view.lost, view.lost_to))
            view.changed = False
        if view.limit is None:
            view.kept.clear()

    def forget(self, name: str) -> Plan | None:
        """Drop a view; None if it is not there."""
        if name not in self._views:
            return None
        plan = Plan()
        self._drop(name, 1 << 62, plan, set())
        return plan
