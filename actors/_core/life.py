"""How does one agent start, end and start again?

Everything here runs on the agent's turn: by the thread that holds its cell's lock, one step after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from actors._core import events, watch
from actors._core.abandonment import Abandoned, orphan_returned
from actors._core.agent import Agent
from actors._core.commands import Command, Halt, Notice, Restart, Resume, Start, State, Stop, Suspend, Urgent
from actors._core.context import NOTHING, Context, Hook
from actors._core.errors import AgentStoppedError
from actors._core.here import here
from actors._core.messages import StopReason
from actors._core.traces import forget_locals
from policies import Failure, Phase

if TYPE_CHECKING:
    from actors._core.cell import Cell

R = TypeVar("R")
_HOOKS = {name: Hook(name) for name in ("__init__", "on_start", "on_stop", "on_failure")}


# -- the agent's own code --------------------------------------------------------


def run_code(context: Context, name: str, code: Callable[..., R], *args: Any) -> R:
    """Run a hook of the agent under the baton; raises what it raises, or Abandoned if it came back too late."""
    outer = here.context
    here.context = context
    here.depth += 1
    context.item = _HOOKS[name]
    context.thread = get_ident()
    cell = context.cell
    baton = context.baton = [cell.system.clock.now()]
    if not cell.inline:
        cell.guard_deadline(context)
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


def _hook(context: Context, name: str, code: Callable[..., R]) -> Callable[..., R]:
    """Give what is to be called for a hook: the hook itself, unless it is intercepted."""
    interceptors = context.cell.system.interceptors
    return code if interceptors is None else interceptors.around(context, name, code)


# -- start -----------------------------------------------------------------------


def new_context(cell: Cell, failure: Failure | None) -> Context:
    """Make the next incarnation's context; the cell has it from now on."""
    cell.incarnation += 1
    cell.escalated = False
    context = cell.context = Context(cell, cell.incarnation, failure)
    return context


def construct(context: Context) -> None:
    """Make the instance of an incarnation, as a call of its class does.

    It is bound before `__init__` runs, so that the constructor can use ref and context and need not call super's.
    """
    spec = context.cell.spec
    kind = spec.agent
    agent: Agent = kind.__new__(kind, *spec.args, **spec.kwargs)
    context.agent = agent
    agent._context = context
    junk = _hook(context, "__init__", agent.__init__)(*spec.args, **spec.kwargs)  # type: ignore[misc]
    if junk is not None:
        raise TypeError(f"{kind.__name__}.__init__() should return None, not {junk!r:.100}")


def begin(cell: Cell, failure: Failure | None) -> BaseException | None:
    """Bring the next incarnation up; gives the error if it does not come up, and then nothing of it is left."""
    context = cell.context
    if context is None or cell.state is not State.NEW:
        context = new_context(cell, failure)
    path = _say_starting(cell)
    try:
        run_code(context, "on_start", _bring_up, cell, context)
    except Abandoned:
        raise
    except BaseException as error:
        _clean_up(cell, context)
        return error
    context.bind()
    if cell.family is not None:
        cell.family.rules = None
    cell.move(State.RUNNING)
    now = cell.system.clock.now()
    if cell.incarnation == 1:
        cell.system.events.report(events.AgentStarted, path, 1, now, cell.spec.agent)
    else:
        cell.restarts += 1
        error_before = failure.error if failure is not None and failure.phase is not Phase.EXIT else None
        cell.system.events.report(events.AgentRestarted, path, cell.incarnation, now, error_before)
    return None


def _say_starting(cell: Cell) -> str:
    """Take the step and report it; gives the path, which the next report needs, too."""
    was = cell.state
    cell.move(State.STARTING)
    system = cell.system
    path = cell.path
    now = system.clock.now()
    if was is State.NEW:
        spec = cell.spec
        system.events.report(events.AgentSpawned, path, 1, now, spec.agent, spec.restart, cell.known_policy)
    else:
        system.events.report(events.AgentRestarting, path, cell.incarnation, now, was)
    return path


def _bring_up(cell: Cell, context: Context) -> None:
    if context.agent is None:
        construct(context)
    agent = context.agent
    assert agent is not None
    _hook(context, "on_start", agent.on_start)()
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
        cell.failing = cell.record_failure(error, Phase.START)
    elif cell.family is not None and cell.spec.keep_children:
        cell.family.revive()
    return error


# -- end -------------------------------------------------------------------------


def end_incarnation(cell: Cell, error: BaseException | None, killed: bool = False) -> None:
    """End the present incarnation: its children first, then its last hook unless it is killed, then all it holds."""
    context = cell.context
    if context is None or context.over:
        return
    context.ending = True
    if cell.family is not None and not cell.spec.keep_children:
        cell.family.stop_all(None, final=False)
    if not killed:
        _last_hook(cell, context, error)
    context.end(error)


def _last_hook(cell: Cell, context: Context, error: BaseException | None) -> None:
    agent = context.agent
    if agent is None or context.fenced or context.over:
        return
    kind = type(agent)
    try:
        if error is not None:
            if kind.on_failure is not Agent.on_failure:
                hook = _hook(context, "on_failure", agent.on_failure)
                run_code(context, "on_failure", hook, type(error), error, error.__traceback__)
        elif kind.on_stop is not Agent.on_stop:
            run_code(context, "on_stop", _hook(context, "on_stop", agent.on_stop))
    except Abandoned:
        raise
    except BaseException as raised:
        cell.system.reports.hook_failed(cell.ref, cell.incarnation, raised)
        cell.system.events.publish(events.HookFailed(cell.path, cell.incarnation, cell.system.clock.now(), raised))


def finish(cell: Cell, stop: Stop) -> None:
    """End the agent for good. May be taken up again where an abandoned thread left it."""
    context = cell.context
    killed = stop.reason is StopReason.SHUTDOWN and _is_brutal(cell)
    own = _own_error(cell)
    if own is not None and stop.error is None:
        # It failed, and was ended before anybody could decide about that: the failure is why it ends.
        stop.reason, stop.error = StopReason.FAILED, own
    error = stop.error
    if cell.state is not State.STOPPING:
        cell.say_stopping(stop.reason)
    cell.end_for_good()
    if context is not None:
        context.ending = True
    cell.cancel_backoff()
    if context is not None:
        # What it has stashed came before what waits in the mailbox.
        context.return_stash()
    cell.close()
    if cell.family is not None:
        cell.family.stop_all(stop.deadline, final=True)
    if context is not None:
        if not killed:
            _last_hook(cell, context, error)
        if error is not None:
            forget_locals(error)
        reason = StopReason.ABANDONED if context.fenced else stop.reason
        if not context.over:
            context.end(stop.error)
            cell.drop_mail()  # what was put back after the mailbox was closed
    else:
        reason = stop.reason
    cell.stopped(reason, stop.error)


def _is_brutal(cell: Cell) -> bool:
    """Whether its parent ends it without its last hook."""
    return cell.spec.shutdown == "brutal"


# -- obeying ---------------------------------------------------------------------


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
            cell.failing = cell.record_failure(error, Phase.START)
        return error
    if cell.state in (State.HALTED, State.BACKING_OFF):
        return start_again(cell, command.failure)
    return None


def _suspend(cell: Cell, command: Suspend) -> None:
    if cell.state is State.RUNNING and cell.incarnation == command.failure.incarnation:
        failure = cell.failure = command.failure
        cell.move(State.SUSPENDED)
        cell.say_suspended(failure, State.RUNNING)


def _resume(cell: Cell, command: Resume) -> None:
    if cell.state is not State.SUSPENDED or cell.failure is not command.failure:
        return
    cell.move(State.RUNNING)
    now = cell.system.clock.now()
    cell.system.events.report(events.AgentResumed, cell.path, cell.incarnation, now, command.failure.error)
    if cell.family is not None:
        cell.family.resume_escalated()


def _is_stale(cell: Cell, command: Halt) -> bool:
    return cell.state not in (State.RUNNING, State.SUSPENDED) or command.is_late(cell)


def _own_error(cell: Cell) -> BaseException | None:
    """The error for `on_failure`: only an incarnation that has failed gets it."""
    failure = cell.failure
    if failure is None or failure.incarnation != cell.incarnation or cell.state is not State.SUSPENDED:
        return None
    return None if failure.phase is Phase.EXIT else failure.error


def _halt(cell: Cell, command: Halt) -> None:
    if cell.state is State.BACKING_OFF:
        cell.cancel_backoff()
        cell.say_halted()
    elif _is_stale(cell, command):
        return
    else:
        end_incarnation(cell, _own_error(cell), killed=command.failure is None and _is_brutal(cell))
        cell.say_halted()
    if command.delay:
        cell.say_backing_off(command.delay)


def _restart(cell: Cell, command: Restart) -> BaseException | None:
    if _is_stale(cell, command):
        return None
    end_incarnation(cell, _own_error(cell))
    command.settled = True  # from here on nothing of the old incarnation runs: it cannot expire any more
    if command.delay:
        cell.back_off(command.delay, command.failure)
        return None
    return start_again(cell, command.failure)


def _stop(cell: Cell, command: Stop) -> bool:
    if command.reason is StopReason.NORMAL and cell.comes_back():
        # It ended by itself and is permanent: its supervisor decides, as about a failure.
        end_incarnation(cell, None)
        cell.move(State.SUSPENDED)
        ended = AgentStoppedError(f"{cell.path} ended normally", path=cell.path)
        cell.failing = cell.record_failure(ended, Phase.EXIT)
    else:
        finish(cell, command)
    return True


def _notify(cell: Cell, command: Notice) -> None:
    context = cell.context
    if cell.state is not State.RUNNING or context is None or context.fenced:
        # No incarnation can take it now: the next one finds it ahead of all messages.
        cell.open_queue().extendleft((command,))
    elif watch.take(cell, command.target):
        cell.deliver(command.message)


def _hand_over(cell: Cell, command: Urgent) -> None:
    context = cell.context
    if cell.state is not State.RUNNING or context is None or context.fenced:
        cell.open_queue().extendleft((command,))
    else:
        command.take()
        cell.deliver(command.message)


_OBEY: dict[type[Command], Callable[[Any, Any], Any]] = {
    Start: _start,
    Suspend: _suspend,
    Resume: _resume,
    Halt: _halt,
    Restart: _restart,
    Stop: _stop,
    Notice: _notify,
    Urgent: _hand_over,
}
