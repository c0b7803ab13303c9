"""How does an agent let time pass between two attempts, without holding up those who want it to give up?"""

from __future__ import annotations

import time

from actors._core.clock import Clock
from actors._core.errors import AskTimeout
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
    clock = clock or clock_here()
    if seconds <= 0:
        return
    over: AgentFuture[None] = AgentFuture()
    if clock is None:
        _wait_outside(over, seconds)
    else:
        timer = clock.call_at(clock.now() + seconds, lambda: _open(over))
        try:
            caller.wait(over)
        finally:
            timer.cancel()
    caller.check()


def _wait_outside(over: AgentFuture[None], seconds: float) -> None:
    """No agent, so nobody who could tell it to give up either."""
    try:
        over.get(timeout=seconds)
    except AskTimeout:
        return


def _open(over: AgentFuture[None]) -> None:
    over.resolve()
