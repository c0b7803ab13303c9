"""Which nodes are there, what may become of them, and how are they named?"""

from __future__ import annotations

import copy
import pickle
import re
from datetime import datetime
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from actors import (
    EdgeType,
    GraphNode,
    InvalidMessageError,
    NodeCreated,
    NodeStatus,
    NodeType,
    Priority,
    WorkerMessage,
    decode,
)
from actors.typed import (
    child_id,
    legal_statuses,
    new_edge_id,
    new_goal_id,
    new_package_id,
    new_worker_id,
    parent_id,
)
from tests.typed.samples import DECISION, NOON, TASK

STATUSES = {
    "goal": "pending active completed cancelled",
    "task": "pending ready claimed in_progress blocked review completed failed cancelled",
    "decision": "pending active decided superseded",
    "option": "pending active chosen rejected abandoned",
    "outcome": "active completed",
    "observation": "active",
    "revisit": "active completed",
}


def node(**values: Any) -> GraphNode:
    return GraphNode(
        **{"id": "ra-1", "project_id": "p", "node_type": "task", "title": "t", "status": "ready", "created_at": NOON}
        | values
    )


def test_there_are_seven_types_of_nodes_seven_of_edges_and_fifteen_statuses() -> None:
    assert " ".join(NodeType) == "goal task decision option outcome observation revisit"
    assert " ".join(EdgeType) == "contains depends_on leads_to chosen rejected supersedes informs"
    assert len(NodeStatus) == 15
    assert {status for each in STATUSES.values() for status in each.split()} == set(NodeStatus)


@pytest.mark.parametrize("node_type", NodeType)
@pytest.mark.parametrize("status", NodeStatus)
def test_a_node_has_a_status_that_is_legal_for_its_type(node_type: NodeType, status: NodeStatus) -> None:
    legal = status in STATUSES[node_type].split()
    assert (status in legal_statuses[node_type]) is legal
    if legal:
        assert node(node_type=node_type, status=status).status is status
    else:
        with pytest.raises(ValidationError, match=f"Status {status} is not valid for node type {node_type}") as caught:
            node(node_type=node_type, status=status)
        assert caught.value.errors()[0]["loc"] == ("status",)


def test_a_message_with_a_node_in_an_illegal_status_is_refused_and_names_the_field() -> None:
    created = NodeCreated(agent_id="worker-1", parent_id="ra-a3f8", node=TASK)
    text = created.model_dump_json().replace('"in_progress"', '"decided"')
    with pytest.raises(InvalidMessageError, match="Status decided is not valid for node type task") as caught:
        decode(WorkerMessage, text)
    assert (caught.value.field, caught.value.value) == ("node.status", "decided")


def test_of_a_type_that_is_none_only_the_type_is_wrong() -> None:
    with pytest.raises(ValidationError) as caught:
        node(node_type="dream")
    assert [each["loc"] for each in caught.value.errors()] == [("node_type",)]


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("id", 1),
        ("title", None),
        ("status", "sleeping"),
        ("priority", "urgent"),
        ("labels", "code"),
        ("created_at", datetime(2026, 3, 1)),
        ("metadata", {"files": 3}),
        ("blocked_reason", 7),
    ],
)
def test_a_node_refuses_a_field_of_another_type_and_names_it(field: str, wrong: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        node(**{field: wrong})
    assert {each["loc"][0] for each in caught.value.errors()} == {field}


def test_a_node_needs_no_more_than_to_be_told_from_others() -> None:
    plain = node()
    assert (plain.description, plain.priority, plain.assigned_to, plain.created_by) == ("", None, None, None)
    assert (plain.labels, plain.started_at, plain.completed_at, plain.blocked_reason) == ((), None, None, None)
    assert plain.metadata == {}


@pytest.mark.parametrize("each", [TASK, DECISION], ids=["task", "decision"])
def test_a_node_survives_json_and_is_copied_as_it_is(each: GraphNode) -> None:
    assert GraphNode.model_validate_json(each.model_dump_json()) == each
    for copied in (copy.copy(each), copy.deepcopy(each), pickle.loads(pickle.dumps(each))):
        assert (copied, hash(copied)) == (each, hash(each))


def test_the_metadata_of_a_node_cannot_be_changed_either() -> None:
    mine = {"a": "1"}
    metadata: Any = node(metadata=mine).metadata
    mine["a"] = "2"
    assert metadata == {"a": "1"}
    changes: list[Any] = [
        lambda: metadata.__setitem__("a", "2"),
        lambda: metadata.__delitem__("a"),
        lambda: metadata.__ior__({"a": "2"}),
        metadata.clear,
        lambda: metadata.pop("a"),
        metadata.popitem,
        lambda: metadata.setdefault("b", "2"),
        lambda: metadata.update(a="2"),
    ]
    for change in changes:
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    assert metadata == {"a": "1"}
    assert copy.copy(metadata) is metadata


def test_critical_is_more_than_high_and_high_more_than_the_rest() -> None:
    assert sorted(Priority, reverse=True) == [Priority.CRITICAL, Priority.HIGH, Priority.MEDIUM, Priority.LOW]
    assert Priority.CRITICAL > Priority.HIGH >= Priority.HIGH
    assert Priority.LOW < Priority.MEDIUM <= Priority.MEDIUM
    for compare in ("__lt__", "__le__", "__gt__", "__ge__"):
        assert getattr(Priority.LOW, compare)("low") is NotImplemented


@pytest.mark.parametrize(
    ("new", "pattern"),
    [
        (new_goal_id, r"ra-[0-9a-f]{4}"),
        (new_edge_id, r"e-[0-9a-f]{8}"),
        (new_package_id, r"wp-[0-9a-f]{8}"),
        (new_worker_id, r"worker-[0-9a-f]{8}"),
    ],
)
def test_a_name_is_made_of_its_kind_and_digits(new: Any, pattern: str) -> None:
    assert all(re.fullmatch(pattern, new()) for _ in range(100))
    assert new(Random(7)) == new(Random(7))
    assert len({new() for _ in range(20)}) > 1


def test_a_child_is_named_by_its_parent_and_a_parent_found_by_its_child() -> None:
    assert child_id("ra-a3f8", 1) == "ra-a3f8.1"
    assert child_id(child_id("ra-a3f8", 1), 3) == "ra-a3f8.1.3"
    assert parent_id("ra-a3f8.1.3") == "ra-a3f8.1"
    assert parent_id("ra-a3f8.1") == "ra-a3f8"
    assert parent_id("ra-a3f8") is None
    for wrong in (0, -1, True, "1"):
        with pytest.raises(ValueError, match="number: a whole number, 1 or more"):
            child_id("ra-a3f8", wrong)  # type: ignore[arg-type]


def test_only_text_is_the_id_of_a_parent_or_child() -> None:
    wrong: Any = 5
    with pytest.raises(ValueError, match="parent: text, not 5"):
        child_id(wrong, 1)
    with pytest.raises(ValueError, match="identity: text, not 5"):
        parent_id(wrong)
