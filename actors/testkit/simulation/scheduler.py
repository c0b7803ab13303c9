"""Which of all that could go on in a simulation does, and at what time?

Exactly one thread has the run at any moment; all state here belongs to it, so nothing needs a lock. It gives the run
on where it waits, where it is done, and before it does anything to others: there the strategy chooses who goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors._core.clock import Timer
from actors._core.dispatcher import Task
from actors._core.here import here
from actors.testkit.simulation.agenda import Agenda
from actors.testkit.simulation.choices import Chooser
from actors.testkit.simulation.errors import Livelock, find_period, waits_of
from actors.testkit.simulation.handing import Chosen, Handing
from actors.testkit.simulation.labels import describe_task
from actors.testkit.simulation.strands import FOR_EVER, Names, SimulatedThread, Step, Strand

_FAIR = 2000  # choices after which whoever is at it lets another go on, whatever the strategy says
_LAST = 400  # steps among which a livelock's cycle is looked for


class Scheduler(Handing):
    """Runs the threads of one simulation, one at a time, and keeps its time."""

    def __init__(self, chooser: Chooser, max_steps: int, patience: float) -> None:
        super().__init__(patience)
        self._chooser = chooser
        self._max_steps = max_steps
        self.time = 0.0
        self.agenda = Agenda()
        self.trace: list[tuple[float, str]] = []
        self.schedule: list[int] = []
        self.tasks: list[tuple[Task, SimulatedThread | None]] = []
        self.ready: list[Strand] = []  # interrupted or waiting, in the order in which they stopped
        self._choosing = False
        self._stayed = 0  # choices, one after the other, by which somebody went on who was at it

    # -- where others may come first --------------------------------------------------

    def now(self) -> float:
        """Give the virtual time, to a thread that has the run; to any once all is over."""
        if not self.closing:
            self.mine()
        return self.time

    def pause(self) -> None:
        """Let others go first, if the strategy likes."""
        if self._choosing:
            return
        strand = self.mine()
        if self.closing:
            self.unwind(strand)
            return
        if self.tasks or self.ready or self.agenda.is_due(self.time):
            strand.over = None
            strand.deadline = FOR_EVER
            self._let_others(strand)

    def wait(self, over: Callable[[], bool], seconds: float | None, for_whom: Any = None) -> bool:
        """Let others run until `over()`, or until so many virtual seconds have passed; gives `over()`.

        `for_whom` is named where the wait turns out to be for ever: a future, or what has a path.
        """
        strand = self.mine()
        if over():
            return True
        strand.context = here.context
        strand.target = for_whom
        if self.closing:
            self.unwind(strand)
            return over()
        strand.over = over
        strand.deadline = FOR_EVER if seconds is None else self.time + max(0.0, seconds)
        try:
            self._let_others(strand)
        finally:
            # A wait that is over keeps nothing alive.
            strand.over = strand.target = strand.context = None
        return over()

    def wait_idly(self, until: float) -> None:
        """Let the others run until they can do no more before the time `until`; it is that time then."""
        strand = self.mine()
        if here.context is not None:
            raise RuntimeError("an agent cannot wait until all agents have nothing left to do")
        strand.over = _never
        strand.deadline = until
        strand.idly = True
        try:
            self._let_others(strand)
        finally:
            strand.idly = False

    def _let_others(self, strand: Strand) -> None:
        self.ready.append(strand)
        try:
            self.give_on(strand)
        finally:
            if strand in self.ready:
                self.ready.remove(strand)
        failure, strand.failure = strand.failure, None
        if failure is not None:
            raise failure

    # -- choosing -----------------------------------------------------------------

    def choose(self, strand: Strand) -> Chosen:
        """Choose among all that could go on now, or let time pass until something can."""
        self._choosing = True  # it looks at agents: no pause in that
        try:
            chosen = self._choose_among_all(strand)
        finally:
            self._choosing = False
        if isinstance(chosen, Strand) and chosen in self.ready:
            self.ready.remove(chosen)
        return chosen

    def _choose_among_all(self, strand: Strand) -> Chosen:
        stays = strand.over is None and strand in self.ready
        while self.main.failure is None:
            able = self._able(strand, stays)
            if able:
                choice = self._choice(able, stays) if len(able) > 1 else 0
                if self.main.failure is None:
                    return self._take(able[choice], strand)
            elif (idle := self._let_time_pass()) is not None:
                return idle
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
        timer = self.agenda.first
        if timer is not None and timer.when <= now:
            able.append(timer)
        return able

    def _choice(self, able: list[Any], stays: bool) -> int:
        if stays and self._stayed >= _FAIR:
            self._stayed = 0  # it may be waiting, in a loop, for what another is about to do
            return 1
        try:
            choice = self._chooser.choose(Names(able), stays)
        except Exception as error:
            self.fail(error)
            return 0
        if type(choice) is not int or not 0 <= choice < len(able):
            self.fail(ValueError(f"the strategy chose {choice!r} of {', '.join(Names(able))}"))
            return 0
        self.schedule.append(choice)
        self._stayed = self._stayed + 1 if stays and choice == 0 else 0
        return choice

    def _take(self, item: Any, strand: Strand) -> Chosen:
        if isinstance(item, Strand):
            if item is not strand or item.over is not None:
                self._note(f"{item.key} goes on")
            return item
        if isinstance(item, Timer):
            self.agenda.take_first()
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
            self.fail(Livelock(steps, find_period([what for _, what in self.trace[-_LAST:]])))

    def _let_time_pass(self) -> Strand | None:
        """Go on to the next moment at which anything can happen; gives whoever waited until there is none."""
        timer = self.agenda.first
        due = FOR_EVER if timer is None else timer.when
        idle: Strand | None = None
        for strand in self.ready:
            if strand.idly:
                idle = strand  # of several the one that began last: the others wait for that, too
            else:
                due = min(due, strand.deadline)
        if idle is not None and idle.deadline < due:
            self.time = max(self.time, idle.deadline)
            return idle
        if due == FOR_EVER:
            self.fail(waits_of(self.ready))
        else:
            self.time = max(self.time, due)
        return None

    # -- what the kernel calls ----------------------------------------------------

    def put(self, task: Task, thread: SimulatedThread | None) -> None:
        """Have the task run some time."""
        if not self.closing:
            self.mine()
        self.tasks.append((task, thread))

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        if not self.closing:
            self.mine()
        return self.agenda.call_at(when, callback)

    @property
    def next_due(self) -> float | None:
        """When the next timer falls due, or the next of those that wait gives up."""
        timer = self.agenda.first
        times = [strand.deadline for strand in self.ready if not strand.idly and strand.deadline < FOR_EVER]
        return min(times if timer is None else [*times, timer.when], default=None)

    @property
    def has_more(self) -> bool:
        """Whether something that is due later would do something."""
        return self.agenda.has_more or any(not strand.idly and strand.deadline < FOR_EVER for strand in self.ready)


def _never() -> bool:
    return False
