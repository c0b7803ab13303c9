"""What does a policy get to see, and what does it give back?

Plain frozen values, because one decision makes several of them: they are not validated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Directive(StrEnum):
    """What a supervisor does about one failure of one child."""

    RESUME = "resume"
    """Keep the incarnation and its state, go on with the next message."""
    RESTART = "restart"
    """Replace the incarnation; ref, path and mailbox stay."""
    STOP = "stop"
    """End the child."""
    ESCALATE = "escalate"
    """The supervisor fails in turn, and its own parent decides."""


class Phase(StrEnum):
    """Where in its life a child failed."""

    START = "start"
    """Before it was ready: in its constructor or its start hook."""
    RECEIVE = "receive"
    """While it handled a message."""
    DEADLINE = "deadline"
    """One message took longer than the child's deadline."""
    EXIT = "exit"
    """It ended."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of one child, as its supervisor reports it."""

    path: str
    error: BaseException
    incarnation: int = 1
    phase: Phase = Phase.RECEIVE
    replied: bool = False
    """A waiting asker has the error already."""
    at: float = 0.0
    """Monotonic seconds; only differences between two failures mean anything."""
    handled: int = 0
    """Messages that this incarnation handled before it failed; more than 0 ends a row of failures."""
    draw: float = 0.5
    """A random number in [0, 1) for jitter, drawn by the caller so that a decision can be repeated."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One restart that a policy remembers."""

    at: float
    """When the failure happened, in monotonic seconds."""
    path: str
    delay: float = 0.0
    """Seconds from the failure to the restart."""
    step: int = 0
    """How many restarts of this child came right before it, without a quiet period."""
    key: str = ""
    """The branch that decided, such as "builtins.TimeoutError"; empty outside of any branch."""
    counts: bool = True
    """Whether it counts towards a limit; one that does not is kept for the backoff alone."""


@dataclass(frozen=True, slots=True)
class History:
    """The restarts one supervisor remembers; `History()` is the start of every supervisor."""

    marks: tuple[Mark, ...] = ()
    """Oldest first."""

    def restarts(self, path: str | None = None) -> int:
        """Count the remembered restarts that count towards a limit, of one child or of all."""
        return sum(1 for mark in self.marks if mark.counts and (path is None or mark.path == path))

    def restarted(self, failure: Failure, *, delay: float = 0.0, step: int = 0, key: str = "") -> History:
        """Give this history with one more restart, the answer to `failure`, after `delay` seconds."""
        return History((*self.marks, Mark(failure.at, failure.path, delay, step, key)))

    def without(self, path: str) -> History:
        """Give this history for when the child at `path` is gone for good.

        Its restarts are no child's any more: a limit over all children still counts them within its window, but no
        row of failures, no limit per child and no backoff does.
        """
        kept = (mark for mark in self.marks if mark.path != path or mark.counts)
        return History(tuple(replace(mark, path="") if mark.path == path else mark for mark in kept))


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one failure, and what is to be remembered of it."""

    directive: Directive
    delay: float = 0.0
    """Seconds to wait before the restart."""
    history: History = History()
    """What the next decision is given; leaving it out forgets every restart."""
    exceeded: bool = False
    """A limit was exceeded, and the directive is what the policy's `then` said."""
