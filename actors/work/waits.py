"""What does work wait for, and how does that always end?

With a value, with an answer that stands for none, or with `Cancelled` at once when the work is given up. All of it is
waited for as any ask is: it counts where agents wait for one another, and goes by the system's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from actors._core.checks import check_timeout, is_seconds
from actors._core.errors import AgentStoppedError, AskTimeout, Cancelled
from actors._core.future import AgentFuture, Ask
from actors._core.here import here
from actors._core.ref import AgentRef
from actors.guard.cancel import CancelToken
from actors.typed import TypedRef
from actors.work.waiting import wait_on_clock

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.context import Context
    from actors._core.system import ActorSystem
    from actors.work.standing import Standing

T = TypeVar("T")
_TIMES = 5


class Question(AgentFuture[T]):
    """The answer of another agent, asked for again where that was restarted before it gave one.

    `timeout`: seconds for all of that, None is without limit. `without(error)` gives the answer that stands for none,
    or raises. `times`: how often it is asked again, of one that may be restarted because of it. Settled by whoever
    settles the ask.
    """

    def __init__(
        self,
        ref: AgentRef[Any],
        message: Any,
        token: CancelToken,
        without: Callable[[BaseException], T],
        timeout: float | None = None,
        times: float = _TIMES,
    ) -> None:
        super().__init__()
        check_timeout(timeout)
        self._ref = ref
        self._message = message
        self._held_by = token
        self._without = without
        self._timeout = timeout
        self._deadline = None if timeout is None else ref._cell.system.clock.now() + timeout
        self._context = here.context
        self._left_over = times
        self._take_from(lambda: ref.ask(message, block=False, timeout=timeout))

    @property
    def cell(self) -> Cell:
        """Whom this waits for, for those who look for agents that wait for one another."""
        return self._ref._cell

    def _take_from(self, ask: Callable[[], AgentFuture[Any]]) -> None:
        try:
            source = ask()
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
            if self._ref.is_alive() and self._left_over > 0:
                self._left_over -= 1
                self._take_from(self._ask_again)
            else:
                self._answer_without(error)
        except BaseException as error:
            self._answer_without(error)
        else:
            self.resolve(value)

    def _ask_again(self) -> AgentFuture[Any]:
        """Ask in the name of the worker, on the thread that ends the other's incarnation: so never wait for room."""
        cell = self._ref._cell
        if self._deadline is not None and cell.system.clock.now() >= self._deadline:
            raise AskTimeout(self._ref.path, self._timeout or 0.0)
        outer: Context | None = here.context
        here.context = self._context
        try:
            kind = type(self._ref).ask
            if kind is not AgentRef.ask and kind is not TypedRef.ask:
                return self._ref.ask(self._message, block=False, timeout=self._left())
            ask: Ask[Any] = Ask(self._ref.admit(self._message), cell, self._context, self._deadline)
            cell.offer(ask)
            return ask
        finally:
            here.context = outer

    def _left(self) -> float | None:
        return None if self._deadline is None else self._deadline - self._ref._cell.system.clock.now()

    def _answer_without(self, error: BaseException) -> None:
        try:
            self.resolve(self._without(error))
        except BaseException as raised:
            self.resolve(error=raised)

    def _wait(self, timeout: float | None) -> bool:
        return wait_on_clock(self, self._ref._cell.system, timeout, self)


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


class Standstill(AgentFuture[None]):
    """Settled when a worker that is interrupted goes on."""

    def __init__(self, system: ActorSystem, standing: Standing, token: CancelToken) -> None:
        super().__init__()
        self._system = system
        token.hold(self)
        self.add_done_callback(standing.on_resume(self._over))

    def _over(self) -> None:
        self.resolve()

    def _wait(self, timeout: float | None) -> bool:
        return wait_on_clock(self, self._system, timeout)


def settled(value: T) -> AgentFuture[T]:
    """Give a future that has its value already."""
    future: AgentFuture[T] = AgentFuture()
    future.resolve(value)
    return future
