"""Does a worker work, is it idle, or does it stand still because somebody has interrupted it?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from actors._core import events
from actors._core.errors import ActorError, AgentStoppedError
from actors.eventlog.records import Record
from actors.eventlog.work_kinds import AgentInterruptedRecord, AgentStateChangedRecord
from actors.work.assignment import Assignment

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.context import Context


class WorkState(StrEnum):
    """What a worker does, as far as its work is concerned; the steps of its life are the kernel's to tell."""

    IDLE = "idle"
    WORKING = "working"
    PAUSED = "paused"
    STOPPED = "stopped"


class NotInterruptedError(ActorError):
    """The worker at `path` is to go on, and nobody has interrupted it."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not interrupted: there is nothing to resume")
        self.path = path


class Standing:
    """Where one worker stands, through its restarts; all methods are for any thread, and none waits.

    Each step is told once, as a record, in the order in which the steps were taken.
    """

    __slots__ = ("_at", "_cell", "_leaving", "_lock", "_reason", "_resumed", "_telling", "_untold")

    def __init__(self, cell: Cell) -> None:
        self._cell = cell
        # Guards all that follows; nobody is called under it.
        self._lock = threading.Lock()
        self._at: tuple[Assignment, Context] | None = None  # what is worked on, and by which incarnation
        self._reason: str | None = None  # why it was interrupted
        self._leaving = 0  # the incarnation that was told to end
        self._resumed: dict[object, Callable[[], None]] = {}
        self._untold: list[tuple[type[Record], dict[str, Any]]] = []
        # Held by the one thread that tells, and never waited for.
        self._telling = threading.Lock()

    @property
    def state(self) -> WorkState:
        return self._state if self._cell.ref.is_alive() else WorkState.STOPPED

    @property
    def interrupted(self) -> bool:
        return self._reason is not None

    @property
    def _state(self) -> WorkState:
        if self._reason is not None:
            return WorkState.PAUSED
        return WorkState.IDLE if self._at is None else WorkState.WORKING

    # -- attempts ---------------------------------------------------------------------

    def begin(self, assignment: Assignment, context: Context) -> bool:
        """Note that an attempt begins; tells whether it may. One that was given up may: all that it does is end."""
        with self._lock:
            if self._reason is not None and not assignment.cancel.cancelled:
                return False
            if self._at is not None:  # of an incarnation that was abandoned over what nobody had asked it for
                self._leave_off()
            was = self._state
            self._at = (assignment, context)
            self._note(was, assignment)
        self._tell()
        return True

    def end(self, assignment: Assignment) -> None:
        """Note that an attempt has ended, however; that of an abandoned incarnation may have before."""
        with self._lock:
            if self._at is None or self._at[0] is not assignment:
                return
            self._leave_off()
        self._tell()

    def answered(self, assignment: Assignment) -> None:
        """Whoever asked for the attempt has an answer; if its incarnation was abandoned, this is how it is over."""
        at = self._at
        if at is not None and at[0] is assignment and at[1].fenced:
            self.end(assignment)

    def _leave_off(self) -> None:
        assert self._at is not None
        was, (assignment, _) = self._state, self._at
        self._at = None
        self._note(was, assignment)

    # -- interrupting -----------------------------------------------------------------

    def interrupt(self, reason: str) -> bool:
        """Have it stand still; tells whether it did not before."""
        if not isinstance(reason, str):
            raise ValueError(f"reason: a text, not {reason!r}")
        with self._lock:
            self._check_alive("interrupted")
            if self._reason is not None:
                return False
            was, self._reason = self._state, reason
            self._note(was, None if self._at is None else self._at[0], reason)
        self._tell()
        return True

    def resume(self) -> None:
        """Have it go on; whoever waits for that is called back, here."""
        with self._lock:
            self._check_alive("resumed")
            if self._reason is None:
                raise NotInterruptedError(self._cell.path)
            self._reason = None
            self._note(WorkState.PAUSED, None if self._at is None else self._at[0])
            callbacks, self._resumed = list(self._resumed.values()), {}
        self._tell()
        for callback in callbacks:
            callback()

    def leave(self) -> bool:
        """The incarnation is told to end, and stands still no more; tells whether it does."""
        with self._lock:
            self._leaving = self._cell.incarnation
            return self._reason is not None

    def on_resume(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back once when it goes on, at once if it does; gives what forgets it."""
        key = object()
        with self._lock:
            if self._reason is not None:
                self._resumed[key] = callback
                return lambda: self._forget(key)
        callback()
        return _nothing

    def _forget(self, key: object) -> None:
        with self._lock:
            self._resumed.pop(key, None)

    def _check_alive(self, what: str) -> None:
        cell = self._cell
        if not cell.ref.is_alive() or self._leaving == cell.incarnation:
            text = f"{cell.path} has ended, or is about to: it cannot be {what}"
            raise AgentStoppedError(text, path=cell.path, cause=cell.last_error)

    # -- telling ----------------------------------------------------------------------

    def _note(self, was: WorkState, assignment: Assignment | None, reason: str = "") -> None:
        """Have told that the state is another now, if it is."""
        state = self._state
        if state is was:
            return
        about: dict[str, Any] = {"agent_id": self._cell.path, "old_state": was, "new_state": state}
        if assignment is not None:
            about.update(task_id=assignment.ticket.id, mission_id=assignment.track or None)
        if reason:
            about["message"] = reason
        kind = AgentInterruptedRecord if state is WorkState.PAUSED else AgentStateChangedRecord
        self._untold.append((kind, about))

    def _tell(self) -> None:
        """Have told what is untold, by this thread or the one that is at it; again, for what came as that one ended."""
        cell = self._cell
        system = cell.system
        while self._untold and self._telling.acquire(blocking=False):
            try:
                while self._untold:
                    system.events.report(_Stood, cell.path, cell.incarnation, system.clock.now(), *self._untold.pop(0))
            finally:
                self._telling.release()


class _Stood(events.Emitted):
    """Makes the event with its record where somebody is to see it: most attempts are seen by nobody."""

    __slots__ = ()

    def __new__(cls, path: str, incarnation: int, at: float, kind: type[Record], about: dict[str, Any]) -> Any:
        return events.Emitted(path, incarnation, at, kind(**about))


def _nothing() -> None:
    return
