"""Which tickets may not start before somebody has said so, and who is asked?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.errors import said
from actors._core.ref import AgentRef
from actors.approvals import ApproverRef, Begin, Consume, Withdraw
from actors.board import Board
from actors.conductor.attempts import Settled, asked, pipe
from actors.conductor.settings import Settings
from actors.tickets import IllegalTransitionError, Ticket, TicketState, Track
from actors.typed import ApprovalAnswer, ApprovalRequest

if TYPE_CHECKING:
    from actors._core.context import Context
    from actors.board import Transitions

ACTION = "start"
REJECTED = "Spawn rejected by user."
TOO_LATE = "No answer to the request to start it."
HELD_AT_MOST = 100  # tickets that await approval at a time; the others are ready meanwhile, and do not start


@dataclass(frozen=True, slots=True)
class StartAnswered:
    """About the request to start a ticket."""

    ticket: str
    key: str


class Starts:
    """The tickets of one conductor that await approval; used on its turn alone.

    Each is asked about once. With an approver that is who decides; without one a ticket in step mode is approved, and
    those of a track that does not queue by itself wait for `approve_start` or `step`.
    """

    def __init__(
        self,
        context: Context,
        settings: Settings,
        board: Board,
        track: Track,
        note: Callable[[Transitions], None],
    ) -> None:
        self._context = context
        self._settings = settings
        self._board = board
        self._track = track
        self._note = note
        self._open: dict[str, str] = {}  # by ticket: the key of the request that is open

    def take_up(self) -> None:
        """Ask again about those that awaited approval when the last run ended; the same key is the same request."""
        for ticket in self._board.stuck(self._track.id, TicketState.AWAITING_APPROVAL):
            self._have_decided(ticket)

    def hold(self) -> None:
        """Have tickets that became ready await the approval that they need."""
        while (room := HELD_AT_MOST - self._board.counts(self._track.id)[TicketState.AWAITING_APPROVAL]) > 0:
            made = self._board.hold_next(self._track.id, room)
            if not made:
                return
            self._note(made)
            for step in made:
                if step.new is TicketState.AWAITING_APPROVAL:
                    self._have_decided(self._board.ticket(self._track.id, step.ticket))

    def _have_decided(self, ticket: Ticket) -> None:
        approver = self._settings.approver
        if approver is None:
            if self._track.auto_queue:
                self.release(ticket.id)
            return
        # The same for whoever asks for this one: after a stop, after a restart, or in another process.
        times = self._board.times_held(self._track.id, ticket.id)
        key = f"{self._track.id}/{ticket.id}/{ACTION}" + (f"/{times}" if times > 1 else "")
        self._open[ticket.id] = key
        model = self._track.model_for(ticket)
        request = ApprovalRequest(
            task_id=ticket.id,
            action=ACTION,
            payload={"prompt": ticket.description, "model": model, "role": f"{ticket.tier} Worker"},
            editable=True,
            key=key,
            deadline=self._settings.approval_timeout,
            mission_id=self._track.id,
            agent_id=self._context.path,
        )
        if isinstance(approver, ApproverRef):
            answer = approver.request(request)
        else:
            answer = asked(approver, request, self._settings.approval_timeout)
        pipe(self._context, answer, StartAnswered(ticket.id, key))

    # -- answers ---------------------------------------------------------------------

    def on_answer(self, about: StartAnswered, settled: Settled) -> None:
        """Start the ticket, or block it; an answer to what was withdrawn changes nothing."""
        if self._open.get(about.ticket) == about.key:
            del self._open[about.ticket]
            with contextlib.suppress(IllegalTransitionError):  # another process has decided it meanwhile
                self._take(about.ticket, settled)

    def _take(self, ticket: str, settled: Settled) -> None:
        answer = settled.value
        if not isinstance(answer, ApprovalAnswer):
            why = "no answer" if settled.error is None else said(settled.error)
            self._note(self._board.refuse(self._track.id, ticket, f"{TOO_LATE} ({why})"))
        elif answer.outcome in ("approved", "consumed", "interrupted"):
            # "consumed": it was approved before a crash. That it has not started, the board says.
            prompt = None if answer.payload is None else answer.payload.get("prompt")
            self._note(self._board.release(self._track.id, ticket, prompt))
            use_up(self._settings.approver, answer)
        elif answer.outcome == "aborted":
            self._note(self._board.kill(self._track.id, ticket, answer.reason or REJECTED))
        else:
            self._note(self._board.refuse(self._track.id, ticket, _why_not(answer)))

    def release(self, ticket: str, prompt: str | None = None) -> bool:
        """Start a ticket without its approver; tells whether it awaited approval."""
        try:
            made = self._board.release(self._track.id, ticket, prompt)
        except (IllegalTransitionError, LookupError):
            return False
        self._note(made)
        return True

    def next_held(self) -> str | None:
        """Give the first of those that await approval."""
        held = self._board.stuck(self._track.id, TicketState.AWAITING_APPROVAL, 1)
        return held[0].id if held else None

    def no_longer_asked(self, ticket: str, reason: str) -> None:
        """A ticket does not await approval any more, whoever said so: if the approver did not, its request is moot."""
        if ticket in self._open:
            self.withdraw(ticket, reason)

    def withdraw(self, ticket: str, reason: str) -> None:
        """Take back all that is asked about a ticket, here and by its worker: nobody has to decide that any more."""
        self._open.pop(ticket, None)
        approver = self._settings.approver
        if isinstance(approver, ApproverRef):
            asked(approver, Withdraw(task_id=ticket, mission_id=self._track.id, reason=reason))


def use_up(approver: AgentRef[Any] | None, answer: Any) -> None:
    """Note at the approver that what it has approved is done: nothing else may come of it."""
    if not isinstance(approver, ApproverRef) or not isinstance(answer, ApprovalAnswer):
        return
    if answer.outcome == "approved" and answer.approval_id and answer.digest:
        asked(approver, Begin(approval_id=answer.approval_id, digest=answer.digest))
        asked(approver, Consume(approval_id=answer.approval_id))


def _why_not(answer: ApprovalAnswer) -> str:
    text = TOO_LATE if answer.outcome == "expired" else REJECTED
    return f"{text} ({answer.reason})" if answer.reason and answer.outcome != "expired" else text
