"""How are many durations kept in little room?"""

from __future__ import annotations

import threading
from bisect import bisect_left

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds: the usual ones, and on to the minutes that agents take."""


class Histogram:
    """Durations by label, as counts below the `BOUNDS`; may be used on any thread."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        # Guards both. Nothing foreign is called under it.
        self._lock = threading.Lock()

    def observe(self, label: str, seconds: float) -> None:
        slot = bisect_left(BOUNDS, seconds)
        with self._lock:
            counts = self._counts.get(label)
            if counts is None:
                counts = self._counts[label] = [0] * (len(BOUNDS) + 1)
                self._sums[label] = 0.0
            counts[slot] += 1
            self._sums[label] += seconds

    def read(self) -> list[tuple[str, list[tuple[str, float]], float]]:
        """Give label, `(upper bound, how many up to it)` of each bound, and the sum of the seconds."""
        with self._lock:
            copied = [(label, [*counts], self._sums[label]) for label, counts in self._counts.items()]
        found = []
        for label, counts, total in copied:
            buckets: list[tuple[str, float]] = []
            below = 0
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
                below += count
                buckets.append((bound, below))
            found.append((label, buckets, total))
        return found
