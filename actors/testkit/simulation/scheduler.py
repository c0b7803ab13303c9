"""How do many threads run one at a time, in an order that can be repeated?

Exactly one thread has the *run* at any moment; all state here belongs to it, so nothing needs a lock. It gives the run
on where it waits, where it is done, and before it does anything to others: there the strategy chooses who goes on. A
thread that waits keeps its stack, so code that blocks needs no change; code that does not costs no switch.
"""

from __future__ import annotations

import heapq
import itertools
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from actors._core.clock import Timer
from actors._core.dispatcher import Task
from actors._core.here import fence, here
from actors.testkit.simulation.choices import Chooser, ReplayError
from actors.testkit.simulation.errors import Livelock, SimulationError, find_period, waits_of
from actors.testkit.simulation.labels import describe_task
from actors.testkit.simulation.strands import FOR_EVER, Names, SimulatedThread, Step, Strand, Unwind

_REPEATED = 100  # times that code may ignore that its simulation is over


class Scheduler:
    """Runs the threads of one simulation, one at a time, and keeps its time."""

    def __init__(self, chooser: Chooser, max_steps: int, patience: float) -> None:
        self._chooser = chooser
        self._max_steps = max_steps
        self._patience = patience
        self.time = 0.0
        self.steps = 0
        self.trace: list[tuple[float, str]] = []
        self.schedule: list[int] = []
        self.tasks: list[tuple[Task, SimulatedThread | None]] = []
        self.ready: list[Strand] = []  # interrupted or waiting, in the order in which they stopped
        self.tracer: Callable[..., Any] | None = None
        self.closing = False
        self.broken = False
        self._timers: list[tuple[float, int, Timer]] = []
        self._tie = itertools.count()
        self._idle: list[Strand] = []
        self._numbers = itertools.count(1)
        self._interrupted = False
        self._choosing = False
        self.main = Strand("test")
        self.main.thread = threading.current_thread()
        self.current = self.main

    # -- where the run changes hands ----------------------------------------------

    def begin(self) -> None:
        """Make the calling thread the simulation's first."""
        if here.scheduler is not None:
            raise SimulationError("another simulation runs on this thread: end it first")
        here.scheduler = self
        fence.up()

    def end(self) -> None:
        """End every other thread; the calling thread is an ordinary one again."""
        self.closing = True
        self.tracer = None
        waiting, self.ready = self.ready, []
        for strand in waiting:
            if not self.broken:
                # It wakes up to an exception, runs to its end, and gives the run back to this thread.
                self._hand_to(strand)
                self._park(self.main)
        for strand in self._idle:
            strand.job = None
            strand.parked.release()
            assert strand.thread is not None
            strand.thread.join()
        self._idle.clear()
        here.scheduler = None
        fence.down()

    def pause(self) -> None:
        """Let others go first, if the strategy likes."""
        if self._choosing:
            return
        strand = self._mine()
        if self.closing:
            self._unwind(strand)
            return
        if self.tasks or self.ready or (self._timers and self._timers[0][0] <= self.time):
            strand.over = None
            strand.deadline = FOR_EVER
            self._let_others(strand)

    def wait(self, over: Callable[[], bool], seconds: float | None, for_whom: Any = None) -> bool:
        """Let others run until `over()`, or until so many virtual seconds have passed; gives `over()`.

        `for_whom` is named where the wait turns out to be for ever: a future, or what has a path.
        """
        strand = self._mine()
        if over():
            return True
        strand.context = here.context
        strand.target = for_whom
        if self.closing:
            self._unwind(strand)
            return over()
        strand.over = over
        strand.deadline = FOR_EVER if seconds is None else self.time + max(0.0, seconds)
        self._let_others(strand)
        return over()

    def wait_idly(self, until: float) -> None:
        """Let the others run until they can do no more before the time `until`; it is that time then."""
        strand = self._mine()
        strand.over = _never
        strand.deadline = until
        strand.idly = True
        try:
            self._let_others(strand)
        finally:
            strand.idly = False

    def _mine(self) -> Strand:
        strand = self.current
        if strand.thread is not threading.current_thread():
            raise SimulationError(
                f"{threading.current_thread().name} is no thread of this simulation: what a handler starts "
                "by itself (a thread, an executor) cannot be simulated"
            )
        return strand

    def _let_others(self, strand: Strand) -> None:
        self.ready.append(strand)
        self._give_on(strand)
        failure, strand.failure = strand.failure, None
        if failure is not None:
            raise failure

    def _give_on(self, strand: Strand) -> None:
        """Choose who goes on; returns when that is the strand that calls."""
        chosen = self._choose(strand)
        if chosen is strand:
            self.ready.remove(strand)
            return
        self._go_on_with(chosen)
        self._park(strand)

    def _go_on_with(self, chosen: Strand | Callable[[], None]) -> None:
        if isinstance(chosen, Strand):
            self.ready.remove(chosen)
            self._hand_to(chosen)
            return
        strand = self._idle.pop() if self._idle else self._new_strand()
        strand.job = chosen
        self._hand_to(strand)

    def _hand_to(self, strand: Strand) -> None:
        self.current = strand
        strand.parked.release()

    def _park(self, strand: Strand) -> None:
        if strand is not self.main:
            strand.parked.acquire()
            self._set_tracer(strand)
        else:
            self._park_main(strand)
        if self.closing and strand is not self.main:
            self._unwind(strand)

    def _park_main(self, strand: Strand) -> None:
        # The test's thread is also the one that notices when the others come to nothing in real time.
        seen = -1
        while True:
            try:
                if strand.parked.acquire(timeout=self._patience):
                    return
            except KeyboardInterrupt:
                if self._interrupted:
                    self.broken = self.closing = True
                    raise
                self._interrupted = True
                self._fail(KeyboardInterrupt())
                continue
            if seen == self.steps:
                self.broken = self.closing = True
                raise SimulationError(
                    f"{self.current.label} has been running for {self._patience:g} s without a step: it computes, or "
                    f"blocks on what is not the library's\n{_stack_of(self.current)}"
                )
            seen = self.steps

    def _unwind(self, strand: Strand) -> None:
        if strand is self.main:
            return
        strand.unwound += 1
        if strand.unwound > _REPEATED:
            self._hand_to(self.main)
            strand.parked.acquire()
        raise Unwind

    # -- choosing -----------------------------------------------------------------

    def _choose(self, strand: Strand) -> Strand | Callable[[], None]:
        """Choose among all that could go on now, or let time pass until something can."""
        self._choosing = True  # it looks at agents: no pause in that
        try:
            return self._choose_among_all(strand)
        finally:
            self._choosing = False

    def _choose_among_all(self, strand: Strand) -> Strand | Callable[[], None]:
        stays = strand.over is None and strand in self.ready
        while self.main.failure is None:
            able = self._able(strand, stays)
            if able:
                choice = self._choice(able, stays) if len(able) > 1 else 0
                if self.main.failure is None:
                    return self._take(able[choice], strand)
            elif not self._let_time_pass():
                break
        return self.main

    def _able(self, strand: Strand, stays: bool) -> list[Any]:
        """Give all that could go on at this moment: the calling strand first if it could."""
        now = self.time
        able: list[Any] = [strand] if stays else []
        for other in self.ready:
            if other.over is None:
                if other is not strand:
                    able.append(other)
            elif not other.idly and (other.deadline <= now or other.over()):
                able.append(other)
        busy: list[SimulatedThread] = []
        for entry in self.tasks:
            thread = entry[1]
            if thread is None:
                able.append(entry)
            elif not thread.running and thread not in busy:
                busy.append(thread)  # of a thread's tasks only the first
                able.append(entry)
        timers = self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
        if timers and timers[0][0] <= now:
            able.append(timers[0][2])
        return able

    def _choice(self, able: list[Any], stays: bool) -> int:
        try:
            choice = self._chooser.choose(Names(able), stays)
        except ReplayError as error:
            self._fail(error)
            return 0
        self.schedule.append(choice)
        return choice

    def _take(self, item: Any, strand: Strand) -> Strand | Callable[[], None]:
        if isinstance(item, Strand):
            if item is not strand or item.over is not None:
                self._note(f"{item.key} goes on")
            return item
        if isinstance(item, Timer):
            heapq.heappop(self._timers)
            self._note(f"clock: {describe_task(item)}")
            return item.fire
        self.tasks.remove(item)
        task, thread = item
        label = describe_task(task)
        self._note(label)
        if thread is None:
            return Step(label, task.run)
        thread.running = True
        return Step(label, lambda: thread.run_one(task))

    def _note(self, what: str) -> None:
        self.steps += 1
        self.trace.append((self.time, what))
        if self.steps >= self._max_steps and self.main.failure is None and not self.closing:
            steps, self._max_steps = self._max_steps, self._max_steps * 2  # the test may want to stop its system
            self._fail(Livelock(steps, find_period([what for _, what in self.trace[-400:]])))

    def _fail(self, error: BaseException) -> None:
        """Have the test's own thread raise this."""
        self.main.failure = error

    def _let_time_pass(self) -> bool:
        """Go on to the next moment at which anything can happen; False: there is none, the test is to know."""
        due = self._timers[0][0] if self._timers else FOR_EVER
        idle: Strand | None = None
        for strand in self.ready:
            if strand.idly:
                idle = strand
            else:
                due = min(due, strand.deadline)
        if idle is not None and idle.deadline < due:
            self.time = max(self.time, idle.deadline)
            return False
        if due == FOR_EVER:
            self._fail(waits_of(self.ready))
            return False
        self.time = max(self.time, due)
        return True

    # -- the threads --------------------------------------------------------------

    def _new_strand(self) -> Strand:
        strand = Strand("")
        name = f"simulation-{next(self._numbers)}"
        strand.thread = threading.Thread(target=self._carry, args=(strand,), name=name, daemon=True)
        strand.thread.start()
        return strand

    def _carry(self, strand: Strand) -> None:
        """Run tasks, one after the other, on this thread; park while there is none for it."""
        here.scheduler = self
        strand.parked.acquire()
        while (job := strand.job) is not None:
            strand.job = None
            strand.label = getattr(job, "label", "clock")
            strand.key = strand.label.partition(":")[0]
            self._set_tracer(strand)
            try:
                job()
            except Unwind:
                pass
            except BaseException as error:
                self._fail(error)
            del job
            if strand.traced:
                sys.settrace(None)
                strand.traced = False
            if self.broken:
                return
            chosen = self.main if self.closing else self._choose(strand)
            if not isinstance(chosen, Strand):
                strand.job = chosen
                continue
            if chosen in self.ready:
                self.ready.remove(chosen)
            self._idle.append(strand)
            self._hand_to(chosen)
            strand.parked.acquire()

    def _set_tracer(self, strand: Strand) -> None:
        if (self.tracer is not None) != strand.traced:
            sys.settrace(self.tracer)
            strand.traced = self.tracer is not None

    # -- what the kernel calls ----------------------------------------------------

    def put(self, task: Task, thread: SimulatedThread | None) -> None:
        """Have the task run some time."""
        self.tasks.append((task, thread))

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        timer = Timer(when, callback)
        heapq.heappush(self._timers, (when, next(self._tie), timer))
        return timer

    def forget_timers(self) -> None:
        self._timers.clear()

    @property
    def next_due(self) -> float | None:
        standing = [when for when, _, timer in self._timers if timer.callback is not None]
        return min(standing, default=None)


def _never() -> bool:
    return False


def _stack_of(strand: Strand) -> str:
    frame = None if strand.thread is None else sys._current_frames().get(strand.thread.ident or 0)
    return "" if frame is None else "".join(traceback.format_stack(frame))
