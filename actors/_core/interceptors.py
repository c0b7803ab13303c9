"""What if somebody stands between an agent and its messages?

An interceptor is called on the agent's turn, in place of the handler, and decides what becomes of the message. So an
agent without one is as it was: its handler is called directly. Whatever the interceptor does, each message ends as it
does without: handled, a dead letter, or still queued.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from actors._core.checks import is_seconds
from actors._core.context import Context
from actors._core.errors import AskDropped, InterceptionError, printed
from actors._core.future import Ask
from actors._core.here import check_fence, here
from actors._core.mailbox import Uncounted
from actors._core.path import path_matches, split

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.clock import Timer
    from actors._core.ref import AgentRef

HOOKS = ("__init__", "on_start", "on_stop", "on_failure")
Interceptor = Callable[["Delivery"], object]
Code = Callable[..., Any]


class Interception:
    """One interceptor, where it was put; `cancel()` takes it away, as does the end of a `with` block.

    `arrivals` counts the messages and hooks that it was meant for, `hits` those of them that it was called with.
    """

    def __init__(self, home: Interceptors, interceptor: Interceptor, path: str, on: Any, nth: Any) -> None:
        if not callable(interceptor):
            raise ValueError(f"interceptor: a callable that takes a Delivery, not {interceptor!r}")
        self.interceptor = interceptor
        self.parts = split(path)
        self.hook = on if isinstance(on, str) else None
        self.arrivals = 0
        self.hits = 0
        self._home = home
        self._path = path
        self._wants = _wants(on)
        self._nth = _numbers(nth)
        # Guards the two counts.
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Intercept nothing more; what it holds in hand, or has delayed, goes its way. Any thread, also twice."""
        self._home.remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def covers(self, names: list[str]) -> bool:
        """Tell whether it is meant for the agent at this path."""
        return path_matches(names, self.parts)

    def meets(self, hook: str | None, message: Any) -> bool:
        """Count the message or hook if it is one of those, and tell whether the interceptor is to be called with it."""
        if hook != self.hook or (hook is None and not self._wants(message)):
            return False
        with self._lock:
            self.arrivals += 1
            return self._nth is None or self.arrivals in self._nth

    def call(self, delivery: Delivery) -> None:
        with self._lock:
            self.hits += 1
        self.interceptor(delivery)

    def __repr__(self) -> str:
        return f"<Interception {self._path} {printed(self.interceptor)}: {self.hits} of {self.arrivals}>"


class Returned(Uncounted):
    """A message that an interceptor has put into the mailbox; outside the bound, never refused.

    `item` is the message, or its ask. The interceptions in `known` are not asked about it any more; those in `rest`
    have been, and it has yet to pass them.
    """

    __slots__ = ("item", "known", "rest", "timer")

    def __init__(self, item: Any, known: frozenset[Interception], rest: tuple[Interception, ...] = ()) -> None:
        self.item = item
        self.known = known
        self.rest = rest
        self.timer: Timer | None = None

    @property
    def message(self) -> Any:
        return self.item.message if isinstance(self.item, Ask) else self.item


@dataclass(frozen=True, slots=True)
class _Arrival:
    """A message, or a hook, that has reached an agent; `code` is what happens to it without interceptors."""

    home: Interceptors
    context: Context
    hook: str | None
    message: Any
    code: Code
    active: tuple[Interception, ...]
    known: frozenset[Interception]


class Interceptors:
    """All interceptions of one system, and the messages that they have delayed."""

    def __init__(self) -> None:
        # In the order in which they came: the first is the outermost.
        self.active: tuple[Interception, ...] = ()
        self._delayed: dict[Cell, dict[Returned, None]] = {}
        # Guards the replacement of the tuple, and the delayed messages. No other lock and no user code under it.
        self._lock = threading.Lock()

    # -- who is there -------------------------------------------------------------

    def add(self, interception: Interception) -> None:
        with self._lock:
            self.active = (*self.active, interception)

    def remove(self, interception: Interception) -> None:
        # The agents find out for themselves, when their next message comes.
        with self._lock:
            self.active = tuple(other for other in self.active if other is not interception)

    def attach(self, cell: Cell) -> None:
        """Have a living agent's messages pass here; the interception was added before.

        An incarnation that starts, or changes its handler, at this moment writes its handler first and then looks
        whether an interception is there: so one of the two writes what holds.
        """
        context = cell.context
        if context is not None and cell.parent is not None:
            context.receive = self.receive

    def concern(self, cell: Cell) -> bool:
        """Tell whether any interception is meant for the agent."""
        active = self.active
        if not active or cell.parent is None:
            return False
        names = split(cell.path)
        return any(interception.covers(names) for interception in active)

    # -- what arrives -------------------------------------------------------------

    def receive(self, message: Any) -> Any:
        """What an agent has for a handler while an interception is meant for it."""
        context = here.context
        assert context is not None
        if not self.concern(context.cell):
            context.bind()
        return self._pass(context, None, message, lambda: context.handler()(message))

    def call(self, context: Context, handler: Callable[[Any, Any], Any], message: Any) -> Any:
        """Handle a message of a proxy."""
        return self._pass(context, None, message, partial(handler, context.agent, message))

    def around(self, context: Context, hook: str, code: Code) -> Code:
        """Give what is to be called for a hook."""
        if not self.concern(context.cell):
            return code
        return lambda *args, **kwargs: self._pass(context, hook, None, partial(code, *args, **kwargs))

    def _pass(self, context: Context, hook: str | None, message: Any, code: Code) -> Any:
        returned, context.returned = context.returned, None
        known = frozenset[Interception]() if returned is None else returned.known
        rest = () if returned is None else returned.rest
        active = self.active
        names = split(context.cell.path)
        # All are asked before the first is called: each counts what arrives, whatever the others do to it.
        chain = tuple(
            each
            for each in active
            if each in rest or (each not in known and each.covers(names) and each.meets(hook, message))
        )
        return _run(_Arrival(self, context, hook, message, code, active, known), chain)

    # -- what has been delayed ----------------------------------------------------

    def delay(self, cell: Cell, returned: Returned, seconds: float) -> None:
        """Put the message back into the mailbox in so many seconds; a dead letter if the agent has ended by then."""
        with self._lock:
            self._delayed.setdefault(cell, {})[returned] = None
        clock = cell.system.clock
        returned.timer = clock.call_at(clock.now() + seconds, partial(self._bring_back, cell, returned))

    def _bring_back(self, cell: Cell, returned: Returned) -> None:
        with self._lock:
            waiting = self._delayed.get(cell, {})
            if returned not in waiting:
                return
            del waiting[returned]
        cell.queue_tick(returned)

    def end(self, cell: Cell) -> None:
        """The agent takes no more messages: what was delayed comes too late."""
        with self._lock:
            late = self._delayed.pop(cell, {})
        for returned in late:
            assert returned.timer is not None  # as both happens on the agent's turn
            returned.timer.cancel()
            cell.dead_letter(returned, "stopped")


def _run(arrival: _Arrival, chain: tuple[Interception, ...]) -> Any:
    """Have the first of the chain settle what has arrived, or the agent itself where none is left."""
    if not chain:
        return arrival.code()
    delivery = Delivery(arrival, chain[0], chain[1:])
    try:
        chain[0].call(delivery)
        return delivery._result()
    finally:
        delivery._stage = _Stage.OVER


class _Stage(Enum):
    """How far an interceptor is with a delivery."""

    ARRIVED = "there"
    HANDED_ON = "handed on"  # to the handler, which has not returned, or has raised
    HANDLED = "handled"
    ANSWERED = "answered"  # by the interceptor
    ELSEWHERE = "dropped or delayed"
    OVER = "over"  # the interceptor has returned


_MAY_HAND_ON = (_Stage.ARRIVED,)
_MAY_ANSWER = (_Stage.ARRIVED, _Stage.HANDED_ON, _Stage.HANDLED)
_SETTLED = (_Stage.HANDLED, _Stage.ANSWERED, _Stage.ELSEWHERE)
_ANY = tuple(_Stage)


class Delivery:
    """A message, or a hook, that has reached an agent, in the hands of an interceptor.

    The interceptor has to settle it before it returns, by `proceed`, `answer`, `drop` or `delay`, or it raises, which
    counts as raised by the handler. Used on the agent's turn only, until the interceptor returns; else, and where a
    step makes no sense, InterceptionError is raised.

    - `path`, `incarnation`, `ref`: of the agent.
    - `message`: what has arrived; None for a hook.
    - `hook`: the name of the hook that is about to run, or None.
    - `asked`: whether somebody waits for an answer.
    """

    __slots__ = ("_arrival", "_interception", "_rest", "_stage", "_value", "asked", "hook", "message")

    def __init__(self, arrival: _Arrival, interception: Interception, rest: tuple[Interception, ...]) -> None:
        context = arrival.context
        self.message = arrival.message
        self.hook = arrival.hook
        self.asked = arrival.hook is None and (context.ask is not None or context.asker is not None)
        self._arrival = arrival
        self._interception = interception
        self._rest = rest
        self._stage = _Stage.ARRIVED
        self._value: Any = None

    @property
    def path(self) -> str:
        return self._arrival.context.path

    @property
    def incarnation(self) -> int:
        return self._arrival.context.incarnation

    @property
    def ref(self) -> AgentRef[Any]:
        return self._arrival.context.ref

    # -- what becomes of it -------------------------------------------------------

    def proceed(self) -> Any:
        """Let it go on, to the interceptors that came later and then to the agent; gives what the handler gives.

        Raises what the handler raises, which is settled by being raised on, or by `answer`. Gives None where a later
        interceptor dropped or delayed it. Raises Cancelled if the agent was abandoned meanwhile.
        """
        self._check("proceed", _MAY_HAND_ON)
        check_fence()
        self._stage = _Stage.HANDED_ON
        self._value = _run(self._arrival, self._rest)
        self._stage = _Stage.HANDLED
        return self._value

    def answer(self, value: Any) -> None:
        """Have it handled, and give an asker this value: in place of the handler, or of what the handler gave."""
        self._check("answer", _MAY_ANSWER, hooks=False)
        self._value = value
        self._stage = _Stage.ANSWERED

    def drop(self, reason: str = "dropped by an interceptor") -> None:
        """Make it a dead letter. An ask ends at its deadline; one without a deadline at once, with AskDropped."""
        if not isinstance(reason, str):
            raise ValueError(f"reason: a str, not {reason!r}")
        self._check("drop", _MAY_HAND_ON, hooks=False)
        cell = self._arrival.context.cell
        dropped: list[Any] = []
        self._arrival.context.set_aside(dropped.append)
        self._stage = _Stage.ELSEWHERE
        ask = dropped[0]
        if isinstance(ask, Ask) and ask.deadline is None:
            ask.resolve(error=AskDropped(cell.path, reason))
        cell.dead_letter(self.message, reason)

    def delay(self, seconds: float) -> None:
        """Put it back at the end of the mailbox in so many seconds, by the system's clock.

        It waits through restarts, is a dead letter if the agent has ended by then, and takes up no room in a bounded
        mailbox. An ask stays open until it is answered or its own deadline has come. When it arrives it has this
        interceptor behind it, and goes on to those that came later.
        """
        if not is_seconds(seconds):
            raise ValueError(f"seconds: 0 or more, not {seconds!r}")
        self._check("delay", _MAY_HAND_ON, hooks=False)
        self._arrival.context.set_aside(partial(self._put_off, seconds))
        self._stage = _Stage.ELSEWHERE

    def _put_off(self, seconds: float, item: Any) -> None:
        arrival = self._arrival
        known = arrival.known.union(arrival.active)
        returned = Returned(item if isinstance(item, Ask) else self.message, known, self._rest)
        arrival.home.delay(arrival.context.cell, returned, seconds)

    def duplicate(self) -> None:
        """Put the same message at the end of the mailbox once more, told by nobody. This one has yet to be settled.

        The copy passes all interceptors but this one, and takes up no room in a bounded mailbox.
        """
        self._check("duplicate", _ANY, hooks=False)
        check_fence()
        cell = self._arrival.context.cell
        cell.queue_tick(Returned(self.message, self._arrival.known | {self._interception}))

    # -- rules --------------------------------------------------------------------

    def _check(self, what: str, stages: Iterable[_Stage], hooks: bool = True) -> None:
        if self._stage is _Stage.OVER or here.context is not self._arrival.context:
            raise self._error(f"cannot {what} later than it returns, or on another thread")
        if self.hook is not None and not hooks:
            raise self._error(f"cannot {what} a hook, only let it proceed, or raise")
        if self._stage not in stages:
            raise self._error(f"cannot {what} what is {self._stage.value} already")

    def _result(self) -> Any:
        if self._stage not in _SETTLED:
            raise self._error("has returned without having settled it: call proceed, answer, drop or delay, or raise")
        return self._value

    def _error(self, text: str) -> InterceptionError:
        what = self.hook if self.hook is not None else printed(self.message, 80)
        return InterceptionError(self.path, f"the interceptor {printed(self._interception.interceptor)} {text}: {what}")

    def __repr__(self) -> str:
        what = self.hook if self.hook is not None else printed(self.message, 80)
        return f"<Delivery {self.path} #{self.incarnation}: {what}>"


def _wants(on: Any) -> Callable[[Any], Any]:
    """Give the test of a message that `on` stands for."""
    if isinstance(on, str) and on in HOOKS:
        return lambda message: False
    if isinstance(on, type) or (isinstance(on, tuple) and on and all(isinstance(kind, type) for kind in on)):
        return lambda message: isinstance(message, on)
    if callable(on):
        return on  # type: ignore[no-any-return]
    raise ValueError(f"on: a type, types, a predicate, or one of {', '.join(HOOKS)}, not {on!r}")


def _numbers(nth: Any) -> Collection[int] | None:
    """Give the numbers that `nth` stands for; None is all."""
    if nth is None or (isinstance(nth, range) and nth and min(nth[0], nth[-1]) > 0):
        return nth
    numbers = tuple(nth) if isinstance(nth, Iterable) else (nth,)
    if not numbers or not all(type(number) is int and number > 0 for number in numbers):
        raise ValueError(f"nth: a whole number from 1 on, some of them, or None for all, not {nth!r}")
    return frozenset(numbers)
