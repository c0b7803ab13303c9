"""Which thread runs an agent's turn?

A dispatcher is given tasks and runs each once, on a thread of its own. The elastic pool shares its threads among all
agents: an idle agent costs none, and when the threads are blocked while tasks wait, the pool grows. `OwnThread` is one
thread for one agent.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

from loguru import logger


class Task(Protocol):
    """Something to run once. It never raises: what goes wrong in an agent is handled in its turn."""

    def run(self) -> None: ...


class Dispatcher(Protocol):
    """Runs tasks on other threads than the caller's."""

    def put(self, task: Task | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of supervision to be done by a thread of the pool."""

    act: Callable[[], None]

    def run(self) -> None:
        self.act()


# A blocked pool is noticed within two ticks; one that makes progress is looked at less often.
_TICK = 0.002
_CALM_TICK = 0.01
# The monitor sleeps for good after so many ticks in which nothing waited.
_QUIET_TICKS = 50
_IDLE_SECONDS = 5.0
_MOST_THREADS = 8192


class Worker(threading.Thread):
    """One thread of the pool; `turns` counts the tasks it has taken, written by itself only."""

    def __init__(self, pool: Pool, number: int) -> None:
        super().__init__(name=f"{pool.name}-{number}", daemon=True)
        self.pool = pool
        self.turns = 0
        self.seen = -1

    def run(self) -> None:
        pool = self.pool
        wait, waiting, idle = pool.tasks.get, pool.tasks.qsize, pool.idle
        while True:
            idle.append(None)
            try:
                task = wait(timeout=_IDLE_SECONDS)
            except Empty:
                task = _NOTHING
            idle.pop()
            if waiting() > len(idle) and not pool._armed:
                # Whoever put it counted on this thread, which was off already with the task it has.
                pool._arm()
            if task is None or (task is _NOTHING and pool.retire(self)):
                break
            if task is not _NOTHING:
                self.turns += 1
                task.run()
                task = None  # an idle thread keeps no agent alive
        pool.forget(self)


class Pool:
    """An elastic pool of daemon threads over one run queue.

    Invariant: while tasks wait, either as many threads are waiting for tasks, or the monitor is awake and watches. So
    a put needs no lock, and nothing polls when nothing waits.
    """

    def __init__(self, name: str, most: int = _MOST_THREADS) -> None:
        self.name = name
        self.tasks: SimpleQueue[Task | None] = SimpleQueue()
        # One entry for each thread that waits for a task: append and pop are atomic, so its length is the count.
        self.idle: deque[None] = deque()
        self._most = most
        self._workers: set[Worker] = set()
        self._started = 0
        self._armed = False
        self._closed = False
        self.helped = False  # whoever waits in the kernel runs tasks meanwhile
        self._refused = False
        self._monitor: threading.Thread | None = None
        self._alarm = threading.Semaphore(0)
        # Guards workers, the monitor and the two flags. Threads are started under it, nothing else is called.
        self._lock = threading.Lock()

    def put(self, task: Task | None) -> None:
        """Have the task run soon. Never blocks."""
        self.tasks.put(task)
        if not self._armed and self.tasks.qsize() > len(self.idle):
            self._arm()

    def make_room(self) -> None:
        """Called by a thread of the pool that is about to block: what waits must not wait for it."""
        if self.tasks.qsize() > len(self.idle):
            self._grow(1)

    def help_until(self, over: Callable[[], bool], meanwhile: Callable[[], None]) -> None:
        """Run what waits on this thread, too, until `over()`: for the end of a program, which starts no threads.

        Calls `meanwhile()` every few milliseconds.
        """
        while not over():
            meanwhile()
            try:
                task = self.tasks.get(timeout=_CALM_TICK)
            except Empty:
                continue
            if task is not None:
                task.run()

    @property
    def threads(self) -> int:
        """How many threads the pool has now."""
        return len(self._workers)

    def close(self) -> None:
        """End all threads, after the tasks that wait; joins those that are free to end."""
        with self._lock:
            self._closed = True
            workers = list(self._workers)
        for _ in workers:
            self.tasks.put(None)
        self._alarm.release()
        if self._monitor is not None and self._monitor is not threading.current_thread():
            self._monitor.join()

    def join(self, deadline: float, but: frozenset[int] = frozenset()) -> None:
        """Wait for the threads, but those of these idents, until `deadline` (`time.monotonic`) at most."""
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            if worker is not threading.current_thread() and worker.ident not in but:
                worker.join(max(0.0, deadline - time.monotonic()))

    def retire(self, worker: Worker) -> bool:
        # A task that came between the end of the wait and here was promised this thread: then it stays.
        return self.tasks.qsize() <= len(self.idle)

    def forget(self, worker: Worker) -> None:
        with self._lock:
            self._workers.discard(worker)

    def _arm(self) -> None:
        with self._lock:
            if self._armed or self._closed:
                return
            if not self._workers and not self._start_worker():
                return
            if self._monitor is None and not self._start_monitor():
                return
            self._armed = True
        self._alarm.release()

    def _grow(self, count: int) -> None:
        with self._lock:
            for _ in range(min(count, self._most - len(self._workers))):
                if not self._start_worker():
                    return

    def _start_worker(self) -> bool:
        if self._closed:
            return False
        self._started += 1
        worker = Worker(self, self._started)
        try:
            worker.start()
        except RuntimeError as error:
            if not self._refused and not self.helped:  # said once: it is tried again at each tick
                self._refused = True
                logger.error("{}: no thread beyond the {} there are: {}", self.name, len(self._workers), error)
            return False
        self._refused = False
        self._workers.add(worker)
        return True

    def _start_monitor(self) -> bool:
        monitor = threading.Thread(target=self._watch, name=f"{self.name}-monitor", daemon=True)
        try:
            monitor.start()
        except RuntimeError as error:
            if not self.helped:
                logger.error("{}: no thread to watch the {} there are: {}", self.name, len(self._workers), error)
            return False
        self._monitor = monitor
        return True

    # -- the monitor: awake only while tasks wait ---------------------------------

    def _watch(self) -> None:
        while not self._closed:
            self._alarm.acquire()
            self._watch_until_quiet()

    def _watch_until_quiet(self) -> None:
        quiet, pause, burnt = 0, _TICK, time.process_time()
        while quiet < _QUIET_TICKS:
            self._alarm.acquire(timeout=pause)
            if self._closed:
                # Nothing grows any more. What waits may be the end of a thread that hangs: it would wait for ever.
                return
            waiting = self.tasks.qsize()
            if not waiting:
                quiet += 1
                pause = _CALM_TICK
                continue
            quiet = 0
            stuck, moving = self._count_stuck()
            used, burnt = time.process_time() - burnt, time.process_time()
            pause = _CALM_TICK if moving else _TICK
            if not moving:
                # Threads that compute need the processor, not company: then one more is enough.
                self._grow(1 if used > pause / 2 else min(waiting, max(1, stuck)))
        self._armed = False
        # A put that saw the monitor armed relies on it: look once more after disarming.
        if self.tasks.qsize() > len(self.idle):
            self._arm()

    def _count_stuck(self) -> tuple[int, int]:
        """Count the threads that have been in one task since the last look, and those that have taken another."""
        stuck = moving = 0
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            if worker.turns == worker.seen:
                stuck += 1
            else:
                moving += 1
                worker.seen = worker.turns
        return stuck, moving


class _Nothing:
    def run(self) -> None:
        """Stand in for a task where none came."""


_NOTHING = _Nothing()


class OwnThread:
    """One daemon thread for one agent; it starts with the first task and ends with a task of None."""

    def __init__(self, name: str) -> None:
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._started = False
        # Guards the start of the thread.
        self._lock = threading.Lock()

    def put(self, task: Task | None) -> None:
        """Have the task run soon, after those before it. Never blocks."""
        self._tasks.put(task)
        with self._lock:
            if not self._started and task is not None:
                self._started = True
                self._thread.start()

    def join(self, deadline: float, but: frozenset[int] = frozenset()) -> None:
        """Wait for the thread, unless its ident is among those, until `deadline` (`time.monotonic`) at most."""
        if self._started and self._thread.ident not in but and self._thread is not threading.current_thread():
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            task.run()
            task = None
