"""Which restarts still count, and how many are there?

A restart is remembered for as long as the limit or the backoff needs it, so that a history stays short.
Marks with a key belong to a branch of another policy: they are carried along and never counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from policies.values import Failure, Mark


def still_needed(
    marks: Iterable[Mark], failure: Failure, within: float | None, quiet_period: float | None
) -> list[Mark]:
    """Give the marks that matter at this failure, oldest first.

    A mark counts while it is at most `within` seconds old, or, with `within=None`, until its child fails
    after having handled a message. One that counts no longer is kept while the backoff needs it.
    """
    kept = []
    for mark in marks:
        if mark.key or (mark.counts and _counts(mark, failure, within)):
            kept.append(mark)
        elif quiet_period is not None and failure.at - mark.at - mark.delay <= quiet_period:
            kept.append(replace(mark, counts=False))
    return kept


def spent(marks: Iterable[Mark], path: str | None) -> int:
    """Count the restarts that a limit has spent on one child, or on all children."""
    return sum(1 for mark in marks if mark.counts and not mark.key and (path is None or mark.path == path))


def next_step(marks: list[Mark], failure: Failure, quiet_period: float) -> int:
    """Give how many restarts of this child came right before, without a quiet period between."""
    for mark in reversed(marks):
        if mark.path == failure.path and not mark.key:
            return 0 if failure.at - mark.at - mark.delay > quiet_period else mark.step + 1
    return 0


def with_restart(marks: list[Mark], restart: Mark) -> tuple[Mark, ...]:
    """Add a restart, in place of older ones of its child that were kept for the backoff alone."""
    return (*(mark for mark in marks if mark.counts or mark.key or mark.path != restart.path), restart)


def _counts(mark: Mark, failure: Failure, within: float | None) -> bool:
    if within is None:
        return bool(mark.path) and (mark.path != failure.path or not failure.handled)
    return failure.at - mark.at <= within
