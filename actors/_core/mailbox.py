"""What waits for an agent, how much of it, and what happens when there is no room?

An unbounded mailbox is a plain deque: an append needs no lock. A bounded one is a `BoundedQueue` behind the same few
methods. Neither knows whether its agent lives: the cell looks at its gate after each append.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Any, Protocol

from actors._core.checks import is_seconds
from actors._core.errors import AskTimeout, Cancelled, MailboxFullError, SendCycleError
from actors._core.future import AgentFuture, Ask
from actors._core.here import begin_wait, end_wait, here
from actors._core.messages import DeadLetterReason

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


class Room(AgentFuture[Offer]):
    """What a sender waits for who is to wait: `item` is let into the full mailbox of `cell`, or not.

    Whoever settles it decides that: with ACCEPTED the item is in, with CLOSED or an error it never will be.
    """

    def __init__(self, cell: Cell, capacity: int, item: Any) -> None:
        super().__init__()
        self.cell = cell
        self.item = item
        self._capacity = capacity

    def wait_until(self, deadline: float | None) -> None:
        """Wait until it is settled, or the system's clock reaches `deadline`; a cycle of waiting agents raises."""
        clock = self.cell.system.clock
        context = here.context
        if context is None:
            clock.wait(self, deadline)
            return
        sender = context.cell
        begin_wait(sender, self, self.cycle_error)
        sender.system.pool.make_room()
        try:
            clock.wait(self, deadline)
        finally:
            end_wait(sender, self)

    @property
    def is_in(self) -> bool:
        """Whether the item was let in; looked at once the sender does not wait any more."""
        return self.settled and self._value is Offer.ACCEPTED

    def cycle_error(self, cycle: tuple[str, ...]) -> SendCycleError:
        return SendCycleError(self.cell.path, self._capacity, cycle)


class BoundedQueue:
    """At most `capacity` messages, first in first out.

    `append` may raise MailboxFullError, wait, or drop a message (which then is a dead letter), as the mailbox says.
    """

    __slots__ = ("_capacity", "_cell", "_closed", "_items", "_lock", "_mailbox", "_uncounted", "_waiting")

    def __init__(self, cell: Cell, mailbox: Mailbox) -> None:
        self._cell = cell
        self._mailbox = mailbox
        self._capacity = sys.maxsize if mailbox.capacity is None else mailbox.capacity
        self._items: deque[Any] = deque()
        self._uncounted = 0
        self._waiting: deque[Room] = deque()  # who has waited longest is first; nobody does while there is room
        self._closed = False
        # Guards items, the count and the waiting senders, who is let in, and whether anybody still is. No other lock
        # and no user code under it.
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._items)

    def append(self, item: Any, /) -> None:
        # As `_enter`, in full, for what finds room: that is most.
        with self._lock:
            if len(self._items) - self._uncounted < self._capacity and not self._closed:
                self._items.append(item)
                if isinstance(item, Uncounted):
                    self._uncounted += 1
                return
        outcome: Offer | Displaced | Room | None = self._enter(item)
        if isinstance(outcome, Room):
            outcome = self._wait(outcome)
        if outcome is Offer.CLOSED:
            self._cell.refuse(item)
        elif isinstance(outcome, Displaced):
            self.lose(outcome.item, DeadLetterReason.DROPPED_OLDEST)
        elif outcome is Offer.FULL and self._mailbox.overflow is Overflow.DROP_NEWEST:
            self.lose(item, DeadLetterReason.DROPPED_NEWEST)
        elif outcome is Offer.FULL:
            # Two errors: the one that is raised holds the frames of the sender.
            self._cell.dead_letter(item, DeadLetterReason.FULL, self.full())
            raise self.full()

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

    def _enter(self, item: Any) -> Offer | Displaced | Room:
        """Put the item in if that can be decided now; else its sender has to wait, from now on in this place."""
        with self._lock:
            if self._closed:
                return Offer.CLOSED
            if isinstance(item, Uncounted):
                self._items.append(item)
                self._uncounted += 1
                return Offer.ACCEPTED
            if self._has_room() or self._waits_for_itself():
                self._items.append(item)
                return Offer.ACCEPTED
            if self._mailbox.overflow is Overflow.DROP_OLDEST:
                return Displaced(self._replace_oldest(item))
            if self._mailbox.overflow is not Overflow.BLOCK:
                return Offer.FULL
            room = Room(self._cell, self._capacity, item)
            self._waiting.append(room)
            return room

    def _has_room(self) -> bool:
        return len(self._items) - self._uncounted < self._capacity

    def _waits_for_itself(self) -> bool:
        context = here.context
        return self._mailbox.overflow is Overflow.BLOCK and context is not None and context.cell is self._cell

    def _replace_oldest(self, item: Any) -> Any:
        index = next(i for i, queued in enumerate(self._items) if not isinstance(queued, Uncounted))
        oldest = self._items[index]
        del self._items[index]
        self._items.append(item)
        return oldest

    def lose(self, item: Any, reason: DeadLetterReason) -> None:
        """Record what was dropped; who asked is told that the mailbox is full."""
        self._cell.dead_letter(item, reason, self.full() if isinstance(item, Ask) else None)

    # -- senders that wait --------------------------------------------------------

    def wait_for_room(self, deadline: float | None) -> None:
        """Wait until there may be room for what the sender then offers by itself, or until the agent has ended.

        Raises MailboxFullError when the system's clock has reached `deadline`, SendCycleError as `append` does.
        """
        with self._lock:
            if self._closed or self._has_room():
                return
            room = Room(self._cell, self._capacity, _NOTHING)
            self._waiting.append(room)
        try:
            outcome = self._outcome(room, deadline)
        except BaseException:
            # It may have been its turn: then the next one waits although there is room.
            with self._lock:
                self._let_in()
            raise
        if outcome is Offer.FULL:
            raise self.full()

    def _wait(self, room: Room) -> Offer | None:
        """Wait until the sender is let in, or the agent has ended; None for an ask whose own time was over first."""
        item = room.item
        begun = self._cell.system.clock.now()
        try:
            outcome = self._outcome(room, self._deadline(item, begun))
        except SendCycleError as error:
            self._cell.dead_letter(item, DeadLetterReason.FULL, copy(error))
            raise
        except Cancelled as error:
            if not room.is_in:
                self._cell.dead_letter(item, DeadLetterReason.STALE, copy(error))
            raise
        if outcome is Offer.FULL and isinstance(item, Ask) and item.deadline is not None:
            now = self._cell.system.clock.now()
            if now >= item.deadline:
                self._cell.dead_letter(item, DeadLetterReason.EXPIRED, AskTimeout(self._cell.path, now - begun))
                return None
        return outcome

    def _deadline(self, item: Any, begun: float) -> float | None:
        timeout = self._mailbox.timeout
        until = None if timeout is None else begun + timeout
        if not isinstance(item, Ask) or item.deadline is None:
            return until
        return item.deadline if until is None else min(until, item.deadline)

    def _outcome(self, room: Room, deadline: float | None) -> Offer:
        try:
            room.wait_until(deadline)
        except SendCycleError:
            if self._withdraw(room):
                raise
        except BaseException:
            self._withdraw(room)
            raise
        # Only now is it decided: it may have been let in after its time, or at the moment of its refusal.
        self._withdraw(room)
        return room.get() if room.settled else Offer.FULL

    def _withdraw(self, room: Room) -> bool:
        """Let the sender wait no longer; False if it had been let in, or sent away, before that."""
        with self._lock:
            if room not in self._waiting:
                return False
            self._waiting.remove(room)
            return True

    def _let_in(self) -> None:
        """Put in what those who have waited longest send, as far as there is room; so nobody overtakes them."""
        while self._waiting and self._has_room():
            room = self._waiting.popleft()
            if room.resolve(Offer.ACCEPTED):
                if room.item is _NOTHING:
                    return  # the room is for what its sender offers now
                self._items.append(room.item)

    @property
    def loss(self) -> DeadLetterReason:
        """Why a message for which there is no room is a dead letter."""
        newest = self._mailbox.overflow is Overflow.DROP_NEWEST
        return DeadLetterReason.DROPPED_NEWEST if newest else DeadLetterReason.FULL

    @property
    def overflow(self) -> str:
        """What it does with one message too many."""
        return str(self._mailbox.overflow)

    def full(self) -> MailboxFullError:
        return MailboxFullError(self._cell.path, self._capacity)

    def popleft(self) -> Any:
        with self._lock:
            item = self._items.popleft()
            if isinstance(item, Uncounted):
                self._uncounted -= 1
            elif self._waiting:
                self._let_in()
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
                self._waiting.popleft().resolve(Offer.CLOSED)


class ClosedQueue(deque[Any]):
    """Where goes what is sent to an agent that has ended: whoever puts it there takes it out again."""


_NOTHING = object()
