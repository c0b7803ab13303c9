"""What is to be done about an agent that failed, as a name and an error say it?

The short way to write a policy: `on_agent_error(name, error)` gives one of three actions. It is a policy like any
other, so it stands wherever one does.
"""

from __future__ import annotations

from abc import abstractmethod
from enum import StrEnum
from typing import Any, ClassVar

from policies import Backoff, Decision, Escalate, Failure, History, Policy, Restart, RetryableOnly, Stop
from policies.frozen import Count, Seconds


class SupervisorAction(StrEnum):
    """What a supervisor does about an agent that failed."""

    RESTART = "restart"
    """A new incarnation, with fresh state; what waits for the agent is handled by that one."""
    STOP = "stop"
    """The agent ends, its siblings go on."""
    ESCALATE = "escalate"
    """The agent's parent fails in turn, and whoever supervises the parent decides."""


class SupervisorPolicy(Policy):
    """A policy that says by name and error what a failure means, and by its fields how often it may be a restart.

    Subclass it with an own `on_agent_error`. A restart is refused, and the agent stops instead, after `max_restarts`
    of that agent `within` seconds; `within=None` counts failures in a row, and a request that was handled starts the
    count anew. `max_restarts=None` is without limit. `backoff` delays restarts; without one they are immediate.
    """

    _always_printed: ClassVar[frozenset[str]] = frozenset({"max_restarts"})

    max_restarts: Count | None = 3
    within: Seconds | None = None
    backoff: Backoff | None = None

    def __init__(
        self,
        /,
        max_restarts: int | None = max_restarts,
        within: float | None = within,
        backoff: Backoff | None = backoff,
        **more: Any,  # a subclass's own fields; a misspelt one is refused like every other error
    ) -> None:
        more.update(max_restarts=max_restarts, within=within, backoff=backoff)
        super().__init__(**more)

    @abstractmethod
    def on_agent_error(self, name: str, error: BaseException) -> SupervisorAction:
        """Say what the failure of the agent of that name means. What this raises escalates."""

    def decide(self, failure: Failure, history: History) -> Decision:
        """Do what `on_agent_error` says; override it to see the restarts so far, the incarnation and the time, too."""
        action = self.on_agent_error(failure.path.rpartition("/")[2], failure.error)
        if not isinstance(action, SupervisorAction):
            raise TypeError(f"on_agent_error gave {action!r}, which is no SupervisorAction")
        if action is SupervisorAction.STOP:
            return Stop().decide(failure, history)
        if action is SupervisorAction.ESCALATE:
            return Escalate().decide(failure, history)
        return self._limit().decide(failure, history)

    def _limit(self) -> Restart:
        return Restart(self.max_restarts, self.within, self.backoff, per="child", then=Stop())

    def _contained_restart(self) -> Restart:
        return self._limit()


class DefaultSupervisor(SupervisorPolicy):
    """Restart after errors that are worth another try, stop after all others; never escalate.

    An error is worth another try where `policies.RetryableOnly` says so: a TimeoutError, a ConnectionError, or one
    with an attribute `retryable` that is true. `DefaultSupervisor(3)`: three restarts in a row, the fourth failure in
    a row stops the agent.
    """

    def on_agent_error(self, name: str, error: BaseException) -> SupervisorAction:
        """Give RESTART for an error that is worth another try, else STOP."""
        worth = isinstance(error, _RETRYABLE) or getattr(error, "retryable", False)
        return SupervisorAction.RESTART if worth else SupervisorAction.STOP


_RETRYABLE = RetryableOnly().retryable
