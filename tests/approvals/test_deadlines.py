"""What becomes of a request that nobody answers in time, and of an answer that comes after that?"""

from __future__ import annotations

import pytest

from actors import ActorSystem
from actors.approvals import ApprovalClosedError, ApprovalState, ApproverRef
from tests.approvals.asking import asked, asking, given, steps
from tests.approvals.conftest import IN_A_FILE, Start
from tests.core.clocks import WatchedClock
from tests.core.helpers import EventLog

S = ApprovalState


@pytest.mark.system_case("T77")
@pytest.mark.system_case("D3.18")
def test_no_answer_by_the_deadline_is_a_no_and_a_late_one_is_told_that_it_changes_nothing(
    start: Start, clock: WatchedClock, log: EventLog
) -> None:
    approver = start(deadline=60.0)
    number, answer = asked(approver)
    clock.advance(59.9)
    clock.settle()
    assert approver.get(number).state is S.PENDING
    clock.advance(0.2)
    said = given(answer)
    assert (said.outcome, said.approved, said.reason) == ("expired", False, "nobody answered in time")
    for late in (approver.approve, approver.deny, approver.abort):
        with pytest.raises(ApprovalClosedError, match=f"{number} is expired .*comes too late and changes nothing"):
            late(number)
    assert approver.get(number).state is S.EXPIRED
    assert steps(log, number) == [(None, "pending"), ("pending", "expired")]


def test_a_request_may_have_a_deadline_of_its_own(start: Start, clock: WatchedClock) -> None:
    approver = start(deadline=60.0)
    first, _ = asked(approver)
    own, answer = asked(approver, deadline=5.0)
    clock.advance(5.1)
    assert given(answer).approval_id == own
    assert [each.id for each in approver.pending()] == [first]
    clock.advance(55.0)
    clock.settle()
    assert approver.get(first).state is S.EXPIRED


def test_without_a_deadline_it_waits_for_ever(approver: ApproverRef, clock: WatchedClock) -> None:
    number, answer = asked(approver)
    clock.advance(1e6)
    clock.settle()
    assert approver.get(number).state is S.PENDING
    assert not answer.settled


def test_what_was_answered_in_time_does_not_expire(start: Start, clock: WatchedClock) -> None:
    approver = start(deadline=60.0)
    number, _ = asked(approver)
    approver.approve(number)
    clock.advance(100.0)
    clock.settle()
    assert approver.get(number).state is S.APPROVED
    assert clock.next_due is None


@IN_A_FILE
def test_an_approver_that_starts_after_the_deadline_finds_it_over(
    start: Start, system: ActorSystem, clock: WatchedClock
) -> None:
    approver = start(deadline=60.0)
    number, _ = asked(approver, key="t-1/1")
    approver.stop()
    clock.advance(61.0)
    log = EventLog(system)
    again = start("again")
    assert again.get(number).state is S.EXPIRED
    assert steps(log, number) == [("pending", "expired")], "and tells it"
    assert given(again.request(asking(key="t-1/1"))).outcome == "expired"


@IN_A_FILE
def test_a_deadline_goes_on_while_nobody_is_there(start: Start, clock: WatchedClock) -> None:
    approver = start(deadline=60.0)
    number, _ = asked(approver, key="t-1/1")
    approver.stop()
    clock.advance(50.0)
    again = start("again", deadline=1000.0)
    answer = again.request(asking(key="t-1/1"))
    assert [each.id for each in again.pending()] == [number]
    clock.advance(10.1)
    assert given(answer).outcome == "expired"
