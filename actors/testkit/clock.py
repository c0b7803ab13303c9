"""What if time passed only when a test says so?"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable

from actors._core.checks import is_seconds
from actors._core.clock import Timer, Waited


class VirtualClock:
    """A clock that stands still until it is advanced; give it to a system as its `clock`.

    Limits, backoff, timers, deadlines and timeouts of that system go by it. May be used on any thread.
    """

    def __init__(self, start: float = 0.0) -> None:
        if not is_seconds(start):
            raise ValueError(f"start: seconds, 0 or more, not {start!r}")
        self._now = start
        self._heap: list[tuple[float, int, Timer]] = []
        self._tie = itertools.count()
        # Guards the time and the heap; no callback under it.
        self._lock = threading.Lock()

    def now(self) -> float:
        """Give the virtual time, in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass: what falls due is called on this thread, in order, each at its own time."""
        if not is_seconds(seconds):
            raise ValueError(f"seconds: 0 or more, not {seconds!r}")
        until = self._now + seconds
        while (timer := self._next_due(until)) is not None:
            timer.fire()
        with self._lock:
            self._now = max(self._now, until)

    @property
    def next_due(self) -> float | None:
        """When the next timer falls due, in virtual seconds; None if none stands."""
        with self._lock:
            self._drop_cancelled()
            return self._heap[0][0] if self._heap else None

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back when the clock has been advanced to `when`."""
        timer = Timer(when, callback)
        with self._lock:
            heapq.heappush(self._heap, (when, next(self._tie), timer))
        return timer

    def wait(self, future: Waited, deadline: float | None) -> bool:
        """Wait until `future` is settled, or give False once the clock has been advanced to `deadline`."""
        if deadline is None:
            with future.gate:
                return True
        woken = threading.Event()
        future.add_done_callback(woken.set)
        timer = self.call_at(deadline, woken.set)
        if deadline <= self._now:
            woken.set()
        woken.wait()
        timer.cancel()
        return future.settled

    def close(self) -> None:
        """Forget all timers."""
        with self._lock:
            self._heap.clear()

    def _next_due(self, until: float) -> Timer | None:
        with self._lock:
            self._drop_cancelled()
            if not self._heap or self._heap[0][0] > until:
                return None
            when, _, timer = heapq.heappop(self._heap)
            self._now = max(self._now, when)
            return timer

    def _drop_cancelled(self) -> None:
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)

    def __repr__(self) -> str:
        return f"<VirtualClock {self._now:g} s>"
