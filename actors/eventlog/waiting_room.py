"""Which records wait to be written, and which are dropped when there are too many?

A transition of something that lasts is *lifecycle*, all else is *chatter*. When there is no room, the oldest chatter
goes first; lifecycle records go only where the log says that it may lose them. Its owner holds a lock.
"""

from __future__ import annotations

from collections import Counter, deque

from actors.eventlog.stamping import Entry


class WaitingRoom:
    """Entries in the order of their numbers, `capacity` of them, and the record of those that were dropped.

    What was dropped between two that are written becomes one `log_gap`, which has the number of the last that is lost:
    so it is where they were, and takes no number of its own. `most`: so many lifecycle entries may wait beyond the
    capacity; None is all.
    """

    def __init__(self, capacity: int, most: int | None) -> None:
        self.capacity = capacity
        self.most = most
        self.dropped: Counter[str] = Counter()
        self._chatter: deque[Entry] = deque()
        self._lifecycle: deque[Entry] = deque()
        self._gap: Entry | None = None

    def __len__(self) -> int:
        return len(self._chatter) + len(self._lifecycle)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write: no entry, and no gap to tell of."""
        return not self._chatter and not self._lifecycle and self._gap is None

    def put(self, entry: Entry) -> None:
        (self._lifecycle if entry.lifecycle else self._chatter).append(entry)
        if len(self._chatter) + len(self._lifecycle) > self.capacity:
            self._make_room()

    def _make_room(self) -> None:
        if self._chatter:
            self._drop(self._chatter.popleft(), "no_room")
        elif self.most is not None and len(self._lifecycle) > self.most:
            self._drop(self._lifecycle.popleft(), "no_room")

    def _drop(self, entry: Entry, reason: str) -> None:
        self.dropped[f"{'lifecycle' if entry.lifecycle else 'chatter'}_{reason}"] += 1
        gap = self._gap
        first, count = (entry.seq, 1) if gap is None else (gap.fields["from_seq"], gap.fields["count"] + 1)
        last = entry.seq if gap is None else max(gap.seq, entry.seq)
        fields = {"event_type": "log_gap", "from_seq": min(first, entry.seq), "to_seq": last, "count": count}
        self._gap = Entry(last, entry.timestamp, {**fields, "reason": reason}, True)

    def take(self, count: int, until: int | None = None) -> list[Entry]:
        """Take the first `count` entries out, up to the number `until`, with the gaps between them."""
        taken: list[Entry] = []
        while len(taken) < count:
            line = self._next_line()
            if self._gap is not None and (line is None or line[0].seq > self._gap.seq):
                taken.append(self._gap)
                self._gap = None
            elif line is None or (until is not None and line[0].seq > until):
                break
            else:
                taken.append(line.popleft())
        return taken

    def _next_line(self) -> deque[Entry] | None:
        if not self._chatter:
            return self._lifecycle or None
        if not self._lifecycle or self._chatter[0].seq < self._lifecycle[0].seq:
            return self._chatter
        return self._lifecycle

    def drop_all(self, entries: list[Entry], reason: str) -> None:
        """Give up these entries, which were taken out, and all that are left."""
        for entry in (*(entry for entry in entries if not is_gap(entry)), *self._lifecycle, *self._chatter):
            self.dropped[f"{'lifecycle' if entry.lifecycle else 'chatter'}_{reason}"] += 1
        self._chatter.clear()
        self._lifecycle.clear()
        self._gap = None


def is_gap(entry: Entry) -> bool:
    """Whether the entry tells of others that were dropped, and so is none of those that were appended."""
    return entry.fields.get("event_type") == "log_gap"
