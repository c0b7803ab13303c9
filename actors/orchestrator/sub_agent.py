"""How does an agent use another as a tool?"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from actors._core.errors import said
from actors._core.here import here
from actors._core.path import check_name
from actors._core.spec import ChildSpec
from actors.orchestrator.seat import base_spec, check_factory, request_of
from policies import RestartType, Stop

if TYPE_CHECKING:
    from actors._core.context import Context
    from actors.orchestrator.seat import Factory


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call: `value`, or `error` in one line."""

    value: Any = None
    error: str | None = None


class SubAgent:
    """A tool that is an agent: each call starts a fresh one under the agent that calls, asks it, and ends it.

    It is a child of the caller: when the caller is cancelled or ends, so is it. What goes wrong with it is the result
    of the call and never a failure of the caller.

    - `factory`: as `OrchestratorRef.add_agent` takes it.
    - `approve`: asked with the text before the agent is started; unless it gives a true value, the call is refused.
    - `timeout`: seconds a call may take.
    """

    def __init__(
        self,
        name: str,
        factory: Factory,
        *,
        approve: Callable[[str], Any] | None = None,
        timeout: float | None = None,
    ) -> None:
        self.name = check_name(name)
        check_factory(name, factory)
        if approve is not None and not callable(approve):
            raise ValueError(f"approve: a callable that takes the text, or None, not {approve!r}")
        self._spec = replace(base_spec(name, factory, None), restart=RestartType.TEMPORARY, policy=Stop())
        self._approve = approve
        self._timeout = timeout
        self._numbers = itertools.count(1)  # next() on it is atomic: no two calls get one name

    def __call__(self, text: str) -> ToolResult:
        """Have a fresh agent handle the text; blocks. To be called by the code of an agent, on the agent's thread.

        Raises Cancelled where the caller is itself to give up, and RuntimeError outside of an agent.
        """
        context = here.context
        if context is None:
            raise RuntimeError(f"the tool '{self.name}' was called by no agent: nobody would own what it starts")
        context.check()
        try:
            if self._approve is not None and not self._approve(text):
                return ToolResult(error=f"tool '{self.name}' was refused")
            return ToolResult(self._ask_fresh(context, text))
        except Exception as error:
            context.check()  # when the caller is itself to give up, that is what it is told
            return ToolResult(error=f"tool '{self.name}' failed: {said(error)}")

    def _ask_fresh(self, context: Context, text: str) -> Any:
        spec: ChildSpec[Any] = replace(self._spec, name=f"{self.name}-{next(self._numbers)}")
        ref = context.spawn(spec)
        try:
            return ref.ask(request_of((text,)), timeout=self._timeout)
        finally:
            ref.stop(block=False, drain=False)
