"""How long does a test wait before it says that nothing will come?

What a test waits for is a future. It waits in real seconds, which one factor lengthens for slow machines, or, inside a
simulation, in virtual seconds while the simulation lets others run; those need no factor.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from actors._core.checks import is_seconds
from actors._core.errors import AskTimeout
from actors._core.future import AgentFuture
from actors._core.here import here

if TYPE_CHECKING:
    from actors._core.system import ActorSystem

PATIENCE = 3.0
"""Seconds that a test waits for what it expects, where it does not say how long."""

VARIABLE = "ACTORTREE_DILATION"

_given: list[float] = []  # what `set_dilation` was given, if anything


def dilation() -> float:
    """Give the factor by which all waits in real seconds are longer than they say.

    It is what `set_dilation` was given, else the environment's ACTORTREE_DILATION, else 1. Raises ValueError where the
    environment says no number above 0.
    """
    return _given[0] if _given else _from_environment()


def set_dilation(factor: float | None) -> None:
    """Make all waits in real seconds longer by this factor; None goes back to what the environment says."""
    if factor is not None and not is_seconds(factor, above=0.0):
        raise ValueError(f"factor: a number above 0, or None, not {factor!r}")
    _given[:] = [] if factor is None else [float(factor)]


def _from_environment() -> float:
    text = os.environ.get(VARIABLE, "1")
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not is_seconds(factor, above=0.0):
        raise ValueError(f"{VARIABLE}: a number above 0, not {text!r}")
    return factor


def wait(future: AgentFuture[Any], seconds: float | None) -> bool:
    """Wait until the future is settled, with a value or an error, and tell whether it is; blocks.

    Real seconds, also under a virtual clock, times `dilation()`; in a simulation virtual ones. None is without limit.
    """
    return _wait(future, None if seconds is None else dilated(seconds))


def dilated(seconds: float) -> float:
    """Give the seconds that a wait on this thread takes for so many."""
    return seconds if here.scheduler is not None else seconds * dilation()


def check_within(seconds: object) -> None:
    """Raise ValueError unless `seconds` is how long a test may wait, or None."""
    if seconds is not None and not is_seconds(seconds):
        raise ValueError(f"within: seconds, 0 or more, or None, not {seconds!r}")


def _wait(future: AgentFuture[Any], seconds: float | None) -> bool:
    # The future itself may go by a system's clock, or raise what it holds: this one does neither.
    done: AgentFuture[None] = AgentFuture()
    future.add_done_callback(done.set)
    try:
        done.get(timeout=None if seconds is None else min(seconds, threading.TIMEOUT_MAX))
    except AskTimeout:
        return done.settled
    return True


class Within:
    """The end of one wait, which may be for several things one after the other; measured when it is made."""

    def __init__(self, seconds: float | None, system: ActorSystem) -> None:
        """`seconds` None is `PATIENCE`; `system` gives the time where a simulation runs the calling thread."""
        check_within(seconds)
        self.seconds = PATIENCE if seconds is None else seconds
        self._now: Callable[[], float] = time.monotonic if here.scheduler is None else system.clock.now
        self._until = self._now() + dilated(self.seconds)

    @property
    def is_over(self) -> bool:
        return self._now() >= self._until

    def wait(self, future: AgentFuture[Any]) -> bool:
        """Wait for the future for what is left of the time, and tell whether it is settled; blocks."""
        return _wait(future, max(0.0, self._until - self._now()))
