"""Would each invariant be seen to be broken? A good run has nothing wrong with it, and is spoilt in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from actors import AgentFuture
from actors.conductor import TrackOutcome
from actors.guard import Usage, UsageByTier
from actors.tickets import TicketState
from tests.conductor import invariants as of
from tests.conductor.chaos import run_simulated
from tests.conductor.invariants import INVARIANTS, Line, Seen, Step, violations

S = TicketState


@cache
def good() -> Seen:
    """A run in which a ticket was completed by its second attempt, and somebody has spent something."""
    for seed in range(200):
        seen = run_simulated(seed, 8)
        if any(receipt.attempt > 1 and receipt.outcome == "completed" for receipt in _receipts(seen)) and seen.accepted:
            return seen
    raise AssertionError("no such run")


def _receipts(seen: Seen) -> Iterator[Any]:
    return (receipt for receipts in seen.receipts.values() for receipt in receipts)


def test_a_good_run_has_nothing_wrong_with_it() -> None:
    assert violations(good()) == []
    assert len(INVARIANTS) == 10


def _at(items: Sequence[Any], holds: Callable[[Any], bool]) -> int:
    return next(index for index, item in enumerate(items) if holds(item))


def _with(items: Sequence[Any], index: int, *put: Any) -> list[Any]:
    """Give the items with those put before the one of that index."""
    return [*items[:index], *put, *items[index:]]


def _without(items: Sequence[Any], index: int) -> list[Any]:
    return [*items[:index], *items[index + 1 :]]


def _line(what: str, ticket: str = "X", attempt: int = 1, path: str = "/conductor/pool/w-99") -> Line:
    return Line(what, ticket, attempt, path, 1)


def _record(seen: Seen, kind: str) -> int:
    return _at(seen.records, lambda record: record.event_type == kind)


def _worker_record(seen: Seen, kind: str) -> int:
    return _at(seen.records, lambda record: record.event_type == kind and "/pool/w-" in str(record.path))


# -- what is spoilt, and the first words of what is said of it ---------------------------------


def too_many_at_work(seen: Seen) -> Seen:
    crowd = [_line("begin", f"X{number}", path=f"/x/{number}") for number in range(seen.max_workers + 1)]
    return replace(seen, ledger=[*seen.ledger, *crowd])


def too_many_in_progress(seen: Seen) -> Seen:
    crowd = [Step(f"X{number}", S.READY, S.IN_PROGRESS, 1) for number in range(seen.max_workers + 1)]
    return replace(seen, steps=[*crowd, *seen.steps])


def too_many_in_the_pool(seen: Seen) -> Seen:
    first = seen.records[_worker_record(seen, "agent_started")]
    crowd = [first.model_copy(update={"path": f"/conductor/pool/x-{n}"}) for n in range(seen.max_workers + 1)]
    return replace(seen, records=[*seen.records, *crowd])


def two_attempts_at_one_ticket(seen: Seen) -> Seen:
    return replace(seen, max_workers=99, ledger=[*seen.ledger, _line("begin", path="/a"), _line("begin", "X", 2, "/b")])


def two_tickets_in_one_hand(seen: Seen) -> Seen:
    return replace(seen, max_workers=99, ledger=[*seen.ledger, _line("begin"), _line("begin", "Y")])


def one_attempt_begun_by_two(seen: Seen) -> Seen:
    pairs = [(_line("begin", path=path), _line("end", path=path)) for path in ("/a", "/b")]
    return replace(seen, ledger=[*seen.ledger, *pairs[0], *pairs[1]])


def two_incarnations_alive(seen: Seen) -> Seen:
    index = _worker_record(seen, "agent_started")
    twin = seen.records[index].model_copy(update={"incarnation": 2})
    return replace(seen, records=_with(seen.records, index + 1, twin))


def an_ask_without_end(seen: Seen) -> Seen:
    return replace(seen, asked=[*seen.asked, ("the way", AgentFuture())])


def a_lost_message(seen: Seen) -> Seen:
    return replace(seen, accepted=[*seen.accepted, "hello"])


def a_message_handled_twice(seen: Seen) -> Seen:
    return replace(
        seen, accepted=[*seen.accepted, "hello"], handled=[*seen.handled, "hello"], dead=[*seen.dead, "hello"]
    )


def an_illegal_step(seen: Seen) -> Seen:
    return replace(seen, steps=[*seen.steps, Step("X", S.COMPLETED, S.READY, 1)], states={**seen.states, "X": S.READY})


def a_step_from_elsewhere(seen: Seen) -> Seen:
    extra = [Step("X", S.TODO, S.READY, 0), Step("X", S.IN_PROGRESS, S.COMPLETED, 1)]
    return replace(seen, steps=[*seen.steps, *extra], states={**seen.states, "X": S.COMPLETED})


def another_state_in_the_end(seen: Seen) -> Seen:
    return replace(seen, steps=[*seen.steps, Step("X", S.TODO, S.READY, 0)], states={**seen.states, "X": S.TODO})


def a_second_writer(seen: Seen) -> Seen:
    index = _record(seen, "mission_work_assigned")
    forged = seen.records[index].model_copy(update={"agent_id": "/thief", "parent_agent_id": None})
    return replace(seen, records=[*seen.records[:index], forged, *seen.records[index + 1 :]])


def a_run_that_ended_too_soon(seen: Seen) -> Seen:
    early = replace(seen.results[0], outcome=TrackOutcome.DONE, counts={S.IN_PROGRESS: 1})
    return replace(seen, results=[early])


def a_run_blocked_for_no_reason(seen: Seen) -> Seen:
    blocked = replace(seen.results[0], outcome=TrackOutcome.BLOCKED, counts={S.BLOCKED: 2}, reasons={"A": "why"})
    return replace(seen, results=[blocked])


def work_left_in_progress(seen: Seen) -> Seen:
    return replace(seen, states={**seen.states, "X": S.REVIEW})


def a_step_that_is_not_told(seen: Seen) -> Seen:
    return replace(seen, records=_without(seen.records, _record(seen, "mission_work_assigned")))


def a_step_told_twice(seen: Seen) -> Seen:
    index = _record(seen, "mission_work_assigned")
    return replace(seen, records=_with(seen.records, index, seen.records[index]))


def a_step_told_as_another(seen: Seen) -> Seen:
    index = _record(seen, "mission_work_assigned")
    forged = seen.records[index].model_copy(update={"event_type": "mission_work_killed"})
    return replace(seen, records=[*seen.records[:index], forged, *seen.records[index + 1 :]])


def a_number_left_out(seen: Seen) -> Seen:
    return replace(seen, records=_without(seen.records, _record(seen, "mission_state_changed")))


def a_parent_that_ends_first(seen: Seen) -> Seen:
    last = _at(seen.records, lambda record: record.event_type == "agent_stopped" and record.path == "/conductor/pool")
    first = _record(seen, "agent_started")
    child = seen.records[first].model_copy(update={"path": "/conductor/pool/w-99"})
    return replace(seen, records=_with(seen.records, last, child))


def a_thread_that_is_left(seen: Seen) -> Seen:
    return replace(seen, threads=["worker-7"])


def usage_that_is_not_booked(seen: Seen) -> Seen:
    return replace(seen, ledger=[*seen.ledger, replace(_line("spend"), text="Tier 3", used=Usage(1, 1))])


def a_sum_that_is_wrong(seen: Seen) -> Seen:
    return replace(seen, usage=UsageByTier({"Tier 1": Usage(10**9, 0)}))


def a_result_of_another_attempt(seen: Seen) -> Seen:
    name, receipts = next((name, some) for name, some in seen.receipts.items() if _completed(some))
    forged = [replace(each, text="late") if each.outcome == "completed" else each for each in receipts]
    return replace(seen, receipts={**seen.receipts, name: forged})


def _completed(receipts: Sequence[Any]) -> bool:
    return any(each.outcome == "completed" for each in receipts)


def a_ticket_that_was_completed_twice(seen: Seen) -> Seen:
    name, receipts = next((name, some) for name, some in seen.receipts.items() if _completed(some))
    return replace(seen, receipts={**seen.receipts, name: [*receipts, *receipts]})


def an_attempt_that_is_open(seen: Seen) -> Seen:
    name, receipts = next((name, some) for name, some in seen.receipts.items() if some)
    return replace(seen, receipts={**seen.receipts, name: [replace(each, outcome="running") for each in receipts]})


def an_attempt_with_the_number_of_another(seen: Seen) -> Seen:
    extra = [Step("X", S.READY, S.IN_PROGRESS, 2), Step("X", S.IN_PROGRESS, S.COMPLETED, 2)]
    return replace(seen, steps=[*seen.steps, *extra], states={**seen.states, "X": S.COMPLETED})


def an_attempt_without_a_claim(seen: Seen) -> Seen:
    return replace(seen, ledger=[*seen.ledger, _line("begin"), _line("end")])


SPOILT: list[tuple[Callable[[Seen], Seen], Callable[[Seen], list[str]], str]] = [
    (too_many_at_work, of.i1_no_more_work_than_allowed, "at work with X"),
    (too_many_in_progress, of.i1_no_more_work_than_allowed, "in progress on the board"),
    (too_many_in_the_pool, of.i1_no_more_work_than_allowed, "in the pool"),
    (two_attempts_at_one_ticket, of.i2_one_at_a_time, "2 attempts at once in ticket X"),
    (two_tickets_in_one_hand, of.i2_one_at_a_time, "2 attempts at once in path /conductor/pool/w-99"),
    (one_attempt_begun_by_two, of.i2_one_at_a_time, "attempt 1 of X was begun by [('/a', 1), ('/b', 1)]"),
    (two_incarnations_alive, of.i2_one_at_a_time, "#2 has started while #1 lives"),
    (an_ask_without_end, of.i3_every_ask_ends, "the way was never answered"),
    (a_lost_message, of.i4_every_message_is_accounted_for, "hello was accepted, and is neither"),
    (a_message_handled_twice, of.i4_every_message_is_accounted_for, "hello was handled 1 times, dead 1 times"),
    (an_illegal_step, of.i5_transitions_are_legal, "X went from completed to ready"),
    (a_step_from_elsewhere, of.i5_transitions_are_legal, "X was ready, and a step begins at in_progress"),
    (another_state_in_the_end, of.i5_transitions_are_legal, "X is todo, and its last step led to ready"),
    (a_second_writer, of.i5_transitions_are_legal, "was moved by /thief"),
    (a_run_that_ended_too_soon, of.i6_every_run_ends, "done with"),
    (a_run_blocked_for_no_reason, of.i6_every_run_ends, "because of {'A': 'why'}"),
    (work_left_in_progress, of.i6_every_run_ends, "X is in progress in the end"),
    (a_step_that_is_not_told, of.i7_each_transition_is_told_once, "and was told to take"),
    (a_step_told_twice, of.i7_each_transition_is_told_once, "and was told to take"),
    (a_step_told_as_another, of.i7_each_transition_is_told_once, "mission_work_killed tells of ready to in_progress"),
    (a_number_left_out, of.i7_each_transition_is_told_once, "do not grow by one"),
    (a_parent_that_ends_first, of.i8_children_end_first, "/conductor/pool has ended before ['/conductor/pool/w-99']"),
    (a_thread_that_is_left, of.i8_children_end_first, "thread worker-7 is left"),
    (usage_that_is_not_booked, of.i9_usage_adds_up, "X/1 has used"),
    (a_sum_that_is_wrong, of.i9_usage_adds_up, "of Tier 1 was used, and the track says"),
    (a_result_of_another_attempt, of.i10_what_is_over_changes_nothing, "is completed as late"),
    (a_ticket_that_was_completed_twice, of.i10_what_is_over_changes_nothing, "is completed by"),
    (an_attempt_that_is_open, of.i10_what_is_over_changes_nothing, "is open"),
    (
        an_attempt_with_the_number_of_another,
        of.i10_what_is_over_changes_nothing,
        "runs as attempt 2, and was claimed 1",
    ),
    (an_attempt_without_a_claim, of.i10_what_is_over_changes_nothing, "X/1 was begun, and never claimed"),
]


@pytest.mark.parametrize(("spoil", "invariant", "said"), SPOILT, ids=lambda value: getattr(value, "__name__", ""))
def test_a_run_that_breaks_an_invariant_is_seen(
    spoil: Callable[[Seen], Seen], invariant: Callable[[Seen], list[str]], said: str
) -> None:
    assert invariant(good()) == []
    wrong = invariant(spoil(good()))
    assert any(said in text for text in wrong), wrong


def test_each_invariant_has_a_run_that_breaks_it() -> None:
    assert {invariant for _, invariant, _ in SPOILT} == set(INVARIANTS)
