"""How does a call that may hang come to an end in time?

A thread cannot be killed, so it is left behind. Under an agent the call is a child of its own with a deadline: the
kernel abandons it, fences off what it still does, and lists it among the orphans. Elsewhere it is a daemon thread.
"""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors._core.agent import Agent
from actors._core.context import Context
from actors._core.errors import AskTimeout, HandlerTimeout
from actors._core.future import AgentFuture
from actors._core.here import here
from actors._core.spec import ChildSpec
from actors.models.errors import ToolTimeout
from policies import Stop


class ToolRun(Agent):
    """One call of one tool, with a deadline; asked with the call, and answers with what came of it."""

    def on_receive(self, message: Any) -> Any:
        return message.outcome()


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of a tool, which sees the context variables of whoever made it."""

    name: str
    function: Callable[[], Any]
    variables: contextvars.Context

    def outcome(self) -> tuple[Any, BaseException | None]:
        """Give the value or the error: that a tool fails is for its model to know, and no failure of an agent."""
        try:
            return self.variables.run(self.function), None
        except BaseException as error:
            return None, error

    def __repr__(self) -> str:
        return f"<call of tool {self.name}>"


def run_timed(name: str, function: Callable[[], Any], seconds: float | None) -> Any:
    """Give what the function gives, or raise what it raises; blocks at most so many seconds, then raises ToolTimeout.

    None is without limit: then it runs on this thread. Else on another, where it sees this one's context variables.
    """
    if seconds is None:
        return function()
    call = _Call(name, function, contextvars.copy_context())
    context = here.context
    value, error = _in_a_thread(call, seconds) if context is None else _in_a_child(context, call, seconds)
    if error is not None:
        raise error
    return value


def _in_a_child(context: Context, call: _Call, seconds: float) -> Any:
    spec = ChildSpec(ToolRun, restart="temporary", policy=Stop(), deadline=seconds, shutdown=1.0)
    child = context.spawn(spec)
    try:
        return child.ask(call)
    except HandlerTimeout:
        raise ToolTimeout(call.name, seconds) from None
    finally:
        child.stop(block=False)


def _in_a_thread(call: _Call, seconds: float) -> Any:
    done: AgentFuture[Any] = AgentFuture()
    threading.Thread(target=lambda: done.resolve(call.outcome()), name=f"tool-{call.name}", daemon=True).start()
    try:
        return done.get(timeout=seconds)
    except AskTimeout:
        raise ToolTimeout(call.name, seconds) from None
