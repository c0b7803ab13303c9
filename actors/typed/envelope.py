"""Who has sent a message, when, and what does it belong to?

Agents that want to know are `Enveloped`: their refs put each message into an Envelope, and their handlers get it out of
that again. For all others there is none.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from actors._core.agent import Agent
from actors._core.errors import AgentNotFoundError, printed
from actors._core.here import here
from actors._core.messages import Enclosing, FrameworkMessage
from actors._core.proxies import HANDLERS
from actors._core.ref import AgentRef
from actors._core.wall import wall_clock
from actors.typed.asking import Target
from actors.typed.ref import TypedRef

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.system import ActorSystem

M = TypeVar("M")
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_BARE = (FrameworkMessage, *HANDLERS)  # what travels without an envelope, to whomever
# The numbers of the envelopes of each system.
_numbers: weakref.WeakKeyDictionary[ActorSystem, Iterator[int]] = weakref.WeakKeyDictionary()
# Guards the making of an iterator in it.
_numbers_lock = threading.Lock()


class _Hand(threading.local):
    """What this thread has written on a message that it is sending through somebody: a router, a pool, a bus."""

    message: Any = None
    headers: Mapping[str, str] = _NO_HEADERS
    correlation_id: str | None = None


_hand = _Hand()
_DEEPEST = 4  # requests within requests, as to a router that is a member of another


class Envelope(Enclosing):
    """What is known of one message that was sent; immutable, and made by the framework only.

    - `id`: its own, unique in its system, and the same in every run of a simulation.
    - `sender`: the ref of the agent that sent it; None where no agent did. Nobody can send in the name of another.
    - `recipient`: the ref that it was sent to.
    - `time`: when it was sent, in UTC, by the system's clock: see `Clock`.
    - `correlation_id`: what it belongs to, as its sender said, or None.
    - `headers`: what its sender wrote on it, text by name.
    - `message`: the message itself.
    """

    __slots__ = ("_correlation_id", "_headers", "_message", "_number", "_recipient", "_sender", "_time")

    _correlation_id: str | None
    _headers: Mapping[str, str]
    _message: Any
    _number: int
    _recipient: AgentRef[Any]
    _sender: AgentRef[Any] | None
    _time: datetime

    def __init__(self) -> None:
        raise TypeError("an Envelope is made by `post`, or by the ref of an Enveloped agent")

    @property
    def id(self) -> str:
        return f"{self._recipient._cell.system.name}-{self._number}"

    @property
    def sender(self) -> AgentRef[Any] | None:
        return self._sender

    @property
    def recipient(self) -> AgentRef[Any]:
        return self._recipient

    @property
    def time(self) -> datetime:
        return self._time

    @property
    def correlation_id(self) -> str | None:
        return self._correlation_id

    @property
    def headers(self) -> Mapping[str, str]:
        return self._headers

    @property
    def message(self) -> Any:
        return self._message

    def reply(self, message: Any, *, headers: Mapping[str, str] | None = None) -> Envelope:
        """Post a message to the sender, with this one's correlation id, or else with its id, as correlation id.

        Raises AgentNotFoundError where the sender is no agent; else as `post`.
        """
        if self._sender is None:
            raise AgentNotFoundError("", f"{self!r} was sent by no agent, so there is nobody to reply to")
        return post(self._sender, message, headers=headers, correlation_id=self._correlation_id or self.id)

    def __reduce__(self) -> Any:
        raise TypeError(f"{self!r} cannot be pickled: it was sent in one process")

    def __repr__(self) -> str:
        sender = "outside" if self._sender is None else self._sender.path
        return f"<Envelope {self.id} from {sender} to {self._recipient.path}: {printed(self._message, 80)}>"


class EnvelopedRef(TypedRef[Any]):
    """The ref of an Enveloped agent: what is sent by it travels in an Envelope."""

    __slots__ = ("_numbers", "_utc")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self._numbers = numbers_of(cell.system)
        self._utc = wall_clock(cell.system.clock)

    def admit(self, message: Any) -> Any:
        """Give the message in a new envelope; one that comes in an envelope is forwarded, with its headers."""
        plain = super().admit(message)
        if isinstance(plain, _BARE):
            return plain
        if isinstance(message, Envelope):
            return self._seal(plain, message._headers, message._correlation_id)
        if _hand.message is not None and _is_in(plain, _hand.message):
            return self._seal(plain, _hand.headers, _hand.correlation_id)
        return self._seal(plain, _NO_HEADERS, None)

    def tell(self, message: Any) -> None:
        """Send a message and go on; raises InvalidMessageError for what the agent does not accept."""
        AgentRef.tell(self, self.admit(message))

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Send a message and give the answer, or with `block=False` a future of it."""
        return AgentRef.ask(self, self.admit(message), block=block, timeout=timeout)

    def _seal(self, message: Any, headers: Mapping[str, str], correlation_id: str | None) -> Envelope:
        return _seal(self, next(self._numbers), self._utc(), message, headers, correlation_id)


def _seal(
    recipient: AgentRef[Any],
    number: int,
    time: datetime,
    message: Any,
    headers: Mapping[str, str],
    correlation_id: str | None,
) -> Envelope:
    context = here.context
    envelope = object.__new__(Envelope)
    envelope._message = message
    envelope._recipient = recipient
    envelope._sender = None if context is None else context.cell.ref
    envelope._number = number
    envelope._time = time
    envelope._headers = headers
    envelope._correlation_id = correlation_id
    return envelope


def seal(ref: AgentRef[Any], message: Any, headers: Mapping[str, str] | None, correlation_id: str | None) -> Envelope:
    """Give the envelope in which the agent whose code runs here would send this message; checks all of it."""
    if not isinstance(ref, AgentRef):
        raise ValueError(f"ref: an AgentRef, not {printed(ref)}")
    if correlation_id is not None and not isinstance(correlation_id, str):
        raise ValueError(f"correlation_id: text or None, not {printed(correlation_id)}")
    written = _NO_HEADERS if headers is None else _copy(headers)
    if isinstance(ref, TypedRef):
        message = TypedRef.admit(ref, message)
    elif isinstance(message, Envelope):
        message = message.message
    system = ref._cell.system
    return _seal(ref, next(numbers_of(system)), wall_clock(system.clock)(), message, written, correlation_id)


def _copy(headers: Mapping[str, str]) -> Mapping[str, str]:
    if not isinstance(headers, Mapping) or not all(isinstance(each, str) for item in headers.items() for each in item):
        raise ValueError(f"headers: a mapping of names to text, not {printed(headers)}")
    return MappingProxyType(dict(headers))


def post(
    ref: Target[M], message: M, *, headers: Mapping[str, str] | None = None, correlation_id: str | None = None
) -> Envelope:
    """Send a message with what belongs to it, and give its envelope; as `tell`, which it costs no more than.

    An Enveloped agent finds all of it in `self.envelope`; any other gets the message alone. Through a router or a pool,
    such as by `post(router, Send("ann", message))`, what is written reaches its members, each in an envelope of its
    own. Raises what `tell` raises, or ValueError for headers or a correlation id that are no text.
    """
    target: Any = ref
    envelope = seal(target, message, headers, correlation_id)
    if isinstance(target, EnvelopedRef) and not isinstance(envelope.message, _BARE):
        AgentRef.tell(target, envelope)
    else:
        with written(envelope):
            target.tell(envelope.message)
    return envelope


@contextmanager
def written(envelope: Envelope) -> Iterator[None]:
    """Have what is written on an envelope stand on those, too, in which its message, or what that holds, goes on."""
    outer = _hand.message, _hand.headers, _hand.correlation_id
    _hand.message, _hand.headers, _hand.correlation_id = envelope._message, envelope._headers, envelope._correlation_id
    try:
        yield
    finally:
        _hand.message, _hand.headers, _hand.correlation_id = outer


def _is_in(message: Any, sent: Any) -> bool:
    """Whether this very message was sent, or is inside of what was: a request to somebody to deliver it."""
    for _ in range(_DEEPEST):
        if sent is message:
            return True
        sent = getattr(sent, "message", None)
    return False


class Enveloped(Agent):
    """Lets an agent see what is known of the message in hand: `class Reviewer(Enveloped)`, and `self.envelope`.

    Its handlers get the message itself, as ever. Interceptors and dead letters show it without its envelope, too.
    """

    ref_class = EnvelopedRef
    _envelope: Envelope | None = None

    @property
    def envelope(self) -> Envelope | None:
        """The envelope of the message in hand; None for what the framework itself tells: timers, `Terminated`."""
        return self._envelope

    def _around(self, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def receive(item: Any) -> Any:
            if not isinstance(item, Envelope):
                return handler(item)
            self._envelope = item
            try:
                return handler(item._message)
            finally:
                self._envelope = None

        return receive


def numbers_of(system: ActorSystem) -> Iterator[int]:
    """Give the numbers of a system's envelopes and questions: each once."""
    numbers = _numbers.get(system)
    if numbers is None:
        with _numbers_lock:
            numbers = _numbers.setdefault(system, itertools.count(1))
    return numbers
