"""What may an interceptor do with a message that it has in hand, and what becomes of one that it has put back?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any

from actors._core.checks import is_seconds
from actors._core.context import Context
from actors._core.errors import AskDropped, InterceptionError, printed
from actors._core.future import Ask
from actors._core.here import check_fence, here
from actors._core.mailbox import Uncounted
from actors._core.messages import DeadLetterReason, enclosed

if TYPE_CHECKING:
    from actors._core.clock import Timer
    from actors._core.interceptors import Interception, Interceptors
    from actors._core.ref import AgentRef


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
class Arrival:
    """A message, or a hook, that has reached an agent; `code` is what happens to it without interceptors."""

    home: Interceptors
    context: Context
    hook: str | None
    message: Any
    code: Callable[[], Any]
    active: tuple[Interception, ...]
    known: frozenset[Interception]


def run(arrival: Arrival, chain: tuple[Interception, ...]) -> Any:
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

    def __init__(self, arrival: Arrival, interception: Interception, rest: tuple[Interception, ...]) -> None:
        context = arrival.context
        self.message = enclosed(arrival.message)
        self.hook = arrival.hook
        self.asked = arrival.hook is None and context.asked
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
        self._value = run(self._arrival, self._rest)
        self._stage = _Stage.HANDLED
        return self._value

    def answer(self, value: Any) -> None:
        """Have it handled, and give an asker this value: in place of the handler, or of what the handler gave."""
        self._check("answer", _MAY_ANSWER, hooks=False)
        self._value = value
        self._stage = _Stage.ANSWERED

    def drop(self, reason: str = DeadLetterReason.DROPPED) -> None:
        """Make it a dead letter, whose `detail` is the reason given.

        An ask ends at its deadline, one without a deadline at once with AskDropped; so does one with a deadline if the
        agent ends before that.
        """
        if not isinstance(reason, str):
            raise ValueError(f"reason: a str, not {reason!r}")
        self._check("drop", _MAY_HAND_ON, hooks=False)
        cell = self._arrival.context.cell
        dropped: list[Any] = []
        self._arrival.context.set_aside(dropped.append)
        self._stage = _Stage.ELSEWHERE
        detail = None if reason == DeadLetterReason.DROPPED else reason
        cell.dead_letter(self.message, DeadLetterReason.DROPPED, detail=detail)
        ask = dropped[0]
        if isinstance(ask, Ask):
            error = AskDropped(cell.path, reason)
            if ask.deadline is None:
                ask.resolve(error=error)
            else:
                self._arrival.home.lose(cell, ask, error)

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
        returned = Returned(item if isinstance(item, Ask) else arrival.message, known, self._rest)
        arrival.home.delay(arrival.context.cell, returned, seconds)

    def duplicate(self) -> None:
        """Put the same message at the end of the mailbox once more, told by nobody. This one has yet to be settled.

        The copy passes all interceptors but this one, and takes up no room in a bounded mailbox.
        """
        self._check("duplicate", _ANY, hooks=False)
        check_fence()
        cell = self._arrival.context.cell
        cell.queue_tick(Returned(self._arrival.message, self._arrival.known | {self._interception}))

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
