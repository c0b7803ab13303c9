"""How does a test know that a timer is set before it lets time pass?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from actors._core.clock import Timer
from actors._core.here import here
from actors.testkit import VirtualClock
from actors.testkit.simulation import SimulatedClock
from tests.core.helpers import PATIENCE, Trace


class WatchedClock:
    """What a virtual clock can do for a test besides: it is heard when somebody sets it, or waits for a moment."""

    now: Callable[[], float]
    advance: Callable[[float], None]
    settle: Callable[[], None]
    next_due: float | None

    def __init__(self, *args: Any) -> None:
        self.armed = Trace()
        """The moments for which the clock was set, in the order in which it was."""
        self.waits = Trace()
        """The deadlines of the waits, in the order in which they began."""
        super().__init__(*args)

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        timer = super().call_at(when, callback)  # type: ignore[misc]
        self.armed.note(when)
        return timer

    def wait(self, future: Any, deadline: float | None) -> Any:
        if deadline is not None:
            self.waits.note(deadline)
        return super().wait(future, deadline)  # type: ignore[misc]

    def wait_for_timer(self, when: float, count: int = 1) -> None:
        """Wait until so many timers stand for that time, in virtual seconds."""
        self.armed.wait_until(lambda _: sum(abs(due - when) < 1e-9 for due in self.due()) >= count)

    def wait_due(self, seconds: float) -> None:
        """Wait until something falls due within these virtual seconds, which another thread may yet have to arm."""
        until = self.now() + seconds
        self.armed.wait_until(lambda _: any(due <= until for due in self.due()))

    def advance_to(self, when: float) -> None:
        """Wait until a timer stands for that time, and let time pass until then."""
        self.wait_for_timer(when)
        self.advance(when - self.now())

    def advance_once_due(self, seconds: float) -> None:
        """Advance as soon as something falls due within these seconds."""
        self.wait_due(seconds)
        self.advance(seconds)

    def spend(self, seconds: float) -> None:
        """Block the calling thread for so much virtual time, unseen by the kernel."""
        over = threading.Event()
        self.call_at(self.now() + seconds, over.set)
        passed = over.wait(PATIENCE) if here.scheduler is None else here.scheduler.wait(over.is_set, None)
        assert passed, f"{seconds} seconds never passed"

    def due(self) -> list[float]:
        """Give the moments for which timers stand, and until which somebody waits."""
        raise NotImplementedError


def _standing(heap: Iterable[tuple[float, int, Timer]]) -> list[float]:
    return [when for when, _, timer in list(heap) if timer.callback is not None]


class WatchedVirtualClock(WatchedClock, VirtualClock):  # type: ignore[misc]
    def due(self) -> list[float]:
        return _standing(self._heap)


class WatchedSimulatedClock(WatchedClock, SimulatedClock):  # type: ignore[misc]
    # Here the agents do all they can before time passes: nobody has to wait until a timer stands.

    def advance_to(self, when: float) -> None:
        self.advance(max(0.0, when - self.now()))

    def advance_once_due(self, seconds: float) -> None:
        self.advance(seconds)

    def due(self) -> list[float]:
        others = [strand for strand in self._scheduler.ready if strand is not self._scheduler.main]
        return _standing(self._scheduler.agenda._heap) + [strand.deadline for strand in others]
