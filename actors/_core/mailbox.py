"""What waits for an agent, how much of it, and what happens when there is no room?

An unbounded mailbox is a plain deque: an append needs no lock. A bounded one is a `BoundedQueue` behind the same few
methods. Neither knows whether its agent lives: the cell looks at its gate after each append.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Any, Protocol

from actors._core.checks import is_seconds
from actors._core.errors import MailboxFullError
from actors._core.future import AgentFuture
from actors._core.here import here

if TYPE_CHECKING:
    from actors._core.cell import Cell


class Overflow(StrEnum):
    """What a full mailbox does with one more message."""

    BLOCK = "block"
    REJECT = "reject"
    DROP_NEWEST = "drop_newest"
    DROP_OLDEST = "drop_oldest"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """How many messages may wait, and what happens to one more.

    `capacity` None is unbounded. `timeout` (seconds, None: without limit) is how long `overflow="block"` makes a
    sender wait before it raises `MailboxFullError`. A message of an agent to itself never waits. Stop requests and
    timer ticks never count.
    """

    capacity: int | None = None
    overflow: Overflow | str = Overflow.REJECT
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.capacity is not None and (type(self.capacity) is not int or self.capacity < 1):
            raise ValueError(f"capacity: a whole number of at least 1, or None, not {self.capacity!r}")
        try:
            object.__setattr__(self, "overflow", Overflow(self.overflow))
        except ValueError:
            raise ValueError(f"overflow: one of {', '.join(Overflow)}, not {self.overflow!r}") from None
        if self.timeout is not None and not is_seconds(self.timeout):
            raise ValueError(f"timeout: seconds, 0 or more, or None, not {self.timeout!r}")
        if self.timeout is not None and self.overflow is not Overflow.BLOCK:
            raise ValueError(f"timeout: only overflow='block' waits, not {str(self.overflow)!r}")


class Uncounted:
    """A queued item of the framework: never refused, never dropped, outside the bound."""

    __slots__ = ()


class Late(Uncounted):
    """A queued item whose message is made on the agent's turn, when it is handled."""

    __slots__ = ("_make", "message")

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def take(self) -> bool:
        """Make the message."""
        self.message = self._make()
        return True


class Offer(Enum):
    """What became of a message that was offered."""

    ACCEPTED = auto()
    FULL = auto()  # the mailbox has no room, and is as it was
    CLOSED = auto()  # the agent has ended


class Displaced:
    """The message that was offered is in, and `item`, the oldest, is out."""

    __slots__ = ("item",)

    def __init__(self, item: Any) -> None:
        self.item = item


class Queue(Protocol):
    """What a cell needs of its user lane."""

    def append(self, item: Any, /) -> None: ...

    def popleft(self) -> Any: ...

    def extendleft(self, items: Iterable[Any], /) -> None: ...

    def __len__(self) -> int: ...


class _Room(AgentFuture[None]):
    """What a sender waits for; `cell` is whose mailbox is full, for those who look why nothing goes on."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell


class BoundedQueue:
    """At most `capacity` messages, first in first out.

    `append` may raise MailboxFullError, wait, or drop a message (which then is a dead letter), as the mailbox says.
    """

    __slots__ = ("_cell", "_closed", "_items", "_lock", "_mailbox", "_uncounted", "_waiting")

    def __init__(self, cell: Cell, mailbox: Mailbox) -> None:
        self._cell = cell
        self._mailbox = mailbox
        self._items: deque[Any] = deque()
        self._uncounted = 0
        self._waiting: deque[AgentFuture[None]] = deque()
        self._closed = False
        # Guards items, the count and the waiting senders. No other lock and no user code under it.
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def append(self, item: Any, /) -> None:
        dropped = self._offer(item)
        if dropped is _NO_ROOM:
            dropped = self._offer_when_room(item)
        if dropped is _CLOSED:
            self._cell.refuse(item)
        elif dropped is not _ROOM:
            self._cell.dead_letter(dropped, f"mailbox full ({self._mailbox.overflow})")

    def offer(self, item: Any) -> Offer | Displaced:
        """Put the item in if that can be done now: waits for nobody, raises and records nothing.

        Only `overflow="drop_oldest"` makes room; what it drops is given back.
        """
        with self._lock:
            if self._closed:
                return Offer.CLOSED
            if self._has_room() or self._waits_for_itself():
                self._items.append(item)
                return Offer.ACCEPTED
            if self._mailbox.overflow is Overflow.DROP_OLDEST:
                return Displaced(self._replace_oldest(item))
            return Offer.FULL

    def _offer(self, item: Any) -> Any:
        """Put the item in if that can be decided now; give back what was dropped, `_ROOM`, `_NO_ROOM` or `_CLOSED`."""
        with self._lock:
            if self._closed:
                return _CLOSED
            if isinstance(item, Uncounted):
                self._items.append(item)
                self._uncounted += 1
                return _ROOM
            if self._has_room() or self._waits_for_itself():
                self._items.append(item)
                return _ROOM
            if self._mailbox.overflow is Overflow.DROP_NEWEST:
                return item
            if self._mailbox.overflow is Overflow.DROP_OLDEST:
                return self._replace_oldest(item)
        if self._mailbox.overflow is Overflow.REJECT:
            raise self.full()
        return _NO_ROOM

    def _has_room(self) -> bool:
        capacity = self._mailbox.capacity
        return self._closed or capacity is None or len(self._items) - self._uncounted < capacity

    def _waits_for_itself(self) -> bool:
        context = here.context
        return self._mailbox.overflow is Overflow.BLOCK and context is not None and context.cell is self._cell

    def _replace_oldest(self, item: Any) -> Any:
        index = next(i for i, queued in enumerate(self._items) if not isinstance(queued, Uncounted))
        oldest = self._items[index]
        del self._items[index]
        self._items.append(item)
        return oldest

    def _offer_when_room(self, item: Any) -> Any:
        # One deadline, although others may be faster than this sender once there is room.
        timeout = self._mailbox.timeout
        deadline = None if timeout is None else self._cell.system.clock.now() + timeout
        while (dropped := self._offer(item)) is _NO_ROOM:
            self._wait_for_room(deadline)
        return dropped

    def _wait_for_room(self, deadline: float | None) -> None:
        room = _Room(self._cell)
        with self._lock:
            if self._has_room():
                return
            self._waiting.append(room)
        if self._cell.system.clock.wait(room, deadline):
            return
        with self._lock:
            if room in self._waiting:
                self._waiting.remove(room)
                raise self.full()
        # It was let in at the last moment: the room is for this sender, nobody else was told of it.

    @property
    def overflow(self) -> str:
        """What it does with one message too many."""
        return str(self._mailbox.overflow)

    def full(self) -> MailboxFullError:
        return MailboxFullError(self._cell.path, self._mailbox.capacity or 0)

    def popleft(self) -> Any:
        with self._lock:
            item = self._items.popleft()
            if isinstance(item, Uncounted):
                self._uncounted -= 1
            elif self._waiting:
                self._waiting.popleft().resolve()
        return item

    def extendleft(self, items: Iterable[Any], /) -> None:
        """Put messages back at the head; they were accepted before, so the bound does not stop them."""
        items = tuple(items)
        with self._lock:
            self._items.extendleft(items)
            self._uncounted += sum(1 for item in items if isinstance(item, Uncounted))

    def fill(self, item: Any) -> int:
        """Put the item in as often as there is room, and tell how often; nobody else gets in between."""
        with self._lock:
            count = 0
            while not self._closed and self._has_room():
                self._items.append(item)
                count += 1
            return count

    def close(self) -> None:
        """Take nothing more, and let every waiting sender find that."""
        with self._lock:
            self._closed = True
            while self._waiting:
                self._waiting.popleft().resolve()


class ClosedQueue(deque[Any]):
    """Where goes what is sent to an agent that has ended: whoever puts it there takes it out again."""


_ROOM = object()
_NO_ROOM = object()
_CLOSED = object()
