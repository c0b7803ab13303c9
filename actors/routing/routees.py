"""How does a message get to one routee of a pool, and never behind its end?

Nobody waits for a lock here. Whoever sends leaves a mark in the routee's `flight`, looks whether it still takes
messages, puts the message into its mailbox, and takes the mark away. Whoever retires the routee first says so, then
puts a new flight in the place of the old one; the last that takes its mark out of the old one has the routee end. So
what it took is handled before its end, however many send at that moment.
"""

from __future__ import annotations

import threading
from collections import deque
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Any

from actors._core.commands import Drain, State, Stop
from actors._core.errors import MailboxFullError
from actors._core.future import Ask
from actors._core.here import here
from actors._core.mailbox import BoundedQueue, Displaced, Offer, Overflow
from actors._core.messages import DeadLetterReason, Enclosing, StopReason
from actors._core.place import DEEPEST
from actors._core.ref import OPEN, AgentRef
from actors.routing.gathering import pass_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._core.cell import Cell
    from actors._core.context import Context

_AWAY = frozenset({State.HALTED, State.BACKING_OFF})
_DOWN = 1 << 40  # as if so many messages were waiting


class Taken(Enum):
    """What became of a message that a routee was offered."""

    YES = auto()
    FULL = auto()  # no room, and the mailbox waits or refuses where there is none
    LEFT = auto()  # it takes no messages any more
    DROPPED = auto()  # no room, and the mailbox drops the newest: it is a dead letter, and the sender goes on


YES, FULL, LEFT, DROPPED = Taken
REFUSED = (FULL, LEFT)  # it is not in, and not lost: somebody else may take it


class Kept(Enclosing):
    """What was told to a pool that had no routees yet, and by whom."""

    __slots__ = ("message", "sender")

    def __init__(self, message: Any, sender: Context | None) -> None:
        self.message = message
        self.sender = sender


class _HandedOn(threading.local):
    """What this thread hands on for somebody else just now."""

    kept: Kept | None = None


handed_on = _HandedOn()


def sender_of(item: Any) -> Context | None:
    """Give the agent that sends the message, or ask: also where a pool hands it on."""
    if isinstance(item, Ask):
        return item.asker
    kept = handed_on.kept
    return kept.sender if kept is not None and kept.message is item else here.context


class Routee:
    """One routee of a pool, as those see it who send: its mailbox, and whether it may still be used.

    For strategies: `name`, `ref`, `messages`, `load`. May be used on any thread.
    """

    __slots__ = ("_admit", "_end_owed", "_not_retired", "_own_way", "append", "cell", "flight", "left", "queue")

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        # What its ref does with a message before that is sent, if anything; or whether the ref sends in its own way.
        self._admit, self._own_way = ways_of(cell.ref)
        self.queue = cell.queue if cell.queue is not None else cell.open_queue()
        plain = type(self.queue) is deque and self._admit is None and not self._own_way
        self.append = self.queue.append if plain else None  # how a message gets in, where nothing else is to be done
        self.left = False
        self.flight: deque[None] = deque()  # append and pop are atomic
        # Whoever pops the token of one has it retired; whoever pops that of the other has it end then.
        self._not_retired: list[None] = [None]
        self._end_owed: list[None] = []

    @property
    def name(self) -> str:
        return self.cell.name

    @property
    def ref(self) -> AgentRef[Any]:
        return self.cell.ref

    @property
    def messages(self) -> int:
        """How many messages it has, waiting or in hand."""
        cell = self.cell
        return len(cell.queue or ()) + (cell.gate != OPEN)

    @property
    def load(self) -> int:
        """As `messages`; far more than any other has while it is between two incarnations."""
        messages = self.messages
        return messages + _DOWN if messages and self.cell.state is not State.RUNNING else messages

    # -- messages -----------------------------------------------------------------

    def offer(self, item: Any, message: Any) -> Taken:
        """Put a message, or an ask of it, into the mailbox, if that can be done now; waits for nobody."""
        if self._own_way:
            return self._offer_by_ref(item, message)
        if self._admit is not None:
            message = self._look_at(item, message)
            if isinstance(item, Ask):
                item.message = message
            else:
                item = message
        queue = self.queue
        flight = self.enter()
        if flight is None:
            return LEFT
        try:
            outcome: Offer | Displaced = Offer.ACCEPTED
            if isinstance(queue, BoundedQueue):
                outcome = queue.offer(item)
            else:
                queue.append(item)
        finally:
            self.leave(flight)
        if outcome is Offer.CLOSED:
            return LEFT
        taken = YES if outcome is Offer.ACCEPTED else self._settle(item, outcome)
        if taken is YES and self.cell.gate:
            self.cell.knock(queue)
        return taken

    def _look_at(self, item: Any, message: Any) -> Any:
        """Have the ref look at the message first, as what its sender sends."""
        assert self._admit is not None
        outer, here.context = here.context, sender_of(item)
        try:
            return self._admit(message)
        finally:
            here.context = outer

    def _settle(self, item: Any, outcome: Offer | Displaced) -> Taken:
        """Record what a bounded mailbox without room has dropped by its own rule."""
        queue = self.queue
        assert isinstance(queue, BoundedQueue)
        if isinstance(outcome, Displaced):
            queue.lose(outcome.item, DeadLetterReason.DROPPED_OLDEST)
            return YES
        if self.overflow is Overflow.DROP_NEWEST:
            queue.lose(item, DeadLetterReason.DROPPED_NEWEST)
            return DROPPED
        return FULL

    def _offer_by_ref(self, item: Any, message: Any) -> Taken:
        """Have a ref that sends in a way of its own do so; the routee stays until it has."""
        flight = self.enter()
        if flight is None:
            return LEFT
        try:
            if isinstance(item, Ask):
                now = self.cell.system.clock.now()
                timeout = None if item.deadline is None else max(0.0, item.deadline - now)
                answer = self.ref.ask(message, block=False, timeout=timeout)
                answer.add_done_callback(partial(pass_on, answer, item))
            else:
                with self.cell.system.dead_letters.withheld(message):  # the pool has others to try
                    self.ref.tell(message)
        except MailboxFullError:
            return FULL
        finally:
            self.leave(flight)
        return YES

    @property
    def overflow(self) -> Overflow | None:
        """What its mailbox does with one message too many; None if it has no bound."""
        mailbox = self.cell.spec.mailbox
        return None if mailbox is None or mailbox.capacity is None else Overflow(mailbox.overflow)

    @property
    def capacity(self) -> int:
        """How many messages may wait for it; 0 if there is no bound."""
        mailbox = self.cell.spec.mailbox
        return 0 if mailbox is None else mailbox.capacity or 0

    def wait_for_room(self, item: Any, message: Any) -> Taken:
        """As `offer`, but wait for room as long as the mailbox says; raises MailboxFullError if none comes."""
        mailbox = self.cell.spec.mailbox
        queue = self.queue
        if mailbox is None or not isinstance(queue, BoundedQueue) or self.overflow is not Overflow.BLOCK:
            raise MailboxFullError(self.cell.path, self.capacity)
        deadline = None if mailbox.timeout is None else self.cell.system.clock.now() + mailbox.timeout
        while (taken := self.offer(item, message)) is FULL:
            queue.wait_for_room(deadline)
        return taken

    # -- senders that are under way -----------------------------------------------

    def enter(self) -> deque[None] | None:
        """Leave a mark: until it is taken away the routee does not end. Gives what `leave` needs; None if it has left.

        The mark first, and then the look.
        """
        flight = self.flight
        try:
            flight.append(None)
            if not self.left:
                return flight
        except BaseException:  # Ctrl-C, right behind the mark
            self.leave(flight)
            raise
        self.leave(flight)
        return None

    def enter_idle(self) -> deque[None] | None:
        """As `enter`, and take the routee's turn; None unless it is idle."""
        cell = self.cell
        if cell.gate != OPEN or self.append is None or not cell.inline or here.depth >= DEEPEST:
            return None
        flight = self.enter()
        try:
            if flight is None or cell.lock.acquire(False):
                return flight
        except BaseException:  # Ctrl-C, just now
            if flight is not None:
                self.leave(flight)
            cell.free_if_taken()
            raise
        self.leave(flight)
        return None

    def leave(self, flight: deque[None]) -> None:
        """Take the mark away."""
        flight.pop()
        if flight is not self.flight:
            self.landed(flight)

    def landed(self, flight: deque[None]) -> None:
        """Called by whoever has taken a mark out of an earlier flight; the last of them has the routee end."""
        if flight:
            return
        try:
            self._end_owed.pop()
        except IndexError:
            return
        self._end()

    # -- the end ------------------------------------------------------------------

    def close(self) -> None:
        """Its mailbox is about to be closed: nothing more is to be put into it."""
        self.left = True

    def retire(self) -> None:
        """Take no more messages, and end behind those that were taken."""
        try:
            self._not_retired.pop()
        except IndexError:
            return
        self._end_owed.append(None)
        self.left = True
        flight, self.flight = self.flight, deque()
        self.landed(flight)

    def _end(self) -> None:
        cell = self.cell
        stop = Stop(StopReason.SHUTDOWN)
        if cell.state in _AWAY and not cell.queue:
            # Nothing waits for its next incarnation, so there need not be one.
            cell.post(stop, cell.spec.shutdown_seconds)
        else:
            cell.queue_tick(Drain(stop))

    def __repr__(self) -> str:
        return f"<Routee {self.cell.path}>"


def ways_of(ref: AgentRef[Any]) -> tuple[Callable[[Any], Any] | None, bool]:
    """Give what the ref does with a message before it sends it, if anything, and whether it sends in its own way."""
    kind = type(ref)
    tells = next(each for each in kind.__mro__ if "tell" in vars(each))
    if tells is AgentRef:
        return None, False
    if "admit" in vars(tells):
        return ref.admit, False
    return None, True
