"""What was a pool of agents declared to be?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal

from actors._core.ref import AgentRef
from actors.agentpool.values import KEPT
from policies import Policy

Reader = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Settings:
    """What `AgentPool` says of each argument; a value, checked when it is built."""

    max_agents: int = 4
    when_full: Literal["reject", "queue"] = "reject"
    queue: int | None = None
    memory: Any = None
    tool_builder: Callable[[Any], Any] | None = None
    on_stream: Reader | AgentRef[Any] | None = None
    max_depth: int | None = None
    policy: Policy | None = None
    keep_results: int = KEPT

    def __post_init__(self) -> None:
        check_count("max_agents", self.max_agents)
        if self.when_full not in ("reject", "queue"):
            raise ValueError(f"when_full: 'reject' or 'queue', not {self.when_full!r}")
        if self.queue is not None:
            check_count("queue", self.queue)
            if self.when_full == "reject":
                raise ValueError("queue: only with when_full='queue' does anybody wait")
        check_count("keep_results", self.keep_results, least=1)
        if self.max_depth is not None:
            check_count("max_depth", self.max_depth)
        if self.policy is not None and not isinstance(self.policy, Policy):
            raise ValueError(f"policy: a Policy, or None, not {self.policy!r}")
        if isinstance(self.memory, (str, PathLike)):
            raise ValueError(f"memory: a memory, such as SqliteMemory(path), or None, not {self.memory!r}")
        if self.tool_builder is not None and not callable(self.tool_builder):
            raise ValueError(f"tool_builder: a callable that takes the seat, or None, not {self.tool_builder!r}")
        if not (self.on_stream is None or callable(self.on_stream) or isinstance(self.on_stream, AgentRef)):
            raise ValueError(f"on_stream: a callable, the ref of an agent, or None, not {self.on_stream!r}")

    @property
    def reader(self) -> Reader | None:
        """What is called with each StreamEvent."""
        return self.on_stream.tell if isinstance(self.on_stream, AgentRef) else self.on_stream


def check_count(name: str, value: object, least: int = 0) -> None:
    """Raise ValueError unless it is a whole number of at least so many."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: a whole number of at least {least}, not {value!r}")
