"""How does one send through a router, without waiting for it?

What is sent goes from the sender's thread straight into the members' mailboxes; what changes the membership goes
through the router's mailbox, and is the router's to do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from actors._core.checks import check_timeout
from actors._core.errors import ActorError, AgentNotFoundError, MailboxFullError, printed
from actors._core.future import AgentFuture
from actors._core.here import before_acting, fence, here
from actors._core.mailbox import Overflow
from actors._core.messages import ControlMessage, DeadLetterReason, enclosed
from actors._core.ref import CLOSED, AgentRef
from actors.routing.directory import Directory
from actors.routing.endpoint import Endpoint, NotAMember, passing
from actors.routing.protocol import (
    Broadcast,
    Delivered,
    Join,
    Leave,
    Member,
    Members,
    Send,
    Subscribe,
    Unsubscribe,
    UnwatchMembers,
    WatchMembers,
    Where,
)
from actors.routing.topics import Subscription, check_topic, topic_matches

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.routing.router import Router  # noqa: F401 - named as text below


class RouterRef(AgentRef["Router"]):
    """The way to a router, and through it to its members; safe to share.

    `send` and `broadcast`, and a `tell` or `ask` of `Send`, `Broadcast` or `Members`, are done on the calling thread:
    they never wait, neither for the router nor for room in a mailbox, and do not pass the router's mailbox. They work
    while the router is busy or restarted; once it has stopped they raise AgentStoppedError. All messages of one sender
    to one member arrive in order, however they are sent, but that ControlMessages overtake. The sender is the agent
    whose code runs on the thread; nobody can send for another.
    """

    __slots__ = ("_members", "directory")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.directory = Directory()
        self._members = self.directory.members

    # -- messages to members ------------------------------------------------------

    def send(self, name: str, message: Any) -> None:
        """Deliver a message to the member of that name.

        Raises AgentNotFoundError if there is none, AgentStoppedError if it or the router has stopped, or
        MailboxFullError if its mailbox has no room, also where a tell would wait for some: then the message is a dead
        letter, too, as a direct tell makes it one. Raises InvalidMessageError for what the member does not accept.
        """
        try:
            endpoint = self._members[name]
        except (KeyError, TypeError):  # a TypeError if it cannot be hashed
            raise self._lose(Send(name, enclosed(message))) from None
        if fence.raised:
            before_acting()
        if self._cell.gate == CLOSED:
            raise self._lose(Send(name, enclosed(message)))
        if not isinstance(message, ControlMessage):
            # What `Endpoint.deliver` does with an ordinary member, without a call.
            flight = endpoint.flight
            try:
                flight.append(None)
                cell = endpoint.direct
                if cell is not None:
                    queue = cell.queue
                    if queue is None:
                        queue = cell.open_queue()
                    queue.append(message)
            finally:
                flight.pop()
            if flight is not endpoint.flight:
                endpoint.landed(flight)
            if cell is not None:
                if cell.gate and not cell.knock(queue):  # type: ignore[arg-type]
                    raise endpoint.ref._gone()
                return
        error = endpoint.deliver(message)
        if error is None or _is_dropped(endpoint, error):
            return
        raise self._lose(Send(name, enclosed(message))) if isinstance(error, NotAMember) else error

    def broadcast(self, message: Any, topic: str | None = None, *, to_sender: bool = False) -> Delivered:
        """Deliver a message to all members, or to those subscribed to a topic, but not to the agent that sends it.

        Raises nothing on account of a member: `Delivered` says how many got it, and who lost it and why; what is lost
        is a dead letter, too, and a member whose mailbox was full is told with `Lagged`. Raises AgentStoppedError if
        the router has stopped, ValueError for a topic that is none. The filters of subscriptions run on this thread.
        """
        if self._cell.gate == CLOSED:
            raise self._lose(Broadcast(message, topic, to_sender))
        sender = None if to_sender or here.context is None else here.context.cell
        if topic is None:
            return self._to_everybody(message, sender)
        return self._to_subscribers(message, check_topic(topic), sender)

    def _to_everybody(self, message: Any, sender: Cell | None) -> Delivered:
        count = 0
        lost: list[tuple[str, Exception]] = []
        plain = not isinstance(message, ControlMessage)
        for endpoint in self.directory.everybody:
            if endpoint.cell is sender:
                continue
            if fence.raised:
                before_acting()
            if plain:
                flight = endpoint.flight
                try:
                    flight.append(None)
                    cell = endpoint.direct
                    if cell is not None:
                        queue = cell.queue
                        if queue is None:
                            queue = cell.open_queue()
                        queue.append(message)
                finally:
                    flight.pop()
                if flight is not endpoint.flight:
                    endpoint.landed(flight)
                if cell is not None:
                    if cell.gate and not cell.knock(queue):  # type: ignore[arg-type]
                        lost.append((endpoint.name, endpoint.ref._gone()))
                    else:
                        count += 1
                    continue
            count += _deliver(endpoint, message, lost, ())
        return Delivered(count, len(lost), tuple(lost))

    def _to_subscribers(self, message: Any, topic: str, sender: Cell | None) -> Delivered:
        count = 0
        lost: list[tuple[str, Exception]] = []
        for endpoint, subscriptions in self.directory.routes(topic):
            if endpoint.cell is sender:
                continue
            wanted = subscriptions
            if len(wanted) > 1 or wanted[0].wants is not None:
                wanted = _wanted(endpoint, subscriptions, message, lost)
            if wanted:
                if fence.raised:
                    before_acting()
                count += _deliver(endpoint, message, lost, wanted)
        return Delivered(count, len(lost), tuple(lost))

    def members(self, topic: str | None = None) -> tuple[Member, ...]:
        """Give the members, in the order in which they joined; of a topic, those subscribed to it. Never blocks."""
        if self._cell.gate == CLOSED:
            raise self._gone()
        everybody = self.directory.everybody
        if topic is not None:
            check_topic(topic)
            everybody = tuple(
                each for each in everybody if any(topic_matches(topic, own) for own in each.subscriptions)
            )
        return tuple(describe(endpoint) for endpoint in everybody if not endpoint.left)

    def member(self, name: str) -> Member | None:
        """Give the member of that name, or None. Never blocks."""
        endpoint = self.directory.find(name)
        return None if endpoint is None else describe(endpoint)

    # -- the membership: asks of the router ---------------------------------------

    def join(self, name: str, ref: AgentRef[Any], topics: Collection[str] = ()) -> Member:
        """Make an agent a member; it is one once this returns. Errors as of `Join`."""
        member: Member = self.ask(Join(name, ref, topics))
        return member

    def leave(self, name: str) -> bool:
        """Let a member go and tell whether there was one; once this has returned nothing more is delivered to it.

        What waits in its mailbox was delivered before, and is handled.
        """
        return self._end(name, Leave(name))

    def _end(self, name: str, request: Leave | Unsubscribe) -> bool:
        endpoint = self.directory.find(name)
        if endpoint is not None and endpoint in passing.endpoints:
            # As of a subscriber to dead letters that is called over a message to this very member: the end would wait
            # for that message, and so for this thread.
            self.ask(request, block=False)
            return True
        return bool(self.ask(request))

    def subscribe(self, name: str, topic: str, where: Where | None = None) -> Member:
        """Have a member get what is broadcast to a topic, or to those that match a pattern. Errors as of `Subscribe`.

        `where`, a type, several, or a predicate, says which of these messages; it is called on the sender's thread.
        """
        member: Member = self.ask(Subscribe(name, topic, where))
        return member

    def unsubscribe(self, name: str, topic: str) -> bool:
        """Take back a subscription, named as it was made, and tell whether there was one."""
        return self._end(name, Unsubscribe(name, topic))

    def watch_members(self, ref: AgentRef[Any], topic: str | None = None) -> tuple[Member, ...]:
        """Tell an agent of each `MemberJoined` and `MemberLeft` from now on, and give the members that there are."""
        members: tuple[Member, ...] = self.ask(WatchMembers(ref, topic))
        return members

    def unwatch_members(self, ref: AgentRef[Any], topic: str | None = None) -> bool:
        """Tell the agent no more, and tell whether it was told."""
        return bool(self.ask(UnwatchMembers(ref, topic)))

    # -- as messages --------------------------------------------------------------

    def tell(self, message: Any) -> None:
        """Send a message and go on, as `AgentRef.tell`; a `Send` or `Broadcast` reaches the members before it returns.

        A `Send` that cannot be delivered is a dead letter.
        """
        kind = type(message)
        if kind is Send:
            self._send_told(message)
        elif kind is Broadcast:
            self.broadcast(message.message, message.topic, to_sender=message.to_sender)
        elif kind is Members:
            self.members(message.topic)  # nobody gets them, but its sender learns what is wrong with it
        else:
            super().tell(message)

    def _send_told(self, message: Send) -> None:
        endpoint = self.directory.find(message.name)
        if fence.raised:
            before_acting()
        if self._cell.gate == CLOSED:
            raise self._lose(message)
        if endpoint is None or isinstance(endpoint.deliver(message.message, counted=True), NotAMember):
            self._lose(message)

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Send a message and give the answer, as `AgentRef.ask`; `Send`, `Broadcast` and `Members` never wait."""
        act = _AT_ONCE.get(type(message))
        if act is None:
            return super().ask(message, block=block, timeout=timeout)
        check_timeout(timeout)
        if block:
            return act(self, message)
        future: AgentFuture[Any] = AgentFuture()
        try:
            future.resolve(act(self, message))
        except ActorError as error:
            future.resolve(error=error)
        return future

    def _send_asked(self, message: Send) -> Delivered:
        endpoint = self.directory.find(message.name)
        if fence.raised:
            before_acting()
        if endpoint is None or self._cell.gate == CLOSED:
            raise self._lose(message)
        error = endpoint.deliver(message.message)
        if error is None:
            return Delivered(1)
        if _is_dropped(endpoint, error):
            return Delivered(0, 1, ((endpoint.name, error),))
        raise self._lose(message) if isinstance(error, NotAMember) else error

    def _lose(self, message: Send | Broadcast) -> ActorError:
        """Record what reaches nobody, and give the error that says why."""
        if self._cell.gate == CLOSED or isinstance(message, Broadcast):
            self._cell.dead_letter(message, DeadLetterReason.STOPPED)
            gone: ActorError = self._gone()
            return gone
        text = f"there is no member {printed(message.name)} in {self.path}"
        self._cell.dead_letter(message, DeadLetterReason.NO_MEMBER, AgentNotFoundError(message.name, text))
        return AgentNotFoundError(message.name, text)  # another one, which will hold the frames of the sender


_AT_ONCE: dict[type, Callable[[RouterRef, Any], Any]] = {
    Send: RouterRef._send_asked,
    Broadcast: lambda ref, asked: ref.broadcast(asked.message, asked.topic, to_sender=asked.to_sender),
    Members: lambda ref, asked: ref.members(asked.topic),
}


def describe(endpoint: Endpoint) -> Member:
    return Member(endpoint.name, endpoint.ref, tuple(endpoint.subscriptions))


def _deliver(
    endpoint: Endpoint, message: Any, lost: list[tuple[str, Exception]], wanted: tuple[Subscription, ...]
) -> int:
    """Deliver a broadcast to one member and give how many got it; who had left meanwhile has lost nothing."""
    error = endpoint.deliver(message, True, wanted)
    if error is None:
        return 1
    if not isinstance(error, NotAMember):
        lost.append((endpoint.name, error))
    return 0


def _wanted(
    endpoint: Endpoint, subscriptions: tuple[Subscription, ...], message: Any, lost: list[tuple[str, Exception]]
) -> tuple[Subscription, ...]:
    """Give the subscriptions that want this message; where a filter raises and no other wants it, it is lost."""
    wanted = []
    raised: Exception | None = None
    for subscription in subscriptions:
        wants = subscription.wants
        try:
            if wants is None or wants(message):
                wanted.append(subscription)
        except Exception as error:
            raised = error
    if raised is not None and not wanted:
        lost.append((endpoint.name, raised))
        endpoint.cell.dead_letter(message, DeadLetterReason.FILTER_FAILED, raised)
    return tuple(wanted)


def _is_dropped(endpoint: Endpoint, error: Exception) -> bool:
    """Whether the member's mailbox drops what is too much, so that the sender is to go on."""
    mailbox = endpoint.cell.spec.mailbox
    return isinstance(error, MailboxFullError) and mailbox is not None and mailbox.overflow is Overflow.DROP_NEWEST
