"""How does a tree of agents begin, how is it looked at, and how does it end?"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from loguru import logger

from actors._core import events, tree
from actors._core.abandonment import abandon, running_since
from actors._core.agent import Agent
from actors._core.cell import Cell
from actors._core.checks import check_timeout, is_seconds
from actors._core.clock import Clock, SystemClock
from actors._core.commands import State, Stop
from actors._core.dead_letters import DeadLetters
from actors._core.dispatcher import Job, OwnThread, Pool
from actors._core.errors import SystemFailed, printed
from actors._core.here import before_acting, fence, here
from actors._core.interceptors import Interception, Interceptor, Interceptors
from actors._core.life import begin, finish
from actors._core.messages import StopReason
from actors._core.orphans import Orphan, Orphans
from actors._core.path import check_name, matches, split
from actors._core.report import CrashReports
from actors._core.spec import ChildSpec
from actors._core.supervision import Down
from policies import Policy, Strategy

if TYPE_CHECKING:
    from actors._core.ref import Addressed, AgentRef

A = TypeVar("A", bound="Agent")
R = TypeVar("R")

_BATCH = range(256)  # messages of one turn, before others get theirs
_JOIN_SECONDS = 5.0
_GRACE_SECONDS = 1.0  # in which a stop whose time is over leaves behind what still runs, and ends
_OF_A_CLOCK = ("now", "call_at", "wait", "close")
_LOOK_SECONDS = 0.01  # from one look at what still runs to the next, once the deadline of a stop is over
_open_systems: weakref.WeakSet[ActorSystem] = weakref.WeakSet()


class Guardian(Agent):
    """The root: the parent of all top-level agents."""

    _supervises = True

    def __init__(self, policy: Policy | None, strategy: Strategy) -> None:
        self.policy = policy
        self.strategy = strategy


@dataclass(frozen=True, slots=True)
class StopReport:
    """How a system ended: `abandoned` are the paths of the agents whose code did not end in time.

    `complete` is False where the caller did not wait for the end, because it is an agent of that system, or because
    the time that it gave was over.
    """

    seconds: float
    abandoned: tuple[str, ...] = ()
    complete: bool = True


class ActorSystem:
    """A tree of agents with its threads, clock, events and root policy.

    Use it in a `with` block: leaving it stops the tree, children first. No thread outlives it, but those whose code
    hangs, which are daemons. All methods may be called on any thread.

    - `policy`, `strategy`: the root's, for top-level agents; None is `Restart()`.
    - `ask_timeout`: seconds, for asks that give none; None waits without limit.
    - `clock`: where all time is read; None is the machine's monotonic clock.
    - `max_orphans`: so many handlers may hang at a time; one more stops the system.
    - `seed`: of the random numbers for jitter.
    - `dead_letters`: so many of the newest are kept, see `DeadLetters`.
    """

    is_default = False
    interceptors: Interceptors | None = None  # made with the first interceptor

    def __init__(
        self,
        name: str = "main",
        policy: Policy | None = None,
        strategy: Strategy | str = Strategy.ONE_FOR_ONE,
        ask_timeout: float | None = None,
        clock: Clock | None = None,
        *,
        max_orphans: int = 100,
        seed: int | None = None,
        dead_letters: int = 1000,
    ) -> None:
        self.name = check_name(name)
        if policy is not None and not isinstance(policy, Policy):
            raise ValueError(f"policy: a Policy or None, not {policy!r}")
        if ask_timeout is not None and not is_seconds(ask_timeout, above=0.0):
            raise ValueError(f"ask_timeout: seconds above 0, or None, not {ask_timeout!r}")
        for option, value in (("max_orphans", max_orphans), ("dead_letters", dead_letters)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise ValueError(f"{option}: a whole number, 0 or more, not {value!r}")
        if seed is not None and not isinstance(seed, int):
            raise ValueError(f"seed: a whole number or None, not {seed!r}")
        if clock is not None and (isinstance(clock, type) or not all(hasattr(clock, name) for name in _OF_A_CLOCK)):
            raise ValueError(f"clock: a Clock or None, not {clock!r}")
        checked = _strategy(strategy)
        self.ask_timeout = ask_timeout
        self.max_orphans = max_orphans
        self.clock: Clock = self._make_clock(clock)
        self.pool = self._make_pool()
        self.batch = _BATCH
        self.events = events.EventStream()
        self.random = Random(seed)
        self.orphans_list = Orphans()
        self.reports: CrashReports = self._make_reports()
        self.dead_letters = DeadLetters(self, dead_letters)
        self._own_threads: weakref.WeakSet[OwnThread] = weakref.WeakSet()
        self._numbers = itertools.count(1)
        self._cause: tuple[str, BaseException] | None = None
        self._stopping = False
        self._report: StopReport | None = None
        self._lost: set[str] = set()  # who had been abandoned before the stop
        self._stopper: threading.Thread | None = None
        self._ended = threading.Event()
        # Guards the root cause and the stopping flag.
        self._lock = threading.Lock()
        self.guardian = Cell(self, None, "/", ChildSpec(Guardian, args=(policy, checked)), True)
        begin(self.guardian, None)
        self.guardian.give_back()
        _open_systems.add(self)

    # What a clock may bring along; see `Clock`.

    def _make_clock(self, clock: Clock | None) -> Clock:
        if clock is None:
            return SystemClock(self.name)
        own: Callable[[str], Clock] | None = getattr(clock, "for_system", None)
        return clock if own is None else own(self.name)

    def _make_pool(self) -> Pool:
        make: Callable[[str], Pool] = getattr(self.clock, "make_pool", Pool)
        return make(self.name)

    def _make_reports(self) -> CrashReports:
        return CrashReports(self.clock)

    # -- agents -------------------------------------------------------------------

    @overload
    def spawn(self, agent: type[Addressed[R]], *args: Any, name: str | None = None, **kwargs: Any) -> R: ...

    @overload
    def spawn(self, agent: type[A], *args: Any, name: str | None = None, **kwargs: Any) -> AgentRef[A]: ...

    @overload
    def spawn(self, agent: ChildSpec[A]) -> AgentRef[A]: ...

    def spawn(self, agent: Any, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
        """Start a top-level agent, from a class and its arguments or one ChildSpec.

        Returns once its `on_start` has succeeded, and runs that on this thread unless the agent has a thread or a
        deadline of its own. Raises StartFailedError (path, cause), NameTakenError, AgentStoppedError once the system
        stops, or ValueError for a bad name.
        """
        return self.guardian.spawn(agent, args, name, kwargs)

    def find(self, path: str) -> AgentRef[Any] | None:
        """Give the ref of the living agent at an absolute path, or None."""
        cell: Cell = self.guardian
        for name in split(path):
            child = None if cell.family is None else cell.family.get(name)
            if child is None or isinstance(child, Down):
                return None
            cell = child
        return None if cell is self.guardian or cell.state is State.STOPPED else cell.ref

    def select(self, pattern: str) -> list[AgentRef[Any]]:
        """Give the refs of all living agents whose path matches, such as /crew/*; parents first, in start order.

        Each part of the pattern is matched with the name at its level; `**` stands for any number of levels.
        """
        return [cell.ref for cell in _select(self.guardian, split(pattern)) if cell is not self.guardian]

    def intercept(
        self, interceptor: Interceptor, path: str = "/**", on: Any = object, nth: int | Iterable[int] | None = None
    ) -> Interception:
        """Call `interceptor(delivery)` in place of the handlers of the agents at `path`, a pattern as for `select`.

        From each agent's next message on, also of agents that are started later; on the agent's turn. `on` says for
        what: a type of messages, several of them, a predicate of a message, or a hook: "__init__", "on_start",
        "on_stop" or "on_failure" (the last two where the agent's class has one). `nth` says which of those, counted
        from 1 over all agents and incarnations; None is all. An interceptor that was there before is the outer one.
        The interceptor must settle what it is given, see `Delivery`; what it raises, the agent has raised. Gives a
        handle with `cancel()`.
        """
        with self._lock:
            if self.interceptors is None:
                self.interceptors = Interceptors()
        interception = Interception(self.interceptors, interceptor, path, on, nth)
        self.interceptors.add(interception)
        for cell in _select(self.guardian, interception.parts):
            self.interceptors.attach(cell)
        return interception

    def emit(self, record: object) -> None:
        """Have something of the program's own told among the events, as `Emitted(record)` of the root.

        Subscribers are called on this thread. A log takes a `Record`.
        """
        self.events.report(events.Emitted, "/", 1, self.clock.now(), record)

    @property
    def orphans(self) -> list[Orphan]:
        """The abandoned handlers that have not returned, oldest first."""
        return list(self.orphans_list)

    def tree(self) -> tree.Tree:
        """Take a frozen snapshot of all agents; it prints as text."""
        return tree.snapshot(self)

    def dump(self) -> str:
        """Give the tree as text with the stacks of the busy agents and of the orphans."""
        return tree.dump(self)

    # -- the end ------------------------------------------------------------------

    def stop(self, timeout: float | None = None) -> StopReport:
        """Stop the tree, children before parents in reverse start order, and end all threads; blocks.

        Each agent has its own `shutdown`; `timeout` seconds are for all together. Who does not end in time is abandoned
        and named in the report. By the machine's clock this is back a second after that, whatever hangs: if that is no
        agent but a subscriber, say, the report is not complete, and the stop goes on. Called again, it waits for the
        first call, with a timeout just as long (in real seconds, under a virtual clock, too), and gives the same
        report. Called by an agent of this system, or by what the system calls (a subscriber, a policy, a callback of
        an ask), it does not wait.
        """
        check_timeout(timeout)
        if fence.raised:
            before_acting()
        with self._lock:
            first, self._stopping = not self._stopping, True
        context = here.context
        inside = context is not None and context.cell.system is self
        if inside or any(stream is self.events for stream in here.serving):
            if first:
                self.pool.put(Job(lambda: self._stop(timeout)))
            return self._report or StopReport(0.0, complete=False)
        begun = time.monotonic()
        if first and not self._stop_aside(timeout):
            self._stop_or_hurry(timeout)
        elif not self._wait_or_hurry(None if timeout is None else max(0.0, timeout) + _GRACE_SECONDS):
            return StopReport(time.monotonic() - begun, self._left_behind(), complete=False)
        self._join_threads()
        assert self._report is not None
        return self._report

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the system has ended, at most `timeout` seconds, and tell whether it has.

        It waits for threads, so these are real seconds, under a virtual clock, too. Raises SystemFailed with the root
        cause if an escalation ended it. Ctrl-C stops the system in order, a second one at once, and then raises
        KeyboardInterrupt.
        """
        check_timeout(timeout)
        try:
            ended = self._wait_for_end(timeout)
        except KeyboardInterrupt:
            self.stop()
            raise
        if ended:
            self._join_threads()
            self._raise_cause()
        return ended

    def fail(self, path: str, error: BaseException) -> None:
        """Stop the system because of this error; the first one is the root cause. Never blocks."""
        with self._lock:
            if self._cause is None:
                self._cause = (path, error)
            first, self._stopping = not self._stopping, True
        if first:
            logger.error("system {!r} stops, because {} failed: {}", self.name, path, printed(error))
            self.pool.put(Job(lambda: self._stop(None)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        if error is None:
            self._raise_cause()

    def _raise_cause(self) -> None:
        if self._cause is not None:
            path, error = self._cause
            raise SystemFailed(self.name, path, error) from error

    def _stop_aside(self, timeout: float | None) -> bool:
        """Have another thread stop the tree, so that who gave a time is back by then; False if there is no such thread.

        Only by the machine's clock: who else is to say when the time is over?
        """
        if timeout is None or not isinstance(self.clock, SystemClock):
            return False
        stopper = threading.Thread(target=self._stop, args=(timeout,), name=f"{self.name}-stop", daemon=True)
        try:
            stopper.start()
        except RuntimeError:
            # As at the end of a program; a thread that is there already will do.
            if self.pool.idle:
                self.pool.put(Job(partial(self._stop, timeout)))
                return True
            return False
        self._stopper = stopper
        return True

    def _wait_or_hurry(self, seconds: float | None) -> bool:
        try:
            return self._wait_for_end(seconds)
        except KeyboardInterrupt:
            # Whatever still runs is left behind.
            self._leave_behind()
            self._wait_for_end(_GRACE_SECONDS)
            raise

    def _stop_or_hurry(self, timeout: float | None) -> None:
        try:
            self._stop(timeout)
        except KeyboardInterrupt:
            # The second Ctrl-C: whatever still runs is left behind.
            self._stop(0.0)
            raise

    def _stop(self, timeout: float | None) -> None:
        clock = self.clock
        begun = clock.now()
        guardian = self.guardian
        self._lost = {orphan.path for orphan in self.orphans_list}
        if guardian.state is State.RUNNING:
            self._take_turn_of(guardian)
        if timeout is not None:
            clock.call_at(begun + timeout, self._leave_behind)
        finish(guardian, Stop(StopReason.SHUTDOWN, deadline=None if timeout is None else begun + timeout))
        self.reports.close()
        self._report = StopReport(clock.now() - begun, self._left_behind())
        self.events.publish(
            events.SystemStopped("/", 1, clock.now(), self._cause[1] if self._cause is not None else None)
        )
        clock.close()
        self.pool.close()
        _open_systems.discard(self)
        self._ended.set()

    def _left_behind(self) -> tuple[str, ...]:
        """Give the paths of those that were abandoned since the stop began, and still hang."""
        return tuple(orphan.path for orphan in self.orphans_list if orphan.path not in self._lost)

    # What waits for threads rather than agents, and so not by the clock.

    def _wait_for_end(self, timeout: float | None) -> bool:
        return self._ended.wait(None if timeout is None else min(timeout, threading.TIMEOUT_MAX))

    def _take_turn_of(self, guardian: Cell) -> None:
        guardian.lock.acquire()

    def _leave_behind(self) -> None:
        """The time is over: abandon what ends and still runs, also where an earlier stop gave it more."""
        for cell in _select(self.guardian, ["**"]):
            started = running_since(cell.context) if _is_told_to_end(cell) else None
            if started is not None:
                abandon(cell, None, started)
        # What ends next, or is told next, is met by the next look; the clock closes with the system.
        self.clock.call_at(self.clock.now() + _LOOK_SECONDS, self._leave_behind)

    def _join_threads(self) -> None:
        deadline = time.monotonic() + _JOIN_SECONDS
        hanging = frozenset(orphan.ident for orphan in self.orphans_list)
        if self._stopper is not None:
            self._stopper.join(max(0.0, deadline - time.monotonic()))
        self.pool.join(deadline, hanging)
        for thread in list(self._own_threads):
            thread.join(deadline, hanging)

    # -- for the kernel -----------------------------------------------------------

    def fire_due(self) -> None:
        """Fire the timers that are due, where the clock has no thread to do so."""
        if isinstance(self.clock, SystemClock):
            self.clock.fire_due()

    @property
    def is_stopping(self) -> bool:
        """Whether the system is ending or has ended."""
        return self._stopping

    @property
    def has_failed(self) -> bool:
        """Whether an escalation that reached the root ends it, or has ended it."""
        return self._cause is not None

    def own_thread(self, path: str) -> OwnThread:
        make: Callable[[str], OwnThread] = getattr(self.clock, "make_own_thread", OwnThread)
        thread = make(f"{self.name}{path}")
        self._own_threads.add(thread)
        return thread

    def make_name(self, agent: type[Agent]) -> str:
        return f"{agent.__name__}-{next(self._numbers)}"

    def make_urn(self) -> str:
        return uuid.uuid4().urn

    def agent_begins(self, cell: Cell) -> None:
        """An agent without a supervisor is about to start."""

    def agent_closed(self, cell: Cell) -> None:
        """An agent takes no more messages."""

    def agent_ended(self, cell: Cell) -> None:
        """An agent has ended for good."""

    def __repr__(self) -> str:
        return f"<ActorSystem {self.name}{' stopped' if self._ended.is_set() else ''}>"


def _is_told_to_end(cell: Cell) -> bool:
    commands = () if cell.control is None else cell.control.copy()
    return cell.final or any(isinstance(command, Stop) for command in commands)


def _strategy(value: Strategy | str) -> Strategy:
    try:
        return Strategy(value)
    except ValueError:
        raise ValueError(f"strategy: one of {', '.join(Strategy)}, not {value!r}") from None


def _select(cell: Cell, parts: list[str]) -> list[Cell]:
    found: dict[int, Cell] = {}
    todo: list[tuple[Cell, int]] = [(cell, 0)]
    while todo:
        cell, depth = todo.pop()
        if depth == len(parts):
            found.setdefault(id(cell), cell)
            continue
        children = [] if cell.family is None else cell.family.live()
        if parts[depth] == "**":
            todo.extend((child, depth) for child in reversed(children))
            todo.append((cell, depth + 1))
        else:
            todo.extend((child, depth + 1) for child in reversed(children) if matches(child.name, parts[depth]))
    return list(found.values())


@atexit.register
def _stop_open_systems() -> None:
    # A program that forgets to stop its systems still has its agents' on_stop run.
    for system in list(_open_systems):
        # CPython 3.12 starts no thread any more by now: this one does what others cannot.
        system.pool.helped = True
        with contextlib.suppress(Exception):
            system.stop(timeout=_JOIN_SECONDS)


__all__ = ["ActorSystem", "Guardian", "StopReport"]
