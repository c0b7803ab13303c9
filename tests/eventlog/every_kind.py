"""What makes a program tell a record of each kind? One scenario for each; see also `every_step`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors import (
    Agent,
    AgentAbandoned,
    AgentFailed,
    DeadLetter,
    Emitted,
    Mailbox,
    MailboxFullError,
    OrphanReturned,
    Router,
    SystemStopped,
)
from actors.eventlog.kinds import KINDS
from actors.eventlog.translate import system_started
from actors.testkit import Gate
from policies import Escalate
from tests.core.helpers import Boom
from tests.eventlog import every_step as steps
from tests.eventlog.every_step import Stage

Scenario = Callable[[Stage], Any]


class Untidy(Agent):
    def on_receive(self, message: Any) -> None:
        """Take anything."""

    def on_stop(self) -> None:
        raise Boom("cannot tidy up")


def fails(stage: Stage) -> None:
    stage.start(policy=steps.AT_ONCE).tell(Boom("broken"))
    stage.log.wait(AgentFailed, "/a")


def escalates(stage: Stage) -> None:
    stage.start(policy=Escalate()).tell(Boom("too much"))
    stage.log.wait(SystemStopped)


def hangs(stage: Stage) -> None:
    gate = Gate()
    with gate:
        stage.start(deadline=5.0).tell(lambda agent: gate.wait())
        gate.reached()
        stage.clock.advance(5.0)
        stage.log.wait(AgentAbandoned, "/a")
    stage.log.wait(OrphanReturned, "/a")


def does_not_tidy_up(stage: Stage) -> None:
    stage.stop(stage.system.spawn(stage.spec(Untidy, "a")))


def gets_mail_too_late(stage: Stage) -> None:
    gate = Gate()
    ref = stage.start()
    with gate:
        ref.tell(lambda agent: gate.wait())
        gate.reached()
        ref.tell("too late")
        future = ref.stop(block=False, drain=False)
    future.get(timeout=10.0)
    stage.log.wait(DeadLetter, "/a")


def has_no_room(stage: Stage) -> None:
    gate = Gate()
    ref = stage.start(mailbox=Mailbox(1))
    with gate:
        ref.tell(lambda agent: gate.wait())
        gate.reached()
        ref.tell("waits")
        try:
            ref.tell("has no room")
        except MailboxFullError:
            stage.log.wait(DeadLetter, "/a")


def is_a_member(stage: Stage) -> None:
    router = stage.system.spawn(stage.spec(Router, "router"))
    ref = stage.start()
    router.join("ann", ref)
    router.leave("ann")


def ends(stage: Stage) -> None:
    stage.system.stop()


def tells_of_its_work(kind: str) -> Scenario:
    """An agent that emits the record itself."""

    def work(stage: Stage) -> None:
        record = (
            KINDS[kind](message="as it happened").with_task("t1").with_mission("m1").with_transition("todo", "Done")
        )
        stage.start().tell(lambda agent: agent.context.emit(record))
        stage.log.wait(Emitted, "/a")

    return work


KERNEL: dict[str, Scenario] = {
    "agent_spawned": steps.starts_and_stops,
    "agent_started": steps.starts_and_stops,
    "agent_start_failed": steps.does_not_start,
    "agent_suspended": steps.is_restarted,
    "agent_halted": steps.goes_down_and_up_with_its_siblings,
    "agent_backing_off": steps.backs_off_and_starts,
    "agent_restarting": steps.is_restarted,
    "agent_restarted": steps.is_restarted,
    "agent_resumed": steps.is_resumed,
    "agent_stopping": steps.starts_and_stops,
    "agent_stopped": steps.starts_and_stops,
    "agent_failed": fails,
    "agent_escalated": escalates,
    "agent_abandoned": hangs,
    "agent_returned": hangs,
    "hook_failed": does_not_tidy_up,
    "dead_letter": gets_mail_too_late,
    "overflow": has_no_room,
    "system_stopped": ends,
}
ROUTERS: dict[str, Scenario] = {"member_joined": is_a_member, "member_left": is_a_member}
LOGS = {"system_started": system_started, "log_gap": None}
"""Told by the recording and by the log that has lost something, not by an event."""

PROGRAMS: dict[str, Scenario] = {
    kind: tells_of_its_work(kind)
    for kind in (
        "agent_state_changed",
        "agent_interrupted",
        "agent_completed",
        "task_assigned",
        "task_completed",
        "task_failed",
        "task_delegated",
        "mission_state_changed",
        "mission_work_promoted",
        "mission_work_assigned",
        "mission_work_completed",
        "mission_work_blocked",
        "mission_help_needed",
        "mission_watch_triggered",
        "mission_event",
        "reviewer_handoff",
        "reviewer_approval",
        "conductor_escalation",
        "mission_work_held",
        "mission_work_in_review",
        "mission_work_reworked",
        "mission_work_returned",
        "mission_work_failed",
        "mission_work_killed",
        "mission_work_unblocked",
        "task_blocked",
        "task_exhausted",
        "task_killed",
        "task_lost",
        "reviewer_rejection",
        "approval_state_changed",
        "breaker_state_changed",
        "usage_reported",
        "agent_stream",
    )
}
EMITTED = {**KERNEL, **ROUTERS, **PROGRAMS}
