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


class Timer:
    """One call at one time; `cancel` may come from any thread, also too late, then it has no effect."""

    __slots__ = ("callback", "when")

    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None

    def fire(self) -> None:
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()


class Clock(Protocol):
    """What a system needs of its clock."""

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
        self._heap: list[tuple[float, int, Timer]] = []
        self._tie = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False
        # Guards the heap, the thread and the closed flag. No callback and no other lock under it.
        self._changed = threading.Condition(threading.Lock())

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(when, callback)
        with self._changed:
            if self._closed:
                timer.cancel()
                return timer
            heapq.heappush(self._heap, (when, next(self._tie), timer))
            if self._thread is None:
                self._start()
            elif self._heap[0][2] is timer:
                self._changed.notify()
        return timer

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
        if not future.gate.acquire(timeout=seconds):
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
