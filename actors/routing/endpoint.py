"""How does a message get to one member, and what if it has no room, has stopped, or has left?

Nobody waits for a lock here. Whoever delivers leaves a mark in the endpoint's `flight`, looks whether the member is
still one, puts the message into its mailbox, and takes the mark away. Whoever lets the member go says so first, then
puts a new flight in the place of the old one, and is done when the old one is empty: what still has a mark there may
have looked too early, and all that come later see that the member has left.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from actors._core.commands import Urgent
from actors._core.errors import ActorError, AgentNotFoundError, AgentStoppedError, MailboxFullError, NoRouteesError
from actors._core.future import AgentFuture
from actors._core.mailbox import BoundedQueue, Displaced, Late, Offer, Queue
from actors._core.messages import ControlMessage, DeadLetterReason, enclosed
from actors._core.ref import CLOSED, AgentRef
from actors.routing.protocol import Lagged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors._core.cell import Cell
    from actors.routing.topics import Subscription


class _Passing(threading.local):
    """The endpoints whose refs this thread has send in a way of their own right now: which may run anybody's code."""

    endpoints: tuple[Endpoint, ...] = ()


passing = _Passing()


class NotAMember(AgentNotFoundError):
    """The member has left, or does not want this topic any more, while the message was on its way."""


class Endpoint:
    """One member of a group: the way to its mailbox, as long as it is a member.

    May be used on any thread; never blocks. `lost` counts the messages that found its mailbox full and whose sender got
    no error; it is told of them with `Lagged`.
    """

    __slots__ = (
        "_admit",
        "_aloft",
        "_lagging",
        "_lock",
        "_untold",
        "_urgent",
        "cell",
        "direct",
        "flight",
        "left",
        "lost",
        "name",
        "own_way",
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
        # Whether the ref sends in a way of its own; one that only looks at messages first is asked to do that.
        self._admit, self.own_way = _ways_of(ref)
        # The cell, while a message may be appended to its queue at once: while it is a member, has no bound, and its
        # ref sends as every ref.
        unbounded = self.cell.spec.mailbox is None or self.cell.spec.mailbox.capacity is None
        self.direct: Cell | None = self.cell if unbounded and self._admit is None and not self.own_way else None
        # A deque: append and pop are atomic, and nothing is allocated by them.
        self.flight: deque[Any] = deque()
        self._aloft: list[AgentFuture[None]] = []  # the earlier flights that are not empty
        self._urgent: deque[Any] = _NONE
        self._untold = 0
        self._lagging = False  # whether a Lagged waits in the mailbox
        # Guards what was lost, and the making of `_urgent`. Under it only the mailbox's own lock is taken, and nothing
        # foreign runs.
        self._lock = threading.Lock()

    # -- in -----------------------------------------------------------------------

    def deliver(
        self, message: Any, counted: bool = False, subscriptions: Sequence[Subscription] = ()
    ) -> Exception | None:
        """Put a message into the member's mailbox, or give the error that says why it cannot be.

        What is lost is a dead letter; what the member does not accept is one only if it is `counted`: then its sender
        gets no error, and the member is told what it lost for want of room. With subscriptions, only while one of these
        stands. NotAMember: the member has left, and nothing is recorded.
        """
        urgent = isinstance(enclosed(message), ControlMessage)
        if self._admit is not None:
            try:
                message = self._admit(message)
            except Exception as error:
                # A broadcast goes on, also where the look at the message has failed.
                if not counted and not isinstance(error, ActorError):
                    raise
                if counted:
                    self.cell.dead_letter(message, DeadLetterReason.REFUSED, error)
                return error
        if self.own_way:
            return self._pass_on(message, counted, subscriptions)
        if urgent:
            return self._deliver_urgent(message, subscriptions)
        cell = self.cell
        flight = self.flight
        try:
            flight.append(None)
            if self._is_over(subscriptions):
                return self._not_there()
            queue = cell.queue if cell.queue is not None else cell.open_queue()
            outcome = self._put(queue, message, counted)
        finally:
            flight.pop()
            self.landed(flight)
        alive = not cell.gate or cell.knock(queue)
        if outcome is Offer.ACCEPTED:
            return None if alive else self._stopped()
        return self._settle(message, outcome, queue, counted)

    def _is_over(self, subscriptions: Sequence[Subscription]) -> bool:
        if self.left or not subscriptions:
            return self.left
        return all(each.over for each in subscriptions)

    def _put(self, queue: Queue, message: Any, counted: bool) -> Offer | Displaced:
        if not isinstance(queue, BoundedQueue):
            queue.append(message)
            return Offer.ACCEPTED
        outcome = queue.offer(message)
        if counted and (outcome is Offer.FULL or isinstance(outcome, Displaced)):
            self._count_loss(queue)
        return outcome

    def _settle(self, message: Any, outcome: Offer | Displaced, queue: Queue, counted: bool) -> ActorError | None:
        """Record what a bounded mailbox did; gives the error where the message is not in."""
        cell = self.cell
        assert isinstance(queue, BoundedQueue)
        if isinstance(outcome, Displaced):
            queue.lose(outcome.item, DeadLetterReason.DROPPED_OLDEST)
            return None
        if outcome is Offer.CLOSED:
            cell.dead_letter(message, DeadLetterReason.STOPPED)
            return self._stopped()
        cell.dead_letter(message, queue.loss, queue.full())
        return queue.full()  # another one, which will hold the frames of the sender

    def _deliver_urgent(self, message: Any, subscriptions: Sequence[Subscription]) -> ActorError | None:
        cell = self.cell
        if self._urgent is _NONE:
            with self._lock:
                self._urgent = deque() if self._urgent is _NONE else self._urgent
        flight = self.flight
        try:
            flight.append(None)
            if self._is_over(subscriptions):
                return self._not_there()
            self._urgent.append(message)
        finally:
            flight.pop()
            self.landed(flight)
        stopped = cell.gate == CLOSED
        cell.post(Urgent(self._urgent))  # a dead letter, if the agent has stopped
        return self._stopped() if stopped else None

    def _pass_on(self, message: Any, counted: bool, subscriptions: Sequence[Subscription]) -> Exception | None:
        """Have a ref that sends in a way of its own do so."""
        flight = self.flight
        outer = passing.endpoints
        passing.endpoints = (*outer, self)
        try:
            flight.append(None)
            if self._is_over(subscriptions):
                return self._not_there()
            if counted:
                return self._pass_on_counted(message)
            self.ref.tell(message)
        except ActorError as error:
            return error
        finally:
            flight.pop()
            passing.endpoints = outer
            self.landed(flight)
        return None

    def _pass_on_counted(self, message: Any) -> Exception | None:
        letters = self.cell.system.dead_letters
        try:
            with letters._sending(enclosed(message)) as at_hand:
                at_hand.silent = True  # over want of room, which is recorded here
                self.ref.tell(message)
        except Exception as error:  # as of a pool that has nothing to pick by: the others get the message all the same
            if isinstance(error, MailboxFullError):
                with self._lock:
                    self.lost += 1
            if at_hand.refusal is None:  # or else the ref has said why
                self.cell.dead_letter(message, _reason_of(error), error)
            return error
        return None

    # -- what is lost -------------------------------------------------------------

    def _count_loss(self, queue: Queue) -> None:
        """Count it, and see that one note of all that are lost meanwhile waits in the mailbox."""
        with self._lock:
            self.lost += 1
            self._untold += 1
            if not self._lagging:
                self._lagging = True
                queue.append(Late(self._tell_lost))

    def _tell_lost(self) -> Lagged:
        with self._lock:
            self._lagging = False
            count, self._untold = self._untold, 0
        return Lagged(count)

    # -- out ----------------------------------------------------------------------

    def leave(self) -> list[AgentFuture[None]]:
        """Deliver nothing from now on, once what this gives is settled."""
        self.left = True
        self.direct = None
        return self._change_flight()

    def end(self, subscription: Subscription) -> list[AgentFuture[None]]:
        """Deliver nothing for this subscription from now on, once what this gives is settled."""
        subscription.over = True
        return self._change_flight()

    def _change_flight(self) -> list[AgentFuture[None]]:
        flight, self.flight = self.flight, deque()
        self._aloft = [earlier for earlier in self._aloft if not earlier.settled]
        if flight:
            landed: AgentFuture[None] = AgentFuture()
            flight.appendleft(landed)
            self._aloft.append(landed)
            self.landed(flight)
        return [each for each in self._aloft if not each.settled]

    def landed(self, flight: deque[Any]) -> None:
        """Called by whoever has taken a mark out of a flight: if it was the last of an earlier flight, say so."""
        if flight is not self.flight:
            marks = flight.copy()
            if len(marks) == 1 and marks[0] is not None:
                marks[0].resolve(None)

    # -- why not ------------------------------------------------------------------

    def _not_there(self) -> NotAMember:
        return NotAMember(self.name, f"{self.name} is no member any more")

    def _stopped(self) -> AgentStoppedError:
        error: AgentStoppedError = self.ref._gone()
        return error

    def __repr__(self) -> str:
        return f"<Endpoint {self.name}: {self.ref.path}>"


def _reason_of(error: Exception) -> DeadLetterReason:
    return next((reason for kind, reason in _REASONS.items() if isinstance(error, kind)), DeadLetterReason.REFUSED)


_REASONS = {
    MailboxFullError: DeadLetterReason.FULL,
    AgentStoppedError: DeadLetterReason.STOPPED,
    NoRouteesError: DeadLetterReason.NO_ROUTEES,
    AgentNotFoundError: DeadLetterReason.NO_MEMBER,
}
_NONE: deque[Any] = deque(maxlen=0)
"""Of a member to which no control message was sent yet."""


def _ways_of(ref: AgentRef[Any]) -> tuple[Callable[[Any], Any] | None, bool]:
    """Give what looks at messages first, if anything, and whether the ref sends in a way of its own."""
    kind = type(ref)
    tells = next(each for each in kind.__mro__ if "tell" in vars(each))
    if tells is AgentRef:
        return None, False
    if "admit" in vars(tells):
        admit: Callable[[Any], Any] = ref.admit
        return admit, False
    return None, True
