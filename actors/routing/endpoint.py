"""How does a message get to one member, and what if it has no room, has stopped, or has left?

Whether the member has left is looked at, and the message put into its mailbox, under one lock: so nothing is delivered
to a member that was let go, however many send to it at that moment.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.commands import Urgent
from actors._core.errors import ActorError, AgentNotFoundError, AgentStoppedError
from actors._core.future import AgentFuture
from actors._core.mailbox import BoundedQueue, Displaced, Late, Offer, Overflow, Queue
from actors._core.messages import ControlMessage
from actors._core.ref import CLOSED, AgentRef
from actors.routing.protocol import Lagged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors._core.cell import Cell
    from actors.routing.topics import Subscription


class NotAMember(AgentNotFoundError):
    """The member has left, or does not want this topic any more, while the message was on its way."""


class Endpoint:
    """One member of a group: the way to its mailbox, as long as it is a member.

    May be used on any thread; never blocks. `lost` counts the messages that found its mailbox full and whose sender got
    no error; it is told of them with `Lagged`.
    """

    __slots__ = (
        "_drained",
        "_lagging",
        "_passing",
        "_untold",
        "_urgent",
        "cell",
        "direct",
        "left",
        "lost",
        "name",
        "offer_lock",
        "ref",
        "subscriptions",
    )

    def __init__(self, name: str, ref: AgentRef[Any]) -> None:
        self.name = name
        self.ref = ref
        self.cell: Cell = ref._cell
        self.left = False
        self.lost = 0
        self.subscriptions: dict[str, Subscription] = {}
        # The cell, while a message may be put straight into its mailbox: not for refs that send in a way of their own.
        self.direct: Cell | None = self.cell if type(ref).tell is AgentRef.tell else None
        self._passing = 0  # messages that such a ref has in hand
        self._drained: AgentFuture[None] | None = None
        self._urgent: deque[Any] | None = None
        self._untold = 0
        self._lagging = False  # whether a Lagged waits in the mailbox
        # Guards all of the above but the names, and the moment at which a message gets into the mailbox. Under it only
        # the mailbox's own lock is taken, and nothing foreign runs: no code of users, no wait, no dead letter.
        self.offer_lock = threading.Lock()

    # -- in -----------------------------------------------------------------------

    def deliver(
        self, message: Any, counted: bool = False, subscriptions: Sequence[Subscription] = ()
    ) -> ActorError | None:
        """Put a message into the member's mailbox, or give the error that says why it cannot be.

        `counted`: a message that is lost is counted, told, and a dead letter, as its sender gets no error. With
        subscriptions, only while one of these stands. NotAMember: the member has left, nothing is lost.
        """
        if isinstance(message, ControlMessage):
            return self._deliver_urgent(message, subscriptions)
        with self.offer_lock:
            if self._is_over(subscriptions):
                return self._not_there()
            cell = self.direct
            if cell is None:
                self._passing += 1
            else:
                queue = cell.queue if cell.queue is not None else cell.open_queue()
                outcome = self._put(queue, message, counted)
        if cell is None:
            return self._pass_on(message, counted)
        alive = not cell.gate or cell.knock(queue)
        if outcome is Offer.ACCEPTED:
            return None if alive else self._stopped()
        return self._settle(message, outcome, queue, counted)

    def _put(self, queue: Queue, message: Any, counted: bool) -> Offer | Displaced:
        if not isinstance(queue, BoundedQueue):
            queue.append(message)
            return Offer.ACCEPTED
        outcome = queue.offer(message)
        if counted and (outcome is Offer.FULL or isinstance(outcome, Displaced)):
            self._count_loss(queue)
        return outcome

    def _is_over(self, subscriptions: Sequence[Subscription]) -> bool:
        return self.left or (bool(subscriptions) and all(each.over for each in subscriptions))

    def _settle(self, message: Any, outcome: Offer | Displaced, queue: Queue, counted: bool) -> ActorError | None:
        """Record what a bounded mailbox did; gives the error where the message is not in."""
        cell = self.cell
        assert isinstance(queue, BoundedQueue)
        if isinstance(outcome, Displaced):
            cell.dead_letter(outcome.item, f"mailbox full ({queue.overflow})")
            return None
        if outcome is Offer.CLOSED:
            cell.dead_letter(message, "stopped")
            return self._stopped()
        if counted or queue.overflow == Overflow.DROP_NEWEST:
            cell.dead_letter(message, f"mailbox full ({queue.overflow})")
        return queue.full()

    def _deliver_urgent(self, message: Any, subscriptions: Sequence[Subscription]) -> ActorError | None:
        cell = self.cell
        with self.offer_lock:
            if self._is_over(subscriptions):
                return self._not_there()
            urgent = self._urgent
            if urgent is None:
                urgent = self._urgent = deque()
            urgent.append(message)
        stopped = cell.gate == CLOSED
        cell.post(Urgent(urgent))  # a dead letter, if the agent has stopped
        return self._stopped() if stopped else None

    def _pass_on(self, message: Any, counted: bool) -> ActorError | None:
        """Have a ref that sends in a way of its own do so; the member has not left before it is done."""
        error: ActorError | None = None
        try:
            self.ref.tell(message)
        except ActorError as raised:
            error = raised
        finally:
            with self.offer_lock:
                self._passing -= 1
                drained = None if self._passing else self._drained
            if drained is not None:
                drained.resolve(None)
        if counted and error is not None and not isinstance(error, AgentStoppedError):
            self.lost += 1
            self.cell.dead_letter(message, "refused", error)
        return error

    # -- what is lost -------------------------------------------------------------

    def _count_loss(self, queue: Queue) -> None:
        """Count it, and see that one note of all that are lost meanwhile waits in the mailbox; the lock is held."""
        self.lost += 1
        self._untold += 1
        if not self._lagging:
            self._lagging = True
            queue.append(Late(self._tell_lost))

    def _tell_lost(self) -> Lagged:
        with self.offer_lock:
            self._lagging = False
            count, self._untold = self._untold, 0
        return Lagged(count)

    # -- out ----------------------------------------------------------------------

    def leave(self) -> AgentFuture[None] | None:
        """Deliver nothing from now on; gives what is settled once that holds, None if it does already."""
        with self.offer_lock:
            self.left = True
            self.direct = None
            if not self._passing:
                return None
            if self._drained is None:
                self._drained = AgentFuture()
            return self._drained

    def end(self, subscription: Subscription) -> None:
        """Deliver nothing for this subscription from now on."""
        with self.offer_lock:
            subscription.over = True

    # -- why not ------------------------------------------------------------------

    def _not_there(self) -> NotAMember:
        return NotAMember(self.name, f"{self.name} is no member any more")

    def _stopped(self) -> AgentStoppedError:
        error: AgentStoppedError = self.ref._gone()
        return error

    def __repr__(self) -> str:
        return f"<Endpoint {self.name}: {self.ref.path}>"
