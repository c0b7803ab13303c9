"""What is a member that has no agent behind it: a queue that somebody takes messages out of?

There is an agent, so that it has a path, ends with its parent, and can be watched; but it handles nothing. Its ref puts
what is told straight into the queue, on the sender's thread; only control messages go by way of the agent.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from actors._core.agent import Agent
from actors._core.checks import check_timeout
from actors._core.errors import AgentStoppedError, MailboxFullError, ReplyError
from actors._core.future import AgentFuture
from actors._core.here import before_acting, fence
from actors._core.messages import ControlMessage, DeadLetterReason, Enclosing
from actors._core.ref import Addressed, AgentRef
from actors.routing.protocol import Lagged

if TYPE_CHECKING:
    from actors._core.cell import Cell


@dataclass(frozen=True, slots=True)
class Targeted(Enclosing):
    """A message that was sent to this member alone: it has room of its own."""

    message: Any


class Inbox:
    """Messages in the order in which they came, with a bound for those to it alone and one for those to all.

    May be used on any thread. `lost` counts the messages to all for which there was no room.
    """

    def __init__(self, targeted: int, broadcast: int) -> None:
        self.lost = 0
        self.closed = False
        self._most = {True: targeted, False: broadcast}
        self._count = {True: 0, False: 0}
        self._items: deque[tuple[bool | None, Any]] = deque()
        self._urgent: deque[Any] = deque()
        self._untold = 0
        self._waiting: deque[AgentFuture[None]] = deque()
        # Guards all of the above. Nothing is sent, settled or called under it.
        self._lock = threading.Lock()

    def put(self, message: Any) -> int:
        """Put it in and give 0; without room count it, if it was to all, and give how many there may be; -1: closed."""
        alone = isinstance(message, Targeted)
        with self._lock:
            if self.closed:
                return -1
            if self._count[alone] >= self._most[alone]:
                if not alone:
                    self._count_loss()
                return self._most[alone]
            self._count[alone] += 1
            self._items.append((alone, message.message if alone else message))
            waiting = self._take_waiting()
        _wake(waiting)
        return 0

    def put_first(self, message: Any) -> bool:
        """Put it before all but its like, for which there is always room; False: closed."""
        with self._lock:
            if self.closed:
                return False
            self._urgent.append(message)
            waiting = self._take_waiting()
        _wake(waiting)
        return True

    def _take_waiting(self) -> Sequence[AgentFuture[None]]:
        """Give all who wait, to look again: one of them may have been interrupted, and would wake in vain."""
        if not self._waiting:
            return ()
        waiting, self._waiting = self._waiting, deque()
        return waiting

    def _count_loss(self) -> None:
        self.lost += 1
        if not self._untold:
            self._items.append((None, None))  # where Lagged will be; nobody waits, since the inbox is full
        self._untold += 1

    def take(self) -> tuple[Any] | AgentFuture[None] | None:
        """Give the next message, or what is settled when there may be one; None: there will be none any more."""
        with self._lock:
            if self._urgent:
                return (self._urgent.popleft(),)
            if self._items:
                alone, message = self._items[0]
                if alone is not None:
                    self._count[alone] -= 1  # first, so that Ctrl-C never leaves less room than there is
                    self._items.popleft()
                    return (message,)
                self._items.popleft()
                count, self._untold = self._untold, 0
                return (Lagged(count),)
            if self.closed:
                return None
            waiter: AgentFuture[None] = AgentFuture()
            self._waiting.append(waiter)
            return waiter

    def give_up(self, waiter: AgentFuture[None]) -> bool:
        """Wake that one no more; False if it was woken already."""
        with self._lock:
            if waiter not in self._waiting:
                return False
            self._waiting.remove(waiter)
            return True

    def close(self) -> None:
        """Release who waits; what is in the inbox may still be taken."""
        with self._lock:
            self.closed = True
            waiting = self._take_waiting()
        _wake(waiting)

    def __len__(self) -> int:
        return len(self._urgent) + len(self._items)


def _wake(waiting: Sequence[AgentFuture[None]]) -> None:
    for waiter in waiting:
        waiter.resolve()


class InboxRef(AgentRef["InboxAgent"]):
    """The way into an inbox; a `tell` never waits and raises MailboxFullError when there is no room."""

    __slots__ = ("inbox",)

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.inbox: Inbox = cell.spec.args[0]

    def tell(self, message: Any) -> None:
        """Put a message in, on this thread."""
        if fence.raised:
            before_acting()
        if isinstance(message, ControlMessage):
            super().tell(message)
        elif (capacity := self.inbox.put(message)) < 0:
            self._cell.refuse(message)
        elif capacity:
            self._cell.dead_letter(message, DeadLetterReason.FULL, MailboxFullError(self.path, capacity))
            raise MailboxFullError(self.path, capacity)


class InboxAgent(Agent, Addressed[InboxRef]):
    """Stands for an inbox in the tree; the inbox ends with it."""

    ref_class: ClassVar[type[AgentRef[Any]] | None] = InboxRef

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox

    def on_receive(self, message: Any) -> None:
        """Put what came by the mailbox of the agent, a control message, ahead of what waits."""
        if self.context.asked:
            raise ReplyError(f"{self.context.path} takes messages and answers none: subscribe an agent for that")
        if not self.inbox.put_first(message):
            self.context.cell.dead_letter(message, DeadLetterReason.STOPPED)

    def on_stop(self) -> None:
        """Release who waits."""
        self.inbox.close()


def receive(ref: InboxRef, timeout: float | None) -> Any:
    """Give the next message, or wait for it; raises TimeoutError, AgentStoppedError when there will be none."""
    check_timeout(timeout)
    inbox, clock = ref.inbox, ref._cell.system.clock
    deadline = None if timeout is None else clock.now() + timeout
    while True:
        if fence.raised:
            before_acting()
        found = inbox.take()
        if isinstance(found, tuple):
            return found[0]
        if found is None:
            raise AgentStoppedError(f"{ref.name} is not subscribed any more", path=ref.path)
        if not clock.wait(found, deadline) and inbox.give_up(found):
            raise TimeoutError(f"nothing for {ref.name} within {timeout:g} seconds")
