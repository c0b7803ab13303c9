"""What is said to an approver? An ApprovalRequest, and these; its ref has a method for each."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from actors.approvals.states import ApprovalState
from actors.typed.values import TextByName, Value

Text = Annotated[str, Field(min_length=1)]


class Approve(Value):
    """Yes; `payload` is what may be done instead, where the request is editable. Answered with the Approval."""

    approval_id: Text
    payload: TextByName | None = None
    by: str = ""
    reason: str = ""


class Deny(Value):
    """No; `abort`: and give up all that it was for. Answered with the Approval."""

    approval_id: Text
    reason: str = ""
    by: str = ""
    abort: bool = False


class Withdraw(Value):
    """Take back what fits all that is given, unless it is begun or over. Answered with the Approvals taken back."""

    key: Text | None = None
    task_id: str | None = None
    mission_id: str | None = None
    reason: str = ""

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.key is None and self.task_id is None and self.mission_id is None:
            raise ValueError("what is to be withdrawn: a key, a task_id or a mission_id")
        return self


class Begin(Value):
    """What has this digest is about to be done. Answered with the Approval, once."""

    approval_id: Text
    digest: str


class Consume(Value):
    """It was done. Answered with the Approval."""

    approval_id: Text
    reason: str = ""


class GiveUp(Value):
    """What was begun will not be finished. Answered with the Approval."""

    approval_id: Text
    reason: str = ""


class Find(Value):
    """Give one approval."""

    approval_id: Text


class ListApprovals(Value):
    """Give the approvals in these states, or all, oldest first."""

    states: tuple[ApprovalState, ...] = ()
