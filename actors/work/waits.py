"""What does work wait for, and how does that always end?

With a value, with an answer that stands for none, or with `Cancelled` at once when the work is given up. All of it is
waited for as any ask is: it counts where agents wait for one another, and goes by the system's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from actors._core.checks import check_timeout, is_seconds
from actors._core.errors import AgentStoppedError, Cancelled
from actors._core.future import AgentFuture
from actors._core.here import begin_wait, end_wait, here
from actors.work.cancel import CancelToken

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.clock import Timer
    from actors._core.context import Context
    from actors._core.ref import AgentRef
    from actors._core.system import ActorSystem

T = TypeVar("T")
_TIMES = 5  # that a question is asked again of one that was restarted over it


class Question(AgentFuture[T]):
    """The answer of another agent, asked for again where that was restarted before it gave one.

    `without(error)` gives the answer that stands for none, or raises. Settled by whoever settles the ask.
    """

    def __init__(
        self,
        ref: AgentRef[Any],
        ask: Callable[[], AgentFuture[Any]],
        token: CancelToken,
        without: Callable[[BaseException], T],
    ) -> None:
        super().__init__()
        self._ref = ref
        self._ask = ask
        self._held_by = token
        self._without = without
        self._asked_times = 0
        self._ask_now()

    @property
    def cell(self) -> Cell:
        """Whom this waits for, for those who look for agents that wait for one another."""
        return self._ref._cell

    def _ask_now(self) -> None:
        self._asked_times += 1
        try:
            source = self._ask()
        except BaseException as error:
            self._answer_without(error)
            return
        self._held_by.hold(source)
        source.add_done_callback(lambda: self._take(source))

    def _take(self, source: AgentFuture[Any]) -> None:
        try:
            value = source.get()
        except Cancelled as error:
            self.resolve(error=error)
        except AgentStoppedError as error:
            if self._ref.is_alive() and self._asked_times <= _TIMES:
                self._ask_now()
            else:
                self._answer_without(error)
        except BaseException as error:
            self._answer_without(error)
        else:
            self.resolve(value)

    def _answer_without(self, error: BaseException) -> None:
        try:
            self.resolve(self._without(error))
        except BaseException as raised:
            self.resolve(error=raised)

    def _wait(self, timeout: float | None) -> bool:
        return wait_on_clock(self, self._ref._cell.system, timeout)


class Rest(AgentFuture[None]):
    """Settled after some seconds, by the clock of a system."""

    def __init__(self, system: ActorSystem, seconds: float, token: CancelToken) -> None:
        if not is_seconds(seconds):
            raise ValueError(f"seconds: 0 or more, not {seconds!r}")
        super().__init__()
        self._system = system
        token.hold(self)
        if not seconds:
            self.resolve()
        if not self.settled:
            clock = system.clock
            timer = clock.call_at(clock.now() + seconds, self._over)
            self.add_done_callback(timer.cancel)

    def _over(self) -> None:
        self.resolve()

    def _wait(self, timeout: float | None) -> bool:
        return wait_on_clock(self, self._system, timeout)


def wait_on_clock(future: AgentFuture[Any], system: ActorSystem, timeout: float | None) -> bool:
    """Wait for a future by the clock of a system; a cycle of agents that wait for one another raises AskCycleError.

    The wait does not count against the deadline of the agent that waits: see `_Beats`.
    """
    check_timeout(timeout)
    clock = system.clock
    deadline = None if timeout is None else clock.now() + timeout
    context = here.context
    if context is None:
        return clock.wait(future, deadline)
    if isinstance(future, Question):
        begin_wait(context.cell, future)
    beats = _Beats(context)
    context.system.pool.make_room()
    try:
        over = clock.wait(future, deadline)
    finally:
        beats.end()
        if isinstance(future, Question):
            end_wait(context.cell, future)
    context.heartbeat()
    return over


class _Beats:
    """Keeps the deadline of an agent away while it waits: a heartbeat at each half of it, if it has one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._over = False
        self._timer: Timer | None = None
        deadline = context.cell.spec.deadline
        if deadline is not None:
            self._every = deadline / 2
            self._arm()

    def _arm(self) -> None:
        clock = self._context.system.clock
        self._timer = clock.call_at(clock.now() + self._every, self._beat)
        self._timer.moot = _moot

    def _beat(self) -> None:
        try:
            if not self._over:
                self._context.heartbeat()
        except Cancelled:
            return  # it was abandoned all the same, or has ended
        if not self._over:
            self._arm()

    def end(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()


def _moot() -> bool:
    """A beat alone changes nothing for any agent."""
    return True


def settled(value: T) -> AgentFuture[T]:
    """Give a future that has its value already."""
    future: AgentFuture[T] = AgentFuture()
    future.resolve(value)
    return future
