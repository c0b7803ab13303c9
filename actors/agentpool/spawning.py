"""How does an agent, or the model behind it, have another agent do a part of its work?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from actors._core.agent import Agent
from actors._core.checks import check_timeout
from actors._core.errors import ActorError, AskTimeout, said
from actors.agentpool.seat import Seat
from actors.agentpool.values import SpawnConfig, Status

ITERATIONS = 10
"""How many turns the loop of an agent may take that does a part of another's work."""


class SpawnToolError(ActorError):
    """The tool gave no result; its text is for the one that called it, which goes on."""


class SpawnAgentTool:
    """The tool `spawn_agent(query, name=None)` of one agent: has another agent work on the query, and gives its value.

    The other one runs in a pool of the agent's own, below it, so it ends with it, and the length of its path is its
    depth. Blocks until that agent has ended, whoever ends before it; holds nothing meanwhile. Raises SpawnToolError, or
    Cancelled where the agent that calls it is to give up.
    """

    name = "spawn_agent"
    description = "Have another agent work on a part of the task, and give its answer."
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "what the other agent is to do"},
            "name": {"type": "string", "description": "what it is called"},
        },
        "required": ["query"],
    }
    timeout: float | None = None  # of a call; the wait for the agent has its own

    def __init__(
        self,
        seat: Seat,
        agent: type[Agent] | Callable[..., Any],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        deadline: float | None = None,
        timeout: float | None = None,
        iterations: int | None = ITERATIONS,
    ) -> None:
        check_timeout(timeout)
        self._seat = seat
        self._timeout = timeout
        self._config = SpawnConfig(agent, None, args, kwargs or {}, deadline=deadline, iterations=iterations)

    def __call__(self, query: str | None = None, name: str | None = None) -> Any:
        if not query:
            raise SpawnToolError("missing required field: query")
        name = name or f"{self._seat.name}-sub"
        most = self._seat.pool.settings.max_depth
        if most is not None and self._seat.depth >= most:
            raise SpawnToolError(f"spawn depth limit reached ({self._seat.depth}/{most})")
        try:
            pool = self._seat.own_pool()
            id = pool.spawn(replace(self._config, query=query, name=name))
        except (ActorError, ValueError) as error:
            raise SpawnToolError(f"spawn failed: {error}") from error
        try:
            result = pool.join(id, self._timeout)
        except AskTimeout:
            pool.abort(id)
            raise SpawnToolError(f"{name} gave no answer within {self._timeout:g} seconds") from None
        if result.error is not None:
            self._seat.token.check()  # the one that called is to give up itself, and that is why
            what = "ran out" if result.status is Status.EXHAUSTED else "failed"
            raise SpawnToolError(f"{name} {what}: {said(result.error)}") from result.error
        return result.value


def spawn_agent(
    agent: type[Agent] | Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    deadline: float | None = None,
    timeout: float | None = None,
    iterations: int | None = ITERATIONS,
) -> Callable[[Seat], list[SpawnAgentTool]]:
    """Give a `tool_builder` of one tool, with which each agent may spawn such agents, as deep as the pool allows.

    `deadline` and `iterations` are as of a SpawnConfig; `timeout` is how many seconds a call waits for the other one,
    which is aborted then. What else one of them may use is a matter of `kwargs`, such as a quota.
    """
    # What is wrong with them is wrong now, and not when an agent first looks for its tools.
    check_timeout(timeout)
    SpawnConfig(agent, None, args, kwargs or {}, deadline=deadline, iterations=iterations)
    return lambda seat: [SpawnAgentTool(seat, agent, args, kwargs, deadline, timeout, iterations)]
