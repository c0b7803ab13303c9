"""Which restarts count, and what follows from that: the limits, the backoff and the branches of policies once more.

Nothing is ever thrown away here, so nothing can be thrown away too early: what counts is looked up at each failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from policies import (
    Backoff,
    ByError,
    Directive,
    Escalate,
    Failure,
    History,
    Policy,
    Restart,
    Resume,
    RetryableOnly,
    Stop,
)


class Verdict(NamedTuple):
    """What is to be done about a failure; `exceeded`: because there were too many."""

    directive: Directive
    delay: float = 0.0
    exceeded: bool = False


@dataclass
class Past:
    """One restart."""

    at: float  # the failure
    path: str | None  # None once the child is gone
    delay: float
    step: int  # so many came right before it
    branch: str  # each branch of a policy counts apart
    edges: tuple[float, ...]  # when it stops to count, and when the backoff starts over: exactly then, not yet
    forgiven: bool = False  # a message was handled since: no row of failures has it


class Ledger:
    """All restarts of one supervisor, or of one child with a policy of its own."""

    def __init__(self) -> None:
        self.past: list[Past] = []
        self._history = History()

    def decide(self, policy: Policy, failure: Failure, comes_back: bool = True, branch: str = "") -> Verdict:
        """Give the verdict on a failure. One that is not answered by a restart spends nothing (`comes_back`).

        A policy of a class that is not known here is asked itself.
        """
        error = failure.error
        match policy:
            case ByError():
                fitting = [kind for kind in type(error).__mro__ if kind in policy.branches]
                chosen = policy.branches[fitting[0]] if fitting else policy.default
                name = f"{branch}/{_name(fitting)}"
                return self.decide(chosen, failure, comes_back, name)
            case RetryableOnly():
                again = isinstance(error, policy.retryable) or getattr(error, "retryable", False)
                chosen = policy.restart if again else policy.otherwise
                return self.decide(chosen, failure, comes_back, f"{branch}/{'restart' if again else 'otherwise'}")
            case Restart() if type(policy) is Restart:
                return self._restart(policy, failure, comes_back, branch)
            case Resume() | Stop() | Escalate() if type(policy) in _PLAIN:
                return Verdict(_PLAIN[type(policy)])
        decision = policy.decide(failure, self._history)
        if comes_back:
            self._history = decision.history
        return Verdict(decision.directive, decision.delay, decision.exceeded)

    def forget(self, path: str) -> None:
        """The child is gone for good: its restarts are no child's, but a limit over all children counts them still."""
        for past in self.past:
            past.path = None if past.path == path else past.path
        self._history = self._history.without(path)

    def counted(self, policy: Restart, failure: Failure, branch: str = "") -> list[Past]:
        """Give the restarts that count against the limit at this failure, oldest first."""
        found = [past for past in self.past if past.branch == branch]
        if policy.per == "child":
            found = [past for past in found if past.path == failure.path]
        if policy.within is None:
            return [past for past in found if past.path is not None and not past.forgiven]
        return [past for past in found if failure.at - past.at <= policy.within]

    def _restart(self, policy: Restart, failure: Failure, comes_back: bool, branch: str) -> Verdict:
        own = [past for past in self.past if past.branch == branch and past.path == failure.path]
        if failure.handled:
            for past in own:
                past.forgiven = True
        limit = policy.max_restarts
        if limit is not None and len(self.counted(policy, failure, branch)) >= limit:
            return Verdict(Directive.STOP if isinstance(policy.then, Stop) else Directive.ESCALATE, exceeded=True)
        step, delay = 0, 0.0
        if policy.backoff is not None:
            step = _step(policy.backoff, own, failure.at)
            delay = delay_of(policy.backoff, step, failure.draw)
        if comes_back:
            self.past.append(Past(failure.at, failure.path, delay, step, branch, _edges(policy, failure.at, delay)))
        return Verdict(Directive.RESTART, delay)


def _step(backoff: Backoff, own: list[Past], now: float) -> int:
    """Count the restarts right before this one: none after a quiet period, which begins with the last restart."""
    if not own:
        return 0
    last = own[-1]
    return 0 if now - last.at - last.delay > quiet_period(backoff) else last.step + 1


def quiet_period(backoff: Backoff) -> float:
    """Give the seconds after which the delays start over."""
    return backoff.cap if backoff.reset is None else backoff.reset


def _edges(policy: Restart, at: float, delay: float) -> tuple[float, ...]:
    window = () if policy.within is None else (at + policy.within,)
    return window if policy.backoff is None else (*window, at + delay + quiet_period(policy.backoff))


def delay_of(backoff: Backoff, step: int, draw: float = 0.5) -> float:
    """Give the seconds before the restart that follows `step` others: it grows, and never exceeds the cap."""
    delay = backoff.initial
    for _ in range(step):
        if delay >= backoff.cap:
            break
        delay *= backoff.factor
    shortest, longest = 1 - backoff.jitter, 1 + backoff.jitter
    return min(backoff.cap, min(delay, backoff.cap) * (shortest + draw * (longest - shortest)))


def restart_inside(policy: Policy) -> Restart:
    """Give the limit and backoff that a normal end goes by: of the first Restart in the policy, or the default's."""
    match policy:
        case Restart():
            return policy
        case RetryableOnly():
            return policy.restart
        case ByError():
            inside = [policy.default, *policy.branches.values()]
            return next((restart_inside(one) for one in inside if _has_restart(one)), Restart())
    return policy.for_exit()


def _has_restart(policy: Policy) -> bool:
    if isinstance(policy, ByError):
        return any(map(_has_restart, (policy.default, *policy.branches.values())))
    return isinstance(policy, Restart | RetryableOnly)


_PLAIN: dict[type[Policy], Directive] = {
    Resume: Directive.RESUME,
    Stop: Directive.STOP,
    Escalate: Directive.ESCALATE,
}


def _name(fitting: list[type[BaseException]]) -> str:
    return f"{fitting[0].__module__}.{fitting[0].__qualname__}" if fitting else "default"
