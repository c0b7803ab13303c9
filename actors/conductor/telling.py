"""Which record tells of which step of a ticket, an attempt or a track?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors._core.errors import said
from actors.eventlog.records import Record
from actors.eventlog.work_kinds import (
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
    TaskAssignedRecord,
    TaskBlockedRecord,
    TaskCompletedRecord,
    TaskExhaustedRecord,
    TaskFailedRecord,
    TaskKilledRecord,
    TaskLostRecord,
)
from actors.tickets import LEGAL, TicketState
from actors.work.tools import cut

if TYPE_CHECKING:
    from actors._core.context import Context
    from actors.board import Transition
    from actors.conductor.attempts import Attempt

_S = TicketState
_BY_NEW: Final[dict[TicketState, type[Record]]] = {
    _S.AWAITING_APPROVAL: MissionWorkHeldRecord,
    _S.IN_PROGRESS: MissionWorkAssignedRecord,
    _S.REVIEW: MissionWorkInReviewRecord,
    _S.COMPLETED: MissionWorkCompletedRecord,
    _S.FAILED: MissionWorkFailedRecord,
    _S.EXHAUSTED: MissionWorkFailedRecord,
    _S.BLOCKED: MissionWorkBlockedRecord,
    _S.KILLED: MissionWorkKilledRecord,
}
_BY_BOTH: Final[dict[tuple[TicketState, TicketState], type[Record]]] = {
    (_S.TODO, _S.READY): MissionWorkPromotedRecord,
    (_S.AWAITING_APPROVAL, _S.READY): MissionWorkPromotedRecord,
    (_S.REVIEW, _S.IN_PROGRESS): MissionWorkReworkedRecord,
    (_S.BLOCKED, _S.TODO): MissionWorkUnblockedRecord,
    (_S.BLOCKED, _S.READY): MissionWorkUnblockedRecord,
    **{(old, _S.READY): MissionWorkReturnedRecord for old in (_S.IN_PROGRESS, _S.REVIEW, _S.FAILED, _S.EXHAUSTED)},
}
KIND_OF: Final[dict[tuple[TicketState, TicketState], type[Record]]] = {
    (old, new): _BY_BOTH.get((old, new)) or _BY_NEW[new] for old, following in LEGAL.items() for new in following
}
"""The record that tells of each legal transition of a ticket."""
_ENDS: Final[dict[str, type[Record]]] = {
    "completed": TaskCompletedRecord,
    "blocked": TaskBlockedRecord,
    "exhausted": TaskExhaustedRecord,
    "failed": TaskFailedRecord,
    "killed": TaskKilledRecord,
    "lost": TaskLostRecord,
}


class Teller:
    """Tells among the events of the system what happens in one track; used on the conductor's turn.

    One `mission_work_...` for each step of a ticket on the board, after it is there; one `task_...` where an attempt
    begins, and one where it ends.
    """

    def __init__(self, context: Context, track: str) -> None:
        self._context = context
        self._track = track

    def work(self, step: Transition, worker: str | None) -> None:
        """A ticket has taken a step; `worker` is the path of who is at it, or was."""
        record = KIND_OF[step.old, step.new]
        self._emit(
            record, task_id=step.ticket, agent_id=worker, old_state=step.old, new_state=step.new,
            message=step.reason or None,
        )  # fmt: skip

    def assigned(self, attempt: Attempt) -> None:
        """A worker is about to be given a ticket."""
        text = f"attempt {attempt.claim.attempt} with {attempt.model}"
        self._emit(TaskAssignedRecord, task_id=attempt.ticket, agent_id=attempt.worker, message=text)

    def ended(self, attempt: Attempt, how: str, text: str, error: BaseException | None = None) -> None:
        """An attempt has ended: completed, blocked, exhausted, failed, killed or lost."""
        more: dict[str, Any] = {}
        if error is not None:
            more = {"error": said(error)[:200], "error_type": type(error).__name__}
        text = f"attempt {attempt.claim.attempt}: {text}" if text else f"attempt {attempt.claim.attempt}"
        self._emit(_ENDS[how], task_id=attempt.ticket, agent_id=attempt.worker, message=text, **more)

    def mission(self, old: str, new: str, text: str = "") -> None:
        self._emit(MissionStateChangedRecord, old_state=old, new_state=new, message=text or None)

    def watched(self, text: str) -> None:
        """Nothing has moved for as long as the track is watched for."""
        self._emit(MissionWatchTriggeredRecord, message=text)

    def help_needed(self, reason: str) -> None:
        self._emit(MissionHelpNeededRecord, message=reason)

    def escalated(self, text: str, **about: Any) -> None:
        """Something is the conductor's to decide that others could not."""
        self._emit(ConductorEscalationRecord, message=text, **about)

    def noted(self, text: str, **about: Any) -> None:
        self._emit(MissionEventRecord, message=text, **about)

    def _emit(self, kind: type[Record], **fields: Any) -> None:
        if fields.get("message"):
            # A log needs no more; the board has all.
            fields["message"] = cut(fields["message"])
        fields.setdefault("agent_id", None)
        if fields["agent_id"] is None:
            fields["agent_id"] = self._context.path
        else:
            fields["parent_agent_id"] = self._context.path
        self._context.emit(kind(mission_id=self._track, **fields))
