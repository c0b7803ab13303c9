"""What does the kernel report, and to whom?

Every step of an agent's life, see `NEXT`, is told by one event, once. An event is past tense and frozen; `at` is
monotonic seconds of the system's clock. Subscribers are called on the thread that reports, so they must be quick; what
they raise is logged.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors._core.errors import printed
from actors._core.here import here
from actors._core.messages import DeadLetterReason, StopReason
from policies import Directive, Phase, Policy, RestartType

if TYPE_CHECKING:
    from actors._core.commands import State


@dataclass(frozen=True, slots=True)
class Event:
    """The head of every event: which agent, which incarnation of it, when."""

    path: str
    incarnation: int
    at: float


@dataclass(frozen=True, slots=True)
class AgentSpawned(Event):
    """An agent of this class begins its first start; `policy` is what decides about its failures, if that is known."""

    agent: type[Any]
    restart: RestartType
    policy: Policy | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AgentStarted(Event):
    """The first incarnation has run `on_start` and takes messages; `agent` is the class."""

    agent: type[Any] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class StartFailed(Event):
    """The agent's first start failed: it was never there. Its name is free once all subscribers have been called."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class AgentSuspended(Event):
    """The agent takes no messages until its supervisor has decided; `was` is the state before.

    About a failure, its own or a child's; or, in the phase "exit", about its normal end, which is no error.
    """

    was: State
    error: BaseException | None
    phase: Phase


@dataclass(frozen=True, slots=True)
class AgentFailed(Event):
    """An exception came out of a hook or handler; `directive` is what its supervisor decided."""

    error: BaseException
    phase: Phase
    directive: Directive


@dataclass(frozen=True, slots=True)
class AgentHalted(Event):
    """The incarnation has ended, and the next one waits for its siblings; `was` is the state before."""

    was: State


@dataclass(frozen=True, slots=True)
class AgentBackingOff(Event):
    """The agent is down for `delay` seconds before its next incarnation starts; its mail waits.

    `was` is the state before.
    """

    delay: float
    was: State | None = None


@dataclass(frozen=True, slots=True)
class AgentRestarting(Event):
    """A further incarnation begins its start; `was` is the state before."""

    was: State


@dataclass(frozen=True, slots=True)
class AgentRestarted(Event):
    """A further incarnation has started; `error` is why the one before ended, None if it did not fail."""

    error: BaseException | None


@dataclass(frozen=True, slots=True)
class AgentResumed(Event):
    """The agent goes on with the state it had."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class AgentStopping(Event):
    """The agent ends for good, for the reason known so far, and takes no more messages; `was` is the state before."""

    was: State
    reason: StopReason


@dataclass(frozen=True, slots=True)
class AgentStopped(Event):
    """The agent has ended for good. Its name is free when all subscribers have been called; then watchers are told."""

    reason: StopReason
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class HookFailed(Event):
    """`on_stop` or `on_failure` raised; the end went on."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Escalated(Event):
    """The failure of this agent became the failure of its parent."""

    parent: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class AgentAbandoned(Event):
    """A handler did not end in time; its thread was left behind and its incarnation fenced off."""

    message: str
    seconds: float


@dataclass(frozen=True, slots=True)
class OrphanReturned(Event):
    """An abandoned handler has returned after `seconds`; its result was dropped."""

    seconds: float


@dataclass(frozen=True, slots=True)
class DeadLetter(Event):
    """An accepted, or refused, message that no handler will handle; `path` is its recipient.

    `detail` says more where the reason does not say it all. `number` counts the dead letters of a system, from 1; by it
    `system.dead_letters` knows the letter.
    """

    message: Any
    reason: DeadLetterReason
    error: BaseException | None = None
    detail: str | None = None
    number: int = field(default=0, repr=False, compare=False)

    @property
    def why(self) -> str:
        """The reason in words, with its detail."""
        return str(self.reason) if self.detail is None else f"{self.reason}, {self.detail}"


@dataclass(frozen=True, slots=True)
class SystemStopped(Event):
    """The system has ended; `error` is the root cause if an escalation ended it."""

    error: BaseException | None


@dataclass(frozen=True, slots=True)
class Emitted(Event):
    """The program tells something of its own: see `Context.emit` and `ActorSystem.emit`."""

    record: Any


Subscriber = Callable[[Any], object]


class EventStream:
    """The system's events: the newest in memory, and all of them for whoever subscribes.

    Events of one path come in order, also where one agent follows another under its name. A subscriber sees an event
    before the agent goes on.
    """

    def __init__(self, keep: int = 1000) -> None:
        # A deque of bounded length: append is atomic and forgets the oldest.
        # What nobody has seen yet is kept as its type and fields, and made when somebody looks.
        self._ring: deque[Event | tuple[type[Event], tuple[Any, ...]]] = deque(maxlen=keep)
        self._subscribers: tuple[tuple[Subscriber, tuple[type[Event], ...]], ...] = ()
        # Guards the replacement of the subscribers' tuple; nobody is called under it.
        self._lock = threading.Lock()

    def report(self, kind: type[Event], *fields: Any) -> None:
        """Publish `kind(*fields)`; where nobody subscribes, at a fraction of the cost of making it."""
        if self._subscribers:
            self.publish(kind(*fields))
        else:
            self._ring.append((kind, fields))

    def publish(self, event: Event) -> None:
        """Record the event and call the subscribers, on this thread."""
        self._ring.append(event)
        outer = here.serving
        for subscriber, kinds in self._subscribers:
            if not kinds or isinstance(event, kinds):
                here.serving = (*outer, self)
                try:
                    subscriber(event)
                except BaseException as error:
                    # Whatever it is, it is the subscriber's own: the thread that reports has an agent to run.
                    logger.opt(exception=error).error("an event subscriber failed: {}", printed(subscriber))
                here.serving = outer

    def subscribe(self, subscriber: Subscriber, *kinds: type[Event]) -> Callable[[], None]:
        """Call `subscriber(event)` for every later event, or those of the kinds given; gives back what ends it."""
        if not callable(subscriber):
            raise ValueError(f"subscriber: a callable that takes an event, not {subscriber!r}")
        _check_kinds(kinds)
        entry = (subscriber, kinds)
        with self._lock:
            self._subscribers = (*self._subscribers, entry)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers = tuple(other for other in self._subscribers if other is not entry)

        return unsubscribe

    def recent(self, count: int = 100, *kinds: type[Event]) -> list[Event]:
        """Give the newest `count` events (of the kinds given), oldest first."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"count: a whole number, 0 or more, not {count!r}")
        _check_kinds(kinds)
        kept = self._ring.copy()
        if kinds:
            kept = deque(entry for entry in kept if issubclass(_kind(entry), kinds))
        newest = list(kept)[-count:] if count else []
        return [entry[0](*entry[1]) if isinstance(entry, tuple) else entry for entry in newest]


def _kind(entry: Event | tuple[type[Event], tuple[Any, ...]]) -> type[Event]:
    return entry[0] if isinstance(entry, tuple) else type(entry)


def _check_kinds(kinds: tuple[object, ...]) -> None:
    for kind in kinds:
        if not isinstance(kind, type) or not issubclass(kind, Event):
            raise ValueError(f"kinds: types of events, not {kind!r}")
