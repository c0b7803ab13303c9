"""How does an agent live that nobody supervises, as Pykka's actors do?

`Agent.start` starts it under one default system. Its policy is Pykka's rule, its log Pykka's words, and Pykka's
registry knows it. The program does not end before its agents have, unless they say so with `use_daemon_thread`.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Literal, overload

from actors._core import agent as agent_module
from actors._core._pykka import ActorRegistry
from actors._core.agent import Agent
from actors._core.cell import Cell
from actors._core.checks import check_timeout
from actors._core.errors import AskCycleError, AskTimeout
from actors._core.future import AgentFuture
from actors._core.ref import AgentRef
from actors._core.report import CrashReports
from actors._core.spec import ChildSpec
from actors._core.system import ActorSystem
from policies import Decision, Directive, Failure, History, Phase, Policy

_log = logging.getLogger("pykka")


class PykkaRule(Policy):
    """An error that an asker got leaves the actor alive, any other stops it."""

    def decide(self, failure: Failure, history: History) -> Decision:
        replied = failure.replied and failure.phase is Phase.RECEIVE
        return Decision(Directive.RESUME if replied else Directive.STOP, 0.0, history)


class PykkaReports(CrashReports):
    """Says what Pykka says, where Pykka says it, and a crash report for what nobody was told."""

    def failed(self, ref: AgentRef[Any], failure: Failure, decision: Decision, message: str, restarts: int) -> None:
        error = failure.error
        exc_info = (type(error), error, error.__traceback__)
        if decision.directive is Directive.RESUME:
            _log.info(f"Exception returned from {ref} to caller:", exc_info=exc_info)
            return
        _log.error(f"Unhandled exception in {ref}:", exc_info=exc_info)
        super().failed(ref, failure, decision, message, restarts)

    def hook_failed(self, ref: AgentRef[Any], incarnation: int, error: BaseException) -> None:
        _log.error(f"Unhandled exception in {ref}:", exc_info=(type(error), error, error.__traceback__))
        super().hook_failed(ref, incarnation, error)


class _Keeper:
    """Keeps the program from ending while agents are alive that hold it, with one waiting thread."""

    def __init__(self) -> None:
        self._alive: set[Cell] = set()
        # Guards the set and tells the thread that it is empty.
        self._changed = threading.Condition(threading.Lock())

    def hold(self, cell: Cell) -> None:
        with self._changed:
            if not self._alive:
                # First: where no thread can be had, this raises and nothing was held.
                threading.Thread(target=self._wait, name="actortree-keeper", daemon=False).start()
            self._alive.add(cell)

    def release(self, cell: Cell) -> None:
        with self._changed:
            self._alive.discard(cell)
            if not self._alive:
                self._changed.notify_all()

    def _wait(self) -> None:
        with self._changed:
            while self._alive:
                self._changed.wait()


class DefaultSystem(ActorSystem):
    """The system of the agents that were made with `Agent.start`."""

    is_default = True

    def __init__(self) -> None:
        self._keeper = _Keeper()
        super().__init__("default", PykkaRule())

    def _make_reports(self) -> CrashReports:
        return PykkaReports(self.clock)

    def agent_begins(self, cell: Cell) -> None:
        if not cell.spec.agent.use_daemon_thread:
            self._keeper.hold(cell)
        ActorRegistry.register(cell.ref)

    def agent_closed(self, cell: Cell) -> None:
        if cell.parent is self.guardian:
            ActorRegistry.unregister(cell.ref)

    def agent_ended(self, cell: Cell) -> None:
        self._keeper.release(cell)


_default: DefaultSystem | None = None
# Guards the one default system.
_default_lock = threading.Lock()


def default_system() -> ActorSystem:
    """Give the system of `Agent.start`, a new one if the last was stopped."""
    global _default
    with _default_lock:
        if _default is None or _default.is_stopping:
            _default = DefaultSystem()
        return _default


def start_unsupervised(kind: type[Agent], args: tuple[Any, ...], kwargs: dict[str, Any]) -> AgentRef[Any]:
    """Start one agent under the default system."""
    return default_system().guardian.start_unsupervised(ChildSpec.plain(kind, args, kwargs)).ref


@overload
def stop_all(*, block: Literal[True] = True, timeout: float | None = None) -> list[bool]: ...


@overload
def stop_all(*, block: Literal[False], timeout: float | None = None) -> list[AgentFuture[bool]]: ...


@overload
def stop_all(*, block: bool, timeout: float | None = None) -> list[bool] | list[AgentFuture[bool]]: ...


def stop_all(*, block: bool = True, timeout: float | None = None) -> list[bool] | list[AgentFuture[bool]]:
    """Stop the agents made with `start`, the last one first, with one deadline for all.

    Like `pykka.ActorRegistry.stop_all`, it tells each to stop once the one before has ended; when the `timeout` seconds
    are over, it tells the rest at once, so that none is left out. Then it raises `AskTimeout` for the first that had
    not ended, or `AskCycleError` if one of them calls it. With `block=False` all are told at once, and the answers are
    futures. May be called on any thread.
    """
    check_timeout(timeout)
    refs = [ref for ref in reversed(ActorRegistry.get_all()) if isinstance(ref, AgentRef)]
    if not block:
        return [ref.stop(block=False, timeout=timeout) for ref in refs]
    deadline = None if timeout is None else time.monotonic() + timeout
    stopped: list[bool] = []
    first: AskTimeout | AskCycleError | None = None
    for ref in refs:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            stopped.append(ref.stop(timeout=left))
        except (AskTimeout, AskCycleError) as error:
            first = first or error
    if isinstance(first, AskTimeout):
        raise AskTimeout(first.path, timeout or 0.0) from first
    if first is not None:
        raise first
    return stopped


agent_module._start_unsupervised.append(start_unsupervised)
