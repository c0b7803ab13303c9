"""May this be done? Requests for approval, decided by people and agents, once, also after a crash."""

from actors.approvals.approval import Approval, Step, digest_of
from actors.approvals.approver import Approver
from actors.approvals.deciding import Decider
from actors.approvals.errors import (
    ApprovalClosedError,
    ApprovalError,
    DigestError,
    KeyTakenError,
    NotApprovalsError,
    NotEditableError,
    UnknownApprovalError,
)
from actors.approvals.file import read_all
from actors.approvals.protocol import Approve, Begin, Consume, Deny, Find, GiveUp, ListApprovals, Withdraw
from actors.approvals.ref import ApproverRef
from actors.approvals.states import LEGAL, ApprovalState
from actors.typed.direction import ApprovalAnswer, ApprovalRequest

__all__ = [
    "LEGAL",
    "Approval",
    "ApprovalAnswer",
    "ApprovalClosedError",
    "ApprovalError",
    "ApprovalRequest",
    "ApprovalState",
    "Approve",
    "Approver",
    "ApproverRef",
    "Begin",
    "Consume",
    "Decider",
    "Deny",
    "DigestError",
    "Find",
    "GiveUp",
    "KeyTakenError",
    "ListApprovals",
    "NotApprovalsError",
    "NotEditableError",
    "Step",
    "UnknownApprovalError",
    "Withdraw",
    "digest_of",
    "read_all",
]
