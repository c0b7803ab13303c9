"""Who answers what a worker cannot decide itself?

Every question is answered within a time: granted or refused by the conductor, by its decider, or by whoever approves;
and where there is nobody, refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors._core.agent import Agent
from actors._core.errors import AgentStoppedError, AskTimeout, MailboxFullError, said
from actors._core.messages import FrameworkMessage
from actors._core.ref import AgentRef
from actors._core.replies import Reply
from actors.approvals import ApproverRef
from actors.board import Board, FileOwnedError, Late
from actors.conductor.attempts import Settled, asked, pipe
from actors.conductor.crew import Crew
from actors.conductor.settings import Settings
from actors.conductor.starts import use_up
from actors.conductor.telling import Teller
from actors.typed import AdditionalContext, ApprovalAnswer, ApprovalRequest, Decision, NeedsDecision

if TYPE_CHECKING:
    from actors._core.context import Context

REQUESTED_FILES = "requested_files"


class Decider(Agent):
    """Has a function decide, beside the conductor: it may block."""

    def __init__(self, function: Callable[[NeedsDecision], Any]) -> None:
        self._function = function

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, FrameworkMessage):
            return super().on_receive(message)
        return self._function(message)


@dataclass(frozen=True, slots=True)
class Question:
    """About a question that somebody else decides; `reply` is None where it was told, not asked."""

    message: NeedsDecision
    reply: Reply | None


class Answering:
    """The questions of the workers of one conductor; used on its turn alone."""

    def __init__(self, context: Context, settings: Settings, board: Board, crew: Crew, teller: Teller) -> None:
        self._context = context
        self._settings = settings
        self._board = board
        self._crew = crew
        self._teller = teller
        self._decider: AgentRef[Any] | None = None
        if isinstance(settings.decider, AgentRef):
            self._decider = settings.decider
        elif settings.decider is not None:
            self._decider = context.spawn(Decider, settings.decider, name="decider")

    def on_question(self, message: NeedsDecision) -> None:
        """Answer, or have it answered: never blocks."""
        question = Question(message, self._context.defer() if self._context.asked else None)
        files = message.decision.metadata.get(REQUESTED_FILES)
        conflict = "" if files is None else self._widen(message, tuple(files.replace(",", " ").split()))
        if files is not None and not conflict:
            self._give(question, Decision(task_id=message.task_id, granted=True))
        elif self._decider is not None:
            pipe(self._context, asked(self._decider, message, self._settings.decision_timeout), question)
        else:
            self._escalate(question, conflict)

    def _widen(self, message: NeedsDecision, files: tuple[str, ...]) -> str:
        """Give the attempt more files, and say why not where that cannot be."""
        attempt = self._crew.attempts.get(message.task_id)
        if attempt is None:
            return f"{message.task_id} is not in progress"
        try:
            given = self._board.widen(attempt.claim, files)
        except FileOwnedError as error:
            return said(error)
        if isinstance(given, Late):
            return f"{message.task_id} is {given.state}"
        text = f"Scope expanded: you now have access to {', '.join(files)}"
        self._tell(attempt.worker, AdditionalContext(content=text, task_id=message.task_id))
        return ""

    def _escalate(self, question: Question, conflict: str) -> None:
        """Nobody here can decide it: whoever approves does, and where there is nobody either, it is refused."""
        message, approver = question.message, self._settings.approver
        title = message.decision.title or message.decision.id
        about = {"task_id": message.task_id, "correlation_id": message.decision.id, "child_agent_id": message.agent_id}
        self._teller.escalated(f"{title}: {conflict}" if conflict else title, **about)
        if approver is None:
            why = conflict or "nobody is there to decide"
            self._give(question, Decision(task_id=message.task_id, granted=False, reason=why))
            return
        request = ApprovalRequest(
            task_id=message.task_id,
            action="decide",
            payload={"question": title, "details": message.decision.description or "", "why": conflict},
            key=f"{message.decision.id}/decide",
            deadline=self._settings.decision_timeout,
            mission_id=self._settings.track_id,
            agent_id=message.agent_id,
        )
        if isinstance(approver, ApproverRef):
            answer = approver.request(request)
        else:
            answer = asked(approver, request, self._settings.decision_timeout)
        pipe(self._context, answer, question)

    def on_answer(self, question: Question, settled: Settled) -> None:
        """Whoever decides has answered, has failed over it, or has taken too long."""
        ticket = question.message.task_id
        answer, error = settled.value, settled.error
        if isinstance(error, AskTimeout):
            seconds = self._settings.decision_timeout
            decision = Decision(task_id=ticket, granted=False, reason=f"nobody has decided it within {seconds:g} s")
        elif error is not None:
            decision = Decision(task_id=ticket, granted=False, reason=f"not decided: {said(error)}")
        else:
            decision = decision_of(ticket, answer)
            if self._decider is None:
                use_up(self._settings.approver, answer)
        self._give(question, decision)

    def _give(self, question: Question, decision: Decision) -> None:
        if question.reply is not None:
            question.reply.set(decision)
        else:
            self._tell(question.message.agent_id, decision)

    def _tell(self, path: str, message: Any) -> None:
        ref = self._context.system.find(path) if path.startswith("/") else None
        if ref is None:
            return
        try:
            ref.tell(message)
        except (AgentStoppedError, MailboxFullError):
            return  # recorded as a dead letter


def decision_of(ticket: str, answer: Any) -> Decision:
    """Make a decision of what a decider has given: a Decision, a bool, or text, which is why not."""
    if isinstance(answer, Decision):
        return answer
    if isinstance(answer, ApprovalAnswer):
        return Decision(task_id=ticket, granted=answer.approved, reason=answer.reason or answer.outcome)
    if isinstance(answer, bool):
        return Decision(task_id=ticket, granted=answer, reason="" if answer else "refused")
    if isinstance(answer, str) and answer:
        return Decision(task_id=ticket, granted=False, reason=answer)
    return Decision(task_id=ticket, granted=False, reason=f"no decision, but {answer!r:.100}")
