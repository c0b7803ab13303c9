"""What stands in for the rest of a system while one handler of one agent runs?

The agent is in a real cell of a private system, and is sent its message by a real ref, so that the kernel's own turn
runs the handler: asks, proxies, stash, deferred answers and failures are what they always are. What differs is what
the agent can reach. The system's pool runs a turn on the thread that puts it, its clock stands still, and its log is
silent; the agent's policy resumes it, so that its state outlives a failure. Every ref it gets is a stand-in, which
notes what it is sent instead of delivering it, and its context notes what it is asked to do. So nothing else happens,
no thread is started, and of the rules of the kernel only those for who may become a child are written a second time.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar, overload

from actors._core.agent import Agent
from actors._core.cell import Cell
from actors._core.clock import Timer, Waited
from actors._core.commands import Command, State, Stop
from actors._core.dispatcher import OwnThread, Pool, Task
from actors._core.errors import printed
from actors._core.events import EventStream
from actors._core.future import AgentFuture, Ask
from actors._core.here import here
from actors._core.messages import Terminated
from actors._core.path import path_matches, split
from actors._core.ref import CLOSED, OPEN, AgentRef
from actors._core.report import CrashReports
from actors._core.spec import ChildSpec
from actors._core.supervision import Down
from actors._core.system import ActorSystem, StopReport, _open_systems
from actors.testkit import effects
from actors.testkit.noting import HandlerContext, recorder, refuse
from policies import Decision, Failure, RestartType, check_significant

A = TypeVar("A", bound=Agent)


class HandlerCell(Cell):
    """The cell of the agent under test: it starts no child, and nothing is delivered but what the test sends."""

    __slots__ = ()

    def __init__(self, system: HandlerSystem, parent: Cell | None, name: str, spec: ChildSpec[Any]) -> None:
        super().__init__(system, parent, name, spec, True)
        self.ref = StandIn(self)

    def start_child(self, spec: ChildSpec[Any], name: str | None, kept: bool) -> Cell:
        """Put a stand-in into the books, by the rules for a child."""
        context = recorder(f"{self.path} takes a child")
        if self.context is context and context.agent is not None:
            context.agent._check_rules()
        if spec.significant:
            check_significant(RestartType(spec.restart), True, self.auto_shutdown)
        family = self.own_family()
        child = StandInCell(self.system, self, name or self._make_name(spec.agent), spec, kept)
        child.revived = kept and isinstance(family.get(child.name), Down)
        family.admit(child, self.most_children)
        named = spec if name is None else dataclasses.replace(spec, name=name)
        context.note(effects.Spawned(child.path, named, ref=child.ref))
        return child

    def notify(self, target: Cell, notice: Terminated) -> None:
        """The end of an agent that it watches is the test's to tell."""

    def queue_tick(self, tick: Any) -> None:
        """A timer that is due is the test's to tell, too."""


# -- what the agent under test can reach -----------------------------------------


class StandInCell(Cell):
    """The place of an agent that is not there; it counts as running until it is stopped."""

    __slots__ = ()

    def __init__(self, system: ActorSystem, parent: Cell, name: str, spec: ChildSpec[Any], kept: bool) -> None:
        super().__init__(system, parent, name, spec, kept)
        self.ref = StandIn(self)
        self.incarnation = 1
        self.move(State.STARTING)
        self.move(State.RUNNING)
        self.gate = OPEN

    def leave(self) -> None:
        """Have ended, and be in its parent's books no more, unless its spec is kept."""
        if self.state is State.STOPPED:
            return
        self.end_for_good()
        self.gate = CLOSED
        self.move(State.STOPPING)
        self.move(State.STOPPED)
        family = None if self.parent is None else self.parent.family
        if family is not None and family.get(self.name) is self:
            family.remove(self, keep_spec=self.kept and self.spec.restart is not RestartType.TEMPORARY)

    def command_at_once(self, stop: Stop) -> bool:
        """How its parent ends it."""
        if isinstance(here.context, HandlerContext):
            here.context.note(effects.Stopped(self.path, drain=False))
        # Otherwise with its parent, whose start has failed.
        self.leave()
        return True

    def post(self, command: Command, allowed: float | None = None, at_hand: list[None] | None = None) -> None:
        refuse(f"{self.path} is told to {type(command).__name__.lower()}: a stand-in can only be stopped")


class StandIn(AgentRef[A]):
    """A ref that notes what it is used for; its agent is not there, or is the one under test."""

    __slots__ = ()

    def tell(self, message: Any) -> None:
        recorder(f"{self.path} is told {printed(message, 80)}").note(effects.Told(self.path, message))
        if not self.is_alive():
            raise self._gone()

    @overload  # type: ignore[override]
    def ask(self, message: Any, *, block: Literal[True] = True, timeout: float | None = None) -> Any: ...

    @overload
    def ask(self, message: Any, *, block: Literal[False], timeout: float | None = None) -> AgentFuture[Any]: ...

    @overload
    def ask(self, message: Any, *, block: bool, timeout: float | None = None) -> Any | AgentFuture[Any]: ...

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any | AgentFuture[Any]:
        context = recorder(f"{self.path} is asked {printed(message, 80)}")
        context.note(effects.Asked(self.path, message, timeout))
        ask: Ask[Any] = Ask(message, self._cell, context, None)
        if self.is_alive():
            context.answer(ask)
        else:
            ask.resolve(error=self._gone())
        return ask.get() if block else ask

    @overload  # type: ignore[override]
    def stop(self, *, block: Literal[True] = True, timeout: float | None = None, drain: bool = True) -> bool: ...

    @overload
    def stop(self, *, block: Literal[False], timeout: float | None = None, drain: bool = True) -> AgentFuture[bool]: ...

    @overload
    def stop(self, *, block: bool, timeout: float | None = None, drain: bool = True) -> bool | AgentFuture[bool]: ...

    def stop(self, *, block: bool = True, timeout: float | None = None, drain: bool = True) -> bool | AgentFuture[bool]:
        context = recorder(f"{self.path} is stopped")
        context.note(effects.Stopped(self.path, drain))
        done: Ask[bool] = Ask("stop", self._cell, context, None)
        if isinstance(self._cell, StandInCell):
            done.resolve(self.is_alive())
            self._cell.leave()
        return bool(done.get()) if block else done

    def _administered(self) -> Cell:
        if isinstance(self._cell, StandInCell):
            refuse(f"{self.path} is a stand-in: it has no children to start, terminate, restart or delete")
        return super()._administered()


class _InlinePool(Pool):
    """Runs what it is given, here and now."""

    def put(self, task: Task | None) -> None:
        assert task is not None
        task.run()


class _StandingClock:
    """A clock at which it is always 0, and for which nobody waits."""

    def now(self) -> float:
        return 0.0

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        return Timer(when, callback)

    def wait(self, future: Waited, deadline: float | None) -> bool:
        assert isinstance(future, Ask)
        path, asked = future.cell.path, printed(future.message, 80)
        refuse(f"{path} was asked {asked}, and nobody answers: say answers={{{path!r}: ...}}")

    def close(self) -> None:
        """It has no thread, and keeps no timers."""


class _Silence(CrashReports):
    """Reports nothing: the test is told."""

    def failed(self, ref: AgentRef[Any], failure: Failure, decision: Decision, message: str, restarts: int) -> None: ...

    def hook_failed(self, ref: AgentRef[Any], incarnation: int, error: BaseException) -> None: ...


class HandlerSystem(ActorSystem):
    """What is around one agent under test."""

    def __init__(self, refs: Iterable[AgentRef[Any]] = ()) -> None:
        super().__init__("handler", clock=_StandingClock())
        # Nothing of it runs, so nobody is to stop it: not the end of the program, nor a test that looks for leaks.
        _open_systems.discard(self)
        self.events = EventStream(keep=0)  # a parent that stands in for many tests keeps none of their errors
        self.guardian = HandlerCell(self, None, "/", self.guardian.spec)
        self.known = list(refs)

    def _make_pool(self) -> Pool:
        return _InlinePool(self.name)

    def _make_reports(self) -> CrashReports:
        return _Silence(self.clock)

    def own_thread(self, path: str) -> OwnThread:
        return self.pool  # type: ignore[return-value]

    def emit(self, record: object) -> None:
        recorder(f"{self.name} emits").note(effects.Emitted(record))

    def find(self, path: str) -> AgentRef[Any] | None:
        names = split(path)
        return next((ref for ref in self._living() if split(ref.path) == names), None)

    def select(self, pattern: str) -> list[AgentRef[Any]]:
        parts = split(pattern)
        return [ref for ref in self._living() if path_matches(split(ref.path), parts)]

    def _living(self) -> list[AgentRef[Any]]:
        homes = [self.guardian, *(ref._cell for ref in self.known if isinstance(ref._cell, HandlerCell))]
        spawned = [child.ref for home in homes if home.family is not None for child in home.family.live()]
        return [ref for ref in dict.fromkeys([*self.known, *spawned]) if ref.is_alive()]

    def stop(self, timeout: float | None = None) -> StopReport:
        if isinstance(here.context, HandlerContext):
            here.context.note(effects.Stopped("/"))
        return StopReport(0.0, complete=False)

    def wait(self, timeout: float | None = None) -> bool:
        refuse("system.wait(): in run_handler there is nothing to wait for")
