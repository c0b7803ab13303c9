"""What may be sent to an agent, what comes with a message, and how is a question always answered?"""

from actors.typed.accepting import Accepting
from actors.typed.asking import Asking
from actors.typed.decoding import decode
from actors.typed.direction import (
    ApprovalAnswer,
    ApprovalRequest,
    AssignTask,
    Kill,
    Pause,
    Resume,
    TaskFailed,
    TaskKilled,
    TeamMessage,
    UsageReport,
)
from actors.typed.envelope import Envelope, Enveloped, EnvelopedRef, post
from actors.typed.graph import EdgeType, GraphNode, NodeStatus, NodeType, Priority, legal_statuses
from actors.typed.ids import child_id, new_edge_id, new_goal_id, new_package_id, new_worker_id, parent_id
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
    WorkerMessage,
)
from actors.typed.questions import Answer, Answered, AnswerFailed, Questions, TimedOut
from actors.typed.ref import TypedRef

__all__ = [
    "Accepting",
    "AdditionalContext",
    "Answer",
    "AnswerFailed",
    "Answered",
    "ApprovalAnswer",
    "ApprovalRequest",
    "Asking",
    "AssignTask",
    "Cancel",
    "Decision",
    "EdgeType",
    "Envelope",
    "Enveloped",
    "EnvelopedRef",
    "GraphNode",
    "Kill",
    "NeedsDecision",
    "NodeCreated",
    "NodeStatus",
    "NodeType",
    "Pause",
    "Priority",
    "ProgressReport",
    "Questions",
    "Resume",
    "ReviewFeedback",
    "ReviewRequest",
    "TaskBlocked",
    "TaskCompleted",
    "TaskFailed",
    "TaskKilled",
    "TeamMessage",
    "TimedOut",
    "TypedRef",
    "UsageReport",
    "WorkerMessage",
    "child_id",
    "decode",
    "legal_statuses",
    "new_edge_id",
    "new_goal_id",
    "new_package_id",
    "new_worker_id",
    "parent_id",
    "post",
]
