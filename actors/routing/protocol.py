"""What is said to a router, and what does it say?

Requests are imperative, replies are what they gave, and what members and watchers are told is in the past tense. All
are frozen. A router's `tell` and `ask` take the requests; the methods of its ref make them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from actors._core.events import Event
from actors._core.messages import FrameworkMessage
from actors._core.ref import AgentRef

Where = type | tuple[type, ...] | Callable[[Any], Any]
"""Which messages of a topic a member wants: those of a type, or of several, or those for which a predicate holds."""


# -- requests, each with what an ask of it gives --------------------------------------


@dataclass(frozen=True, slots=True)
class Join:
    """Make the agent a member, under a name of its own and subscribed to these topics; gives a `Member`.

    The names of a router are unique: NameTakenError, unless whoever has the name has stopped. AgentStoppedError for an
    agent that has stopped.
    """

    name: str
    ref: AgentRef[Any]
    topics: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Leave:
    """Let the member go; gives whether there was one. Once that is given, nothing more is delivered to it."""

    name: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Send the member what is broadcast to the topic, where `where` does not say otherwise; gives a `Member`.

    A second subscription to the same topic replaces `where`. AgentNotFoundError if there is no such member.
    """

    name: str
    topic: str
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Take back the subscription to exactly this topic, or pattern; gives whether there was one.

    Once that is given, nothing more of the topic is delivered, unless another subscription of the member matches it.
    """

    name: str
    topic: str


@dataclass(frozen=True, slots=True)
class Members:
    """Name the members, in the order in which they joined: a tuple of `Member`; of a topic, those subscribed to it."""

    topic: str | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Deliver a message to one member; gives `Delivered`.

    Else it is a dead letter, and if it was asked, AgentNotFoundError, AgentStoppedError or MailboxFullError, which name
    the member. InvalidMessageError, if it was asked, for what the member does not accept.
    """

    name: str
    message: Any


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Deliver a message to all members, or to those subscribed to a topic; gives `Delivered`.

    An agent that sends it is left out, unless it says `to_sender`.
    """

    message: Any
    topic: str | None = None
    to_sender: bool = False


@dataclass(frozen=True, slots=True)
class WatchMembers:
    """Tell the agent of each `MemberJoined` and `MemberLeft` from now on; gives the members that there are.

    With a topic, of those that begin and end to be subscribed to it. Takes up no room in a mailbox, is never lost.
    """

    ref: AgentRef[Any]
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class UnwatchMembers:
    """Tell the agent no more; gives whether it was told."""

    ref: AgentRef[Any]
    topic: str | None = None


# -- replies --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Member:
    """One member, as it was when it was asked for; `topics` in the order in which it subscribed."""

    name: str
    ref: AgentRef[Any]
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivered:
    """To how many a message was delivered, and how many lost it; `lost` has their names, each with the error."""

    count: int
    dropped: int = 0
    lost: tuple[tuple[str, Exception], ...] = field(default=(), repr=False)


# -- what members and watchers are told -----------------------------------------------


@dataclass(frozen=True, slots=True)
class Lagged(FrameworkMessage):
    """You were too slow: so many messages found your mailbox full, up to this moment, and are lost.

    Counted since the last such message, by one router. Messages whose sender got an error do not count.
    """

    count: int


class LeaveReason(StrEnum):
    """Why one is not a member any more."""

    LEFT = "left"
    STOPPED = "stopped"
    UNSUBSCRIBED = "unsubscribed"  # from the topic that is watched


@dataclass(frozen=True, slots=True)
class MemberJoined(Event, FrameworkMessage):
    """An agent has become a member of the router at `path`; with a topic, it is told to those who watch that topic."""

    name: str
    ref: AgentRef[Any]
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class MemberLeft(Event, FrameworkMessage):
    """A member has left the router at `path`, or has stopped; with a topic, as `MemberJoined`."""

    name: str
    ref: AgentRef[Any]
    reason: LeaveReason
    topic: str | None = None
