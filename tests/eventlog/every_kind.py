"""What brings about a record of each kind? One scenario for each; see also `every_step` and `every_work`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors import (
    Agent,
    AgentAbandoned,
    AgentFailed,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    OrphanReturned,
    Router,
    SystemStopped,
)
from actors.eventlog.translate import system_started
from actors.testkit import Gate
from policies import Escalate
from tests.core.helpers import Boom
from tests.eventlog import every_step as steps
from tests.eventlog.every_step import Stage
from tests.eventlog.every_work import WORK

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

EMITTED: dict[str, Scenario] = {**KERNEL, **ROUTERS, **WORK}
