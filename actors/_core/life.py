"""How does one agent start, end and start again?

Everything here runs on the agent's turn: by the thread that holds its cell's lock, one step after the other. The only
exception is `Expiry`, which takes the turn away from a thread that does not come back.
"""

from __future__ import annotations

import contextlib
import inspect
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from actors._core import events, watch
from actors._core.agent import Agent
from actors._core.commands import Command, Halt, Notice, Restart, Resume, Start, State, Stop, Suspend
from actors._core.context import NOTHING, STASHED, Context, _Mark
from actors._core.errors import AgentStoppedError, HandlerTimeout, TooManyOrphans
from actors._core.future import Ask
from actors._core.here import here
from actors._core.messages import StopReason
from actors._core.orphans import Orphan
from policies import Failure, Phase

if TYPE_CHECKING:
    from actors._core.cell import Cell

R = TypeVar("R")


class Abandoned(BaseException):
    """Unwinds a thread that finds its turn taken away; never leaves the kernel."""


# -- the agent's own code ------------------------------------------------------------------------------------------------


def run_code(context: Context, name: str, code: Callable[..., R], *args: Any) -> R:
    """Run a hook of the agent under the baton; raises what it raises, or Abandoned if it came back too late."""
    outer = here.context
    here.context = context
    here.depth += 1
    context.item = _Mark(name)
    context.thread = threading.get_ident()
    baton = context.baton = [context.cell.system.clock.now()]
    context.cell.guard_deadline(context)
    error: BaseException | None = None
    try:
        result = code(*args)
    except BaseException as raised:
        error = raised
    here.context = outer
    here.depth -= 1
    try:
        baton.pop()
    except IndexError:
        orphan_returned(context)
        raise Abandoned from error
    context.baton = None
    context.item = NOTHING
    if error is not None:
        try:
            raise error
        finally:
            error = None
    return result


def orphan_returned(context: Context) -> None:
    """The code of an abandoned incarnation has come back: take it off the list and say so."""
    system = context.cell.system
    orphan = system.orphans_list.remove(context)
    if orphan is not None:
        seconds = system.clock.now() - orphan.since
        system.events.publish(events.OrphanReturned(orphan.path, orphan.incarnation, system.clock.now(), seconds))


# -- start -----------------------------------------------------------------------------------------------------------------


def new_context(cell: Cell, failure: Failure | None) -> Context:
    """Make the next incarnation's context; the cell has it from now on."""
    cell.incarnation += 1
    context = cell.context = Context(cell, cell.incarnation, failure)
    return context


def construct(context: Context) -> None:
    """Make the instance of an incarnation, as a call of its class does.

    It is bound before `__init__` runs, so that the constructor can use ref and context and need not call super's.
    """
    spec = context.cell.spec
    kind = spec.agent
    agent = context.agent = kind.__new__(kind, *spec.args, **spec.kwargs)
    agent._context = context
    junk = agent.__init__(*spec.args, **spec.kwargs)
    if junk is not None:
        raise TypeError(f"{kind.__name__}.__init__() should return None, not {junk!r:.100}")


def begin(cell: Cell, failure: Failure | None) -> BaseException | None:
    """Bring the next incarnation up; gives the error if it does not come up, and then nothing of it is left."""
    context = cell.context
    if context is None or cell.state is not State.NEW:
        context = new_context(cell, failure)
    cell.move(State.STARTING)
    try:
        run_code(context, "on_start", _bring_up, cell, context)
    except Abandoned:
        raise
    except BaseException as error:
        _clean_up(cell, context)
        return error
    context.bind()
    cell.move(State.RUNNING)
    now = cell.system.clock.now()
    if cell.incarnation == 1:
        cell.system.events.publish(events.AgentStarted(cell.path, 1, now))
    else:
        cell.restarts += 1
        error_before = failure.error if failure is not None and failure.phase is not Phase.EXIT else None
        cell.system.events.publish(events.AgentRestarted(cell.path, cell.incarnation, now, error_before))
    return None


def _bring_up(cell: Cell, context: Context) -> None:
    if context.agent is None:
        construct(context)
    agent = context.agent
    assert agent is not None
    agent.on_start()
    for child in agent._child_specs:
        cell.start_static(child)


def _clean_up(cell: Cell, context: Context) -> None:
    context.ending = True
    if cell.family is not None:
        cell.family.stop_all(None, final=False)
    context.end()


def start_again(cell: Cell, failure: Failure | None) -> BaseException | None:
    """Start an incarnation after the first; a failure to start is a failure like any other."""
    if cell.failure is not None:
        forget_locals(cell.failure.error)
    error = begin(cell, failure)
    if error is not None:
        cell.move(State.SUSPENDED)
        cell.failing = make_failure(cell, error, Phase.START)
    elif failure is not None and cell.family is not None and cell.spec.keep_children:
        cell.family.revive()
    return error


# -- end -------------------------------------------------------------------------------------------------------------------


def end_incarnation(cell: Cell, error: BaseException | None) -> None:
    """End the present incarnation: its children first, then its last hook, then all that it holds."""
    context = cell.context
    if context is None or context.over:
        return
    context.ending = True
    if cell.family is not None and not cell.spec.keep_children:
        cell.family.stop_all(None, final=False)
    _last_hook(cell, context, error)
    context.end()


def _last_hook(cell: Cell, context: Context, error: BaseException | None) -> None:
    agent = context.agent
    if agent is None or context.fenced or context.over:
        return
    kind = type(agent)
    try:
        if error is not None:
            if kind.on_failure is not Agent.on_failure:
                run_code(context, "on_failure", agent.on_failure, type(error), error, error.__traceback__)
        elif kind.on_stop is not Agent.on_stop:
            run_code(context, "on_stop", agent.on_stop)
    except Abandoned:
        raise
    except BaseException as raised:
        cell.system.reports.hook_failed(cell.ref, cell.incarnation, raised)
        cell.system.events.publish(events.HookFailed(cell.path, cell.incarnation, cell.system.clock.now(), raised))


def finish(cell: Cell, stop: Stop) -> None:
    """End the agent for good. May be taken up again where an abandoned thread left it."""
    context = cell.context
    error = stop.error or _own_error(cell)
    if cell.state is not State.STOPPING:
        cell.move(State.STOPPING)
    cell.end_for_good()
    if context is not None:
        context.ending = True
    cell.cancel_backoff()
    cell.close()
    if cell.family is not None:
        cell.family.stop_all(stop.deadline, final=True)
    if context is not None:
        _last_hook(cell, context, error)
        if error is not None:
            forget_locals(error)
        reason = StopReason.ABANDONED if context.fenced else stop.reason
        if not context.over:
            context.end()
    else:
        reason = stop.reason
    cell.stopped(reason, stop.error)


# -- obeying ---------------------------------------------------------------------------------------------------------------


def obey(cell: Cell, command: Command) -> None:
    """Do what the command says, as far as the agent's state still allows it, and settle it."""
    cell.obeying = command
    result = _OBEY[type(command)](cell, command)
    cell.obeying = None
    command.settle(result)


def _start(cell: Cell, command: Start) -> BaseException | None:
    if cell.state is State.NEW:
        error = begin(cell, None)
        if error is not None and command.done is not None:
            cell.first_start_failed(error)
        elif error is not None:
            # Nobody waits for the start: it is a failure that the supervisor decides about.
            cell.move(State.SUSPENDED)
            cell.failing = make_failure(cell, error, Phase.START)
        return error
    if cell.state in (State.HALTED, State.BACKING_OFF):
        return start_again(cell, command.failure)
    return None


def _suspend(cell: Cell, command: Suspend) -> None:
    if cell.state is State.RUNNING and cell.incarnation == command.failure.incarnation:
        cell.failure = command.failure
        cell.move(State.SUSPENDED)


def _resume(cell: Cell, command: Resume) -> None:
    if cell.state is not State.SUSPENDED or cell.failure is not command.failure:
        return
    cell.move(State.RUNNING)
    cell.system.events.publish(
        events.AgentResumed(cell.path, cell.incarnation, cell.system.clock.now(), command.failure.error)
    )
    if cell.family is not None:
        cell.family.resume_escalated()


def _is_stale(cell: Cell, command: Halt) -> bool:
    failure = command.failure
    return cell.state not in (State.RUNNING, State.SUSPENDED) or (
        failure is not None and failure.path == cell.path and failure.incarnation != cell.incarnation
    )


def _own_error(cell: Cell) -> BaseException | None:
    """The error for `on_failure`: only an incarnation that has failed gets it."""
    failure = cell.failure
    if failure is None or failure.incarnation != cell.incarnation or cell.state is not State.SUSPENDED:
        return None
    return failure.error


def _halt(cell: Cell, command: Halt) -> None:
    if cell.state is State.BACKING_OFF:
        cell.cancel_backoff()
        cell.move(State.HALTED)
    elif _is_stale(cell, command):
        return
    else:
        end_incarnation(cell, _own_error(cell))
        if cell.state is not State.HALTED:
            cell.move(State.HALTED)
    if command.delay:
        cell.move(State.BACKING_OFF)
        cell.say_backing_off(command.delay)


def _restart(cell: Cell, command: Restart) -> BaseException | None:
    if _is_stale(cell, command):
        return None
    end_incarnation(cell, _own_error(cell))
    command.settled = True  # from here on nothing of the old incarnation runs: it cannot expire any more
    if command.delay:
        if cell.state is State.RUNNING:
            cell.move(State.SUSPENDED)
        cell.move(State.BACKING_OFF)
        cell.back_off(command.delay, command.failure)
        return None
    return start_again(cell, command.failure)


def _stop(cell: Cell, command: Stop) -> bool:
    if command.reason is StopReason.NORMAL and cell.comes_back():
        # It ended by itself and is permanent: its supervisor decides, as about a failure.
        end_incarnation(cell, None)
        cell.move(State.SUSPENDED)
        ended = AgentStoppedError(f"{cell.path} ended normally", path=cell.path)
        cell.failing = make_failure(cell, ended, Phase.EXIT)
    else:
        finish(cell, command)
    return True


def _notify(cell: Cell, command: Notice) -> None:
    if cell.state is not State.RUNNING:
        # No incarnation can take it now: the next one finds it ahead of all messages.
        cell.open_queue().extendleft((command,))
    elif watch.take(cell, command.target):
        cell.deliver(command.message)


_OBEY: dict[type[Command], Callable[[Any, Any], Any]] = {
    Start: _start,
    Suspend: _suspend,
    Resume: _resume,
    Halt: _halt,
    Restart: _restart,
    Stop: _stop,
    Notice: _notify,
}


def make_failure(cell: Cell, error: BaseException, phase: Phase, replied: bool = False) -> Failure:
    """Describe what happened, for the policy; it becomes the cell's last failure."""
    system = cell.system
    context = cell.context
    handled = context.handled if context is not None else 0
    failure = Failure(
        cell.path, error, cell.incarnation, phase, replied, system.clock.now(), handled, system.random.random()
    )
    cell.failure = failure
    return failure


_RESUMABLE = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def forget_locals(error: BaseException) -> None:
    """Let go of the variables of the code that failed; what the error says, and its lines, stay.

    The error is kept by events and by the next incarnation, and its frames hold the instance that failed. Everybody
    was told before: the log, the subscribers, `on_failure`.
    """
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        link = todo.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        todo += [link.__cause__, link.__context__]
        trace = link.__traceback__
        while trace is not None:
            # To clear a suspended generator would end it; one that the error has left stands where it was left.
            if not trace.tb_frame.f_code.co_flags & _RESUMABLE or trace.tb_frame.f_lasti == trace.tb_lasti:
                with contextlib.suppress(RuntimeError):  # it still runs
                    trace.tb_frame.clear()
                    # Before Python 3.13 a frame keeps what a log read of it, until it is read again.
                    _ = trace.tb_frame.f_locals
            trace = trace.tb_next


# -- taking the turn away --------------------------------------------------------------------------------------------------


class Expiry:
    """Watches one command: if the agent's own code keeps it from being obeyed for `allowed` seconds, it is abandoned."""

    __slots__ = ("_allowed", "_asked_at", "_cell", "_command")

    def __init__(self, cell: Cell, command: Command, allowed: float) -> None:
        self._cell = cell
        self._command = command
        self._allowed = allowed
        clock = cell.system.clock
        self._asked_at = clock.now()
        clock.call_at(self._asked_at + allowed, self._look)

    def _look(self) -> None:
        if self._command.settled:
            return
        clock = self._cell.system.clock
        context = self._cell.context
        now = clock.now()
        started = running_since(context)
        if started is None:
            # Its children end, or it is between two messages: its own code gets its time when it runs.
            clock.call_at(now + max(self._allowed, 0.01), self._look)
        elif (due := max(started, self._asked_at) + self._allowed) > now:
            clock.call_at(due, self._look)
        elif not abandon(self._cell, None):
            clock.call_at(now + 0.01, self._look)


def running_since(context: Context | None) -> float | None:
    """When the agent's code that runs now began (or last gave a heartbeat); None if none runs."""
    baton = None if context is None else context.baton
    if not baton:
        return None
    try:
        return baton[0]
    except IndexError:
        return None


def abandon(cell: Cell, deadline: float | None) -> bool:
    """Take the turn from the thread that runs the agent's code; False if the code has just returned.

    The incarnation is fenced, its ask answered, its message a dead letter; the cell goes on on another thread. With
    `deadline` the incarnation has failed by it.
    """
    context = cell.context
    baton = None if context is None else context.baton
    if context is None or baton is None:
        return False
    item = context.item
    ident = context.thread
    try:
        since = baton.pop()
    except IndexError:
        return False
    system = cell.system
    text = describe(item)
    orphan = Orphan(cell.path, cell.incarnation, text, _thread_name(ident), ident, since, system.clock)
    count = system.orphans_list.add(context, orphan)
    now = system.clock.now()
    system.events.publish(events.AgentAbandoned(cell.path, cell.incarnation, now, text, now - since))
    _answer_for(cell, context, item, deadline)
    if cell.obeying is not None and cell.state is not State.STARTING:
        if not isinstance(cell.obeying, Notice):
            cell.control_lane().appendleft(cell.obeying)
        cell.obeying = None
    cell.leave_thread()
    cell.dispatcher.put(cell)
    if count > system.max_orphans:
        system.fail(cell.path, TooManyOrphans(count, system.max_orphans))
    return True


def _answer_for(cell: Cell, context: Context, item: Any, deadline: float | None) -> None:
    """Answer for the abandoned code: its asker, its message, and the failure if it was too slow."""
    error: BaseException
    if deadline is not None:
        error = HandlerTimeout(cell.path, deadline, context.message)
    else:
        error = AgentStoppedError(f"{cell.path} did not end in time and was abandoned", path=cell.path)
    replied = False
    if isinstance(item, Ask):
        replied = item.resolve(error=error)
    elif item is not NOTHING and item is not STASHED and not isinstance(item, (_Mark, Command)):
        cell.dead_letter(item, "abandoned", error)
    if cell.state is State.STARTING:
        cell.failing = make_failure(cell, error, Phase.START)
    elif deadline is not None and (cell.obeying is None or isinstance(cell.obeying, Notice)):
        # It was handling a message. In a last hook there is nothing to fail: the command goes on without the hook.
        cell.failing = make_failure(cell, error, Phase.DEADLINE, replied)
        cell.move(State.SUSPENDED)


def describe(item: Any) -> str:
    """Give one line for what an agent has in hand."""
    if item is NOTHING or item is STASHED:
        return ""
    if isinstance(item, _Mark):
        return repr(item)
    message = item.message if isinstance(item, Ask) else item
    with contextlib.suppress(Exception):
        return f"{message!r:.80}"
    return type(message).__name__


def _thread_name(ident: int) -> str:
    return next((thread.name for thread in threading.enumerate() if thread.ident == ident), f"thread {ident}")
