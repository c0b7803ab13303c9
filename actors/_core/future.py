"""How does an answer reach the one who waits for it?

An `AgentFuture` is set once, by whoever is first; a later answer is refused and never raises in an agent. It is waited
for by threads (`get`), by asyncio (`await`, the loop stays free) and by callbacks.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import queue
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast

from loguru import logger

from actors._core._pykka import Future
from actors._core.checks import check_timeout
from actors._core.errors import AskTimeout, printed
from actors._core.here import begin_wait, end_wait, here

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.context import Context

T = TypeVar("T")
J = TypeVar("J")
M = TypeVar("M")
ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
_new_lock = threading.Lock
# Guards the making of a future's list of callbacks, by the first of those who add one. Nothing else under it.
_callbacks_lock = threading.Lock()


class AgentFuture(Future[T]):
    """A value, or an error, that is there now or later; a `pykka.Future` that holds no lock while it waits."""

    _get_hook: Callable[[float | None], T] | None = None

    def __init__(self) -> None:
        # Whoever pops the token may settle the future: pop is atomic, so that is one thread.
        self._token: list[None] = [None]
        # Held until the future is settled, then handed from one waiter to the next.
        self.gate = _new_lock()
        self.gate.acquire()
        self.settled = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._traceback: TracebackType | None = None
        self._callbacks: list[Callable[[], None]] | None = None

    # -- settling -----------------------------------------------------------------

    def resolve(self, value: Any = None, error: BaseException | None = None) -> bool:
        """Settle the future, unless it is settled already; tells which. Never blocks, never raises."""
        try:
            self._token.pop()
        except IndexError:
            return False
        self._value = value
        if error is not None:
            self._error = error
            self._traceback = error.__traceback__
        self.settled = True
        self.gate.release()
        self._call_back()
        return True

    def set(self, value: T | None = None) -> None:
        """Settle the future with `value`; raises `queue.Full` when it is settled or has a hook."""
        if not self.resolve(value):
            raise queue.Full

    def set_exception(self, exc_info: ExcInfo | None = None) -> None:
        """Settle the future with an error, by default the one being handled; raises `queue.Full` as `set` does."""
        kind, error, traceback = exc_info if exc_info is not None else sys.exc_info()
        if error is None:
            if kind is None:
                raise ValueError("there is no exception to set")
            error = kind()
        if not self.resolve(error=error.with_traceback(traceback) if traceback else error):
            raise queue.Full

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        """Let `get` call `func(timeout)`, once; raises `queue.Full` when the future is settled."""
        try:
            self._token.pop()
        except IndexError:
            raise queue.Full from None
        self._get_hook = func
        self._settle_lock = _new_lock()
        self.gate.release()

    # -- waiting ------------------------------------------------------------------

    def get(self, *, timeout: float | None = None) -> T:
        """Give the value or raise the error; blocks, at most `timeout` seconds, then raises `AskTimeout`."""
        if self._get_hook is not None:
            return self._get_from_hook(timeout)
        if not self.settled and not self._wait(timeout):
            raise AskTimeout(self._asked(), timeout or 0.0)
        if self._get_hook is not None:
            # It was set while this thread waited.
            return self._get_from_hook(timeout)
        return self._result()

    def _get_from_hook(self, timeout: float | None) -> T:
        # The hook runs before the lock is taken, so that a second caller's timeout is kept.
        if not self.settled:
            hook = cast("Callable[[float | None], T]", self._get_hook)
            value = hook(timeout)
            with self._settle_lock:
                if not self.settled:
                    self._value = value
                    self.settled = True
            self._call_back()
        return cast("T", self._value)

    def _wait(self, timeout: float | None) -> bool:
        check_timeout(timeout)
        return self._pass_gate(-1 if timeout is None else min(max(0.0, timeout), threading.TIMEOUT_MAX))

    def _pass_gate(self, seconds: float) -> bool:
        if here.scheduler is not None:
            return here.scheduler.wait(lambda: self.settled, None if seconds < 0 else seconds)
        work = here.work
        if work is None or not seconds:
            return self._acquire_gate(seconds)
        with work.waits_for(self):
            return self._acquire_gate(seconds)

    def _acquire_gate(self, seconds: float) -> bool:
        if not self.gate.acquire(timeout=seconds):
            return self.settled
        self.gate.release()
        return True

    def _result(self) -> T:
        if self._error is not None:
            raise self._error.with_traceback(self._traceback)
        return cast("T", self._value)

    def _asked(self) -> str | None:
        return None

    def _now(self) -> float:
        """The time by which this future's timeouts go, in seconds."""
        return time.monotonic() if here.scheduler is None else here.scheduler.now()

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when the future is settled, at once if it is; on the thread that settles it."""
        if self._callbacks is None:
            with _callbacks_lock:
                self._callbacks = [] if self._callbacks is None else self._callbacks
        self._callbacks.append(callback)
        if self.settled:
            self._call_back()

    def _call_back(self) -> None:
        # Appended first and looked at after: whoever comes second finds the callback, and pop gives it to one of them.
        while self._callbacks:
            try:
                callback = self._callbacks.pop(0)
            except IndexError:
                return
            try:
                callback()
            except BaseException as error:
                # Whatever it is, it is the callback's own; the thread that settles the future has an agent to run.
                logger.opt(exception=error).error("a callback of a future failed: {}", printed(callback))

    def __await__(self) -> Generator[Any, None, T]:
        if not self.settled:
            yield from self._wake_loop().__await__()
        return self.get(timeout=0 if self.settled else None)

    __iter__ = __await__

    def _wake_loop(self) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        if self._get_hook is not None:
            return loop.run_in_executor(None, self.get)
        waiting = loop.create_future()

        def wake() -> None:
            if not waiting.done():
                waiting.set_result(None)

        def settled() -> None:
            # The loop may have been closed meanwhile: then nobody waits any more.
            if not loop.is_closed():
                loop.call_soon_threadsafe(wake)

        self.add_done_callback(settled)
        return waiting

    # -- deriving -----------------------------------------------------------------

    def map(self, func: Callable[[T], M]) -> AgentFuture[M]:
        """Give a future of `func(value)`; `func` runs once, on the thread that gets the value first."""
        return Derived((self,), lambda values: func(values[0]))

    def filter(self: AgentFuture[Iterable[J]], func: Callable[[J], bool]) -> AgentFuture[Iterable[J]]:
        """Give a future of the items of the value for which `func(item)` holds, as a list."""
        return Derived((self,), lambda values: list(filter(func, values[0])))

    def join(self, *futures: Future[Any]) -> AgentFuture[Iterable[Any]]:
        """Give a future of the list of this value and those of `futures`; one timeout holds for all."""
        return Derived((self, *futures), list)

    def reduce(self: AgentFuture[Iterable[J]], func: Callable[[Any, J], Any], *args: Any) -> AgentFuture[Any]:
        """Give a future of the items of the value reduced with `func` from the left, as `functools.reduce` does."""
        return Derived((self,), lambda values: functools.reduce(func, values[0], *args))

    def __repr__(self) -> str:
        state = "pending" if not self.settled else f"error={self._error!r}" if self._error else f"value={self._value!r}"
        return f"<AgentFuture {state}>"


class Derived(AgentFuture[T]):
    """A future computed from others, once, by the first that gets it; nothing is held while the others are awaited."""

    def __init__(self, sources: tuple[Future[Any], ...], combine: Callable[[list[Any]], Any]) -> None:
        super().__init__()
        self._sources = sources
        self._combine = combine
        # Whoever pops it computes; the others wait for the result.
        self._turn: list[None] = [None]

    def get(self, *, timeout: float | None = None) -> T:
        if not self.settled:
            check_timeout(timeout)
            now = self._now
            deadline = None if timeout is None else now() + timeout
            values = [source.get(timeout=_left(deadline, now)) for source in self._sources]
            self._compute(values)
            left = _left(deadline, now)
            if not self.settled and not self._pass_gate(-1 if left is None else left):
                raise AskTimeout(None, timeout or 0.0)
        return self._result()

    def _now(self) -> float:
        return _clock_of(self._sources)()

    def set(self, value: T | None = None) -> None:
        """Raises `queue.Full`: the value comes from the futures that this one was made of."""
        raise queue.Full

    def set_exception(self, exc_info: ExcInfo | None = None) -> None:
        """Raises `queue.Full`, as `set` does."""
        raise queue.Full

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        """Raises `queue.Full`, as `set` does."""
        raise queue.Full

    def _compute(self, values: list[Any]) -> None:
        try:
            self._turn.pop()
        except IndexError:
            return
        try:
            self.resolve(self._combine(values))
        except BaseException as error:
            # Whatever it is: those who wait for this one computation are not left waiting.
            self.resolve(error=error)

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        waiting = itertools.count(len(self._sources) - 1, -1)

        def one_settled() -> None:
            if next(waiting) == 0:
                callback()

        for source in self._sources:
            if isinstance(source, AgentFuture):
                source.add_done_callback(one_settled)
            else:
                one_settled()

    def __await__(self) -> Generator[Any, None, T]:
        loop = asyncio.get_running_loop()
        for source in self._sources:
            if isinstance(source, AgentFuture):
                yield from source.__await__()
            else:
                yield from loop.run_in_executor(None, source.get).__await__()
        return self.get()

    __iter__ = __await__


class Ask(AgentFuture[T]):
    """One ask: the message, who asks, until when, and the answer. It is what travels through the mailbox.

    Whoever waits for it, with a thread, in asyncio or by a callback, has an answer or an error by its deadline.
    """

    _ends_in_time = False

    def __init__(self, message: Any, cell: Cell, asker: Context | None, deadline: float | None) -> None:
        super().__init__()
        self.message = message
        self.cell = cell
        self.asker = asker
        self._behind = None if asker is None else asker.in_hand  # the ask for which this one is
        self.deadline = deadline
        self.given_up = False

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the answer any more, or the asker is to end, or the ask that it handles by this one.

        What an asker has in hand by now, if it did not wait, is no matter of this ask. It may even be for it: asked by
        whoever handles this.
        """
        if self.given_up or self.asker is None:
            return self.given_up
        behind = self._behind
        return self.asker.is_to_end or (behind is not None and behind is self.asker.in_hand and behind.cancelled)

    def _call_back(self) -> None:
        if self._callbacks:
            outer = here.serving
            here.serving = (*outer, self.cell.system.events)
            super()._call_back()
            here.serving = outer

    def _asked(self) -> str | None:
        return self.cell.path

    def _now(self) -> float:
        return self.cell.system.clock.now()

    def _wait(self, timeout: float | None) -> bool:
        check_timeout(timeout)
        now = self._now()
        until = None if timeout is None else now + timeout
        if self.deadline is None or (until is not None and until < self.deadline):
            return self.wait_until(until)
        if not self.wait_until(self.deadline):
            self._expire(self.deadline - now)
            if not self.settled:
                # Somebody has begun to settle it at this very moment, and is about to be done.
                self.cell.system.clock.wait(self, None)
        return True

    def add_done_callback(self, callback: Callable[[], None]) -> None:
        """As of any future; and the ask ends at its deadline, although no thread may be waiting for it."""
        super().add_done_callback(callback)
        if self.deadline is not None and not self.settled and not self._ends_in_time:
            self._ends_in_time = True
            left = self.deadline - self._now()
            timer = self.cell.system.clock.call_at(self.deadline, lambda: self._expire(left))
            super().add_done_callback(timer.cancel)

    def _expire(self, seconds: float) -> None:
        self.given_up = True
        self.resolve(error=AskTimeout(self.cell.path, max(0.0, seconds)))

    def wait_quietly(self) -> Any:
        """Wait for the answer, outside the graph of waiting agents, and give it; for the kernel's own waits."""
        system = self.cell.system
        if system.pool.helped:
            system.pool.help_until(lambda: self.settled, system.fire_due)
        else:
            system.clock.wait(self, None)
        return self._value

    def wait_until(self, deadline: float | None) -> bool:
        """Wait for the answer until `deadline`, on the system's clock; a cycle of waiting agents raises."""
        system = self.cell.system
        clock = system.clock
        context = here.context
        if context is None:
            return clock.wait(self, deadline)
        begin_wait(context.cell, self)
        system.pool.make_room()
        try:
            return clock.wait(self, deadline)
        finally:
            end_wait(context.cell, self)


def _left(deadline: float | None, now: Callable[[], float]) -> float | None:
    return None if deadline is None else max(0.0, deadline - now())


def _clock_of(futures: Iterable[Future[Any]]) -> Callable[[], float]:
    """Give the clock by which the first of these futures goes."""
    return next((future._now for future in futures if isinstance(future, AgentFuture)), time.monotonic)


def get_all(futures: Iterable[Future[T]], *, timeout: float | None = None) -> list[T]:
    """Give all values, in order; `timeout` seconds hold for all of them together. Blocks; raises `AskTimeout`."""
    check_timeout(timeout)
    futures = list(futures)
    now = _clock_of(futures)
    deadline = None if timeout is None else now() + timeout
    return [future.get(timeout=_left(deadline, now)) for future in futures]
