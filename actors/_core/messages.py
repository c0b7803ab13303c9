"""What does the framework itself put into a mailbox?

User messages travel as they are. `Drain` and `Tick` queue with them; the rest arrives on the control lane and is
given to the agent's handler like any message.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors._core.ref import AgentRef


class StopReason(StrEnum):
    """Why an agent has ended."""

    NORMAL = "normal"  # it stopped itself
    REQUESTED = "requested"  # somebody called stop on its ref
    SHUTDOWN = "shutdown"  # its parent or the system ended it
    FAILED = "failed"  # its supervisor stopped it after a failure
    ABANDONED = "abandoned"  # it did not end in time; its thread was left behind


class DeadLetterReason(StrEnum):
    """Why nobody handles, or has handled, a message."""

    STOPPED = "stopped"  # the agent has ended, or ended before it came to the message
    FAILED = "failed"  # the handler raised
    ABANDONED = "abandoned"  # the handler did not end in time
    EXPIRED = "expired"  # the time of an ask was over
    FULL = "mailbox full"  # there was no room, and the sender has the error
    DROPPED_NEWEST = "mailbox full (drop_newest)"  # there was no room for it
    DROPPED_OLDEST = "mailbox full (drop_oldest)"  # it made room for another
    NO_MEMBER = "no such member"  # a router has nobody of that name
    NO_ROUTEES = "no routees"  # a pool has none that takes messages
    FILTER_FAILED = "its filter failed"  # that of the only subscription that might have wanted it
    UNHANDLED = "unhandled"  # the agent says that it does not know it
    REFUSED = "refused"  # the agent does not accept it
    UNANSWERED = "nobody to answer"  # the handler answered with an error what nobody had asked
    LATE_REPLY = "late reply"  # an answer for which nobody waited any more
    STALE = "stale incarnation"  # of, or for, an incarnation that has ended or was abandoned
    DROPPED = "dropped by an interceptor"


class ControlMessage:
    """Marks messages that a router brings to its members ahead of the queue, and always finds room for.

    `class Cancel(ControlMessage)`. Told to an agent directly it is a message like any other.
    """

    __slots__ = ()


class FrameworkMessage:
    """Marks what the framework itself tells an agent, whatever messages that agent accepts from others."""

    __slots__ = ()


class Inquiry(FrameworkMessage):
    """Asks after an agent itself: that it has ended is an answer, so nothing is lost and it is no dead letter."""

    __slots__ = ()


class Enclosing:
    """Marks what a message travels in, to an agent that opens it: all others are shown the `message` alone."""

    __slots__ = ()
    message: Any


def enclosed(message: Any) -> Any:
    """Give the message without what it travels in."""
    return message.message if isinstance(message, Enclosing) else message


@dataclass(frozen=True, slots=True)
class Terminated(FrameworkMessage):
    """A watched agent has ended for good; told once to each watcher, never for a restart.

    `reason` is a `StopReason`; `error` is the failure behind it, if one was.
    """

    ref: AgentRef[Any]
    reason: StopReason
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class ReceiveTimeout(FrameworkMessage):
    """No message arrived for as long as `context.set_receive_timeout` said (`seconds`)."""

    seconds: float


@dataclass(frozen=True, slots=True)
class PipeFailed(FrameworkMessage):
    """The future given to `context.pipe_to_self` ended with `error`."""

    error: BaseException
