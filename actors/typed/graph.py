"""What is a node of the graph of work, and which states may it be in?"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from pydantic import AwareDatetime, Field, ValidationInfo, field_validator

from actors.typed.values import FrozenDict, Named, TextByName, Texts, Value


class NodeType(StrEnum):
    """What a node stands for."""

    GOAL = "goal"
    TASK = "task"
    DECISION = "decision"
    OPTION = "option"
    OUTCOME = "outcome"
    OBSERVATION = "observation"
    REVISIT = "revisit"


class EdgeType(StrEnum):
    """How one node is related to another."""

    CONTAINS = "contains"
    DEPENDS_ON = "depends_on"
    LEADS_TO = "leads_to"
    CHOSEN = "chosen"
    REJECTED = "rejected"
    SUPERSEDES = "supersedes"
    INFORMS = "informs"


class NodeStatus(StrEnum):
    """How far a node is; which of these it may have depends on its type, see `legal_statuses`."""

    PENDING = "pending"
    ACTIVE = "active"
    READY = "ready"
    CLAIMED = "claimed"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    REVIEW = "review"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DECIDED = "decided"
    SUPERSEDED = "superseded"
    CHOSEN = "chosen"
    REJECTED = "rejected"
    ABANDONED = "abandoned"


class Priority(StrEnum):
    """How urgent a node is: critical is greater than high, and so on."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the least urgent."""
        return list(Priority).index(self)

    def __lt__(self, other: Any) -> bool:
        return self.rank < other.rank if isinstance(other, Priority) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return self.rank <= other.rank if isinstance(other, Priority) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return self.rank > other.rank if isinstance(other, Priority) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return self.rank >= other.rank if isinstance(other, Priority) else NotImplemented


_S = NodeStatus
legal_statuses: Final = MappingProxyType(
    {
        NodeType.GOAL: frozenset({_S.PENDING, _S.ACTIVE, _S.COMPLETED, _S.CANCELLED}),
        NodeType.TASK: frozenset(
            {
                _S.PENDING,
                _S.READY,
                _S.CLAIMED,
                _S.IN_PROGRESS,
                _S.BLOCKED,
                _S.REVIEW,
                _S.COMPLETED,
                _S.FAILED,
                _S.CANCELLED,
            }
        ),
        NodeType.DECISION: frozenset({_S.PENDING, _S.ACTIVE, _S.DECIDED, _S.SUPERSEDED}),
        NodeType.OPTION: frozenset({_S.PENDING, _S.ACTIVE, _S.CHOSEN, _S.REJECTED, _S.ABANDONED}),
        NodeType.OUTCOME: frozenset({_S.ACTIVE, _S.COMPLETED}),
        NodeType.OBSERVATION: frozenset({_S.ACTIVE}),
        NodeType.REVISIT: frozenset({_S.ACTIVE, _S.COMPLETED}),
    }
)
"""The statuses that the nodes of each type may have."""


class GraphNode(Value):
    """One node of the graph of work; times are aware of their zone."""

    id: str
    project_id: str
    node_type: Named[NodeType]
    title: str
    description: str = ""
    status: Named[NodeStatus]
    priority: Named[Priority] | None = None
    assigned_to: str | None = None
    created_by: str | None = None
    labels: Texts = ()
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    completed_at: AwareDatetime | None = None
    blocked_reason: str | None = None
    metadata: TextByName = Field(default_factory=FrozenDict)

    @field_validator("status")
    @classmethod
    def _is_legal(cls, status: NodeStatus, info: ValidationInfo) -> NodeStatus:
        node_type = info.data.get("node_type")  # not there where it is wrong itself
        if node_type is not None and status not in legal_statuses[node_type]:
            raise ValueError(f"Status {status} is not valid for node type {node_type}")
        return status
