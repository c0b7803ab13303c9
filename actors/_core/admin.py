"""How are the children of an agent administered from outside?

OTP's calls, on any ref, carried out beside the agent's own work: also while it is busy. They answer with typed
results; only an agent that has ended raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from actors._core.commands import Restart, State, Stop
from actors._core.errors import NameTakenError, StartFailedError, TooManyChildren
from actors._core.here import before_acting, fence, here
from actors._core.messages import StopReason
from actors._core.spec import ChildSpec
from actors._core.supervision import Down
from policies import RestartType

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.ref import AgentRef


class Outcome(StrEnum):
    """What came of an administration call."""

    OK = "ok"
    NOT_FOUND = "not_found"
    ALREADY_STARTED = "already_started"
    ALREADY_PRESENT = "already_present"
    RUNNING = "running"
    RESTARTING = "restarting"
    START_FAILED = "start_failed"
    MAX_CHILDREN = "max_children"


@dataclass(frozen=True, slots=True)
class AdminResult:
    """The outcome, true if it is OK; `ref` is the child's where one runs, `error` why it did not start."""

    outcome: Outcome
    ref: AgentRef[Any] | None = None
    error: StartFailedError | None = None

    def __bool__(self) -> bool:
        return self.outcome is Outcome.OK


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One child: `status` is "running", "restarting" or "down"; `ref` is None where no agent is there."""

    name: str
    status: str
    ref: AgentRef[Any] | None
    agent: type
    restart: RestartType
    significant: bool


@dataclass(frozen=True, slots=True)
class ChildCount:
    """OTP's counts: all specs, the children that run, and of all children those that supervise and those that work."""

    specs: int
    active: int
    supervisors: int
    workers: int


_RESTARTING = frozenset({State.SUSPENDED, State.HALTED, State.BACKING_OFF})


class Admin:
    """The administration calls of an AgentRef."""

    __slots__ = ()

    _cell: Cell

    def start_child(self, spec: ChildSpec[Any]) -> AdminResult:
        """Start a child whose spec is kept; returns once its `on_start` has run. `spec.name` None makes a name up."""
        cell = self._administered()
        if not isinstance(spec, ChildSpec):
            raise ValueError(f"spec: a ChildSpec, not {spec!r}")
        if spec.name is not None:
            present = None if cell.family is None else cell.family.get(spec.name)
            if present is not None:
                return _present(present)
        return _start(cell, spec, spec.name)

    def terminate_child(self, name: str | AgentRef[Any]) -> AdminResult:
        """Stop a child and keep its spec (not a temporary one's); also cancels its restart. Blocks until it has ended.

        Takes the name or a ref. A child that is down already is OK.
        """
        cell = self._administered()
        child = _find(cell, name)
        if child is None:
            return AdminResult(Outcome.NOT_FOUND)
        if not isinstance(child, Down) and cell.family is not None:
            cell.family.stop(child, Stop(StopReason.SHUTDOWN, asked=True), _waiter())
        return AdminResult(Outcome.OK)

    def restart_child(self, name: str) -> AdminResult:
        """Start a child that is down, or give a running one a planned restart that no limit counts. Blocks."""
        cell = self._administered()
        child = _find(cell, _check_str(name))
        if child is None:
            return AdminResult(Outcome.NOT_FOUND)
        if isinstance(child, Down):
            return _start(cell, child.spec, name)
        if child.state in _RESTARTING:
            return AdminResult(Outcome.RESTARTING, child.ref)
        assert cell.family is not None
        error = cell.family.command(child, Restart(None), _waiter(), child.spec.shutdown_seconds)
        if isinstance(error, BaseException):
            # Whatever its supervisor decides about that, and whether it has already.
            return AdminResult(Outcome.START_FAILED, child.ref, StartFailedError(child.path, error))
        if child.state is State.STOPPED:
            # It was about to end: its spec may be there still, and another under its name by now.
            kept = cell.family.get(name)
            return _start(cell, kept.spec, name) if isinstance(kept, Down) else AdminResult(Outcome.NOT_FOUND)
        return AdminResult(Outcome.OK, child.ref)

    def delete_child(self, name: str) -> AdminResult:
        """Forget the spec of a child that is down."""
        cell = self._administered()
        child = _find(cell, _check_str(name))
        if child is None or cell.family is None:
            return AdminResult(Outcome.NOT_FOUND)
        if not isinstance(child, Down):
            restarting = child.state in _RESTARTING
            return AdminResult(Outcome.RESTARTING if restarting else Outcome.RUNNING, child.ref)
        # If it is not there any more, somebody else was faster since the look.
        return AdminResult(Outcome.OK) if cell.family.delete(name) else self.delete_child(name)

    def children(self) -> list[ChildInfo]:
        """List the children in start order, also those that are down. Never blocks."""
        family = self._cell.family
        return [] if family is None else [_info(name, child) for name, child in family.entries()]

    def count_children(self) -> ChildCount:
        """Count the children. Never blocks."""
        family = self._cell.family
        entries = [] if family is None else family.entries()
        active = supervisors = 0
        for _, child in entries:
            active += not isinstance(child, Down) and child.state is State.RUNNING
            supervisors += child.spec.agent._supervises
        return ChildCount(len(entries), active, supervisors, len(entries) - supervisors)

    def _administered(self) -> Cell:
        if fence.raised:
            before_acting()
        cell = self._cell
        cell.check_not_ended()
        return cell


def _waiter() -> Cell | None:
    return None if here.context is None else here.context.cell


def _check_str(name: object) -> str:
    if not isinstance(name, str):
        raise ValueError(f"name: the name of a child, not {name!r}")
    return name


def _find(cell: Cell, name: str | AgentRef[Any]) -> Cell | Down | None:
    if isinstance(name, str):
        return None if cell.family is None else cell.family.get(name)
    if not isinstance(name, Admin):
        raise ValueError(f"name: the name of a child or its ref, not {name!r}")
    child = name._cell
    if child.parent is not cell:
        return None
    present = None if cell.family is None else cell.family.get(child.name)
    # A ref to a child that has ended: there is nothing left to end.
    return present if present is child else Down(child.spec)


def _present(child: Cell | Down) -> AdminResult:
    if isinstance(child, Down):
        return AdminResult(Outcome.ALREADY_PRESENT)
    return AdminResult(Outcome.ALREADY_STARTED, child.ref)


def _start(cell: Cell, spec: ChildSpec[Any], name: str | None) -> AdminResult:
    try:
        return AdminResult(Outcome.OK, cell.start_child(spec, name, kept=True).ref)
    except StartFailedError as error:
        return AdminResult(Outcome.START_FAILED, error=error)
    except TooManyChildren:
        return AdminResult(Outcome.MAX_CHILDREN)
    except NameTakenError:
        # Somebody else was faster since the look.
        present = None if name is None else cell.own_family().get(name)
        return AdminResult(Outcome.ALREADY_PRESENT) if present is None else _present(present)


def _info(name: str, child: Cell | Down) -> ChildInfo:
    spec = child.spec
    restart = RestartType(spec.restart)
    if isinstance(child, Down):
        return ChildInfo(name, "down", None, spec.agent, restart, spec.significant)
    status = "restarting" if child.state in _RESTARTING else "running"
    return ChildInfo(name, status, child.ref, spec.agent, restart, spec.significant)
