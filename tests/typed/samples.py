"""One of each message, for these tests."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel

from actors import (
    AdditionalContext,
    Cancel,
    GraphNode,
    NeedsDecision,
    NodeCreated,
    NodeStatus,
    NodeType,
    Priority,
    ProgressReport,
    ReviewFeedback,
    ReviewRequest,
    TaskBlocked,
    TaskCompleted,
)
from actors.typed import (
    ApprovalAnswer,
    ApprovalRequest,
    AssignTask,
    Decision,
    Kill,
    Pause,
    Resume,
    TaskFailed,
    TaskKilled,
    UsageReport,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DECISION = GraphNode(
    id="ra-a3f8.2",
    project_id="p-1",
    node_type=NodeType.DECISION,
    title="Which parser?",
    status=NodeStatus.PENDING,
    created_at=NOON,
    metadata={"requested_files": "parser.py"},
)
TASK = GraphNode(
    id="ra-a3f8.1",
    project_id="p-1",
    node_type=NodeType.TASK,
    title="Write the parser",
    description="By hand.",
    status=NodeStatus.IN_PROGRESS,
    priority=Priority.HIGH,
    assigned_to="worker-1",
    created_by="planner",
    labels=("code", "parser"),
    created_at=NOON,
    started_at=NOON,
)
WORKER_MESSAGES: tuple[BaseModel, ...] = (
    ProgressReport(agent_id="worker-1", turn=10, summary="half of it"),
    TaskCompleted(agent_id="worker-1", task_id="ra-a3f8.1", summary="all of it"),
    TaskBlocked(agent_id="worker-1", task_id="ra-a3f8.1", reason="no grammar"),
    NeedsDecision(agent_id="worker-1", task_id="ra-a3f8.1", decision=DECISION),
    NodeCreated(agent_id="worker-1", parent_id="ra-a3f8", node=TASK),
    Cancel(reason="shutdown"),
    AdditionalContext(content="You may write parser.py", task_id="ra-a3f8.1"),
    ReviewRequest(work_package_id="wp-1", changed_files=("src/parser.py", "tests/test_parser.py")),
    ReviewFeedback(work_package_id="wp-1", approved=False, comments=("too long",)),
)
OTHER_MESSAGES: tuple[BaseModel, ...] = (
    Decision(granted=True, task_id="ra-a3f8.1"),
    Decision(granted=False, reason="parser.py is owned by worker-2"),
    AssignTask(task_id="ra-a3f8.1", title="Write the parser", attempt=2, previous_attempt="no grammar"),
    UsageReport(tier="large", tokens_in=1000, tokens_out=20),
    TaskFailed(
        agent_id="worker-1",
        task_id="ra-a3f8.1",
        error="throttled",
        retryable=True,
        usage=UsageReport(tier="large", tokens_in=1, tokens_out=0),
    ),
    TaskKilled(agent_id="worker-1", task_id="ra-a3f8.1"),
    ApprovalRequest(task_id="ra-a3f8.1", action="run", payload={"command": "rm -r build"}, editable=True),
    ApprovalRequest(
        task_id="ra-a3f8.1", action="run", key="m/t/1", deadline=60, mission_id="m", agent_id="/crew/pool/w-1"
    ),
    ApprovalAnswer(task_id="ra-a3f8.1", outcome="approved", payload={"command": "rm -r dist"}),
    ApprovalAnswer(task_id="ra-a3f8.1", outcome="expired", approval_id="ap-1", digest="0" * 64, by="ann"),
    Pause(),
    Resume(),
    Kill(task_id="ra-a3f8.1"),
)
