"""What does a conductor know of one attempt, and of the worker that is at it?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from actors._core.future import AgentFuture
from actors._core.messages import FrameworkMessage
from actors._core.ref import AgentRef
from actors.conductor.results import Running
from actors.guard import UsageByTier
from actors.typed import ProgressReport
from actors.work import CancelToken, WorkerRef

if TYPE_CHECKING:
    from actors._core.context import Context
    from actors.board import Claim


class Stage(Enum):
    """What a worker is doing, as far as its conductor is concerned."""

    WORKING = "working"
    RETURNING = "returning"  # it has failed, and its policy decides whether it comes back for another attempt
    LEAVING = "leaving"  # it is told to end


class Hand:
    """One worker, from its start until it has ended: its place in the pool is taken as long as it is there."""

    def __init__(self, name: str, ref: WorkerRef) -> None:
        self.name = name
        self.ref = ref
        self.stage = Stage.LEAVING
        self.attempt: Attempt | None = None

    def __repr__(self) -> str:
        return f"<Hand {self.name} {self.stage.value}>"


class Attempt:
    """One attempt that runs: the claim that it is made with, and what was last heard of it."""

    def __init__(self, claim: Claim, worker: str, model: str, now: float) -> None:
        self.claim = claim
        self.worker = worker  # its path
        self.model = model
        self.cancel = CancelToken()
        self.since = self.last_check_in = now
        self.turn = 0
        self.summary = ""
        self.used: UsageByTier | None = None  # that is booked

    @property
    def ticket(self) -> str:
        return self.claim.ticket.id

    def __repr__(self) -> str:
        return f"<Attempt {self.claim.key} of {self.worker}>"

    def note(self, report: ProgressReport, now: float) -> None:
        self.last_check_in = now
        self.turn, self.summary = report.turn, report.summary

    @property
    def view(self) -> Running:
        return Running(
            self.ticket, self.worker, self.claim.attempt, self.model, self.claim.ticket.tier,
            self.since, self.last_check_in, self.turn, self.summary,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settled(FrameworkMessage):
    """What came of something that was asked: `value`, or the `error`; `about` says what it was."""

    about: Any
    value: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class AttemptOver:
    """About an attempt of a worker: it has ended."""

    hand: Hand
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class HandBack:
    """About a worker that has failed: it is there again, or has ended."""

    hand: Hand
    ticket: str


@dataclass(frozen=True, slots=True)
class PoolBack:
    """About the pool: it is there."""


def pipe(context: Context, future: AgentFuture[Any], about: Any) -> None:
    """Have what comes of a future told as `Settled`, whatever it is; never blocks."""
    timers, key = context.timers, object()

    def settle() -> None:
        try:
            settled = Settled(about, future.get())
        except BaseException as error:
            settled = Settled(about, error=error)
        # A tick is outside the bound of the mailbox, and is for this incarnation only.
        timers.once(key, 0.0, settled)

    future.add_done_callback(settle)


def asked(ref: AgentRef[Any], message: Any, timeout: float | None = None) -> AgentFuture[Any]:
    """Ask without waiting; what is refused at once is an answer, too."""
    try:
        return ref.ask(message, block=False, timeout=timeout)
    except BaseException as error:
        refused: AgentFuture[Any] = AgentFuture()
        refused.resolve(error=error)
        return refused
