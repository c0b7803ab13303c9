"""What time is it, and who is called when?

All time of a system is read from one clock: seconds, float, monotonic. A clock also waits, so that under a virtual
clock a timeout is as virtual as the timers.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Protocol

from loguru import logger


class Waited(Protocol):
    """A future, as far as somebody who waits for it needs it."""

    gate: threading.Lock
    settled: bool

    def add_done_callback(self, callback: Callable[[], None]) -> None: ...


class Keeper(Protocol):
    """Whoever has a timer in its books."""

    def note_cancelled(self) -> None: ...


class Timer:
    """One call at one time; `cancel` may come from any thread, also too late, then it has no effect.

    `moot` tells, where it is set, whether the call would change nothing for any agent: a clock that lets time pass
    until nothing is left to happen need not wait for it.
    """

    __slots__ = ("callback", "keeper", "moot", "when")

    def __init__(self, when: float, callback: Callable[[], None], keeper: Keeper | None = None) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback
        self.keeper = keeper
        self.moot: Callable[[], bool] | None = None

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            if self.keeper is not None:
                self.keeper.note_cancelled()

    def fire(self) -> None:
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()


Heap = list[tuple[float, int, Timer]]
LOOKS_UP = 1.0  # seconds after which a main thread that waits looks whether a signal has come
FEW = 256  # cancelled timers that a heap may always keep


def drop_cancelled(heap: Heap) -> None:
    """Take all cancelled timers out of a heap, wherever they are; its lock is held."""
    heap[:] = [entry for entry in heap if entry[2].callback is not None]
    heapq.heapify(heap)


class Clock(Protocol):
    """What a system needs of its clock.

    A clock that has one of these methods, too, is asked for more than the time:

    - `for_system(name) -> Clock`: called once by each system that is given the clock; what comes back is that system's
      own, so that its `close` leaves the timers of the others alone.
    - `make_pool(name) -> Pool`: the threads of a system, where the clock has to know what they do.
    - `make_own_thread(name) -> OwnThread`: the thread of an agent with `dispatcher="thread"`, likewise.
    - `utc() -> datetime`: the time of day, in UTC. Without it, it is the machine's for the machine's clock, and for any
      other it is as many seconds after the year 2000 began as `now` says.
    """

    def now(self) -> float:
        """Give the time, in seconds; only differences mean anything."""
        ...

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at `when` on the clock's thread; the callback must not block. Never blocks."""
        ...

    def wait(self, future: Waited, deadline: float | None) -> bool:
        """Wait until `future` is settled, or give False when the clock reaches `deadline` first. Blocks."""
        ...

    def close(self) -> None:
        """Forget all timers and end the clock's thread."""
        ...


class SystemClock:
    """The monotonic clock of the machine, with one daemon thread that starts with the first timer.

    The heap is guarded by one leaf lock; callbacks run outside it.
    """

    def __init__(self, name: str) -> None:
        self.now: Callable[[], float] = time.monotonic
        self._name = name
        self._heap: Heap = []
        self._tie = itertools.count()
        self._cancelled = 0  # since the heap was last cleared of them, roughly
        self._thread: threading.Thread | None = None
        self._closed = False
        # Guards the heap, the thread and the closed flag. No callback and no other lock under it.
        self._changed = threading.Condition(threading.Lock())

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(when, callback, self)
        with self._changed:
            if self._closed:
                timer.callback = None
                return timer
            heapq.heappush(self._heap, (when, next(self._tie), timer))
            if self._thread is None:
                self._start()
            elif self._heap[0][2] is timer:
                self._changed.notify()
        return timer

    def note_cancelled(self) -> None:
        """Called by a timer that is cancelled: once they are more than half of all, they are let go."""
        # Two threads may count as one: then it is done a little later.
        self._cancelled += 1
        if self._cancelled > FEW and self._cancelled * 2 > len(self._heap):
            with self._changed:
                self._cancelled = 0
                drop_cancelled(self._heap)

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name=f"{self._name}-clock", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # The program is ending: whoever waits then sees to the timers, see `fire_due`.
            return
        self._thread = thread

    def fire_due(self) -> None:
        """Call what is due on this thread, where the clock has none of its own."""
        while True:
            with self._changed:
                if self._thread is not None or not self._heap or self._heap[0][0] > time.monotonic():
                    return
                timer = heapq.heappop(self._heap)[2]
            timer.fire()

    def wait(self, future: Waited, deadline: float | None) -> bool:
        # A lock refuses to wait longer than TIMEOUT_MAX (some 292 years): as good as for ever.
        seconds = -1.0 if deadline is None else min(max(0.0, deadline - time.monotonic()), threading.TIMEOUT_MAX)
        if deadline is None and threading.current_thread() is threading.main_thread():
            # CPython does not notice a signal that comes just before a wait, Ctrl-C for one: so it looks up at times.
            while not future.gate.acquire(timeout=LOOKS_UP):
                pass
        elif not future.gate.acquire(timeout=seconds):
            return future.settled
        future.gate.release()
        return True

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._heap.clear()
            thread, self._thread = self._thread, None
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        while (due := self._next_due()) is not None:
            try:
                due.fire()
            except BaseException as error:
                # Others wait for their time on this thread, too.
                logger.opt(exception=error).error("{}: a timer failed", self._name)

    def _next_due(self) -> Timer | None:
        with self._changed:
            while not self._closed:
                while self._heap and self._heap[0][2].callback is None:
                    heapq.heappop(self._heap)
                if not self._heap:
                    self._changed.wait()
                    continue
                remaining = self._heap[0][0] - time.monotonic()
                if remaining <= 0:
                    return heapq.heappop(self._heap)[2]
                self._changed.wait(min(remaining, threading.TIMEOUT_MAX))
            return None
