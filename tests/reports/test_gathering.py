"""How the records of a run become a report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from actors import ActorSystem, Agent, ChildSpec
from actors.conductor.results import MissionState, TicketView, TrackSnapshot
from actors.eventlog import Gap, MemoryLog, Record, Retention, decode, record
from actors.guard import Usage, UsageByTier
from actors.reports import Report, Tokens, make_report
from actors.tickets import TicketState
from policies import Restart

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def at(seconds: float, kind: str, **fields: Any) -> Record:
    when = (NOON + timedelta(seconds=seconds)).isoformat()
    return decode({"event_type": kind, "timestamp": when, **fields})


def track(*states: TicketState) -> TrackSnapshot:
    """Track m with tickets A, B, ... in these states."""
    tickets = tuple(
        TicketView(name, f"the work of {name}", state, (), "medium", 0, "", "", False)
        for name, state in zip("ABCDEF", states, strict=False)
    )
    usage = UsageByTier({"Tier 3": Usage(400, 200)})
    return TrackSnapshot("m", "", MissionState.COMPLETED, {}, tickets, (), (), usage)


def test_attempts_are_numbered_with_their_worker_their_times_and_their_ends() -> None:
    records = [
        at(0.0, "mission_state_changed", mission_id="m", old_state="planning", new_state="running"),
        at(1.0, "task_assigned", task_id="A", mission_id="m", agent_id="/c/pool/w-1"),
        at(2.5, "task_failed", task_id="A", mission_id="m", agent_id="/c/pool/w-1", error="slow down"),
        at(3.0, "task_assigned", task_id="A", mission_id="m", agent_id="/c/pool/w-2"),
        at(4.0, "task_completed", task_id="A", mission_id="m", agent_id="/c/pool/w-2", message="found 3"),
    ]
    report = make_report(track(TicketState.COMPLETED), records, outcome="done")
    first, second = report.tickets[0].attempts
    assert (first.number, first.worker, first.began, first.ended, first.outcome, first.reason) == (
        1, "/c/pool/w-1", 1.0, 2.5, "failed", "slow down",
    )  # fmt: skip
    assert (second.number, second.worker, second.outcome, second.reason) == (2, "/c/pool/w-2", "completed", "found 3")
    assert (report.seconds, report.events, report.outcome) == (4.0, 5, "done")
    assert report.tickets[0].title == "the work of A"


def test_an_attempt_that_is_under_way_has_no_end() -> None:
    report = make_report(track(TicketState.TODO), [at(0, "task_assigned", task_id="A", agent_id="/w")])
    assert (report.tickets[0].attempts[0].ended, report.tickets[0].attempts[0].outcome) == (None, "running")


def test_an_end_without_a_beginning_makes_no_attempt() -> None:
    report = make_report(track(TicketState.TODO), [at(0, "task_completed", task_id="A", agent_id="/w")])
    assert report.tickets[0].attempts == ()


def test_the_records_of_another_track_are_left_out() -> None:
    records = [
        at(0, "task_assigned", task_id="A", mission_id="other", agent_id="/w"),
        at(1, "task_assigned", task_id="A", mission_id="m", agent_id="/v"),
    ]
    report = make_report(track(TicketState.TODO), records)
    assert [attempt.worker for attempt in report.tickets[0].attempts] == ["/v"]
    assert report.events == 1


def test_the_steps_of_a_ticket_are_kept_in_their_order() -> None:
    records = [
        at(0, "mission_work_promoted", task_id="A", old_state="todo", new_state="ready"),
        at(1, "mission_work_killed", task_id="A", old_state="ready", new_state="killed"),
    ]
    assert make_report(track(TicketState.TODO), records).tickets[0].steps == ((0.0, "ready"), (1.0, "killed"))


def test_records_that_are_lost_are_counted() -> None:
    report = make_report(track(), [Gap(first_available=9, lost=8), at(0, "system_started")])
    assert (report.lost, report.events) == (8, 1)


def test_a_wall_clock_that_is_set_back_never_makes_time_run_backwards() -> None:
    records = [at(0, "system_started"), at(5, "mission_event"), at(2, "task_assigned", task_id="A", agent_id="/w")]
    assert make_report(track(TicketState.TODO), records).tickets[0].attempts[0].began == 5.0


def test_usage_and_tree_are_passed_on() -> None:
    report = make_report(track(), tree="/", notes=["by hand"])
    assert (report.usage, report.tree, report.notes) == ((Tokens("Tier 3", 400, 200),), "/", ("by hand",))
    assert report.outcome == "completed"


class Fragile(Agent):
    """Fails when told to."""

    def on_receive(self, message: str) -> str:
        if message == "fail":
            raise RuntimeError("told to")
        return message


def recorded() -> Report:
    """A run with an agent that failed once, was started again, and ended with its system."""
    log = MemoryLog(retention=Retention(None, None, None))
    with ActorSystem("lived", policy=Restart()) as system:
        record(system, log, sample=None)
        ref = system.spawn(ChildSpec(Fragile, name="fragile"))
        ref.tell("fail")
        assert ref.ask("there") == "there"
    return make_report(track(), log.read(count=1000).records)


def test_an_agent_that_was_started_twice_has_two_spans_and_a_mark() -> None:
    [line] = recorded().agents
    assert (line.path, line.kind) == ("/fragile", "Fragile")
    assert [(span.state, span.incarnation) for span in line.spans] == [("running", 1), ("running", 2)]
    assert line.spans[0].ended <= line.spans[1].began
    assert [(mark.kind, "told to" in mark.text) for mark in line.marks] == [("failed", True)]
