"""How does a system come to its end if time passes only when a test says so, and the test waits for that end?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from actors._core.future import AgentFuture
from actors.testkit.clock import DAY, VirtualClock
from actors.testkit.waiting import PATIENCE, wait

if TYPE_CHECKING:
    from actors._core.system import ActorSystem, StopReport

_LOOK = 0.05  # real seconds from one look to the next
_UNSEEN = 0.5  # and those for what the clock does not see: whoever stops the system, and its subscribers


def stop_in_virtual_time(system: ActorSystem, clock: VirtualClock, stop: Callable[[], StopReport]) -> StopReport:
    """Stop the system on another thread, let time pass for it once only that is left to wait for, and give its report.

    Agents that are busy have `PATIENCE` real seconds first. Raises AssertionError, with the stacks, where neither that
    nor a day of virtual time ends the system; then the stop goes on.
    """
    ended: AgentFuture[StopReport] = AgentFuture()
    stopper = threading.Thread(target=_settle_with, args=(ended, stop), name=f"{system.name}-stopper", daemon=True)
    stopper.start()
    passing = _Passing(system, clock)
    while not wait(ended, _LOOK):
        if not passing.go_on(ended):
            raise AssertionError(f"{system!r} does not stop:\n{system.dump()}")
    stopper.join()
    return ended.get()


def _settle_with(future: AgentFuture[StopReport], stop: Callable[[], StopReport]) -> None:
    try:
        report = stop()
    except BaseException as error:
        future.resolve(error=error)
    else:
        future.resolve(report)


class _Passing:
    """The time that passes for the end of one system."""

    def __init__(self, system: ActorSystem, clock: VirtualClock) -> None:
        self._system = system
        self._clock = clock
        self._left: object = None  # who was there when time last passed
        self._passed = 0.0  # since that has changed
        self._step = 0.0

    def go_on(self, ended: AgentFuture[StopReport]) -> bool:
        """Let agents do what they can, and then time pass until something falls due; False if that is of no use."""
        left = ([orphan.path for orphan in self._system.orphans], [ref.path for ref in self._system.select("/**")])
        changed, self._left = left != self._left, left
        if changed:
            self._passed = self._step = 0.0
        with suppress(AssertionError):  # they hang, or are abandoned when their time is over
            self._clock.settle(PATIENCE if changed else 0.0)
        if wait(ended, _UNSEEN if changed else 0.0):
            return True
        due = self._clock.next_due
        if self._passed > DAY or (due is None and not changed):
            return False
        # Ever more, for it may be that what falls due does nothing for the end.
        seconds = max(self._step, 0.0 if due is None else due - self._clock.now())
        self._clock.advance(seconds)
        self._passed += seconds
        self._step = 2 * self._step + 1.0
        return True
