"""What may an agent's loop do next, and how does running out reach those who wait for it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn

from actors._core.errors import ActorError

LimitName = Literal[
    "iterations",
    "tool_calls",
    "tokens",
    "cost",
    "in_a_row",
    "truncations",
    "model_failures",
    "tool_failures",
]
"""The limit of a `Quota` that ended a loop, by the name of its field."""
FAILURES: frozenset[str] = frozenset({"model_failures", "tool_failures"})


@dataclass(frozen=True, slots=True)
class Allow:
    """Go on."""


@dataclass(frozen=True, slots=True)
class Warn:
    """Go on; `reason` says which limit is near."""

    reason: str


@dataclass(frozen=True, slots=True)
class Block:
    """Leave out this one tool call, with `reason` as its error result, and go on."""

    reason: str


@dataclass(frozen=True, slots=True)
class CircuitBreak:
    """End the loop: `used` is beyond the `allowed` of `limit`, a field of the quota; `reason` says so."""

    reason: str
    limit: LimitName
    used: float = 0
    allowed: float = 0


Verdict = Allow | Warn | Block | CircuitBreak
"""What a `LoopGuard` says to one step of a loop."""


class Exhausted(ActorError):
    """A limit is used up: an outcome of its own, never a result and never worth another try as it is.

    `limit` names the field of the quota, `used` and `allowed` are its numbers; its text is the reason.
    """

    retryable = False

    def __init__(self, reason: str, limit: str = "", used: float = 0, allowed: float = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.limit = limit
        self.used = used
        self.allowed = allowed


class Stuck(Exhausted):
    """Too many failures in a row, of the model or of tools: blocked, until somebody has looked at what is wrong.

    Whoever tells apart no more than `Exhausted` may treat it as that.
    """


def enforce(verdict: Verdict) -> Verdict:
    """Give the verdict back, or raise `Exhausted` (`Stuck` after failures in a row) where it ends the loop."""
    if isinstance(verdict, CircuitBreak):
        _raise(verdict)
    return verdict


def _raise(verdict: CircuitBreak) -> NoReturn:
    kind = Stuck if verdict.limit in FAILURES else Exhausted
    raise kind(verdict.reason, verdict.limit, verdict.used, verdict.allowed)
