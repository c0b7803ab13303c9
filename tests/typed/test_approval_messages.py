"""Do requests for approval say when they make no sense, and are those that were written before still read?"""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from actors import decode
from actors.typed import ApprovalAnswer, ApprovalRequest, TeamMessage


def test_what_was_written_before_there_were_keys_is_still_read() -> None:
    asked = decode(
        TeamMessage, '{"kind":"approval_request","task_id":"t","action":"run","payload":{"a":"b"},"editable":true}'
    )
    assert asked == ApprovalRequest(task_id="t", action="run", payload={"a": "b"}, editable=True)
    said = decode(TeamMessage, '{"kind":"approval_answer","task_id":"t","outcome":"aborted","reason":"stop"}')
    assert said == ApprovalAnswer(task_id="t", outcome="aborted", reason="stop")


@pytest.mark.parametrize(
    ("outcome", "approved"),
    [
        ("approved", True), ("refused", False), ("aborted", False), ("expired", False), ("withdrawn", False),
        ("consumed", False), ("interrupted", False),
    ],
)  # fmt: skip
def test_nothing_but_approved_allows_anything(outcome: Any, approved: bool) -> None:
    assert ApprovalAnswer(task_id="t", outcome=outcome).approved is approved


@pytest.mark.parametrize(
    "fields", [{"key": ""}, {"deadline": 0}, {"deadline": -1.0}, {"deadline": float("inf")}, {"deadline": "60"}]
)
def test_a_request_that_makes_no_sense_is_refused_and_names_the_field(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        ApprovalRequest(task_id="t", action="run", **fields)
    assert [each["loc"] for each in caught.value.errors()] == [tuple(fields)]
