"""What has happened in a system, and did it happen in this order?

`Events` keeps every event of one system from the moment it is made. It is told on the threads of the agents, before
they go on, so what an agent has answered for is recorded when the answer arrives. What has not happened yet is waited
for, without polling: in real seconds on an ordinary thread, in virtual seconds on a thread of a simulation.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from enum import Enum
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from actors._core.errors import printed
from actors._core.events import Event
from actors._core.future import AgentFuture
from actors._core.path import path_matches, split
from actors._core.system import ActorSystem
from actors.testkit.masking import assert_golden, masked
from actors.testkit.waiting import Within

E = TypeVar("E", bound=Event)
Item = type[Event] | tuple[Any, ...]
VOLATILE = ("at", "delay", "seconds")
_HEAD = tuple(field.name for field in dataclasses.fields(Event))
_MOST_LINES = 60  # of events in the text of an error


class EventView:
    """The events of one agent and all below it, or of a whole system, with a cursor of its own.

    May be used on any thread, but a cursor is one test's.
    """

    def __init__(self, record: _Record, path: str) -> None:
        self._record = record
        self._path = path
        self._cursor = 0

    # -- waiting for what is to happen --------------------------------------------

    def expect(self, kind: type[E], path: str | None = None, within: float | None = None, **fields: Any) -> E:
        """Give the first event of that kind after the one expected before, and move the cursor behind it.

        Skips others. Waits for `within` seconds at most, by default 3, then raises AssertionError with what has
        happened instead. `path` may be a pattern as of `system.select`. Each of `fields` names a field of the event,
        and is the value it has, a type it is an instance of, or a function that is true of it.
        """
        return cast("E", self._next(_Wanted(kind, path, fields), Within(within, self._record.system), ""))

    def expect_sequence(self, items: Sequence[Item], within: float | None = None) -> list[Any]:
        """Expect all of these in this order, others between them skipped, and give them.

        An item is a kind, `(kind, path)` or `(kind, path, {field: value})`, as for `expect`; `within` seconds are for
        all of them together.
        """
        wanted = [_wanted(item) for item in items]
        patience = Within(within, self._record.system)
        found: list[Any] = []
        for number, one in enumerate(wanted, 1):
            found.append(self._next(one, patience, f", {number} of a sequence of {len(wanted)}"))
        return found

    def expect_unordered(self, items: Sequence[Item], within: float | None = None) -> list[Any]:
        """Expect each of these once, in any order, and give them in the order asked for; others are skipped.

        Moves the cursor behind the last of them. Items and `within` as in `expect_sequence`.
        """
        matching = _Matching([_wanted(item) for item in items])
        if not items:
            return []
        patience = Within(within, self._record.system)
        position = self._follow(self._cursor, matching.add, patience)
        if position is None:
            missing = "\n".join(f"    {wanted}" for wanted in matching.missing())
            raise self._never(
                f"in any order, {len(items)} events, of which these did not come:\n{missing}", patience.seconds
            )
        self._cursor = position
        return matching.found()

    def _next(self, wanted: _Wanted, patience: Within, place: str) -> Event:
        position = self._follow(self._cursor, wanted.fits, patience)
        if position is None:
            raise self._never(f"{wanted}{place}", patience.seconds)
        self._cursor = position
        return self._record.at(position - 1)

    def _follow(self, position: int, over: Callable[[Event], bool], patience: Within) -> int | None:
        """Look at one event after the other until `over(event)`; gives the position behind it, None for never."""
        while True:
            more: AgentFuture[None] = AgentFuture()
            events = self._record.since(position, more)
            for event in events:
                position += 1
                if self._sees(event) and over(event):
                    self._record.forget(more)
                    return position
            if not patience.wait(more):
                self._record.forget(more)
                return None

    def _never(self, what: str, seconds: float) -> AssertionError:
        lines = [_line(event, ()) for event in self._record.since(self._cursor) if self._sees(event)]
        left_out = [f"... {len(lines) - _MOST_LINES} before"] if len(lines) > _MOST_LINES else []
        shown = "".join(f"\n    {line}" for line in [*left_out, *lines[-_MOST_LINES:]]) or " nothing"
        return AssertionError(f"expected within {seconds:g} s: {what}\nsince the event expected last:{shown}")

    # -- looking at what has happened ---------------------------------------------

    def of(self, kind: type[E], path: str | None = None, **fields: Any) -> list[E]:
        """Give the events of that kind so far, oldest first, wherever the cursor is; path and fields as of `expect`."""
        wanted = _Wanted(kind, path, fields)
        return [cast("E", event) for event in self if wanted.fits(event)]

    def count(self, kind: type[Event], path: str | None = None, **fields: Any) -> int:
        """Count the events of that kind so far, wherever the cursor is; path and fields as of `expect`."""
        return len(self.of(kind, path, **fields))

    def none(self, kind: type[Event] = Event, path: str | None = None, **fields: Any) -> None:
        """Raise AssertionError if there was such an event so far, wherever the cursor is. Does not wait."""
        found = self.of(kind, path, **fields)
        if found:
            shown = "".join(f"\n    {_line(event, ())}" for event in found[:_MOST_LINES])
            raise AssertionError(f"expected none, of {len(self)} events: {_Wanted(kind, path, fields)}{shown}")

    def rewind(self) -> None:
        """Put the cursor back before the first event."""
        self._cursor = 0

    def within(self, path: str) -> EventView:
        """Give the events of the agent at that path and of all below it; the cursor is before the first."""
        split(path)
        return EventView(self._record, path.rstrip("/"))

    def lines(self, mask: Collection[str] = VOLATILE) -> list[str]:
        """Give one line of text for each event so far.

        The fields named in `mask` are left open, by default those that hold times; addresses and UUIDs always are.
        """
        return [_line(event, mask) for event in self]

    def assert_golden(self, file: str | PathLike[str], mask: Collection[str] = VOLATILE) -> None:
        """Compare `lines(mask)` with the lines of a file; raises AssertionError with the difference.

        Writes the file instead where the environment variable `ACTORTREE_UPDATE_GOLDEN` is set. On real threads only
        the events of one agent have an order to rely on, so compare those (`within(path)`); in a simulation, all have.
        """
        assert_golden(file, self.lines(mask))

    def _sees(self, event: Event) -> bool:
        return not self._path or event.path == self._path or event.path.startswith(f"{self._path}/")

    def __iter__(self) -> Iterator[Event]:
        return iter([event for event in self._record.since(0) if self._sees(event)])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._record.system.name}{self._path or '/'}: {len(self)}>"


class Events(EventView):
    """Every event of one system from now on, in order; `close` or the end of a `with` block ends the recording."""

    def __init__(self, system: ActorSystem) -> None:
        super().__init__(_Record(system), "")
        self._unsubscribe = system.events.subscribe(self._record.add)

    def close(self) -> None:
        """Record nothing more; what is recorded stays."""
        self._unsubscribe()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Record:
    """The events, and who waits for more."""

    def __init__(self, system: ActorSystem) -> None:
        self.system = system
        self._events: list[Event] = []
        self._waiting: list[AgentFuture[None]] = []
        # Guards both. Nobody is woken and nothing compared under it.
        self._lock = threading.Lock()

    def add(self, event: Event) -> None:
        with self._lock:
            self._events.append(event)
            waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.resolve()

    def since(self, position: int, more: AgentFuture[None] | None = None) -> list[Event]:
        """Give the events from that position on; `more` is settled at the first one after them."""
        with self._lock:
            if more is not None:
                self._waiting.append(more)
            return self._events[position:]

    def forget(self, more: AgentFuture[None]) -> None:
        with self._lock, contextlib.suppress(ValueError):
            self._waiting.remove(more)

    def at(self, position: int) -> Event:
        return self._events[position]


class _Wanted:
    """What an event is to be."""

    def __init__(self, kind: type[Event], path: str | None, fields: Mapping[str, Any]) -> None:
        if not isinstance(kind, type) or not issubclass(kind, Event):
            raise ValueError(f"kind: a type of events, not {kind!r}")
        known = [field.name for field in dataclasses.fields(kind)]
        for name in fields:
            if name not in known:
                raise ValueError(f"{kind.__name__} has no field {name!r}; it has {', '.join(known)}")
        self._kind = kind
        self._path = path
        self._parts = None if path is None else split(path)
        self._fields = fields

    def fits(self, event: Event) -> bool:
        return (
            isinstance(event, self._kind)
            and (self._parts is None or path_matches(split(event.path), self._parts))
            and all(_is_such(getattr(event, name), value) for name, value in self._fields.items())
        )

    def __str__(self) -> str:
        path = "" if self._path is None else f" {self._path}"
        return self._kind.__name__ + path + "".join(f" {name}={_text(value)}" for name, value in self._fields.items())


class _Matching:
    """Finds an event for each of those wanted, although one event may fit several of them."""

    def __init__(self, wanted: list[_Wanted]) -> None:
        self._wanted = wanted
        self._given: dict[int, Event] = {}

    def add(self, event: Event) -> bool:
        """Take one more event into account; True once there is one for each."""
        self._place(event, set())
        return len(self._given) == len(self._wanted)

    def _place(self, event: Event, tried: set[int]) -> bool:
        for number, wanted in enumerate(self._wanted):
            if number in tried or not wanted.fits(event):
                continue
            tried.add(number)
            # The place is free, or the event that has it can go elsewhere.
            if number not in self._given or self._place(self._given[number], tried):
                self._given[number] = event
                return True
        return False

    def missing(self) -> list[_Wanted]:
        return [wanted for number, wanted in enumerate(self._wanted) if number not in self._given]

    def found(self) -> list[Any]:
        return [self._given[number] for number in range(len(self._wanted))]


def _wanted(item: Item) -> _Wanted:
    match item:
        case (kind, path, Mapping() as fields):
            return _Wanted(kind, path, fields)
        case (kind, path):
            return _Wanted(kind, path, {})
        case type():
            return _Wanted(item, None, {})
    raise ValueError(f"items: each a kind, (kind, path) or (kind, path, fields), not {item!r}")


def _is_such(value: Any, wanted: Any) -> bool:
    if value is wanted or bool(value == wanted):
        return True
    if isinstance(wanted, type):
        return isinstance(value, wanted)
    return callable(wanted) and bool(wanted(value))


def _line(event: Event, mask: Collection[str]) -> str:
    parts = [type(event).__name__, event.path, f"#{event.incarnation}"]
    if "at" not in mask:
        parts.append(f"at={event.at:g}")
    for field in dataclasses.fields(event):
        value = getattr(event, field.name)
        if field.name in _HEAD or value is None or not field.repr:
            continue
        parts.append(f"{field.name}={'?' if field.name in mask else _text(value)}")
    return masked(" ".join(parts))


def _text(value: Any) -> str:
    if isinstance(value, Enum):
        return value.value if isinstance(value.value, str) else value.name.lower()
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, float):
        return f"{value:g}"
    return value.__name__ if isinstance(value, type) else printed(value)
