"""Does a whole crew do all that it is for, and end as predicted, in every run?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from actors import ActorSystem
from actors.eventlog import Gap
from actors.guard import Usage
from actors.testkit import Simulation
from actors.tickets import TicketsError, TicketState, load_tickets
from policies import Stop
from tests.conductor import invariants as of
from tests.conductor.invariants import Seen
from tests.conductor.whole import PREDICTED, SUMMARY, TICKETS, Ending, perform

case = pytest.mark.system_case


@contextmanager
def simulated(seed: int) -> Iterator[ActorSystem]:
    with Simulation(seed, policy=Stop()) as system:
        yield system


@contextmanager
def threaded(_: int) -> Iterator[ActorSystem]:
    with ActorSystem("whole", Stop()) as system:
        yield system


World = Callable[[int], AbstractContextManager[ActorSystem]]
WORLDS = [simulated, threaded]
PLAYS = [pytest.param(False, id="to the limit"), pytest.param(True, id="escalated")]
worlds = pytest.mark.parametrize("stage", WORLDS)
plays = pytest.mark.parametrize("disaster", PLAYS)

_done: dict[tuple[str, bool], Ending] = {}


@pytest.fixture
def ending(stage: World, disaster: bool) -> Ending:
    """What came of one performance in this world; the same for all tests that look at it."""
    key = (stage.__name__, disaster)
    if key not in _done:
        with stage(1) as system:
            _done[key] = perform(system, disaster)
    return _done[key]


@case("T102")
@worlds
@plays
def test_it_ends_the_same_in_twenty_runs_each_in_less_than_ten_seconds(stage: World, disaster: bool) -> None:
    for seed in range(20):
        begun = time.monotonic()
        with stage(seed) as system:
            end = perform(system, disaster)
        assert end.states == PREDICTED
        assert end.result.summary == SUMMARY
        assert time.monotonic() - begun < 10.0


@worlds
@plays
def test_whatever_is_not_completed_says_why(ending: Ending) -> None:
    assert ending.reasons == {
        "C": "not today",
        "D": "blocked by killed task C",
        "F": "Fatal: hopeless",
        "G": "blocked by failed task F",
    }


@pytest.mark.parametrize(
    ("needs", "said"),
    [("X", "ticket A depends on X, which there is not"), ("D", "A -> D -> ")],
    ids=["unknown", "cycle"],
)
def test_its_tickets_are_checked_before_anything_begins(needs: str, said: str) -> None:
    tickets = json.loads(TICKETS)
    tickets[0]["depends_on"] = [needs]
    with pytest.raises(TicketsError) as refused:
        load_tickets(json.dumps(tickets))
    assert said in str(refused.value)


@worlds
@plays
def test_the_attempts_at_each_ticket_are_those_that_it_took(ending: Ending, disaster: bool) -> None:
    assert ending.attempts == {
        "A": ["completed"],
        "B": ["given_back", "completed"] if disaster else ["completed"],
        "C": ["killed"],
        "D": [],
        "E": ["failed", "failed", "completed"],
        "F": ["failed"] * 3,
        "G": [],
    }


@worlds
@plays
def test_who_is_throttled_stays_where_it_is_with_its_mail_and_has_the_next_model(ending: Ending) -> None:
    begun = [note for note in ending.notes if note[:2] == ("begin", "E")]
    assert [note[2:6] for note in begun] == [
        (1, "/app/conductor/pool/w-2", "small", None),
        (2, "/app/conductor/pool/w-2", "middle", "Throttled: 429, attempt 1"),
        (3, "/app/conductor/pool/w-2", "large", "Throttled: 429, attempt 2"),
    ]
    assert [note for note in ending.notes if note[0] == "heard"] == [("heard", n, ("be gentle",)) for n in (1, 2, 3)]


@worlds
@plays
def test_what_was_rejected_is_done_again_by_the_same_worker_and_then_approved(ending: Ending) -> None:
    assert ("rework", "/app/conductor/pool/w-1", ("say where",)) in ending.notes
    told = [each for each in ending.records if each.task_id == "A" and each.event_type.startswith("reviewer_")]
    kinds = ["reviewer_handoff", "reviewer_rejection", "reviewer_handoff", "reviewer_approval"]
    assert [(each.event_type, each.correlation_id) for each in told] == [(kind, "track/A/1") for kind in kinds]


@worlds
@plays
def test_what_a_worker_cannot_decide_is_answered_to_its_question(ending: Ending) -> None:
    assert ("asked", "A", "track/A/1/1") in ending.notes
    assert ("decided", True) in ending.notes


@worlds
@plays
def test_a_start_and_each_tool_were_approved_and_what_nobody_answered_was_withdrawn(ending: Ending) -> None:
    assert ending.approvals == [("start", "consumed"), ("deploy", "consumed"), ("deploy", "cancelled")]
    (begun,) = [note for note in ending.notes if note[:2] == ("begin", "C")]
    assert begun[6] == "deploy it gently"
    assert [note for note in ending.notes if note[0] == "tool"] == [("tool", "deployed in test")]


@worlds
@plays
def test_the_usage_is_that_of_all_attempts(ending: Ending) -> None:
    attempts = [n for outcomes in ending.attempts.values() for n in range(1, len(outcomes) + 1)]
    rounds = 1  # A was worked on twice in its one attempt
    total = Usage(100 * (sum(attempts) + rounds), 10 * (len(attempts) + rounds))
    assert ending.usage["Tier 3"] == total
    assert ending.usage.total == total


@worlds
@plays
def test_a_broadcast_reaches_all_but_its_sender(ending: Ending) -> None:
    assert ("listener", "shutdown") in ending.notes
    assert not [note for note in ending.notes if note[0] == "app"]


@worlds
@plays
def test_the_track_is_told_of_from_planning_to_its_end(ending: Ending, disaster: bool) -> None:
    missions = [
        (each.old_state, each.new_state) for each in ending.records if each.event_type == "mission_state_changed"
    ]
    pause = [] if disaster else [("running", "paused"), ("paused", "running")]
    assert missions == [("planning", "running"), *pause, ("running", "failed")]


@worlds
def test_the_loss_of_the_pool_is_told_as_an_escalation(stage: World) -> None:
    with stage(3) as system:
        end = perform(system, disaster=True)
    kinds = {each.event_type for each in end.records}
    assert {"agent_escalated", "conductor_escalation", "agent_restarted", "agent_abandoned", "agent_returned"} <= kinds
    late = [each for each in end.records if each.event_type == "task_completed" and each.task_id == "B"]
    assert [str(each.message) for each in late] == ["attempt 2: written, attempt 2"]


@worlds
@plays
def test_who_follows_from_a_cursor_has_seen_each_event_once_and_in_order(ending: Ending) -> None:
    assert [each.seq for each in ending.followed] == [each.seq for each in ending.records]
    assert [each.event_id for each in ending.followed] == [each.event_id for each in ending.records]
    assert [each.seq for each in ending.records] == list(range(1, len(ending.records) + 1))


@worlds
@plays
def test_who_was_too_slow_is_told_what_it_has_missed(ending: Ending) -> None:
    gap, *seen = ending.late
    last = ending.records[-1].seq or 0
    assert isinstance(gap, Gap)
    assert (gap.first_available, gap.lost) == (last - 19, last - 21)
    assert [each.seq for each in seen if not isinstance(each, Gap)] == list(range(last - 19, last + 1))


@worlds
@plays
def test_the_invariants_hold_in_it(ending: Ending) -> None:
    seen = Seen(
        max_workers=2,
        conductor="/app/conductor",
        records=ending.records,
        ledger=(),
        steps=ending.steps,
        states={name: TicketState(state) for name, state in ending.states.items()},
        receipts={},
        usage={},
        results=[ending.result],
    )
    kept = (of.i1_no_more_work_than_allowed, of.i2_one_at_a_time, of.i5_transitions_are_legal, of.i6_every_run_ends)
    assert [text for invariant in kept for text in invariant(seen)] == []
    assert of.i7_each_transition_is_told_once(seen) + of.i8_children_end_first(seen) == []
