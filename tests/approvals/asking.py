"""What do the tests of approvals ask for, and how do they see what came of it?"""

from __future__ import annotations

from typing import Any

from actors import ActorSystem
from actors._core.events import Emitted
from actors.approvals import ApprovalAnswer, ApprovalRequest, ApproverRef, digest_of
from actors.eventlog.work_kinds import ApprovalStateChangedRecord
from tests.core.helpers import EventLog

COMMAND = {"command": "rm -r build"}
OTHER = {"command": "rm -r dist"}
DIGEST = digest_of("run", COMMAND)


def asking(**fields: Any) -> ApprovalRequest:
    """A request to run a command, for the ticket t-1."""
    return ApprovalRequest(**{"task_id": "t-1", "action": "run", "payload": COMMAND, **fields})


def asked(approver: ApproverRef, **fields: Any) -> tuple[str, Any]:
    """Ask, and give the id once the approver has the request, with the future of the answer."""
    before = {approval.id for approval in approver.all()}
    answer = approver.request(asking(**fields))
    (new,) = [approval.id for approval in approver.all() if approval.id not in before]
    return new, answer


def given(answer: Any) -> ApprovalAnswer:
    """Wait for the answer."""
    found = answer.get(timeout=10)
    assert isinstance(found, ApprovalAnswer)
    return found


def steps(log: EventLog, approval_id: str | None = None) -> list[tuple[str | None, str | None]]:
    """The steps that were told among the events, as old and new state."""
    records = [event.record for event in log.of(Emitted)]
    return [
        (record.old_state, record.new_state)
        for record in records
        if isinstance(record, ApprovalStateChangedRecord) and approval_id in (None, record.correlation_id)
    ]


def names(system: ActorSystem) -> list[str]:
    return [ref.path for ref in system.select("/*")]
