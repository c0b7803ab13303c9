"""What if somebody stands between an agent and its messages?

An interceptor is called on the agent's turn, in place of the handler, and decides what becomes of the message. So an
agent without one is as it was: its handler is called directly. Whatever the interceptor does, each message ends as it
does without: handled, a dead letter, or still queued.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from actors._core.delivery import Arrival, Delivery, Returned, run
from actors._core.errors import printed
from actors._core.future import AgentFuture, Ask
from actors._core.here import here
from actors._core.messages import DeadLetterReason, enclosed
from actors._core.path import path_matches, split

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.context import Context

HOOKS = ("__init__", "on_start", "on_stop", "on_failure")
Interceptor = Callable[[Delivery], object]
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
        if hook != self.hook or (hook is None and not self._wants(enclosed(message))):
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


class Interceptors:
    """All interceptions of one system, and the messages that they have delayed."""

    def __init__(self) -> None:
        # In the order in which they came: the first is the outermost.
        self.active: tuple[Interception, ...] = ()
        self._delayed: dict[Cell, dict[Returned, None]] = {}
        self._lost: dict[Cell, dict[Ask[Any], BaseException]] = {}
        # Guards the replacement of the tuple, the delayed messages and the lost asks. No other lock and no user code
        # under it.
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
        return run(Arrival(self, context, hook, message, code, active, known), chain)

    # -- what has been dropped or delayed -----------------------------------------

    def lose(self, cell: Cell, ask: Ask[Any], error: BaseException) -> None:
        """See that an ask which nobody answers ends with its deadline, or with the agent: then with `error`."""
        with self._lock:
            self._lost.setdefault(cell, {})[ask] = error

        def forget() -> None:
            with self._lock:
                self._lost.get(cell, {}).pop(ask, None)

        AgentFuture.add_done_callback(ask, forget)
        if not cell.ref.is_alive():
            # It was abandoned over this message, and has ended meanwhile.
            self._end_lost(cell)

    def _end_lost(self, cell: Cell) -> None:
        with self._lock:
            lost = self._lost.pop(cell, {})
        for ask, error in lost.items():
            ask.resolve(error=error)

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
        """The agent takes no more messages: what was delayed comes too late, what was dropped has no answer."""
        self._end_lost(cell)
        with self._lock:
            late = self._delayed.pop(cell, {})
        for returned in late:
            assert returned.timer is not None  # as both happens on the agent's turn
            returned.timer.cancel()
            cell.dead_letter(returned, DeadLetterReason.STOPPED)


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
