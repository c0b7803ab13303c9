"""What can happen in a run? All kinds of records, and the way to JSON and back.

`KINDS` has the kinds by `event_type`. Their names end in `Record`, because the kernel's events have the plain ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from actors.eventlog.kernel_kinds import (
    AgentAbandonedRecord,
    AgentBackingOffRecord,
    AgentEscalatedRecord,
    AgentFailedRecord,
    AgentHaltedRecord,
    AgentRestartedRecord,
    AgentRestartingRecord,
    AgentResumedRecord,
    AgentReturnedRecord,
    AgentSpawnedRecord,
    AgentStartedRecord,
    AgentStartFailedRecord,
    AgentStoppedRecord,
    AgentStoppingRecord,
    AgentSuspendedRecord,
    DeadLetterRecord,
    HookFailedRecord,
    LogGapRecord,
    MemberJoinedRecord,
    MemberLeftRecord,
    OverflowRecord,
    SystemStartedRecord,
    SystemStoppedRecord,
)
from actors.eventlog.records import (
    HEAD,
    VERSION,
    BadEntryError,
    Record,
    SpawnMode,
    UnknownRecord,
    snake,
)
from actors.eventlog.work_kinds import (
    AgentCompletedRecord,
    AgentInterruptedRecord,
    AgentStateChangedRecord,
    AgentStreamRecord,
    ApprovalStateChangedRecord,
    BreakerStateChangedRecord,
    ConductorEscalationRecord,
    MissionEventRecord,
    MissionHelpNeededRecord,
    MissionStateChangedRecord,
    MissionWatchTriggeredRecord,
    MissionWorkAssignedRecord,
    MissionWorkBlockedRecord,
    MissionWorkCompletedRecord,
    MissionWorkFailedRecord,
    MissionWorkHeldRecord,
    MissionWorkInReviewRecord,
    MissionWorkKilledRecord,
    MissionWorkPromotedRecord,
    MissionWorkReturnedRecord,
    MissionWorkReworkedRecord,
    MissionWorkUnblockedRecord,
    ReviewerApprovalRecord,
    ReviewerHandoffRecord,
    ReviewerRejectionRecord,
    TaskAssignedRecord,
    TaskBlockedRecord,
    TaskCompletedRecord,
    TaskDelegatedRecord,
    TaskExhaustedRecord,
    TaskFailedRecord,
    TaskKilledRecord,
    TaskLostRecord,
    UsageReportedRecord,
)

_ALL: tuple[type[Record], ...] = (
    AgentSpawnedRecord,
    AgentStartedRecord,
    AgentStartFailedRecord,
    AgentSuspendedRecord,
    AgentHaltedRecord,
    AgentBackingOffRecord,
    AgentRestartingRecord,
    AgentRestartedRecord,
    AgentResumedRecord,
    AgentStoppingRecord,
    AgentStoppedRecord,
    AgentFailedRecord,
    AgentEscalatedRecord,
    AgentAbandonedRecord,
    AgentReturnedRecord,
    HookFailedRecord,
    DeadLetterRecord,
    OverflowRecord,
    MemberJoinedRecord,
    MemberLeftRecord,
    SystemStartedRecord,
    SystemStoppedRecord,
    LogGapRecord,
    AgentStateChangedRecord,
    AgentInterruptedRecord,
    AgentCompletedRecord,
    TaskAssignedRecord,
    TaskCompletedRecord,
    TaskFailedRecord,
    TaskBlockedRecord,
    TaskExhaustedRecord,
    TaskKilledRecord,
    TaskLostRecord,
    TaskDelegatedRecord,
    MissionStateChangedRecord,
    MissionWorkPromotedRecord,
    MissionWorkHeldRecord,
    MissionWorkAssignedRecord,
    MissionWorkInReviewRecord,
    MissionWorkReworkedRecord,
    MissionWorkReturnedRecord,
    MissionWorkCompletedRecord,
    MissionWorkBlockedRecord,
    MissionWorkUnblockedRecord,
    MissionWorkFailedRecord,
    MissionWorkKilledRecord,
    MissionHelpNeededRecord,
    MissionWatchTriggeredRecord,
    MissionEventRecord,
    ReviewerHandoffRecord,
    ReviewerApprovalRecord,
    ReviewerRejectionRecord,
    ConductorEscalationRecord,
    ApprovalStateChangedRecord,
    BreakerStateChangedRecord,
    UsageReportedRecord,
    AgentStreamRecord,
)
KINDS: dict[str, type[Record]] = {kind.model_fields["event_type"].default: kind for kind in _ALL}


# -- the wire -------------------------------------------------------------------------------


def encode(record: Record) -> str:
    """Give the record as one line of JSON."""
    return json.dumps(record.to_fields(), ensure_ascii=False, separators=(",", ":"))


def decode(entry: str | bytes | Mapping[str, Any]) -> Record:
    """Give the record that an entry is, a JSON object or its fields; raises BadEntryError, naming what is wrong.

    A kind that is not in `KINDS`, and what a later version says in other words, is an `UnknownRecord`.
    """
    fields = _fields(entry)
    name = fields.get("event_type")
    if not isinstance(name, str):
        raise BadEntryError(entry, "it has no event_type")
    kind = KINDS.get(name, UnknownRecord)
    try:
        return _build(kind, fields)
    except ValidationError as error:
        if kind is UnknownRecord or not _is_later(fields):
            raise _bad(entry, error) from error
    try:
        return _build(UnknownRecord, fields)
    except ValidationError as error:
        raise _bad(entry, error) from error


def _bad(entry: object, error: ValidationError) -> BadEntryError:
    first = error.errors(include_url=False)[0]
    return BadEntryError(entry, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def _fields(entry: str | bytes | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(entry, Mapping):
        return entry
    try:
        fields = json.loads(entry.decode() if isinstance(entry, bytes) else entry)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadEntryError(entry, f"{type(error).__name__}: {error}") from error
    if not isinstance(fields, dict):
        raise BadEntryError(entry, "it is no JSON object")
    return fields


def _is_later(fields: Mapping[str, Any]) -> bool:
    version = fields.get("version")
    return type(version) is int and version > VERSION


def _build(kind: type[Record], fields: Mapping[str, Any]) -> Record:
    known = kind.model_fields.keys() - {"more"}
    own = {name: value for name, value in fields.items() if name in known}
    rest = {name: value for name, value in fields.items() if name not in known}
    return kind(**own, more=rest) if rest else kind(**own)


__all__ = [
    "HEAD",
    "KINDS",
    "VERSION",
    "AgentAbandonedRecord",
    "AgentBackingOffRecord",
    "AgentCompletedRecord",
    "AgentEscalatedRecord",
    "AgentFailedRecord",
    "AgentHaltedRecord",
    "AgentInterruptedRecord",
    "AgentRestartedRecord",
    "AgentRestartingRecord",
    "AgentResumedRecord",
    "AgentReturnedRecord",
    "AgentSpawnedRecord",
    "AgentStartFailedRecord",
    "AgentStartedRecord",
    "AgentStateChangedRecord",
    "AgentStoppedRecord",
    "AgentStoppingRecord",
    "AgentSuspendedRecord",
    "BadEntryError",
    "ConductorEscalationRecord",
    "DeadLetterRecord",
    "HookFailedRecord",
    "LogGapRecord",
    "MemberJoinedRecord",
    "MemberLeftRecord",
    "MissionEventRecord",
    "MissionHelpNeededRecord",
    "MissionStateChangedRecord",
    "MissionWatchTriggeredRecord",
    "MissionWorkAssignedRecord",
    "MissionWorkBlockedRecord",
    "MissionWorkCompletedRecord",
    "MissionWorkPromotedRecord",
    "OverflowRecord",
    "Record",
    "ReviewerApprovalRecord",
    "ReviewerHandoffRecord",
    "SpawnMode",
    "SystemStartedRecord",
    "SystemStoppedRecord",
    "TaskAssignedRecord",
    "TaskCompletedRecord",
    "TaskDelegatedRecord",
    "TaskFailedRecord",
    "UnknownRecord",
    "decode",
    "encode",
    "snake",
]
