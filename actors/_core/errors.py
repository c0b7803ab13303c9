"""What can go wrong, and who caused it?

::

    ActorError
    ├── the caller asked for something that is not there or not allowed
    │   ├── AgentStoppedError     (also pykka.ActorDeadError)  the agent has stopped
    │   ├── AgentNotFoundError                                 no agent of that name
    │   │   └── NoRouteesError                                 the pool has nobody to handle it
    │   ├── NameTakenError        (also ValueError)            a sibling has the name
    │   ├── MailboxFullError                                   the bounded mailbox has no room
    │   │   └── SendCycleError                                 the sender would wait for itself
    │   ├── TooManyChildren                                    the parent may have no more of them
    │   ├── InvalidMessageError   (also ValueError)            the agent does not accept this message
    │   ├── AskCycleError                                      the ask would wait for itself
    │   ├── AskTimeout            (also pykka.Timeout)         no reply within the time
    │   │   └── AskDropped                                     an interceptor dropped it
    │   ├── StashError                                         stashed twice, or one too many
    │   ├── DeferError                                         no ask in hand that can be answered later
    │   └── InterceptionError                                  an interceptor left a message unsettled
    ├── the agent failed
    │   ├── StartFailedError                                   its start raised
    │   ├── HandlerTimeout                                     a message took longer than its deadline
    │   ├── DeathPactError                                     a Terminated that it did not handle
    │   ├── RestartLimitExceeded                               its children failed too often
    │   ├── TooManyOrphans                                     too many abandoned threads
    │   └── SystemFailed                                       an escalation reached the root
    └── the agent says so itself
        ├── ReplyError                                         an answer, not a failure
        └── Cancelled                                          it was told to end and did
"""

from __future__ import annotations

from typing import Any

from actors._core._pykka import ActorDeadError, Timeout


def printed(value: object, most: int | None = None) -> str:
    """Give the repr of what a user made, cut to `most` characters; its type where that raises."""
    try:
        return repr(value)[:most]
    except Exception:
        return f"<{type(value).__name__} that cannot be printed>"


def said(error: BaseException, most: int = 200) -> str:
    """Give what an error says as one line, its type first, cut to `most` characters."""
    try:
        text = f"{type(error).__name__}: {error}"
    except Exception:
        text = printed(error, 4 * most)
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}..."


class ActorError(Exception):
    """The root of every error of this library; each carries its datum as attributes and names it in its text."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.args, self.__dict__))


def _rebuild(kind: type[ActorError], args: tuple[Any, ...], attributes: dict[str, Any]) -> ActorError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class AgentStoppedError(ActorError, ActorDeadError):
    """The agent has stopped, for good; `path` names it, `cause` is the error that ended it, if one did."""

    def __init__(self, text: str, *, path: str, cause: BaseException | None = None) -> None:
        super().__init__(text)
        self.path = path
        self.cause = cause


class AgentNotFoundError(ActorError):
    """There is no agent of that name or path."""

    def __init__(self, path: str, text: str | None = None) -> None:
        super().__init__(text or f"there is no agent {path}")
        self.path = path


class NoRouteesError(AgentNotFoundError):
    """The pool at `path` has nobody at present who could handle the message."""

    def __init__(self, path: str) -> None:
        super().__init__(path, f"the pool {path} has no routees")


class NameTakenError(ActorError, ValueError):
    """The parent has a child of that name already."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is already registered")
        self.path = path


class TooManyChildren(ActorError):
    """The agent at `path` has as many children as it may have: `most`, its `max_children`; it spawns no more."""

    def __init__(self, path: str, most: int) -> None:
        super().__init__(f"{path} has {most} children already, its limit")
        self.path = path
        self.most = most


class MailboxFullError(ActorError):
    """The bounded mailbox of the agent has no room; the message was not accepted."""

    def __init__(self, path: str, capacity: int) -> None:
        super().__init__(f"the mailbox of {path} is full ({capacity} messages)")
        self.path = path
        self.capacity = capacity


class SendCycleError(MailboxFullError):
    """The sender would wait for room that only it can make, directly or through others; `cycle` is its path and back.

    The others wait for room, too, or for an answer. As of any full mailbox, the message was not accepted.
    """

    def __init__(self, path: str, capacity: int, cycle: tuple[str, ...]) -> None:
        super().__init__(path, capacity)
        self.args = (f"{self}, and the sender would wait for itself: {' -> '.join(cycle)}",)
        self.cycle = cycle


class InvalidMessageError(ActorError, ValueError):
    """The agent does not accept this message, because of `value`, which is in `field` of it.

    `field` is a dotted path into the message, "" for the message itself; `value` is then the message.
    """

    def __init__(self, path: str, message: object, text: str, *, field: str = "", value: object = None) -> None:
        super().__init__(f"{path} does not accept {printed(message, 200)}: {text}")
        self.path = path
        self.message = message
        self.field = field
        self.value = value if field else message


class AskCycleError(ActorError):
    """The ask would wait, directly or through others, for the agent that asks; `cycle` is its path and back."""

    def __init__(self, cycle: tuple[str, ...]) -> None:
        super().__init__(f"blocking asks in a cycle: {' -> '.join(cycle)}")
        self.cycle = cycle


class AskTimeout(ActorError, Timeout):
    """No reply arrived within `seconds`."""

    def __init__(self, path: str | None, seconds: float) -> None:
        # What is left of a timeout when the wait begins is a little less than what was asked for.
        super().__init__(f"no reply{f' from {path}' if path else ''} within {round(seconds, 3):g} seconds")
        self.path = path
        self.seconds = seconds


class AskDropped(AskTimeout):
    """An interceptor dropped the ask, which would wait for ever: it had no timeout."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, 0.0)
        self.args = (f"no reply from {path}: {reason}",)
        self.reason = reason


class InterceptionError(ActorError):
    """An interceptor did with a message, or hook, of the agent at `path` what cannot be done."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}")
        self.path = path


class StashError(ActorError):
    """The message in hand cannot be stashed."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}")
        self.path = path


class DeferError(ActorError):
    """There is no ask in hand whose answer can be deferred."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}")
        self.path = path


class StartFailedError(ActorError):
    """`__init__`, `on_start` or the start of a child raised; `cause` is what it raised."""

    def __init__(self, path: str, cause: BaseException) -> None:
        super().__init__(f"{path} did not start: {printed(cause)}")
        self.path = path
        self.cause = cause


class HandlerTimeout(ActorError):
    """The handler took longer than the agent's deadline of `seconds` and was abandoned."""

    def __init__(self, path: str, seconds: float, message: object) -> None:
        super().__init__(f"{path} took longer than {seconds:g} seconds over {printed(message, 200)}")
        self.path = path
        self.seconds = seconds
        self.message = message


class DeathPactError(ActorError):
    """An agent that was watched has ended and the watcher did not handle its `Terminated`."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path} has ended ({reason}) and its watcher did not handle that")
        self.path = path
        self.reason = reason


class RestartLimitExceeded(ActorError):
    """The children of `path` failed more often than its policy allows; `cause` is the last failure."""

    def __init__(self, path: str, child: str, cause: BaseException) -> None:
        super().__init__(f"{path} gave up restarting {child}: {printed(cause)}")
        self.path = path
        self.child = child
        self.cause = cause


class TooManyOrphans(ActorError):
    """More threads are lost to hung handlers than the system allows."""

    def __init__(self, count: int, limit: int) -> None:
        super().__init__(f"{count} handlers hang in abandoned threads, the limit is {limit}")
        self.count = count
        self.limit = limit


class SystemFailed(ActorError):
    """An escalation reached the root and stopped the system; `cause` is the first error of the chain."""

    def __init__(self, name: str, path: str, cause: BaseException) -> None:
        super().__init__(f"system {name!r} stopped, because {path} failed: {printed(cause)}")
        self.name = name
        self.path = path
        self.cause = cause


class ReplyError(ActorError):
    """Raise it, or a subclass, in a handler to answer the asker with an error that is not a failure."""


class Cancelled(ActorError):
    """The work was given up: its agent is to stop, was abandoned, or nobody waits for the answer."""
