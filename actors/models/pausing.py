"""How does an agent let time pass between two attempts, without holding up those who want it to give up?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from actors._core.clock import Clock
from actors._core.future import AgentFuture
from actors._core.here import here
from actors.models.talk import Caller


def clock_here() -> Clock | None:
    """Give the clock of the agent whose code this thread runs; None outside one, where the machine's time holds."""
    return None if here.context is None else here.context.cell.system.clock


def now_by(clock: Clock | None = None) -> float:
    """Tell the time in seconds, by the clock, that of the agent whose code this thread runs, or the machine's."""
    clock = clock or clock_here()
    if clock is not None:
        return clock.now()
    return time.monotonic() if here.scheduler is None else here.scheduler.now()


def pause(seconds: float, caller: Caller, clock: Clock | None = None) -> None:
    """Wait so long, by the clock, or the one of the agent that waits; blocks. Raises what the caller's check raises."""
    caller.check()
    if seconds <= 0:
        return
    clock = clock or clock_here()
    if clock is None and here.scheduler is not None:
        # Outside an agent, in a simulation: no machine's time passes there.
        here.scheduler.wait(lambda: False, seconds)
        return
    over: AgentFuture[None] = AgentFuture()
    cancel = _settle_in(seconds, over, clock)
    try:
        caller.wait(over)
    finally:
        cancel()
    caller.check()


def _settle_in(seconds: float, over: AgentFuture[None], clock: Clock | None) -> Callable[[], None]:
    """Have the future settled in so many seconds; gives what takes that back."""

    def settle() -> None:
        over.resolve()

    if clock is not None:
        return clock.call_at(clock.now() + seconds, settle).cancel
    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), settle)
    timer.daemon = True
    timer.start()
    return timer.cancel
