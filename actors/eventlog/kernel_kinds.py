"""What does the kernel, or a feature of this package, report? One kind of record for each event."""

from __future__ import annotations

from typing import Literal

from actors.eventlog.records import Failing, Lasting, Record

# -- an agent's life: each step of its state is told by one of these, once -----------------


class AgentSpawnedRecord(Lasting):
    """An agent begins its first start; `agent` is the name of its class, `limit` that of its restarts in words."""

    event_type: Literal["agent_spawned"] = "agent_spawned"
    agent: str | None = None
    restart: str | None = None
    limit: str | None = None


class AgentStartedRecord(Lasting):
    """The first incarnation has run `on_start` and takes messages."""

    event_type: Literal["agent_started"] = "agent_started"
    agent: str | None = None


class AgentStartFailedRecord(Failing):
    """The first start failed: the agent was never there."""

    event_type: Literal["agent_start_failed"] = "agent_start_failed"


class AgentSuspendedRecord(Failing):
    """It takes no messages until its supervisor has decided about a failure, a child's, or its own normal end."""

    event_type: Literal["agent_suspended"] = "agent_suspended"


class AgentHaltedRecord(Lasting):
    """The incarnation has ended, and the next one waits for its siblings."""

    event_type: Literal["agent_halted"] = "agent_halted"


class AgentBackingOffRecord(Lasting):
    """The incarnation has ended, and the next one starts after `delay` seconds."""

    event_type: Literal["agent_backing_off"] = "agent_backing_off"
    delay: float | None = None


class AgentRestartingRecord(Lasting):
    """The next incarnation begins its start."""

    event_type: Literal["agent_restarting"] = "agent_restarting"


class AgentRestartedRecord(Failing):
    """A further incarnation takes messages; `error` is why the one before ended, absent if it did not fail."""

    event_type: Literal["agent_restarted"] = "agent_restarted"


class AgentResumedRecord(Failing):
    """It takes messages again, with the state it had."""

    event_type: Literal["agent_resumed"] = "agent_resumed"


class AgentStoppingRecord(Lasting):
    """It ends for good, and takes no more messages."""

    event_type: Literal["agent_stopping"] = "agent_stopping"
    reason: str | None = None


class AgentStoppedRecord(Failing):
    """It has ended for good; `error` is the failure behind it, if one was."""

    event_type: Literal["agent_stopped"] = "agent_stopped"
    reason: str | None = None


# -- what else happens to agents ------------------------------------------------------------


class AgentFailedRecord(Failing):
    """A failure, and what its supervisor decided about it: `directive`; `phase` is what the agent was doing."""

    event_type: Literal["agent_failed"] = "agent_failed"
    phase: str | None = None
    directive: str | None = None


class AgentEscalatedRecord(Failing):
    """The failure of this agent became that of `parent`."""

    event_type: Literal["agent_escalated"] = "agent_escalated"
    parent: str | None = None


class AgentAbandonedRecord(Lasting):
    """Its code did not come back within `seconds`; the thread was left behind with what it had `in_hand`."""

    event_type: Literal["agent_abandoned"] = "agent_abandoned"
    in_hand: str | None = None
    seconds: float | None = None


class AgentReturnedRecord(Lasting):
    """Abandoned code has come back after `seconds`; its result was dropped."""

    event_type: Literal["agent_returned"] = "agent_returned"
    seconds: float | None = None


class HookFailedRecord(Failing):
    """`on_stop` or `on_failure` raised; the end went on."""

    event_type: Literal["hook_failed"] = "hook_failed"


# -- messages -------------------------------------------------------------------------------


class DeadLetterRecord(Record):
    """No handler will handle a message to this agent; `letter` is its text, `number` counts those of a system."""

    event_type: Literal["dead_letter"] = "dead_letter"
    letter: str | None = None
    letter_type: str | None = None
    reason: str | None = None
    detail: str | None = None
    error: str | None = None
    error_type: str | None = None
    number: int | None = None


class OverflowRecord(DeadLetterRecord):
    """A dead letter for want of room in a mailbox."""

    event_type: Literal["overflow"] = "overflow"  # type: ignore[assignment]


class MemberJoinedRecord(Lasting):
    """The agent at `ref`, a path, has become a member of the router at `path`, by that `name`."""

    event_type: Literal["member_joined"] = "member_joined"
    name: str | None = None
    ref: str | None = None
    topic: str | None = None


class MemberLeftRecord(Lasting):
    """A member has left the router at `path`, or has ended."""

    event_type: Literal["member_left"] = "member_left"
    name: str | None = None
    ref: str | None = None
    topic: str | None = None
    reason: str | None = None


# -- the system and its log -----------------------------------------------------------------


class SystemStartedRecord(Lasting):
    """The recording of a system has begun; `pid` is the process."""

    event_type: Literal["system_started"] = "system_started"
    system: str | None = None
    pid: int | None = None


class SystemStoppedRecord(Failing):
    """The system has ended; `error` is the root cause if an escalation ended it."""

    event_type: Literal["system_stopped"] = "system_stopped"


class LogGapRecord(Lasting):
    """`count` records between `from_seq` and `to_seq`, both included, were not written."""

    event_type: Literal["log_gap"] = "log_gap"
    from_seq: int | None = None
    to_seq: int | None = None
    count: int | None = None
    reason: str | None = None
