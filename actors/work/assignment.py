"""What is a worker given to do, and how does that end?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors._core.errors import AgentStoppedError
from actors.guard import Quota, Usage, UsageByTier
from actors.guard.cancel import CancelToken

if TYPE_CHECKING:
    from actors._core.ref import AgentRef
    from actors.tickets import Ticket


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Assignment:
    """One attempt at one ticket; a Worker is asked with it, and answers with an `AttemptEnd`.

    - `ticket`, of the `track`; `prompt`: what is to be done, by default from the ticket.
    - `attempt`: counts from 1; `previous_attempt`: how the last one ended, None for the first.
    - `fence`: grows with each claim of the ticket, and comes back in all that is told of this attempt.
    - `model` and `tier`: what it is to use, and what its usage is booked on; by default as the ticket says.
    - `step_mode`: each tool needs an approval; by default as the ticket says.
    - `reviewer`, `approver`, `conductor`: who is asked; None: nobody reviews, all is approved, nothing is decided.
    - `max_reviews`: how many rejections are worked on before the conductor is asked what to do.
    - `quota`: what the attempt may use; None is the usual `Quota()`.
    - `cancel`: gives the attempt up.
    """

    ticket: Ticket
    track: str = ""
    prompt: str = ""
    attempt: int = 1
    fence: int = 0
    model: str = ""
    tier: str = ""
    previous_attempt: str | None = None
    step_mode: bool | None = None
    reviewer: AgentRef[Any] | None = None
    approver: AgentRef[Any] | None = None
    conductor: AgentRef[Any] | None = None
    max_reviews: int = 2
    quota: Quota | None = None
    cancel: CancelToken = field(default_factory=CancelToken)

    def __post_init__(self) -> None:
        for name, least in (("attempt", 1), ("fence", 0), ("max_reviews", 0)):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                raise ValueError(f"{name}: a whole number, {least} or more, not {number!r}")
        ticket = self.ticket
        for name, default in (
            ("prompt", ticket.description),
            ("model", ticket.model_override),
            ("tier", ticket.tier),
            ("step_mode", ticket.step_mode),
        ):
            if getattr(self, name) in ("", None):
                object.__setattr__(self, name, default or getattr(self, name))

    @property
    def key(self) -> str:
        """Names this attempt, the same in every process: for what must not be done twice."""
        return f"{self.track}/{self.ticket.id}/{self.attempt}"

    def __repr__(self) -> str:
        return f"<Assignment {self.key} fence {self.fence}>"


# -- how it ends: all of these are answers. Whatever else the work raises is a failure of the worker ------------------


@dataclass(frozen=True, slots=True)
class Completed:
    """The ticket is done; `files` are those that were changed.

    As an answer its `usage` is what the whole attempt has used. Work may return a `Usage` there, which is booked on the
    assignment's tier.
    """

    text: str = ""
    usage: UsageByTier | Usage | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Blocked:
    """The work cannot go on, and another attempt alone would not help."""

    reason: str
    usage: UsageByTier | Usage | None = None


@dataclass(frozen=True, slots=True)
class ExhaustedEnd:
    """A limit is used up, with the work not done; `limit` is its name in the quota."""

    reason: str
    usage: UsageByTier | Usage | None = None
    limit: str = ""


@dataclass(frozen=True, slots=True)
class CancelledEnd:
    """The attempt was given up because its token, or a `Cancel`, said so."""

    reason: str
    usage: UsageByTier | Usage | None = None


AttemptEnd = Completed | Blocked | ExhaustedEnd | CancelledEnd
"""How an attempt has ended; as an answer each has the `UsageByTier` of the whole attempt."""


def cause_of(error: BaseException) -> BaseException:
    """Give what an attempt has failed with, from what its asker was raised.

    That is the error itself, save where the worker was given up between two steps: a `HandlerTimeout`, or what else
    ended it, is then inside an `AgentStoppedError`.
    """
    while isinstance(error, AgentStoppedError) and error.cause is not None:
        error = error.cause
    return error
