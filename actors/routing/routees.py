"""How does a message get to one routee of a pool, and never behind its end?

Whether a routee still takes messages is looked at, and the message put into its mailbox, under one lock. Whoever takes
the routee out of the pool says so under that lock, and only then has it end behind what it was given: so a message
that it took is handled before its end, however many send at that moment.
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
from actors._core.messages import StopReason
from actors._core.place import DEEPEST
from actors._core.ref import OPEN, AgentRef
from actors.routing.gathering import pass_on

if TYPE_CHECKING:
    from actors._core.cell import Cell

_AWAY = frozenset({State.HALTED, State.BACKING_OFF})
_DOWN = 1 << 40  # as if so many messages were waiting


class Taken(Enum):
    """What became of a message that a routee was offered."""

    YES = auto()
    FULL = auto()  # no room, and the mailbox waits or refuses where there is none
    LEFT = auto()  # it takes no messages any more


YES, FULL, LEFT = Taken.YES, Taken.FULL, Taken.LEFT


class Routee:
    """One routee of a pool, as those see it who send: its mailbox, and whether it may still be used.

    For strategies: `name`, `ref`, `load`. May be used on any thread.
    """

    __slots__ = ("_inside", "append", "cell", "direct", "left", "offer_lock", "queue", "retired")

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        # Whether a message may be put straight into its mailbox: not where its ref sends in a way of its own.
        self.direct = type(cell.ref).tell is AgentRef.tell and type(cell.ref).ask is AgentRef.ask
        self.queue = cell.queue if cell.queue is not None else cell.open_queue()
        # How to put a message into a mailbox without a bound, while the lock is held and it has not left.
        self.append = self.queue.append if self.direct and type(self.queue) is deque else None
        self.left = False
        self.retired = False
        self._inside = 0
        # Guards `left`, `retired`, the count of senders that are inside, and the moment at which a message gets into
        # the mailbox. Under it only the mailbox's own lock is taken; no wait, no dead letter, no code of users.
        self.offer_lock = threading.Lock()

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

    def offer(self, item: Any) -> Taken:
        """Put a message, or an ask, into the mailbox, if that can be done now; waits for nobody."""
        if not self.direct:
            return self._offer_by_ref(item)
        queue = self.queue
        outcome: Offer | Displaced = Offer.ACCEPTED
        with self.offer_lock:
            if self.left:
                return LEFT
            if isinstance(queue, BoundedQueue):
                outcome = queue.offer(item)
            else:
                queue.append(item)
        if outcome is not Offer.ACCEPTED and not self._is_in(item, outcome):
            return FULL
        if self.cell.gate:
            self.cell.knock(queue)
        return YES

    def _is_in(self, item: Any, outcome: Offer | Displaced) -> bool:
        """Whether a bounded mailbox has taken it; what such a mailbox drops by its own rule is a dead letter."""
        cell = self.cell
        if outcome is Offer.FULL and self.overflow is Overflow.DROP_NEWEST:
            cell.dead_letter(item, "mailbox full (drop_newest)")
            return True
        if isinstance(outcome, Displaced):
            cell.dead_letter(outcome.item, "mailbox full (drop_oldest)")
            return True
        return False

    def _offer_by_ref(self, item: Any) -> Taken:
        """Have a ref that sends in a way of its own do so; the routee stays until it has."""
        if not self.enter():
            return LEFT
        try:
            if isinstance(item, Ask):
                now = self.cell.system.clock.now()
                timeout = None if item.deadline is None else max(0.0, item.deadline - now)
                answer = self.ref.ask(item.message, block=False, timeout=timeout)
                answer.add_done_callback(partial(pass_on, answer, item))
            else:
                self.ref.tell(item)
        except MailboxFullError:
            return FULL
        finally:
            self.leave()
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

    def wait_for_room(self, item: Any) -> Taken:
        """As `offer`, but wait for room as long as the mailbox says; raises MailboxFullError if none comes."""
        queue = self.queue
        mailbox = self.cell.spec.mailbox
        assert isinstance(queue, BoundedQueue)
        assert mailbox is not None
        if self.overflow is not Overflow.BLOCK or not self.direct:
            raise queue.full()
        deadline = None if mailbox.timeout is None else self.cell.system.clock.now() + mailbox.timeout
        while (taken := self.offer(item)) is FULL:
            queue._wait_for_room(deadline)
        return taken

    # -- senders that are inside --------------------------------------------------

    def enter(self) -> bool:
        """Have the routee stay until `leave`, although it has nothing of this sender's; False if it has left."""
        with self.offer_lock:
            if self.left:
                return False
            self._inside += 1
            return True

    def enter_idle(self) -> bool:
        """As `enter`, and take the routee's turn; False unless it is idle."""
        cell = self.cell
        if cell.gate != OPEN or not (self.direct and cell.inline) or here.depth >= DEEPEST:
            return False
        with self.offer_lock:
            if self.left or not cell.lock.acquire(False):
                return False
            self._inside += 1
            return True

    def leave(self) -> None:
        """The sender is done."""
        with self.offer_lock:
            self._inside -= 1
            last = self.retired and not self._inside
        if last:
            self._end()

    # -- the end ------------------------------------------------------------------

    def close(self) -> None:
        """Its mailbox is about to be closed: nothing more is put into it."""
        with self.offer_lock:
            self.left = True

    def retire(self) -> bool:
        """Take no more messages, and end behind those that were taken; tells whether it took any until now."""
        with self.offer_lock:
            if self.left:
                return False
            self.left = self.retired = True
            last = not self._inside
        if last:
            self._end()
        return True

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
