"""What makes those who work on tickets tell a record of each kind? One scenario for each kind, or for a few."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import Any

from actors import Emitted
from actors.agentpool import AgentPool, SpawnConfig
from actors.approvals import Approver
from actors.conductor import Conductor
from actors.eventlog.records import Record
from actors.guard import Breakers
from actors.testkit import Gate, Probe
from actors.tickets import Track
from actors.typed import GraphNode, NodeCreated, NodeStatus, NodeType, ReviewFeedback, ReviewRequest
from actors.work import Assignment, Blocked, ExhaustedEnd, Job, Worker, WorkerRef
from policies import CircuitBreaker
from tests.conductor.tracks import Fatal, Script, ticket, track
from tests.core.helpers import result
from tests.eventlog.every_step import Stage


def conduct(stage: Stage, given: Track, work: Any, **options: Any) -> Any:
    return stage.system.spawn(stage.spec(Conductor, "conductor", args=(given, work), kwargs=options))


def ran(stage: Stage, given: Track, work: Any, **options: Any) -> Any:
    """Have a track worked through, and give the conductor."""
    conductor = conduct(stage, given, work, **options)
    result(conductor.run(block=False))
    return conductor


def told(stage: Stage, kind: str, task: str | None = None) -> Record:
    """Wait until a record of that kind was told, and give it."""

    def found(events: list[Any]) -> list[Record]:
        records = [event.record for event in events if isinstance(event, Emitted)]
        return [each for each in records if each.event_type == kind and task in (None, each.task_id)]

    return found(stage.log.wait_until(found))[0]


def patient(job: Job) -> Any:
    """Waits until it is given up."""
    yield job.sleep(1e6)


# -- tickets and attempts -------------------------------------------------------------------


def is_done(stage: Stage) -> None:
    ran(stage, track("A", ticket("B", "A")), Script())


def is_tried_again_has_failed_and_is_mended(stage: Stage) -> None:
    conductor = ran(stage, track("A", ticket("B", "A"), max_retries=1), Script(A=Fatal("broken")))
    conductor.complete("A")
    told(stage, "mission_work_unblocked", "B")


def cannot_go_on(stage: Stage) -> None:
    ran(stage, track("A"), Script(A=Blocked("need a key")))


def has_used_up_what_it_may(stage: Stage) -> None:
    ran(stage, track("A"), Script(A=ExhaustedEnd("no turns")))


def is_killed(stage: Stage) -> None:
    conductor = conduct(stage, track("A"), patient)
    run = conductor.run(block=False)
    told(stage, "task_assigned")
    conductor.kill("A", "not needed")
    result(run)


def is_lost(stage: Stage) -> None:
    """The run ends while it is worked on."""
    conductor = conduct(stage, track("A"), patient)
    run = conductor.run(block=False)
    told(stage, "task_assigned")
    conductor.halt("shutdown")
    result(run)


def waits_for_its_start_to_be_approved(stage: Stage) -> None:
    conductor = conduct(stage, track("A", auto_queue=False), Script())
    run = conductor.run(block=False)
    told(stage, "mission_work_held")
    conductor.approve_start("A")
    result(run)


def is_rejected_once_and_approved(stage: Stage) -> None:
    reviewer = Probe(stage.system, "reviewer")
    conductor = conduct(stage, track("A", reviewer_required=True), Script("done"), reviewer=reviewer.ref)
    run = conductor.run(block=False)
    for approved in (False, True):
        package = reviewer.expect(ReviewRequest).work_package_id
        comments = () if approved else ("add a test",)
        reviewer.reply(ReviewFeedback(work_package_id=package, approved=approved, comments=comments))
    result(run)


# -- the track ------------------------------------------------------------------------------


def stands_still(stage: Stage) -> None:
    with Gate() as gate:
        conduct(stage, track("A"), lambda job: gate.wait(), help_after=180.0).run(block=False)
        gate.reached()
        stage.clock.advance_once_due(180.0)
        told(stage, "mission_help_needed")


def asks_what_nobody_can_decide(stage: Stage) -> None:
    def asks(job: Job) -> Any:
        yield job.decide("ship it?")

    ran(stage, track("A"), asks)


def gets_a_node(stage: Stage) -> None:
    node = GraphNode(
        id="d1", project_id="track", node_type=NodeType.DECISION, title="which way?", status=NodeStatus.PENDING,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    conduct(stage, track("A"), Script()).tell(NodeCreated(agent_id="/w", parent_id="A", node=node))
    told(stage, "mission_event")


# -- what work says, and asks ---------------------------------------------------------------


def passes_a_part_on(stage: Stage) -> None:
    def delegates(job: Job) -> Any:
        if job.ticket.id == "A":
            yield job.delegate("a part of it")

    ran(stage, track("A"), delegates)


def uses_tokens_and_a_tool(stage: Stage) -> None:
    def works(job: Job) -> Any:
        job.spend(100, 50)
        yield job.tool("read", lambda path: "text", path="a.py")

    ran(stage, track("A"), works)


def needs_an_approval(stage: Stage) -> None:
    def acts(job: Job) -> Any:
        yield job.act("deploy", lambda: "deployed")

    approver = stage.system.spawn(stage.spec(Approver, "approver"))
    conductor = conduct(stage, track("A"), acts, approver=approver)
    run = conductor.run(block=False)
    approver.approve(told(stage, "approval_state_changed").correlation_id)
    result(run)


def is_interrupted_and_goes_on(stage: Stage) -> None:
    worker = stage.system.spawn(stage.spec(Worker, "w", args=(patient,)))
    assert isinstance(worker, WorkerRef)
    end = worker.ask(Assignment(ticket=ticket("A"), track="track"), block=False)
    told(stage, "agent_state_changed")
    worker.interrupt("let me look")
    worker.resume()
    worker.cancel("enough")
    result(end)


# -- beside tickets -------------------------------------------------------------------------


def does_what_it_was_started_for(stage: Stage) -> None:
    pool: Any = stage.system.spawn(stage.spec(AgentPool, "pool", kwargs={"max_agents": 1}))
    pool.spawn(SpawnConfig(lambda query: f"{query} is done", "A"))
    told(stage, "agent_completed")


def calls_what_fails(stage: Stage) -> None:
    def fails() -> None:
        raise OSError("down")

    with contextlib.suppress(OSError):
        Breakers(stage.system, CircuitBreaker(failures=1))["api"].call(fails)


WORK = {
    "agent_state_changed": is_interrupted_and_goes_on,
    "agent_interrupted": is_interrupted_and_goes_on,
    "agent_completed": does_what_it_was_started_for,
    "task_assigned": is_done,
    "task_completed": is_done,
    "task_failed": is_tried_again_has_failed_and_is_mended,
    "task_blocked": cannot_go_on,
    "task_exhausted": has_used_up_what_it_may,
    "task_killed": is_killed,
    "task_lost": is_lost,
    "task_delegated": passes_a_part_on,
    "mission_state_changed": is_done,
    "mission_work_promoted": is_done,
    "mission_work_held": waits_for_its_start_to_be_approved,
    "mission_work_assigned": is_done,
    "mission_work_in_review": is_rejected_once_and_approved,
    "mission_work_reworked": is_rejected_once_and_approved,
    "mission_work_returned": is_tried_again_has_failed_and_is_mended,
    "mission_work_completed": is_done,
    "mission_work_blocked": cannot_go_on,
    "mission_work_unblocked": is_tried_again_has_failed_and_is_mended,
    "mission_work_failed": is_tried_again_has_failed_and_is_mended,
    "mission_work_killed": is_killed,
    "mission_help_needed": stands_still,
    "mission_watch_triggered": stands_still,
    "mission_event": gets_a_node,
    "reviewer_handoff": is_rejected_once_and_approved,
    "reviewer_approval": is_rejected_once_and_approved,
    "reviewer_rejection": is_rejected_once_and_approved,
    "conductor_escalation": asks_what_nobody_can_decide,
    "approval_state_changed": needs_an_approval,
    "breaker_state_changed": calls_what_fails,
    "usage_reported": uses_tokens_and_a_tool,
    "agent_stream": uses_tokens_and_a_tool,
}
"""By kind, what brings it about; no program emits anything by itself there."""
