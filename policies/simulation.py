"""What would a policy decide about a row of failures?"""

from __future__ import annotations

from collections.abc import Iterable

from policies.policy import Policy
from policies.values import Decision, Directive, Failure, History


def simulate(
    policy: Policy,
    failures: Iterable[tuple[float, BaseException] | Failure],
    path: str = "/agent",
    draw: float = 0.5,
) -> list[Decision]:
    """Give the decisions about failures, oldest first, each made with the history of those before.

    A failure is a pair of seconds and error, which `path` and `draw` complete, or a whole `Failure`, taken
    as it is. A failure after a stop is decided like any other: it is as if the child had been started anew.
    """
    history, incarnation, decisions = History(), 1, []
    for item in failures:
        failure = _failure(item, path, incarnation, draw)
        decision = policy.decide(failure, history)
        history = decision.history
        incarnation = failure.incarnation + (decision.directive is Directive.RESTART)
        decisions.append(decision)
    return decisions


def _failure(item: tuple[float, BaseException] | Failure, path: str, incarnation: int, draw: float) -> Failure:
    if isinstance(item, Failure):
        return item
    at, error = item
    return Failure(path, error, incarnation, at=at, draw=draw)
