"""What does a conductor show and tell, and does it ask for help when its track is stuck?"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest

from actors import ActorSystem
from actors.conductor import HelpNeeded, TrackSnapshot
from actors.conductor.help import FIRST_WAIT, Said, Watch
from actors.conductor.telling import KIND_OF
from actors.testkit import Gate, Probe
from actors.tickets import LEGAL, TicketState
from actors.work import Blocked, Job, QueryStatus
from tests.conductor.conftest import Conduct
from tests.conductor.tracks import Fatal, Script, Told, ran, states, ticket, track
from tests.core.helpers import answer, result

case = pytest.mark.system_case


@case("T83")
@case("D3.16")
def test_a_snapshot_is_consistent_and_does_not_change(conduct: Conduct) -> None:
    gate = Gate()
    conductor = conduct(track("A", "B", ticket("C", "A")), Script(gate))
    with gate:
        run = conductor.run(block=False)
        gate.reached(2)
        before = conductor.snapshot()
        copy = repr(before)
    result(run)
    assert repr(before) == copy
    assert {view.id: str(view.state) for view in before.tickets} == {
        "A": "in_progress",
        "B": "in_progress",
        "C": "todo",
    }
    assert {state: number for state, number in before.counts.items() if number} == {
        TicketState.IN_PROGRESS: 2,
        TicketState.TODO: 1,
    }
    assert [(each.ticket, each.worker, each.attempt) for each in before.running] == [
        ("A", "/conductor/pool/w-1", 1),
        ("B", "/conductor/pool/w-2", 1),
    ]
    assert before.active == ("Tier 3 (Worker): A", "Tier 3 (Worker): B")
    assert before.progress == 0.0
    assert conductor.progress == 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        before.state = None  # type: ignore[misc,assignment]
    with pytest.raises(KeyError):
        before.ticket("X")


def test_a_report_of_progress_is_shown_with_when_it_came(conduct: Conduct, clock: Any) -> None:
    gate = Gate()

    def work(job: Job) -> None:
        job.progress("reading")
        job.progress("writing")
        gate.wait()

    conductor = conduct(track("A"), work)
    with gate:
        run = conductor.run(block=False)
        gate.reached()
        (running,) = conductor.snapshot().running
        assert (running.turn, running.summary) == (2, "writing")
        assert answer(conductor, QueryStatus("w-1")) == "A: in progress, attempt 1, turn 2"
        assert answer(conductor, QueryStatus("w-2")) == "no tasks found for this agent"
    assert result(run).done


def test_each_legal_step_of_a_ticket_has_a_record() -> None:
    assert set(KIND_OF) == {(old, new) for old, following in LEGAL.items() for new in following}


@case("D3.19")
def test_each_step_of_a_ticket_is_told_of_exactly_once_and_follows_the_last(conduct: Conduct, told: Told) -> None:
    work = Script(A=[Fatal("1"), "done"], B=Blocked("key"), D=Fatal("no"))
    conductor = conduct(track("A", "B", ticket("C", "A"), "D", ticket("E", "D")), work)
    ran(conductor)
    conductor.unblock("B")
    conductor.complete("D")
    ran(conductor)
    final = states(conductor)
    for name, state in final.items():
        steps = told.steps(name)
        assert all(step[1] == after[0] for step, after in itertools.pairwise(steps)), steps
        assert all(TicketState(str(new)) in LEGAL[TicketState(str(old))] for old, new in steps)
        assert steps[-1][1] == state


@case("T89")
def test_a_stuck_track_asks_for_help_once_and_again_only_after_a_while_or_for_another_reason(
    conduct: Conduct, system: ActorSystem, told: Told, clock: Any
) -> None:
    helper = Probe(system, "helper")
    first, second = Gate("first"), Gate("second")

    def work(job: Job) -> None:
        (first if job.ticket.id == "A" else second).wait()

    conductor = conduct(track("A", ticket("B", "A")), work, helper=helper.ref, help_after=180.0)
    with second, first:
        run = conductor.run(block=False)
        first.reached()
        clock.advance_once_due(180.0)
        said = helper.expect(HelpNeeded)
        assert said == HelpNeeded("track", "/conductor/pool/w-1 is at A", conductor)
        assert told.wait_told("mission_watch_triggered").message == "nothing has moved for 180 s"
        clock.advance(FIRST_WAIT - 1)
        helper.expect_none()
        clock.advance(1)
        assert helper.expect(HelpNeeded) == said
        first.open()
        second.reached()
        clock.advance_once_due(180.0)
        assert helper.expect(HelpNeeded).reason == "/conductor/pool/w-2 is at B"
    assert result(run).done
    assert len(told.of("mission_help_needed")) == 3


@case("T89")
def test_a_track_that_ends_blocked_asks_for_help_with_the_reasons(
    conduct: Conduct, system: ActorSystem, told: Told
) -> None:
    helper = Probe(system, "helper")
    conductor = conduct(track("A", ticket("B", "A")), Script(Blocked("need key")), helper=helper.ref)
    ran(conductor)
    assert helper.expect(HelpNeeded).reason == "A: need key; B: blocked by blocked task A"
    ran(conductor)
    assert len(told.of("mission_help_needed")) == 1  # the same reason again


def test_what_waits_for_approval_too_long_is_what_help_is_needed_for(conduct: Conduct, told: Told, clock: Any) -> None:
    conductor = conduct(track("A", auto_queue=False), Script(), help_after=10.0)
    run = conductor.run(block=False)
    told.wait_told("mission_work_held")
    clock.advance_once_due(10.0)
    assert told.wait_told("mission_help_needed").message == "A awaits approval"
    conductor.approve_start("A")
    assert result(run).done


def test_progress_is_a_sign_of_life(conduct: Conduct, told: Told, clock: Any) -> None:
    steps = [Gate(f"step {number}") for number in range(3)]

    def work(job: Job) -> None:
        for step in steps:
            step.wait()
            job.progress("on")

    conductor = conduct(track("A"), work, help_after=10.0)
    run = conductor.run(block=False)
    for step in steps:
        step.reached()
        clock.advance(9.0)
        step.open()
    assert result(run).done
    assert told.of("mission_help_needed") == []


def test_the_same_reason_waits_twice_as_long_each_time_up_to_eight_times() -> None:
    said = Said()
    waits = []
    for _ in range(6):
        assert said.is_due("x", said.at + said.wait if said.reason else 0.0)
        said = said.after("x", said.at + said.wait if said.reason else 0.0)
        waits.append(said.wait)
        assert not said.is_due("x", said.at + said.wait - 1)
        assert said.is_due("y", said.at)
    assert [wait / FIRST_WAIT for wait in waits] == [1, 2, 4, 8, 8, 8]
    assert said.after("y", 5.0).wait == FIRST_WAIT


def test_a_watch_looks_again_when_patience_ends_and_then_when_it_may_be_said_again() -> None:
    watch = Watch(180.0, moved=100.0)
    assert watch.look_again(Said(), 150.0) == 130.0
    assert watch.look_again(Said().after("x", 280.0), 280.0) == FIRST_WAIT


def test_a_snapshot_of_an_empty_track_is_all_done(conduct: Conduct) -> None:
    snapshot = conduct(track(), Script()).snapshot()
    assert isinstance(snapshot, TrackSnapshot)
    assert snapshot.progress == 1.0
    assert snapshot.active == ()
