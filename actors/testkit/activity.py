"""What do the agents of some systems still have to do at this moment?

A task of a dispatcher is *work* from the moment it is put until its run has returned, except while its thread waits in
the kernel: until what it waits for is settled, it can do nothing. Whoever settles that is at work itself or is the
test, and the work counts again before they go on: while anything is left to do the count never touches zero.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from actors._core.cell import Cell
from actors._core.clock import Waited
from actors._core.context import describe
from actors._core.dispatcher import OwnThread, Pool, Task
from actors._core.frames import current_frames
from actors._core.future import AgentFuture
from actors._core.here import here

_EVER: Sequence[None] = (None,)  # a wait that does not end


class Activity:
    """All work of the systems on one clock. May be used on any thread."""

    def __init__(self) -> None:
        self._busy: dict[Work, None] = {}
        self._waiting: list[AgentFuture[None]] = []
        # Guards both, and what work says of itself. Nothing is settled or called under it.
        self._lock = threading.Lock()

    def take(self, task: Task) -> Work:
        """Count a task from now on; what comes back is to be run instead of it."""
        work = Work(self, task)
        with self._lock:
            self._busy[work] = None
        return work

    def drop(self, work: Work) -> None:
        """The work is done."""
        self._discard(work, _EVER)

    def put_aside(self, work: Work, wait: list[None]) -> None:
        """The work waits, unless that wait is over already; `wait` holds one token while it is not."""
        self._discard(work, wait)

    def leave_behind(self, work: Work) -> None:
        """Nobody waits for the work any more, also if it goes on."""
        work.left_behind = True
        self._discard(work, _EVER)

    def _discard(self, work: Work, wait: Sequence[None]) -> None:
        quiet: list[AgentFuture[None]] = []
        with self._lock:
            if wait:
                self._busy.pop(work, None)
            if not self._busy:
                quiet, self._waiting = self._waiting, quiet
        for future in quiet:
            future.resolve()

    def take_up(self, work: Work, wait: list[None]) -> None:
        """The wait is over: the first who says so has the work counted again."""
        with self._lock:
            if wait:
                wait.pop()
                if not work.left_behind:
                    self._busy[work] = None

    def quiet(self) -> AgentFuture[None]:
        """Give a future that is settled at the next moment at which nothing is left to do."""
        future: AgentFuture[None] = AgentFuture()
        with self._lock:
            busy = bool(self._busy)
            if busy:
                self._waiting.append(future)
        if not busy:
            future.resolve()
        return future

    def leave_orphans(self) -> None:
        """Wait no longer for what was abandoned: its agent goes on elsewhere."""
        for work in self.busy:
            if work.is_abandoned:
                self.leave_behind(work)

    @property
    def busy(self) -> list[Work]:
        """What is being done, or waits for a thread, in the order in which it came or went on."""
        with self._lock:
            return list(self._busy)

    def describe(self) -> str:
        """Give one line for each agent that is busy, and its stack."""
        frames = current_frames()
        return "\n".join(work.describe(frames) for work in self.busy) or "by now they have"


class Work:
    """One task; it runs on one thread, once."""

    __slots__ = ("_ident", "_task", "activity", "left_behind")

    def __init__(self, activity: Activity, task: Task) -> None:
        self.activity = activity
        self._task = task
        self._ident: int | None = None
        self.left_behind = False  # abandoned while it was counted: it is not counted again

    def run(self) -> None:
        """Run the task, on this thread."""
        outer, here.work = here.work, self
        self._ident = threading.get_ident()
        try:
            self._task.run()
        finally:
            here.work = outer
            self.activity.drop(self)

    @contextmanager
    def waits_for(self, future: Waited) -> Iterator[Callable[[], None]]:
        """Count nothing until `future` is settled, or what this gives is called, or the thread goes on by itself."""
        wait: list[None] = [None]

        def over() -> None:
            self.activity.take_up(self, wait)

        future.add_done_callback(over)
        self.activity.put_aside(self, wait)
        try:
            yield over
        finally:
            over()

    @property
    def is_abandoned(self) -> bool:
        """Whether it is the turn of an agent that was abandoned on its thread."""
        task = self._task
        if not isinstance(task, Cell):
            return False
        return any(orphan.ident == self._ident and orphan.path == task.path for orphan in task.system.orphans)

    def describe(self, frames: dict[int, FrameType]) -> str:
        """Give who it is, whom it waits for, and the stack of its thread."""
        who = " -> ".join(_chain(self._task))
        if self._ident is None:
            return f"{who} waits for a thread"
        frame = frames.get(self._ident)
        stack = "" if frame is None else "".join(traceback.format_stack(frame)).rstrip()
        return f"{who}\n{stack}" if stack else who


def _chain(task: Task) -> Iterator[str]:
    """Name the agent whose turn it is, and those that run inside one another on its thread."""
    if not isinstance(task, Cell):
        yield "a supervisor's decision"
        return
    cell, seen = task, {task}
    while True:
        in_hand = describe(cell.in_hand)
        yield f"{cell.path} #{cell.incarnation}{f' over {in_hand}' if in_hand else ''}"
        target = cell.waiting
        if target is None or target.cell in seen:
            return
        cell = target.cell
        seen.add(cell)


class CountedPool(Pool):
    """An elastic pool like any other, whose tasks are counted."""

    def __init__(self, name: str, activity: Activity) -> None:
        super().__init__(name)
        self._activity = activity

    def put(self, task: Task | None) -> None:
        # Once the pool is closed, it may well be that nobody runs the task.
        super().put(task if task is None or self._closed else self._activity.take(task))


class CountedThread(OwnThread):
    """An agent's own thread, whose tasks are counted."""

    def __init__(self, name: str, activity: Activity) -> None:
        super().__init__(name)
        self._activity = activity

    def put(self, task: Task | None) -> None:
        super().put(None if task is None else self._activity.take(task))
