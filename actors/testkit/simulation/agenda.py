"""What is due in a simulation, and when?"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from actors._core.clock import FEW, Heap, Timer, drop_cancelled


class Agenda:
    """The timers of a simulation; those of one moment fall due in the order in which they were made."""

    def __init__(self) -> None:
        self._heap: Heap = []
        self._tie = itertools.count()
        self._cancelled = 0  # since the heap was last cleared of them, roughly

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(when, callback, self)
        heapq.heappush(self._heap, (when, next(self._tie), timer))
        return timer

    def note_cancelled(self) -> None:
        """Called by a timer that is cancelled: once they are more than half of all, they are let go."""
        self._cancelled += 1
        if self._cancelled > FEW and self._cancelled * 2 > len(self._heap):
            self._cancelled = 0
            drop_cancelled(self._heap)

    @property
    def first(self) -> Timer | None:
        """The timer that falls due next."""
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
        return heap[0][2] if heap else None

    def is_due(self, now: float) -> bool:
        """Whether a timer may be due; a quick look, which may take one that is cancelled for one."""
        return bool(self._heap) and self._heap[0][0] <= now

    def take_first(self) -> None:
        heapq.heappop(self._heap)

    @property
    def has_more(self) -> bool:
        """Whether a timer stands that would do something, as far as can be told now."""
        timers = [timer for _, _, timer in self._heap]
        return any(timer.callback is not None and (timer.moot is None or not timer.moot()) for timer in timers)

    def clear(self) -> None:
        self._heap.clear()
