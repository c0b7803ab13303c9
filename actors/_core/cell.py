"""What is one agent, whole: a place, its turn, its children, and the ends of its life?"""

from __future__ import annotations

import threading
from typing import Any

from actors._core import events, watch
from actors._core.abandonment import abandon, running_since
from actors._core.commands import Start, State
from actors._core.context import NOTHING, Context
from actors._core.dispatcher import OwnThread
from actors._core.errors import AgentStoppedError
from actors._core.here import here
from actors._core.messages import StopReason, Terminated
from actors._core.parent import Parent
from actors._core.place import making
from actors._core.ref import CLOSED
from actors._core.turn import Turn
from policies import Failure, RestartType


class StoppedEvent(threading.Event):
    """An event that a thread of a simulation waits for while others go on."""

    def wait(self, timeout: float | None = None) -> bool:
        if here.scheduler is None:
            return super().wait(timeout)
        return here.scheduler.wait(self.is_set, timeout)


class Cell(Turn, Parent):
    """One agent in the tree; all that concerns it comes together here."""

    __slots__ = ()

    # -- deadlines ----------------------------------------------------------------

    def guard_deadline(self, context: Context) -> None:
        """See that somebody watches the code that has just begun; nobody does while nothing runs."""
        deadline = self.spec.deadline
        if deadline is not None and not self._guarded:
            self._guarded = True
            clock = self.system.clock
            self._look_at(clock.now() + deadline)

    def _look_at_deadline(self) -> None:
        # Unguarded first, looked at after: code that begins meanwhile is seen here or arms the guard itself.
        self._guarded = False
        deadline = self.spec.deadline
        started = running_since(self.context)
        if started is None or deadline is None:
            return
        clock = self.system.clock
        due = started + deadline
        if due <= clock.now():
            if abandon(self, deadline, started):
                return
            due = clock.now() + deadline
        self._guarded = True
        self._look_at(due)

    def _look_at(self, when: float) -> None:
        self.system.clock.call_at(when, self._look_at_deadline).moot = self._runs_nothing

    def _runs_nothing(self) -> bool:
        return running_since(self.context) is None

    def leave_thread(self) -> None:
        """Its code hangs: an own thread is given up for a new one; a pool has others."""
        if isinstance(self.dispatcher, OwnThread):
            self.dispatcher.put(None)
            self.dispatcher = self.system.own_thread(self.path)

    # -- the ends of a life -------------------------------------------------------

    def end_for_good(self) -> None:
        with making:
            self.final = True

    def check_not_ended(self) -> None:
        if self.final:
            raise AgentStoppedError(f"{self.ref} not found", path=self.path, cause=self.last_error)

    @property
    def ends_children(self) -> bool:
        """Whether its children are to end with it, or with one of its ancestors."""
        cell: Cell | None = self
        while cell is not None:  # a tree may be deeper than Python's stack
            context = cell.context
            if cell.final or (context is not None and context.ending and not cell.spec.keep_children):
                return True
            cell = cell.parent
        return False

    def comes_back(self) -> bool:
        """Whether a normal end is followed by another incarnation, if its supervisor agrees."""
        parent = self.parent
        return (
            RestartType(self.spec.restart).restarts_after(failed=False)
            and self.state is State.RUNNING
            and parent is not None
            and parent.family is not None
            and not parent.family.closed
        )

    def back_off(self, delay: float, failure: Failure | None) -> None:
        clock = self.system.clock
        self._backoff = clock.call_at(clock.now() + delay, lambda: self.post(Start(failure)))
        self.say_backing_off(delay)

    def say_backing_off(self, delay: float) -> None:
        was = self.state
        self.move(State.BACKING_OFF)
        now = self.system.clock.now()
        self.system.events.report(events.AgentBackingOff, self.path, self.incarnation, now, delay, was)

    def say_halted(self) -> None:
        was = self.state
        self.move(State.HALTED)
        self.system.events.report(events.AgentHalted, self.path, self.incarnation, self.system.clock.now(), was)

    def say_stopping(self, reason: StopReason) -> None:
        was = self.state
        self.move(State.STOPPING)
        now = self.system.clock.now()
        self.system.events.report(events.AgentStopping, self.path, self.incarnation, now, was, reason)

    def cancel_backoff(self) -> None:
        timer, self._backoff = self._backoff, None
        if timer is not None:
            timer.cancel()

    def stopped(self, reason: StopReason, error: BaseException | None) -> None:
        """Leave the tree: report it, free the name, tell the watchers, settle what was still asked for.

        In this order: whoever is given the name next starts after the end of this one was reported.
        """
        now = self.system.clock.now()
        self.system.events.report(events.AgentStopped, self.path, self.incarnation, now, reason, error)
        self.move(State.STOPPED)
        notice = Terminated(self.ref, reason, error)
        parent = self.parent
        family = None if parent is None else parent.family
        if family is not None:
            keep = (self.kept and self.spec.restart is not RestartType.TEMPORARY) or self.revived
            family.remove(self, keep_spec=keep)
        watch.ended(self, notice)
        if family is not None:
            family.child_ended(self, reason)
        self._leave()

    def first_start_failed(self, error: BaseException) -> None:
        """The agent has never run: it leaves no trace but an event."""
        self.end_for_good()
        self.say_stopping(StopReason.FAILED)
        self.close()
        if self.family is not None:
            # Its children have ended, and others may have started some since.
            self.family.stop_all(None, final=True)
        now = self.system.clock.now()
        self.system.events.report(events.StartFailed, self.path, self.incarnation, now, error)
        self.move(State.STOPPED)
        parent = self.parent
        assert parent is not None
        assert parent.family is not None
        parent.family.remove(self, keep_spec=self.revived)
        watch.ended(self, Terminated(self.ref, StopReason.FAILED, error))
        self._leave()

    def _leave(self) -> None:
        self.queue = None
        self.system.agent_ended(self)
        self.drop_control()
        if isinstance(self.dispatcher, OwnThread):
            self.dispatcher.put(None)

    @property
    def stopped_event(self) -> threading.Event:
        """An event that is set once the agent takes no more messages."""
        with making:
            if self._stopped_event is None:
                self._stopped_event = StoppedEvent()
        if self.gate == CLOSED:
            self._stopped_event.set()
        return self._stopped_event

    # -- for those who look -------------------------------------------------------

    @property
    def in_hand(self) -> Any:
        return NOTHING if self.context is None else self.context.item

    @property
    def urn(self) -> str:
        with making:
            if self._urn is None:
                self._urn = self.system.make_urn()
            return self._urn
