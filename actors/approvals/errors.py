"""What is somebody told who asks of an approval what it does not allow?"""

from __future__ import annotations

from typing import Any

from actors._core.errors import ReplyError
from actors._store.database import WrongFileError
from actors.approvals.states import ApprovalState


class NotApprovalsError(WrongFileError):
    """A file that holds no approvals, or is one of a later format: `path`, and `why`."""

    what = "file of approvals"


class ApprovalError(ReplyError):
    """What was asked for is not so; nothing was changed by it, and no agent fails over it; `approval_id`."""

    def __init__(self, approval_id: str, text: str) -> None:
        super().__init__(text)
        self.approval_id = approval_id

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.approval_id, str(self))


class UnknownApprovalError(ApprovalError, LookupError):
    """There is no approval of that id: that is not the same as one that nobody has answered."""


class ApprovalClosedError(ApprovalError):
    """It is past that: an answer that comes too late, or a second use. `state` is where the approval stands."""

    def __init__(self, approval_id: str, state: ApprovalState, text: str) -> None:
        super().__init__(approval_id, text)
        self.state = state

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.approval_id, self.state, str(self))


class DigestError(ApprovalError):
    """What is to be done is not what was approved."""


class NotEditableError(ApprovalError):
    """The payload may not be changed by whoever approves."""


class KeyTakenError(ApprovalError):
    """The key is that of another request, with another action or payload."""
