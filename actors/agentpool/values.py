"""What is an agent of a pool started from, and what comes of it?"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from actors._core.agent import Agent
from actors._core.mailbox import Mailbox
from actors._core.spec import ChildSpec
from policies import Policy, Restart, RetryableOnly, Stop

# Not in a row: what comes between two failures of one piece of work is no success.
POLICY: Policy = RetryableOnly(restart=Restart(3, within=3600.0, per="child", then=Stop()))
"""What a failure means in a pool that is not told."""
INBOX = Mailbox(capacity=32)
"""The mailbox of an agent of a pool: what has no room is refused at once."""
KEPT = 10_000
"""How many results that nobody has collected a pool keeps that is not told."""


class Status(StrEnum):
    """How an agent of a pool has ended."""

    COMPLETED = "completed"  # it gave a value
    FAILED = "failed"  # it, or its start, raised
    EXHAUSTED = "exhausted"  # it has used up what it may use
    CANCELLED = "cancelled"  # it was aborted, or gave up because it was told to
    STOPPED = "stopped"  # it, or its pool, was stopped before it gave a value


@dataclass(frozen=True, slots=True)
class SpawnConfig:
    """What one agent of a pool is to do; a value, checked when it is built.

    - `agent`: a `PoolAgent`, whose `run(query)` gives the value; another Agent, which is asked the query; or a function
      of the query. `args` and `kwargs` are for the class, or follow the query to the function.
    - `name`: unique in the pool; None makes it "agent-" and the id.
    - `key`: what it works on: another of the same key is refused while this one waits or runs.
    - `deadline`: seconds that one message, and `run` is one, may take; a heartbeat counts anew.
    - `policy`: what a failure of it means; None asks the pool's. One that counts failures in a row (`within=None`)
      bounds nothing here: each step and message between two of them is a success.
    - `shutdown`: seconds its code may take to end once it is aborted, or its pool stops.
    - `iterations`: how many turns its loop may take at most, for an agent that has one (a `models.ModelAgent`),
      whatever its own quota says; None leaves it to that.
    """

    agent: type[Agent] | Callable[..., Any]
    query: Any = None
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None
    key: Hashable = None
    deadline: float | None = None
    policy: Policy | None = None
    shutdown: float | Literal["infinity", "brutal"] = 5.0
    dispatcher: Literal["pool", "thread"] = "pool"
    mailbox: Mailbox = INBOX
    iterations: int | None = None

    def __post_init__(self) -> None:
        if not callable(self.agent) or (isinstance(self.agent, type) and not issubclass(self.agent, Agent)):
            raise ValueError(f"agent: a subclass of Agent, or a function of the query, not {self.agent!r}")
        if not isinstance(self.mailbox, Mailbox):
            raise ValueError(f"mailbox: a Mailbox, not {self.mailbox!r}")
        try:
            hash(self.key)
        except TypeError as error:
            raise ValueError(f"key: a value that can be hashed, not {self.key!r}") from error
        most = self.iterations
        if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
            raise ValueError(f"iterations: a whole number, 1 or more, or None, not {most!r}")
        # What else is wrong with it is wrong now, and not when its turn comes.
        ChildSpec(
            Agent, self.name, self.args, self.kwargs, policy=self.policy, shutdown=self.shutdown,
            deadline=self.deadline, dispatcher=self.dispatcher,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class PoolResult:
    """What came of one agent; there once it has ended, and its place in the pool is free.

    `value` where it completed, else `error`: the exception itself. `usage` is the sum of what it said that it used,
    else the `usage` of its value, if it has one; `incarnations` is how often it was started.
    """

    id: int
    name: str
    status: Status
    value: Any = None
    error: BaseException | None = None
    usage: Any = None
    key: Hashable = None
    incarnations: int = 1

    def get(self) -> Any:
        """Give the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


@dataclass(frozen=True, slots=True)
class Joined:
    """What `join_all` has collected: `{id: result}`, in the order of the ids, and `{id: name}` of those not done."""

    results: Mapping[int, PoolResult]
    running: Mapping[int, str]
