"""How does a worker's thread wait, without its deadline passing and without holding up its end?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from actors._core.checks import check_timeout
from actors._core.errors import Cancelled
from actors._core.events import AgentStopping, Event
from actors._core.future import AgentFuture
from actors._core.here import Waitable, begin_wait, end_wait, here

if TYPE_CHECKING:
    from actors._core.clock import Timer
    from actors._core.context import Context
    from actors._core.system import ActorSystem


def wait_on_clock(
    future: AgentFuture[Any], system: ActorSystem, timeout: float | None, awaited: Waitable | None = None
) -> bool:
    """Wait for a future by the clock of a system; gives whether it is settled.

    On a worker's thread the wait does not count against the worker's deadline, and ends with `Cancelled`, in the
    future, when an ancestor of the worker is told to end. Where `awaited` is an agent's, a cycle of agents that wait
    for one another raises AskCycleError.
    """
    check_timeout(timeout)
    clock = system.clock
    deadline = None if timeout is None else clock.now() + timeout
    context = here.context
    if context is None:
        return clock.wait(future, deadline)
    with _noted(context, awaited), _released(context, future):
        beats = _Beats(context)
        context.system.pool.make_room()
        try:
            over = clock.wait(future, deadline)
        finally:
            beats.end()
    context.heartbeat()
    return over


@contextmanager
def _noted(context: Context, awaited: Waitable | None) -> Iterator[None]:
    if awaited is None:
        yield
        return
    begin_wait(context.cell, awaited)
    try:
        yield
    finally:
        end_wait(context.cell, awaited)


@contextmanager
def _released(context: Context, future: AgentFuture[Any]) -> Iterator[None]:
    """Have the future end when an ancestor of the agent ends, which first says so and then waits for the agent."""

    def look(event: Event) -> None:
        if event.path == "/" or context.path.startswith(f"{event.path}/"):
            future.resolve(error=Cancelled(f"{context.path} is to end"))

    unsubscribe = context.system.events.subscribe(look, AgentStopping)
    try:
        context.check()  # it may have been said before
        yield
    finally:
        unsubscribe()


class _Beats:
    """Keeps the deadline of an agent away while it waits: a heartbeat at each half of it, if it has one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._over = False
        self._timer: Timer | None = None
        deadline = context.cell.spec.deadline
        if deadline is not None:
            self._every = deadline / 2
            self._arm()

    def _arm(self) -> None:
        clock = self._context.system.clock
        self._timer = clock.call_at(clock.now() + self._every, self._beat)
        self._timer.moot = _moot

    def _beat(self) -> None:
        try:
            if not self._over:
                self._context.heartbeat()
        except Cancelled:
            return  # it was abandoned all the same, or has ended
        if not self._over:
            self._arm()

    def end(self) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()


def _moot() -> bool:
    """A beat alone changes nothing for any agent."""
    return True
