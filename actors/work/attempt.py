"""What is known of the attempt that a worker is at, and what does it tell others of it?"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors._core.errors import AgentStoppedError, MailboxFullError, said
from actors.eventlog.records import Record
from actors.eventlog.work_kinds import AgentStreamRecord, UsageReportedRecord
from actors.guard import LoopGuard, Usage, UsageByTier
from actors.typed import ProgressReport, ReviewFeedback
from actors.work.assignment import Assignment
from actors.work.telling import OfAttempt, Spent
from actors.work.waits import Standstill

if TYPE_CHECKING:
    from loguru import Logger

    from actors._core.context import Context
    from actors.tickets import Ticket
    from actors.work.ref import Tray
    from actors.work.standing import Standing


class Attempt:
    """One attempt at a ticket, as the worker that is at it knows it; used on the worker's turn."""

    def __init__(self, assignment: Assignment, context: Context, tray: Tray, standing: Standing) -> None:
        self.assignment = assignment
        self.agent_context = context
        self.guard = LoopGuard(assignment.quota)
        self.feedback: ReviewFeedback | None = None
        self.turn = 0  # how often it has told of its progress
        self.round = 0  # how often its work was handed to the reviewer
        self.usage = UsageByTier()
        self._tray = tray
        self._standing = standing
        self.is_function = False  # what runs is a plain function, which stands still where it looks
        self._heard = 0
        # What the attempt waits for ends with it, however it ends.
        self.token = tray.token_of(assignment)
        self._numbers = itertools.count(1)  # of what it asks others
        self._delegated = 0
        self.log: Logger = logger.bind(**self.stamp)

    # -- what it is about -----------------------------------------------------------

    @property
    def ticket(self) -> Ticket:
        return self.assignment.ticket

    @property
    def prompt(self) -> str:
        """What is to be done, as whoever approved the start may have edited it."""
        return self.assignment.prompt

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self.assignment.attempt

    @property
    def key(self) -> str:
        """Names the attempt, the same in every process: for what must not be done twice."""
        return self.assignment.key

    @property
    def model(self) -> str:
        return self.assignment.model

    @property
    def tier(self) -> str:
        return self.assignment.tier

    @property
    def previous_attempt(self) -> str | None:
        """How the last attempt ended; None in the first."""
        return self.assignment.previous_attempt

    @property
    def path(self) -> str:
        """The worker's path."""
        return self.agent_context.path

    @property
    def stamp(self) -> dict[str, Any]:
        """What is written on each line of the log that the work writes: ticket, attempt and worker."""
        return {"ticket": self.ticket.id, "attempt": self.attempt, "worker": self.agent_context.path}

    # -- giving up -------------------------------------------------------------------

    @property
    def cancelled(self) -> bool:
        """Whether the work should be given up: the attempt was cancelled, or the worker is to end."""
        return self.token.cancelled or self.agent_context.cancelled

    def check(self) -> None:
        """Raise `Cancelled` if `cancelled`. While the worker is interrupted a plain function waits here."""
        self.token.check()
        self.agent_context.check()
        while self.is_function and self._standing.interrupted:
            Standstill(self.agent_context.system, self._standing, self.token).get()
            self.agent_context.check()

    # -- what others say meanwhile ----------------------------------------------------

    def received(self) -> tuple[Any, ...]:
        """Give what came since the last call, oldest first: each AdditionalContext, and what else the worker keeps.

        An AdditionalContext is at hand as soon as it is told, also while a plain function runs, and is heard again by
        the next attempt at the ticket, if this one fails. All else is there after the next `yield`.
        """
        notes = self._tray.since(self._heard)
        self._heard += len(notes)
        return tuple(note for note in notes if getattr(note, "task_id", None) in (None, self.ticket.id))

    # -- telling the one who conducts it ---------------------------------------------

    def progress(self, summary: str = "", every: int = 1) -> None:
        """Say that the work goes on, with its next turn; every so many turns the conductor is told.

        The worker's deadline counts anew. That nobody is there to be told is no matter. Raises `Cancelled` if the
        attempt was given up.
        """
        if type(every) is not int or every < 1:
            raise ValueError(f"every: a whole number of at least 1, not {every!r}")
        self.turn += 1
        self.agent_context.heartbeat()
        if self.turn % every == 0:
            self.tell(ProgressReport(agent_id=self.path, turn=self.turn, summary=summary))
        self.check()

    def spend(
        self, input_tokens: int = 0, output_tokens: int = 0, cost: float = 0.0, tier: str | None = None
    ) -> UsageByTier:
        """Book what was used, on the assignment's tier or another, and give all that the attempt has used so far.

        Booked and told at once, so that it counts whatever becomes of the attempt. Then, as what was used is mostly a
        call of a model: raises `Cancelled` if the attempt was given up, `Exhausted` where its quota is.
        """
        self.book(Usage(input_tokens, output_tokens, cost), tier)
        self.check()
        self.guard.enforce(self.guard.spend(Usage(input_tokens, output_tokens, cost)))
        return self.usage

    def book(self, used: Usage, tier: str | None = None) -> None:
        """Book what was used and tell of it; never raises for the attempt's sake."""
        tier = tier or self.tier
        self.usage = self.usage.with_usage(tier, used)
        self.tell(Spent(*self.which, used=self.usage))
        text = f"{tier}: {used.input_tokens} in, {used.output_tokens} out"
        self.emit(UsageReportedRecord(message=text, scope=tier))

    @property
    def which(self) -> tuple[str, str, int, int, str]:
        """The fields of `OfAttempt`."""
        assignment = self.assignment
        return assignment.track, self.ticket.id, self.attempt, assignment.fence, self.path

    def tell(self, message: ProgressReport | OfAttempt) -> None:
        """Tell the conductor, if there is one; that it is not there any more is no failure of the work."""
        conductor = self.assignment.conductor
        if conductor is None:
            return
        try:
            conductor.tell(message)
        except (AgentStoppedError, MailboxFullError) as error:
            self.log.debug("{} was not told: {}", conductor, said(error))

    def emit(self, record: Record) -> None:
        """Have something told among the events of the system, as this worker's and this ticket's."""
        record = record.with_agent(self.path).with_task(self.ticket.id)
        self.agent_context.emit(record.with_mission(self.assignment.track) if self.assignment.track else record)

    def say(self, text: str) -> None:
        """Tell those who follow the run what the work says or does, piece by piece."""
        self.emit(AgentStreamRecord(message=text, scope=f"{self.tier} (Worker): {self.ticket.id}"))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key} of {self.path}>"
