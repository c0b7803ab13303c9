"""What is there to tell of tickets, attempts, tracks and reviews? Whoever owns a state tells of each step of it."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from actors.eventlog.records import Failing, Lasting, Record


class AgentStateChangedRecord(Lasting):
    """An agent tells of a state of its work, such as idle to working."""

    event_type: Literal["agent_state_changed"] = "agent_state_changed"


class AgentInterruptedRecord(Lasting):
    """Somebody had an agent pause its work."""

    event_type: Literal["agent_interrupted"] = "agent_interrupted"


class AgentCompletedRecord(Lasting):
    """An agent has done what it was started for."""

    event_type: Literal["agent_completed"] = "agent_completed"


class TaskAssignedRecord(Lasting):
    """A task was given to an agent."""

    event_type: Literal["task_assigned"] = "task_assigned"


class TaskCompletedRecord(Lasting):
    """A task is done."""

    event_type: Literal["task_completed"] = "task_completed"


class TaskFailedRecord(Failing):
    """A task cannot be done."""

    event_type: Literal["task_failed"] = "task_failed"


class TaskBlockedRecord(Lasting):
    """A worker cannot go on with a task, and says why."""

    event_type: Literal["task_blocked"] = "task_blocked"


class TaskExhaustedRecord(Lasting):
    """A worker has used up what it may use for a task."""

    event_type: Literal["task_exhausted"] = "task_exhausted"


class TaskKilledRecord(Lasting):
    """A worker was told to give a task up."""

    event_type: Literal["task_killed"] = "task_killed"


class TaskLostRecord(Lasting):
    """A worker, or its process, has gone before its task was done."""

    event_type: Literal["task_lost"] = "task_lost"


class TaskDelegatedRecord(Lasting):
    """An agent passed a task on to another."""

    event_type: Literal["task_delegated"] = "task_delegated"


class MissionStateChangedRecord(Lasting):
    """A mission took a step, such as planning to running."""

    event_type: Literal["mission_state_changed"] = "mission_state_changed"


class MissionWorkPromotedRecord(Lasting):
    """What a piece of work waited for is done: it is ready."""

    event_type: Literal["mission_work_promoted"] = "mission_work_promoted"


class MissionWorkHeldRecord(Lasting):
    """A piece of work waits for an approval before it is begun."""

    event_type: Literal["mission_work_held"] = "mission_work_held"


class MissionWorkAssignedRecord(Lasting):
    """A piece of work was given to an agent."""

    event_type: Literal["mission_work_assigned"] = "mission_work_assigned"


class MissionWorkInReviewRecord(Lasting):
    """A piece of work is with a reviewer."""

    event_type: Literal["mission_work_in_review"] = "mission_work_in_review"


class MissionWorkReworkedRecord(Lasting):
    """A piece of work came back from its reviewer, and is worked on again."""

    event_type: Literal["mission_work_reworked"] = "mission_work_reworked"


class MissionWorkReturnedRecord(Lasting):
    """A piece of work waits for another attempt."""

    event_type: Literal["mission_work_returned"] = "mission_work_returned"


class MissionWorkCompletedRecord(Lasting):
    """A piece of work is done."""

    event_type: Literal["mission_work_completed"] = "mission_work_completed"


class MissionWorkBlockedRecord(Lasting):
    """A piece of work cannot go on."""

    event_type: Literal["mission_work_blocked"] = "mission_work_blocked"


class MissionWorkUnblockedRecord(Lasting):
    """What a piece of work was blocked by is gone."""

    event_type: Literal["mission_work_unblocked"] = "mission_work_unblocked"


class MissionWorkFailedRecord(Failing):
    """A piece of work has no attempt left."""

    event_type: Literal["mission_work_failed"] = "mission_work_failed"


class MissionWorkKilledRecord(Lasting):
    """A piece of work was given up."""

    event_type: Literal["mission_work_killed"] = "mission_work_killed"


class MissionHelpNeededRecord(Lasting):
    """A mission cannot go on without a decision from outside."""

    event_type: Literal["mission_help_needed"] = "mission_help_needed"


class MissionWatchTriggeredRecord(Lasting):
    """What a mission watches for has happened."""

    event_type: Literal["mission_watch_triggered"] = "mission_watch_triggered"


class MissionEventRecord(Record):
    """A note about a mission, in words."""

    event_type: Literal["mission_event"] = "mission_event"


class ReviewerHandoffRecord(Lasting):
    """Work was handed to a reviewer."""

    event_type: Literal["reviewer_handoff"] = "reviewer_handoff"


class ReviewerApprovalRecord(Lasting):
    """A reviewer has approved work."""

    event_type: Literal["reviewer_approval"] = "reviewer_approval"


class ReviewerRejectionRecord(Lasting):
    """A reviewer wants work done again."""

    event_type: Literal["reviewer_rejection"] = "reviewer_rejection"


class ConductorEscalationRecord(Lasting):
    """The conductor was asked to decide what the others could not."""

    event_type: Literal["conductor_escalation"] = "conductor_escalation"


class ApprovalStateChangedRecord(Lasting):
    """A request for approval took a step, such as pending to approved."""

    event_type: Literal["approval_state_changed"] = "approval_state_changed"


class BreakerStateChangedRecord(Lasting):
    """A circuit breaker took a step, such as closed to open."""

    event_type: Literal["breaker_state_changed"] = "breaker_state_changed"


class UsageReportedRecord(Record):
    """A piece of work has used tokens."""

    event_type: Literal["usage_reported"] = "usage_reported"


class AgentStreamRecord(Record):
    """What an agent says and does while it works, piece by piece.

    `kind` is of what it said, such as "phase_change", None for text; `fields` are that one's own, cut.
    """

    event_type: Literal["agent_stream"] = "agent_stream"
    kind: str | None = None
    fields: dict[str, JsonValue] | None = None
