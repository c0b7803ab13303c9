"""Which agent does this thread run, may it still act, and whom does it wait for?

Each thread knows the incarnation whose code it runs. That answers three questions: who asks, whether the incarnation
has been fenced off, and whether a blocking wait would close a cycle. A thread that a simulation runs knows that, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from actors._core.errors import ActorError, AskCycleError, Cancelled

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.context import Context


class Waitable(Protocol):
    """What an agent can wait for: another cell, or an ask, or room in a mailbox, that names one."""

    @property
    def cell(self) -> Cell: ...

    @property
    def settled(self) -> bool: ...


class Scheduler(Protocol):
    """Decides which thread goes on, where threads take turns instead of running at the same time."""

    def now(self) -> float:
        """Give the scheduler's time, in seconds."""
        ...

    def pause(self) -> None:
        """Let others go first, if the scheduler likes; called before anything this thread does to others."""
        ...

    def wait(self, over: Callable[[], bool], seconds: float | None) -> bool:
        """Let others run until `over()`, or for `seconds` of the scheduler's time; gives `over()`."""
        ...


class Counted(Protocol):
    """What a thread is at, where somebody counts what is still to be done."""

    def waits_for(self, future: Any, /) -> AbstractContextManager[Callable[[], None]]:
        """Around a wait for `future`: until that is settled, or what this gives is called, the thread does nothing."""
        ...


class _Here(threading.local):
    """`context`: the incarnation this thread runs, or None; `depth`: how many agents run inside one another on it.

    `serving`: the event streams of the systems for which it calls subscribers, policies or callbacks right now.
    `scheduler`: what makes this thread wait for others, or None where the operating system does.
    `work`: what it is at, or None where nobody counts that.
    """

    context: Context | None = None
    depth: int = 0
    serving: tuple[object, ...] = ()
    scheduler: Scheduler | None = None
    work: Counted | None = None


here = _Here()


class _Fence:
    """Whether a thread has to look before it acts.

    `raised` counts the fenced incarnations whose threads have not returned, and the simulations: nobody need look while
    it is 0.
    """

    def __init__(self) -> None:
        self.raised = 0
        # Guards the count only.
        self._lock = threading.Lock()

    def up(self) -> None:
        with self._lock:
            self.raised += 1

    def down(self) -> None:
        with self._lock:
            self.raised -= 1


fence = _Fence()


def check_fence() -> None:
    """Raise `Cancelled` on a thread that runs a fenced incarnation."""
    context = here.context
    if context is not None and context.fenced:
        raise Cancelled(f"{context.cell.path} #{context.incarnation} was abandoned: it can no longer act")


def before_acting() -> None:
    """Called by whoever is about to do something to an agent, while `fence.raised`; as `check_fence`, and may wait."""
    if here.scheduler is not None:
        here.scheduler.pause()
    check_fence()


# Guards the edges of blocking waits while one is added and followed, so that of the agents that close a cycle at the
# same moment exactly one sees it. Nothing else happens under it.
_waits = threading.Lock()


def begin_wait(cell: Cell, target: Waitable, error: Callable[[tuple[str, ...]], ActorError] = AskCycleError) -> None:
    """Note that the agent of `cell` is about to wait for `target`; raises `error(cycle)` if that would never end."""
    with _waits:
        # Here, too: what it waits for was forgotten when it was abandoned, and is not to be noted any more.
        check_fence()
        cell.waiting = target
        cycle = find_cycle(cell)
        if cycle:
            cell.waiting = None
    if cycle:
        raise error(cycle)


def note_wait(cell: Cell, target: Waitable) -> tuple[Cell, ...]:
    """Note a wait that cannot be refused, and give back the cells of the cycle that it closes, if it does."""
    with _waits:
        cell.waiting = target
        return _follow(cell)


def end_wait(cell: Cell, target: Waitable) -> None:
    """Note that the wait is over; whom the replacement of an abandoned agent waits for by now is left as it is."""
    with _waits:
        if cell.waiting is target:
            cell.waiting = None


def forget_wait(cell: Cell) -> Waitable | None:
    """The agent was abandoned while it waited, if it did: its replacement waits for nobody. Gives what for."""
    with _waits:
        target, cell.waiting = cell.waiting, None
        return target


def find_cycle(start: Cell) -> tuple[str, ...]:
    """Give the paths from `start` back to `start` along the waits, or nothing."""
    cells = _follow(start)
    return (*(cell.path for cell in cells), start.path) if cells else ()


def _follow(start: Cell) -> tuple[Cell, ...]:
    seen = [start]
    node = start
    while (wait := node.waiting) is not None and not wait.settled:
        node = wait.cell
        if node is start:
            return tuple(seen)
        if node in seen:
            return ()
        seen.append(node)
    return ()
