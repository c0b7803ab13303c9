"""What if a tree of agents ran in an order that can be chosen, in no time, and again?"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from actors._core.checks import check_timeout
from actors._core.dispatcher import OwnThread, Pool
from actors._core.events import DeadLetter, Event
from actors._core.here import here
from actors._core.report import CrashReports
from actors._core.system import ActorSystem, StopReport, _open_systems
from actors.testkit.quiet import Unlogged
from actors.testkit.simulation import preemption
from actors.testkit.simulation.choices import Priorities, RandomWalk, Schedule, Strategy, strategy_of
from actors.testkit.simulation.clock import SimulatedClock
from actors.testkit.simulation.errors import SimulationError
from actors.testkit.simulation.labels import describe_message
from actors.testkit.simulation.scheduler import Scheduler
from actors.testkit.simulation.strands import SimulatedPool, SimulatedThread
from actors.testkit.waiting import dilation
from policies import Policy
from policies import Strategy as Supervision

if TYPE_CHECKING:
    from actors._core.cell import Cell

_ONE = range(1)
_PATIENCE = 20.0  # real seconds in which a step must end
_SHOWN = 60  # lines of the trace in the note of a failing run
_LONGEST = 2000  # characters of a schedule in that note, if there is another way


class Simulation(ActorSystem):
    """A system whose agents run one at a time, in virtual time, in an order that follows from the seed.

    The agents are the same classes as ever. The same program with the same seed and strategy, or with the schedule that
    a run printed, does the same, step by step, on every machine and every CPython (with `race`, on the same version).

    What is chosen is who goes on. Wherever several could, one does and the others wait: the messages of different
    agents, the decisions of supervisors, timers that are due, waits that are over, and the test itself. Somebody else
    may come first before anything is done to an agent (`tell`, `ask`, `stop`, `spawn`, `watch`, `unwatch`, a deferred
    answer, an administration call, the stop of the system) and wherever something is waited for; in a `race` at every
    line of the kernel and of the routers. Between these, code runs undisturbed; whoever has gone on 2000 times while
    others could lets one of them go first, whatever the strategy says. Messages of one sender to one agent stay in
    order, and timers of one moment fall due in the order in which they were made.

    A step is: a message or command is handled, a timer fires, a supervisor decides, a wait ends. `trace()` has a line
    for each. An agent that is idle and asked without a timeout answers as part of the asker's step.

    Time stands while anybody can go on, and then jumps to what is due next, so hours cost nothing. When the test waits,
    nobody can go on and nothing is due, it gets `Deadlock`; after `max_steps` steps it gets `Livelock`.

    Use it in a `with` block on the thread that made it, one at a time on a thread. Leaving the block stops the tree, in
    virtual time. Whoever still waits then is unwound by an exception, so `finally` blocks run, but can do nothing to
    agents any more. What a run raises has a note that says how to repeat it, with its last steps. Agents run on threads
    of the simulation, of which one at a time goes on, or on the test's own if that asks; none is left at the end.

    A handler must not

    - have threads, processes or callbacks of its own use the agents: they get `SimulationError`, and so does the test,
      except where such a thread tells something to an agent that is busy: then only the order is lost;
    - wait on what is not the library's: `time.sleep`, locks, events, queues, sockets, an event loop. After 20 real
      seconds (times the dilation) without a step the test gets `SimulationError` with the stack;
    - go by what differs from run to run: the time of day, `time.monotonic`, unseeded random numbers, `id`, the order of
      a set of strings, files, networks, state that an earlier run has left;
    - swallow BaseException in a loop: its thread is left behind at the end.

    Not simulated are interruptions within a handler's own code, which matter only where agents share what they should
    not, the number of threads and how the pool grows, and the log: failures are in the trace.

    - `seed`: of the order, and of jitter; `strategy`: random, pct, exhaustive, or a `Strategy`.
    - `schedule`: the choices of an earlier run, as it printed them, instead of a strategy.
    - `max_steps`: so many steps of the whole run are a livelock.
    - `policy`, `supervision`: the root's, for top-level agents; None is `Restart()`.
    - `ask_timeout`, `max_orphans`, `dead_letters`: as of `ActorSystem`; seconds are virtual.
    """

    def __init__(
        self,
        seed: int = 0,
        strategy: Strategy | str = "random",
        *,
        schedule: str | None = None,
        max_steps: int = 100_000,
        name: str = "simulation",
        policy: Policy | None = None,
        supervision: Supervision | str = Supervision.ONE_FOR_ONE,
        ask_timeout: float | None = None,
        max_orphans: int = 100,
        dead_letters: int = 1000,
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(f"seed: a whole number, not {seed!r}")
        if type(max_steps) is not int or max_steps < 1:
            raise ValueError(f"max_steps: a whole number of at least 1, not {max_steps!r}")
        chosen = strategy_of(strategy) if schedule is None else Schedule(schedule)
        self.seed = seed
        self._strategy = chosen
        self.scheduler = Scheduler(chosen.chooser(seed), max_steps, _PATIENCE * dilation())
        self.scheduler.begin()
        try:
            super().__init__(
                name, policy, supervision, ask_timeout, self.clock_class(self.scheduler),
                max_orphans=max_orphans, seed=seed, dead_letters=dead_letters,
            )  # fmt: skip
        except BaseException:
            self.scheduler.end()
            raise
        self.batch = _ONE
        self._over = False
        _open_systems.discard(self)  # nobody can run it any more once the program ends
        self.events.subscribe(self._note)

    clock: SimulatedClock
    clock_class: ClassVar[type[SimulatedClock]] = SimulatedClock

    # -- running ------------------------------------------------------------------

    def settle(self) -> None:
        """Let the agents run until they have nothing left to do at the present time; see `SimulatedClock`."""
        self.clock.settle()

    def advance(self, seconds: float) -> None:
        """Let the agents run until `seconds` of virtual time have passed and they have nothing left to do."""
        self.clock.advance(seconds)

    def race(self, *actions: Callable[[], object]) -> list[Any]:
        """Run the actions at the same time, as it were, each on a thread of its own, until all agents are done.

        Somebody else may come first at every line of the kernel and of the routers, not only before a message is sent;
        not in the middle of a line, and not while one of their own short locks is held. Which lines there are differs
        a little from one CPython to the next: the schedule of a race holds for the version that printed it. Gives what
        the actions return, in order (None for one that still waits); raises what the first of them raised.
        """
        results: list[Any] = [None] * len(actions)
        errors: list[BaseException] = []

        def run(index: int, action: Callable[[], object]) -> None:
            try:
                results[index] = action()
            except Exception as error:
                errors.append(error)

        with preemption.at_every_line(self.scheduler):
            for index, action in enumerate(actions):
                self.scheduler.put(_Action(f"action {index + 1}", functools.partial(run, index, action)), None)
            self.settle()
        if errors:
            raise errors[0]
        return results

    # -- what it did --------------------------------------------------------------

    @property
    def steps(self) -> int:
        """How many steps it has made."""
        return self.scheduler.steps

    @property
    def schedule(self) -> str:
        """What was chosen so far: `Simulation(schedule=...)` with the same program does the same again."""
        return Schedule.of(self.scheduler.schedule).text

    def trace(self) -> str:
        """Give what was done so far as text, a line for each step and each event, with the virtual time."""
        return "\n".join(self._lines(self.scheduler.trace))

    @staticmethod
    def _lines(trace: list[tuple[float, str]]) -> list[str]:
        return [f"{time:10.3f}  {what}" for time, what in trace]

    def _note(self, event: Event) -> None:
        error = getattr(event, "error", None)
        why = "" if error is None else f" {type(error).__name__}"
        if isinstance(event, DeadLetter):
            why += f" {describe_message(event.message)}"
        self.scheduler.trace.append(
            (self.scheduler.time, f"  {type(event).__name__} {event.path} #{event.incarnation}{why}")
        )

    def _explain(self, error: BaseException) -> None:
        lines = self._lines(self.scheduler.trace[-_SHOWN:])
        left_out = len(self.scheduler.trace) - len(lines)
        head = [f"simulation: seed {self.seed}, {self.steps} steps; {self._repeated()} repeats it"]
        if left_out:
            head.append(f"  ... {left_out} lines before these")
        error.add_note("\n".join([*head, *lines]))

    def _repeated(self) -> str:
        """Give the call that makes the same run again: by its schedule, unless that is long and the seed is enough."""
        schedule = self.schedule
        if len(schedule) > _LONGEST and isinstance(self._strategy, (RandomWalk, Priorities)):
            return f"Simulation(seed={self.seed}, strategy={self._strategy!r})"
        return f"Simulation(seed={self.seed}, schedule={schedule!r})"

    # -- the end ------------------------------------------------------------------

    def stop(self, timeout: float | None = None) -> StopReport:
        """Stop the tree, in virtual time, and end the simulation's threads; as `ActorSystem.stop`."""
        check_timeout(timeout)
        scheduler = self.scheduler
        if self._over and self._report is not None:
            return self._report
        if not scheduler.is_outside or any(stream is self.events for stream in here.serving):
            return super().stop(timeout)
        try:
            if not scheduler.broken and not scheduler.spoilt:
                super().stop(timeout)
        finally:
            self._over = True
            self._report = self._report or StopReport(0.0, complete=False)
            self._ended.set()
            scheduler.end()
        return self._report

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._explain(error)
            with suppress(SimulationError):
                self.stop()
            return
        try:
            super().__exit__(kind, error, traceback)
        except BaseException as raised:
            self._explain(raised)
            raise

    def __enter__(self) -> Self:
        return self

    # -- for the kernel -----------------------------------------------------------

    def _make_pool(self) -> Pool:
        return SimulatedPool(self.name, self.scheduler)

    def own_thread(self, path: str) -> OwnThread:
        return SimulatedThread(self.scheduler)

    def _make_reports(self) -> CrashReports:
        return Unlogged(self.clock)

    def make_urn(self) -> str:
        return uuid.UUID(int=next(self._numbers)).urn

    def _wait_for_end(self, timeout: float | None) -> bool:
        return self.scheduler.wait(self._ended.is_set, timeout)

    def _take_turn_of(self, guardian: Cell) -> None:
        while not guardian.lock.acquire(False):
            self.scheduler.wait(lambda: not guardian.lock.locked(), None)


class _Action:
    """One of the actions of a race, as a task."""

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        self.path = name
        self.run = act
