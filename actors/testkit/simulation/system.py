"""What if a tree of agents ran in an order that can be chosen, in no time, and again?"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from actors._core.checks import is_seconds
from actors._core.clock import Timer, Waited
from actors._core.dispatcher import OwnThread, Pool
from actors._core.events import Event
from actors._core.report import CrashReports
from actors._core.system import ActorSystem, StopReport
from actors.testkit.simulation import preemption
from actors.testkit.simulation.choices import Schedule, Strategy, strategy_of
from actors.testkit.simulation.errors import SimulationError
from actors.testkit.simulation.scheduler import Scheduler
from actors.testkit.simulation.strands import SimulatedPool, SimulatedThread
from actors.testkit.waiting import dilation
from policies import Decision, Failure, Policy
from policies import Strategy as Supervision

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.ref import AgentRef

_ONE = range(1)
_PATIENCE = 20.0  # real seconds in which a step must end
_SHOWN = 60  # lines of the trace in the note of a failing run


class SimulatedClock:
    """The virtual time of a simulation: it stands while anybody can go on, and then jumps to what is due next."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def now(self) -> float:
        """Give the virtual time, in seconds."""
        return self._scheduler.time

    @property
    def next_due(self) -> float | None:
        """When the next timer falls due, in virtual seconds; None if none stands."""
        return self._scheduler.next_due

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at that time, as a step of its own."""
        return self._scheduler.call_at(when, callback)

    def wait(self, future: Waited, deadline: float | None) -> bool:
        """Let others run until `future` is settled; gives False if that is not so at `deadline`."""
        if future.settled:
            return True
        scheduler = self._scheduler
        seconds = None if deadline is None else deadline - scheduler.time
        return scheduler.wait(lambda: future.settled, seconds, future)

    def advance(self, seconds: float) -> None:
        """Let the agents run until `seconds` have passed and they have nothing left to do."""
        if not is_seconds(seconds):
            raise ValueError(f"seconds: 0 or more, not {seconds!r}")
        self._scheduler.wait_idly(self._scheduler.time + seconds)

    def settle(self) -> None:
        """Let the agents run until they have nothing left to do at the present time."""
        self._scheduler.wait_idly(self._scheduler.time)

    def run_until_idle(self, limit: float = 86_400.0) -> float:
        """Let the agents run, and time pass, until no timer stands or `limit` seconds have passed; gives how many."""
        if not is_seconds(limit):
            raise ValueError(f"limit: seconds, 0 or more, not {limit!r}")
        begun = self.now()
        self.settle()
        while (due := self.next_due) is not None and due <= begun + limit:
            self.advance(max(0.0, due - self.now()))
        if self.next_due is not None:
            self.advance(max(0.0, begun + limit - self.now()))
        return self.now() - begun

    def close(self) -> None:
        """Forget all timers."""
        self._scheduler.forget_timers()

    def __repr__(self) -> str:
        return f"<SimulatedClock {self.now():g} s>"


class Simulation(ActorSystem):
    """A system whose agents run one at a time, in virtual time, in an order that follows from the seed.

    The agents are the same as ever. At each step one thing goes on: a message is handled, a timer fires, a supervisor
    decides, a wait ends, or the test itself goes on; before anything is sent, somebody else may come first. When
    nothing can go on, time jumps to the next timer; when there is none, the wait that cannot end raises `Deadlock`.
    Use it in a `with` block on the thread that made it; a run that fails says how to repeat it.

    - `seed`: of the order, and of jitter; `strategy`: random, pct, exhaustive, or a `Strategy`.
    - `schedule`: the choices of an earlier run, as it printed them, instead of a strategy.
    - `max_steps`: so many steps without an end are a `Livelock`.
    - `policy`, `supervision`: the root's, for top-level agents; None is `Restart()`.

    A handler must not start threads, wait on what is not the library's (sockets, locks, `time.sleep`), or depend on
    what differs from run to run: the time of day, the order of a set of strings, unseeded random numbers.
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
    ) -> None:
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise ValueError(f"seed: a whole number, not {seed!r}")
        if type(max_steps) is not int or max_steps < 1:
            raise ValueError(f"max_steps: a whole number of at least 1, not {max_steps!r}")
        chosen = strategy_of(strategy) if schedule is None else Schedule(schedule)
        self.seed = seed
        self.scheduler = Scheduler(chosen.chooser(seed), max_steps, _PATIENCE * dilation())
        self.scheduler.begin()
        try:
            super().__init__(
                name, policy, supervision, ask_timeout, SimulatedClock(self.scheduler),
                max_orphans=max_orphans, seed=seed,
            )  # fmt: skip
        except BaseException:
            self.scheduler.end()
            raise
        self.batch = _ONE
        self._over = False
        self.events.subscribe(self._note)

    clock: SimulatedClock

    # -- running ------------------------------------------------------------------

    def settle(self) -> None:
        """Let the agents run until they have nothing left to do at the present time."""
        self.clock.settle()

    def advance(self, seconds: float) -> None:
        """Let the agents run until `seconds` of virtual time have passed and they have nothing left to do."""
        self.clock.advance(seconds)

    def race(self, *actions: Callable[[], object]) -> list[Any]:
        """Run the actions at the same time, as it were, each on a thread of its own, until all agents are done.

        Somebody else may come first at every line of the library, not only before a message is sent. Gives what the
        actions return, in order; raises what the first of them raises.
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
        self.scheduler.trace.append(
            (self.clock.now(), f"  {type(event).__name__} {event.path} #{event.incarnation}{why}")
        )

    def _explain(self, error: BaseException) -> None:
        lines = self._lines(self.scheduler.trace[-_SHOWN:])
        left_out = len(self.scheduler.trace) - len(lines)
        head = [f"simulation: seed {self.seed}, {self.steps} steps; Simulation(schedule={self.schedule!r}) repeats it"]
        if left_out:
            head.append(f"  ... {left_out} lines before these")
        error.add_note("\n".join([*head, *lines]))

    # -- the end ------------------------------------------------------------------

    def stop(self, timeout: float | None = None) -> StopReport:
        """Stop the tree, in virtual time, and end the simulation's threads; as `ActorSystem.stop`."""
        scheduler = self.scheduler
        if scheduler.current is not scheduler.main or self._over:
            return super().stop(timeout)
        try:
            report = super().stop(timeout)
        finally:
            self._over = True
            self._ended.set()
            scheduler.end()
        return report

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
        return _NoReports(self.clock)

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


class _NoReports(CrashReports):
    """A simulated failure is in the trace; it is logged nowhere else."""

    def failed(self, ref: AgentRef[Any], failure: Failure, decision: Decision, message: str, restarts: int) -> None:
        """The event says it."""

    def hook_failed(self, ref: AgentRef[Any], incarnation: int, error: BaseException) -> None:
        """The event says it."""
