"""How does an approver have somebody decide: an agent, or a function?

What they answer is an ApprovalAnswer, True or False; None leaves the decision to others, such as a person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors._core.agent import Agent
from actors._core.errors import ActorError, Cancelled, ReplyError, printed, said
from actors._core.future import AgentFuture, Ask
from actors._core.messages import FrameworkMessage
from actors._core.ref import AgentRef
from actors.approvals.approval import Approval
from actors.approvals.protocol import Approve, Deny
from actors.typed.direction import ApprovalAnswer

Decider = AgentRef[Any] | Callable[[Approval], ApprovalAnswer | bool | None]
"""Who decides: an agent, which is asked the ApprovalRequest, or a function of the Approval."""


class DeciderError(ReplyError):
    """The function that was to decide has raised."""


class Calling(Agent):
    """Calls a function that decides, for one approval after the other; it may block."""

    def __init__(self, function: Callable[[Approval], Any]) -> None:
        self.function = function

    def on_receive(self, message: Any) -> Any:
        if not isinstance(message, Approval):
            return super().on_receive(message)
        try:
            return self.function(message)
        except Exception as error:
            raise DeciderError(said(error)) from error


@dataclass(frozen=True, slots=True)
class Decided(FrameworkMessage):
    """Whoever was to decide has: what came of it, told to the approver by itself."""

    approval_id: str
    question: AgentFuture[Any]


def asked(decider: AgentRef[Any], message: Any) -> AgentFuture[Any]:
    """Ask who is to decide; that it does not take such questions is an answer, too."""
    try:
        return decider.ask(message, block=False)
    except ActorError as error:
        refused: AgentFuture[Any] = AgentFuture()
        refused.resolve(error=error)
        return refused


def withdraw(question: AgentFuture[Any], approval_id: str) -> None:
    """Let whoever is to decide know that no answer is wanted any more; nobody begins with the question."""
    if isinstance(question, Ask):
        question.given_up = True
    question.resolve(error=Cancelled(f"{approval_id} needs no decision any more"))


def decision_of(approval: Approval, decided: Decided, who: str) -> Approve | Deny | None:
    """Give what to do about what a decider has answered: who fails to decide has said no."""
    try:
        answer = decided.question.get(timeout=0)
    except Exception as error:
        text = f"{error}" if isinstance(error, DeciderError) else said(error)
        return Deny(approval_id=approval.id, by=who, reason=f"the decider failed: {text}")
    if answer is None:
        return None
    if answer is True:
        return Approve(approval_id=approval.id, by=who)
    if answer is False:
        return Deny(approval_id=approval.id, by=who)
    if isinstance(answer, ApprovalAnswer) and answer.outcome in ("approved", "refused", "aborted"):
        return _decision(approval, answer, who)
    return Deny(approval_id=approval.id, by=who, reason=f"the decider gave no decision: {printed(answer, 80)}")


def _decision(approval: Approval, answer: ApprovalAnswer, who: str) -> Approve | Deny:
    by = answer.by or who
    if not answer.approved:
        return Deny(approval_id=approval.id, by=by, reason=answer.reason, abort=answer.outcome == "aborted")
    if answer.digest is not None and answer.payload is None and answer.digest != approval.digest:
        return Deny(approval_id=approval.id, by=by, reason="the decider approved something else, by its digest")
    return Approve(approval_id=approval.id, payload=answer.payload, by=by, reason=answer.reason)
