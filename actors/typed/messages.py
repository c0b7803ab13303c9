"""What do workers and those who direct them tell one another?

Frozen values; `kind` tells them apart in JSON. `decode(WorkerMessage, text)` reads any of the first nine,
`decode(TeamMessage, text)` those and the ones beyond them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from actors._core.messages import ControlMessage
from actors.typed.asking import Asking
from actors.typed.graph import GraphNode
from actors.typed.values import Count, FilePaths, Texts, Value

# -- from a worker to whoever directs it -------------------------------------------


class ProgressReport(Value):
    """A worker goes on; told every so many turns."""

    kind: Literal["progress_report"] = Field(default="progress_report", repr=False)
    agent_id: str
    turn: Count
    summary: str


class TaskCompleted(Value):
    """A worker is done with a task."""

    kind: Literal["task_completed"] = Field(default="task_completed", repr=False)
    agent_id: str
    task_id: str
    summary: str


class TaskBlocked(Value):
    """A worker cannot go on with a task."""

    kind: Literal["task_blocked"] = Field(default="task_blocked", repr=False)
    agent_id: str
    task_id: str
    reason: str


class Decision(Value):
    """The answer to NeedsDecision: granted, or refused for a reason. What policies decide is a `policies.Decision`."""

    kind: Literal["decision"] = Field(default="decision", repr=False)
    task_id: str | None = None
    granted: bool
    reason: str = Field(default="", validate_default=True)

    @field_validator("reason")
    @classmethod
    def _says_why_not(cls, reason: str, info: ValidationInfo) -> str:
        if info.data.get("granted") is False and not reason:
            raise ValueError("a refusal needs a reason")
        return reason


class NeedsDecision(Value, Asking[Decision]):
    """A worker asks for a decision; it is answered with a Decision."""

    kind: Literal["needs_decision"] = Field(default="needs_decision", repr=False)
    agent_id: str
    task_id: str
    decision: GraphNode


class NodeCreated(Value):
    """A worker has added a node to the graph of work."""

    kind: Literal["node_created"] = Field(default="node_created", repr=False)
    agent_id: str
    parent_id: str
    node: GraphNode


# -- from whoever directs workers to one of them -----------------------------------


class Cancel(Value, ControlMessage):
    """Give up: the task that is named, or all work. Routers bring it ahead of what waits, and never lose it."""

    kind: Literal["cancel"] = Field(default="cancel", repr=False)
    reason: str
    task_id: str | None = None


class AdditionalContext(Value):
    """Something to know for the work, or for one task of it."""

    kind: Literal["additional_context"] = Field(default="additional_context", repr=False)
    content: str
    task_id: str | None = None


# -- between workers ---------------------------------------------------------------


class ReviewFeedback(Value):
    """What a reviewer says of a work package; the answer to ReviewRequest."""

    kind: Literal["review_feedback"] = Field(default="review_feedback", repr=False)
    work_package_id: str
    approved: bool
    comments: Texts = ()


class ReviewRequest(Value, Asking[ReviewFeedback]):
    """A worker asks another to look at a work package; it is answered with ReviewFeedback."""

    kind: Literal["review_request"] = Field(default="review_request", repr=False)
    work_package_id: str
    changed_files: FilePaths


WorkerMessage = Annotated[
    ProgressReport
    | TaskCompleted
    | TaskBlocked
    | NeedsDecision
    | NodeCreated
    | Cancel
    | AdditionalContext
    | ReviewRequest
    | ReviewFeedback,
    Field(discriminator="kind"),
]
"""What workers are told and tell: a closed set of nine."""
