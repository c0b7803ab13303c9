"""What if an agent's code does not come back?

A thread cannot be killed. So its turn is taken from it: the incarnation is fenced off, what it had in hand is answered
for, and the agent goes on elsewhere.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from actors._core import events
from actors._core.commands import Command, Notice, State
from actors._core.context import NOTHING, STASHED, Context, Hook, describe
from actors._core.errors import AgentStoppedError, Cancelled, HandlerTimeout, TooManyOrphans
from actors._core.future import Ask
from actors._core.here import forget_wait
from actors._core.mailbox import Room
from actors._core.messages import DeadLetterReason
from actors._core.orphans import Orphan
from actors._core.replies import Deferred, settle_owed
from policies import Phase

if TYPE_CHECKING:
    from actors._core.cell import Cell


class Abandoned(BaseException):
    """Unwinds a thread that finds its turn taken away; never leaves the kernel."""


def orphan_returned(context: Context) -> None:
    """The code of an abandoned incarnation has come back: take it off the list and say so."""
    system = context.cell.system
    orphan = system.orphans_list.remove(context)
    if orphan is not None:
        seconds = system.clock.now() - orphan.since
        system.events.publish(events.OrphanReturned(orphan.path, orphan.incarnation, system.clock.now(), seconds))


class Expiry:
    """Watches one command: an agent whose own code keeps it waiting for `allowed` seconds is abandoned."""

    __slots__ = ("_allowed", "_asked_at", "_cell", "_command")

    def __init__(self, cell: Cell, command: Command, allowed: float) -> None:
        self._cell = cell
        self._command = command
        self._allowed = allowed
        clock = cell.system.clock
        self._asked_at = clock.now()
        self._look_at(self._asked_at + allowed)

    def _look_at(self, when: float) -> None:
        self._cell.system.clock.call_at(when, self._look).moot = self._is_moot

    def _is_moot(self) -> bool:
        return self._command.settled or self._command.is_late(self._cell)

    def _look(self) -> None:
        if self._command.settled:
            return
        clock = self._cell.system.clock
        context = self._cell.context
        now = clock.now()
        started = running_since(context)
        if self._command.is_late(self._cell):
            # What runs is the code of the next incarnation, which the command does not concern.
            return
        if started is None:
            # Its children end, or it is between two messages: its own code gets its time when it runs.
            self._look_at(now + max(self._allowed, 0.01))
        elif (due := max(started, self._asked_at) + self._allowed) > now:
            self._look_at(due)
        elif not abandon(self._cell, None, started):
            self._look_at(now + 0.01)


def running_since(context: Context | None) -> float | None:
    """When the agent's code that runs now began (or last gave a heartbeat); None if none runs."""
    baton = None if context is None else context.baton
    if baton is None:
        return None
    try:
        return baton[0]
    except IndexError:
        return None


def abandon(cell: Cell, deadline: float | None, since: float) -> bool:
    """Take the turn from the thread that runs the agent's code; False if the code that began at `since` has returned.

    The incarnation is fenced, its ask answered, its message a dead letter; the cell goes on on another thread. With
    `deadline` the incarnation has failed by it.
    """
    context = cell.context
    baton = None if context is None else context.baton
    if context is None or baton is None:
        return False
    try:
        baton.remove(since)
    except ValueError:
        return False
    # Read only now: without the baton the thread cannot go on to its next message.
    item = context.item
    ident = context.thread
    system = cell.system
    text = describe(item)
    orphan = Orphan(cell.path, cell.incarnation, text, _thread_name(ident), ident, since, system.clock)
    count = system.orphans_list.add(context, orphan)
    _give_up_place(context, forget_wait(cell))
    now = system.clock.now()
    system.events.publish(events.AgentAbandoned(cell.path, cell.incarnation, now, text, now - since))
    _answer_for(cell, context, item, deadline)
    if cell.obeying is not None and cell.state is not State.STARTING:
        if not isinstance(cell.obeying, Notice):
            cell.control_lane().appendleft(cell.obeying)
        cell.obeying = None
    cell.leave_thread()
    cell.dispatcher.put(cell)
    if system.orphans_list.is_back(context):
        orphan_returned(context)
    elif count > system.max_orphans:
        system.fail(cell.path, TooManyOrphans(count, system.max_orphans))
    return True


def _give_up_place(context: Context, target: object) -> None:
    """The abandoned code may be waiting for room in a mailbox: it may not send any more, so it need not wait."""
    if isinstance(target, Room):
        target.resolve(error=Cancelled(f"{context.path} #{context.incarnation} was abandoned: it can no longer act"))


def _answer_for(cell: Cell, context: Context, item: Any, deadline: float | None) -> None:
    """Answer for the abandoned code: its asker, its message, and the failure if it was too slow."""
    error: BaseException
    if deadline is not None:
        error = HandlerTimeout(cell.path, deadline, context.message)
    else:
        error = AgentStoppedError(f"{cell.path} did not end in time and was abandoned", path=cell.path)
    replied = False
    if isinstance(item, (Ask, Deferred)):
        replied = item.resolve(error=error)
    elif item is not NOTHING and item is not STASHED and not isinstance(item, (Hook, Command)):
        cell.dead_letter(item, DeadLetterReason.ABANDONED, error)
    settle_owed(context, error)
    if cell.state is State.STARTING:
        cell.failing = cell.record_failure(error, Phase.START)
    elif deadline is not None and (cell.obeying is None or isinstance(cell.obeying, Notice)):
        # It was handling a message. In a last hook there is nothing to fail: the command goes on without the hook.
        cell.failing = cell.record_failure(error, Phase.DEADLINE, replied)
        cell.move(State.SUSPENDED)


def _thread_name(ident: int) -> str:
    return next((thread.name for thread in threading.enumerate() if thread.ident == ident), f"thread {ident}")
