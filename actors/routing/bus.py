"""How do parts of a program that know each other's names talk, also those that are no agents?"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, overload

from actors._core.errors import AgentStoppedError, NameTakenError
from actors._core.messages import ControlMessage
from actors._core.path import check_name
from actors._core.ref import AgentRef
from actors._core.spec import ChildSpec
from actors.routing.inbox import Inbox, InboxAgent, InboxRef, Targeted, receive
from actors.routing.protocol import Delivered, Leave, Member
from actors.routing.router import Router, check_system

if TYPE_CHECKING:
    from actors._core.system import ActorSystem


@dataclass(frozen=True, slots=True)
class Drop:
    """Let this very member go, not another that has come to its name since."""

    ref: InboxRef


class BusRouter(Router):
    """The router of a bus."""

    def on_receive(self, message: Any) -> Any:
        """Answer the requests of routers, and `Drop`."""
        if not isinstance(message, Drop):
            return super().on_receive(message)
        name = message.ref.name
        endpoint = self.directory.members.get(name)
        return endpoint is not None and endpoint.ref is message.ref and super().on_receive(Leave(name))


class Subscription:
    """What was sent to one name of a bus, to be taken by a thread; as a `with` block it ends with that.

    One queue holds what was sent to the name alone and what was broadcast, in the order in which one sender sent it,
    but that ControlMessages come first. May be used on several threads: each message is taken once.
    """

    def __init__(self, bus: MessageBus, ref: InboxRef) -> None:
        self.id = ref.name
        self.ref = ref
        self._bus = bus

    def recv(self, timeout: float | None = None) -> Any:
        """Give the next message, `Lagged(n)` where n broadcasts found no room; blocks while there is none.

        `timeout` is seconds of the system's clock, None is without limit; raises TimeoutError when it is over. Raises
        AgentStoppedError once the subscription has ended, by whomever, and all that was in it has been taken.
        """
        return receive(self.ref, timeout)

    @property
    def lost(self) -> int:
        """How many broadcasts found no room, from the beginning."""
        return self.ref.inbox.lost

    def __len__(self) -> int:
        return len(self.ref.inbox)

    def close(self) -> None:
        """End the subscription; whoever sends to the name from now on gets an error. Blocks until that holds."""
        self._bus._end(self.ref)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Subscription {self.id}: {len(self)} waiting>"


class MessageBus:
    """A router with the words of a message bus; subscribers are threads with a `Subscription`, or agents.

    At most `agent_channel_capacity` messages to it alone, and `broadcast_capacity` broadcasts, wait in a subscription;
    an agent's own mailbox says what may wait there. Nothing here waits for room, and a sender always learns of what
    came to nothing: an error, or `Delivered`. All methods may be called on any thread. As a `with` block, the bus ends
    with that; else with its system.
    """

    def __init__(
        self,
        system: ActorSystem,
        broadcast_capacity: int = 64,
        agent_channel_capacity: int = 32,
        *,
        name: str | None = None,
    ) -> None:
        """Start the bus's router, `router`; ValueError for a capacity below 1, else errors as of `system.spawn`."""
        check_system(system)
        self._broadcast_capacity = _check_capacity("broadcast_capacity", broadcast_capacity)
        self._channel_capacity = _check_capacity("agent_channel_capacity", agent_channel_capacity)
        self.router = system.spawn(BusRouter, name=name)

    @overload
    def subscribe(self, id: str) -> Subscription: ...

    @overload
    def subscribe(self, id: str, ref: AgentRef[Any]) -> Member: ...

    def subscribe(self, id: str, ref: AgentRef[Any] | None = None) -> Subscription | Member:
        """Subscribe a thread, or an agent, under a name; what is sent once this has returned is received.

        Raises NameTakenError if the name has a subscriber, ValueError for what can be no name, AgentStoppedError if
        the bus, or the agent, has stopped.
        """
        if ref is not None:
            return self.router.join(id, ref)
        check_name(id)
        inbox = Inbox(self._channel_capacity, self._broadcast_capacity)
        started = self.router.start_child(ChildSpec(InboxAgent, name=id, args=(inbox,), restart="temporary"))
        if not started:
            raise NameTakenError(id)
        own = started.ref
        assert isinstance(own, InboxRef)
        try:
            self.router.join(id, own)
        except BaseException:
            own.stop(block=False)
            raise
        return Subscription(self, own)

    def send(self, id: str, message: Any) -> None:
        """Deliver a message to one subscriber; never waits.

        Raises AgentNotFoundError if nobody is subscribed under that name, AgentStoppedError if the subscriber has
        ended, MailboxFullError if it has no room: then the message is a dead letter, too.
        """
        endpoint = self.router.directory.find(id)
        if endpoint is not None and isinstance(endpoint.ref, InboxRef) and not isinstance(message, ControlMessage):
            message = Targeted(message)
        self.router.send(id, message)

    def broadcast(self, message: Any, *, to_sender: bool = False) -> Delivered:
        """Deliver a message to all subscribers, but not to the agent that sends it; never waits.

        Tells how many got it, and who lost it: each is told with `Lagged`. Raises AgentStoppedError if the bus has
        ended, and nothing else.
        """
        return self.router.broadcast(message, to_sender=to_sender)

    def remove_subscriber(self, id: str) -> bool:
        """End a subscription and tell whether there was one; nothing is delivered to it once this has returned.

        What was delivered before may still be taken; then, or at once, whoever waits for more gets AgentStoppedError.
        An agent only leaves the bus.
        """
        member = self.router.member(id)
        if member is None or not isinstance(member.ref, InboxRef):
            return self.router.leave(id)
        return self._end(member.ref)

    def _end(self, ref: InboxRef) -> bool:
        left = False
        with suppress(AgentStoppedError):  # then it is no member any more
            left = self.router.ask(Drop(ref))
        # At once, for those who wait; the agent has nothing left to do, and goes when it can.
        ref.inbox.close()
        ref.stop()
        return left

    def close(self) -> None:
        """End the bus and all its subscriptions; blocks. Agents that are subscribed live on."""
        self.router.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<MessageBus {self.router.path}: {len(self.router.directory.members)} subscribers>"


def _check_capacity(name: str, capacity: object) -> int:
    if type(capacity) is not int or capacity < 1:
        raise ValueError(f"{name}: a whole number of at least 1, not {capacity!r}")
    return capacity
