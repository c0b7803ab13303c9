"""What is there to tell of tasks, missions and reviews, and of an agent's work? The program that does them tells it."""

from __future__ import annotations

from typing import Literal

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


class TaskDelegatedRecord(Lasting):
    """An agent passed a task on to another."""

    event_type: Literal["task_delegated"] = "task_delegated"


class MissionStateChangedRecord(Lasting):
    """A mission took a step, such as planning to running."""

    event_type: Literal["mission_state_changed"] = "mission_state_changed"


class MissionWorkPromotedRecord(Lasting):
    """What a piece of work waited for is done: it is ready."""

    event_type: Literal["mission_work_promoted"] = "mission_work_promoted"


class MissionWorkAssignedRecord(Lasting):
    """A piece of work was given to an agent."""

    event_type: Literal["mission_work_assigned"] = "mission_work_assigned"


class MissionWorkCompletedRecord(Lasting):
    """A piece of work is done."""

    event_type: Literal["mission_work_completed"] = "mission_work_completed"


class MissionWorkBlockedRecord(Lasting):
    """A piece of work cannot go on."""

    event_type: Literal["mission_work_blocked"] = "mission_work_blocked"


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


class ConductorEscalationRecord(Lasting):
    """The conductor was asked to decide what the others could not."""

    event_type: Literal["conductor_escalation"] = "conductor_escalation"
