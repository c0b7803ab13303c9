"""What has a handler done to the world?

Each effect is one frozen value, compared by what it says; paths are those of the agents concerned, the agent's own too.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from actors._core.ref import AgentRef
from actors._core.spec import ChildSpec


@dataclass(frozen=True, slots=True)
class Effect:
    """The head of all effects."""


@dataclass(frozen=True, slots=True)
class Told(Effect):
    """A message was sent, also in vain; to itself, too, by `tell` or because what it had piped was there at once."""

    path: str
    message: Any


@dataclass(frozen=True, slots=True)
class Asked(Effect):
    """A message was asked, by `ask` or a proxy, with or without waiting; `timeout` in seconds, as it was given."""

    path: str
    message: Any
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Spawned(Effect):
    """A child was started, or an agent of the system; `spec` has the name if one was given. It does not run.

    `ref` is the stand-in that the handler got; it is not compared.
    """

    path: str
    spec: ChildSpec[Any]
    ref: AgentRef[Any] = field(compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Stopped(Effect):
    """An agent was told to stop, also by `terminate_child`; `self.stop()` is one of its own path, "/" is the system."""

    path: str
    drain: bool = True


@dataclass(frozen=True, slots=True)
class Watched(Effect):
    """A death watch began."""

    path: str


@dataclass(frozen=True, slots=True)
class Unwatched(Effect):
    """A death watch was taken back."""

    path: str


@dataclass(frozen=True, slots=True)
class TimerSet(Effect):
    """A timer was started, or replaced, under its key; `delay` and `interval` in seconds, the latter of `every`."""

    key: Hashable
    delay: float
    message: Any
    interval: float | None = None


@dataclass(frozen=True, slots=True)
class TimerCancelled(Effect):
    """A timer that stood was ended."""

    key: Hashable


@dataclass(frozen=True, slots=True)
class ReceiveTimeoutSet(Effect):
    """A receive timeout of so many seconds was set; None ended it."""

    seconds: float | None
    ignore: tuple[type, ...] = ()


@dataclass(frozen=True, slots=True)
class Stashed(Effect):
    """The message in hand was put aside."""

    message: Any


@dataclass(frozen=True, slots=True)
class Unstashed(Effect):
    """A message was put back to the head of the mailbox; it is not handled, unless the test sends it again."""

    message: Any


@dataclass(frozen=True, slots=True)
class Became(Effect):
    """Messages are handled by `handler` from the next one on."""

    handler: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Unbecame(Effect):
    """The handler before the last `become` is back."""


@dataclass(frozen=True, slots=True)
class Deferred(Effect):
    """The answer to the message in hand was put off."""

    message: Any


@dataclass(frozen=True, slots=True)
class Replied(Effect):
    """A deferred answer was given: a value, or an error."""

    message: Any
    value: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Emitted(Effect):
    """Something of the program's own was told among the events, by the agent or in the name of its system."""

    record: Any


@dataclass(frozen=True, slots=True)
class Piped(Effect):
    """The result of a future is to be delivered as a message."""

    future: Any


@dataclass(frozen=True, slots=True)
class Raised(Effect):
    """The handler raised; the last of its effects."""

    error: BaseException
