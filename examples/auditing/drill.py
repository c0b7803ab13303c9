"""What goes wrong in a fire drill, and how often? The same things in every run, on threads that know nothing of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable


class ThrottledError(Exception):
    """Somebody asks us to come back later: another attempt may do better."""

    retryable = True


class Drill:
    """Makes the work of some tickets go wrong, `times` times each; without `on`, nothing does.

    One drill is shared by all workers, and outlives their restarts.
    """

    def __init__(self, on: bool) -> None:
        self.on = on
        self._over = threading.Event()
        self._happened: Counter[str] = Counter()
        # Guards what has happened; nothing else is done under it.
        self._lock = threading.Lock()

    def begin(self, ticket: str) -> None:
        """Called when work at a ticket begins: returns, raises, or hangs."""
        times, what = _INCIDENTS.get(ticket, (0, _nothing))
        with self._lock:
            self._happened[ticket] += 1
            now = self.on and self._happened[ticket] <= times
        if now:
            what(self)

    def throttle(self) -> None:
        raise ThrottledError("429: too many requests")

    def refuse(self) -> None:
        raise LookupError("the list of licences is not there")

    def deny(self) -> None:
        raise PermissionError("the key store is locked")

    def hang(self) -> None:
        """Block as a call does that never returns; the deadline of the worker is what ends it."""
        self._over.wait()

    def end(self) -> None:
        """Let go of the threads that hang: the program ends."""
        self._over.set()


def _nothing(_: Drill) -> None:
    """Nothing goes wrong with this one."""


ALWAYS = 1_000_000
_INCIDENTS: dict[str, tuple[int, Callable[[Drill], None]]] = {
    "sizes": (2, Drill.throttle),
    "licences": (ALWAYS, Drill.refuse),
    "links": (1, Drill.hang),
    "keys": (1, Drill.deny),
}
