"""What else do those who direct workers need to tell and ask?"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from actors._core.messages import ControlMessage
from actors.typed.asking import Asking
from actors.typed.messages import (
    AdditionalContext,
    Cancel,
    Decision,
    NeedsDecision,
    NodeCreated,
    ProgressReport,
    ReviewFeedback,
    ReviewRequest,
    TaskBlocked,
    TaskCompleted,
)
from actors.typed.values import Count, FrozenDict, TextByName, Value


class AssignTask(Value):
    """Do this task; `attempt` counts from 1, and `previous_attempt` says how the last one ended."""

    kind: Literal["assign_task"] = Field(default="assign_task", repr=False)
    task_id: str
    title: str
    description: str = ""
    attempt: Annotated[int, Field(ge=1)] = 1
    previous_attempt: str | None = None


class UsageReport(Value):
    """What a piece of work has used: tokens in and out, of the models of one tier."""

    kind: Literal["usage_report"] = Field(default="usage_report", repr=False)
    tier: str
    tokens_in: Count
    tokens_out: Count


class TaskFailed(Value):
    """A worker has failed at a task; `retryable`: another attempt may do better."""

    kind: Literal["task_failed"] = Field(default="task_failed", repr=False)
    agent_id: str
    task_id: str
    error: str
    retryable: bool
    usage: UsageReport | None = None


class TaskKilled(Value):
    """A task was given up because it was told so."""

    kind: Literal["task_killed"] = Field(default="task_killed", repr=False)
    agent_id: str
    task_id: str
    reason: str = ""


class ApprovalAnswer(Value):
    """The answer to ApprovalRequest; `payload` is what may be done, where that was edited.

    "refused": somebody said no; "aborted": and wants the whole task given up; "expired": nobody answered in time;
    "withdrawn": it was taken back; "consumed": it was approved before, and done or begun; "interrupted": it was begun,
    and the program that did so has ended, so nobody knows how far it came. `digest` is of what was approved. A decider
    gives one of the first three, and need not fill in `approval_id`, `digest` and `by`.
    """

    kind: Literal["approval_answer"] = Field(default="approval_answer", repr=False)
    task_id: str
    outcome: Literal["approved", "refused", "aborted", "expired", "withdrawn", "consumed", "interrupted"]
    payload: TextByName | None = None
    reason: str = ""
    approval_id: str | None = None
    digest: str | None = None
    by: str = ""

    @property
    def approved(self) -> bool:
        """Whether it may be done; no other outcome allows anything."""
        return self.outcome == "approved"


class ApprovalRequest(Value, Asking[ApprovalAnswer]):
    """May this be done? `editable`: the answer may change the payload.

    The same `key` again is the same request, also in another process; None is a new one. `deadline`: seconds until no
    answer is a no; None leaves that to whoever is asked.
    """

    kind: Literal["approval_request"] = Field(default="approval_request", repr=False)
    task_id: str
    action: str
    payload: TextByName = Field(default_factory=FrozenDict)
    editable: bool = False
    key: Annotated[str, Field(min_length=1)] | None = None
    deadline: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    mission_id: str | None = None
    agent_id: str | None = None


class Pause(Value):
    """Start nothing new; what runs goes on."""

    kind: Literal["pause"] = Field(default="pause", repr=False)
    reason: str = ""


class Resume(Value):
    """Go on after a Pause."""

    kind: Literal["resume"] = Field(default="resume", repr=False)


class Kill(Value, ControlMessage):
    """Give one task up at once."""

    kind: Literal["kill"] = Field(default="kill", repr=False)
    task_id: str
    reason: str = ""


TeamMessage = Annotated[
    ProgressReport
    | TaskCompleted
    | TaskBlocked
    | NeedsDecision
    | NodeCreated
    | Cancel
    | AdditionalContext
    | ReviewRequest
    | ReviewFeedback
    | Decision
    | AssignTask
    | UsageReport
    | TaskFailed
    | TaskKilled
    | ApprovalRequest
    | ApprovalAnswer
    | Pause
    | Resume
    | Kill,
    Field(discriminator="kind"),
]
"""What workers and those who direct them tell and ask."""
