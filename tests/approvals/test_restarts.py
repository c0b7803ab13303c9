"""Does what is to be approved outlive the approver, its failures and its end?"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem, AgentStoppedError, Cancelled, HandlerTimeout, StartFailedError
from actors.approvals import ApprovalState, Approve, Approver, ApproverRef, KeyTakenError, NotApprovalsError, read_all
from actors.testkit import Faults
from actors.typed import ApprovalRequest
from policies import Restart
from tests.approvals.asking import DIGEST, asked, asking, given, steps
from tests.approvals.conftest import IN_A_FILE, Start
from tests.core.clocks import WatchedClock
from tests.core.helpers import EventLog

S = ApprovalState


class Broken(Exception):
    """What the approver is made to fail with."""


def crash(system: ActorSystem, approver: ApproverRef) -> None:
    """Have the approver fail over the next Approve, and be restarted."""
    with Faults(system) as faults:
        faults.crash(approver, on=Approve, error=Broken())
        with pytest.raises(Broken):
            approver.approve("ap-1")


def test_a_restart_of_the_approver_loses_no_request_and_no_asker(start: Start, system: ActorSystem) -> None:
    approver = start(options={"policy": Restart()})
    log = EventLog(system)
    number, answer = asked(approver)
    crash(system, approver)
    assert [each.id for each in approver.pending()] == [number]
    assert approver.incarnation == 2
    assert not answer.settled
    approver.approve(number)
    assert given(answer).approved
    assert steps(log, number) == [(None, "pending"), ("pending", "approved")], "each step was told once"


def test_an_asker_who_cannot_be_asked_for_again_after_a_restart_is_not_left_waiting(
    start: Start, system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    approver = start(options={"policy": Restart()})
    _, answer = asked(approver)
    ask = ApproverRef.ask

    def fenced(ref: ApproverRef, message: Any, **options: Any) -> Any:
        if isinstance(message, ApprovalRequest):
            raise Cancelled("abandoned")
        return ask(ref, message, **options)

    monkeypatch.setattr(ApproverRef, "ask", fenced)
    crash(system, approver)
    with pytest.raises(Cancelled, match="abandoned"):
        given(answer)


def test_deadlines_go_on_through_a_restart(start: Start, system: ActorSystem, clock: WatchedClock) -> None:
    approver = start(options={"policy": Restart()}, deadline=60.0)
    _, answer = asked(approver)
    clock.advance(30.0)
    crash(system, approver)
    assert len(approver.pending()) == 1
    assert approver.incarnation == 2
    clock.advance(30.1)
    assert given(answer).outcome == "expired"


def test_what_is_executing_is_not_interrupted_by_a_restart_of_the_approver(start: Start, system: ActorSystem) -> None:
    approver = start(options={"policy": Restart()})
    number, _ = asked(approver)
    approver.approve(number)
    approver.begin(number, DIGEST)
    crash(system, approver)
    assert approver.interrupted() == (), "whoever executes it is still there"
    assert approver.consume(number).state is S.CONSUMED


@pytest.mark.parametrize("fails", [False, True])
def test_whoever_waits_when_the_approver_ends_for_good_is_told(start: Start, system: ActorSystem, fails: bool) -> None:
    approver = start()
    _, answer = asked(approver)
    if fails:
        crash(system, approver)
    else:
        approver.stop()
    with pytest.raises(AgentStoppedError):
        answer.get(timeout=10)
    with pytest.raises(AgentStoppedError):
        approver.request(asking()).get(timeout=10)


def test_an_error_of_the_request_reaches_who_has_asked_and_restarts_nothing(approver: ApproverRef) -> None:
    approver.request(asking(key="k"))
    with pytest.raises(KeyTakenError):
        approver.request(asking(key="k", action="other")).get(timeout=10)
    assert approver.incarnation == 1


@IN_A_FILE
def test_the_next_approver_goes_on_where_the_last_one_was(start: Start, log: EventLog) -> None:
    before = start("before")
    pending, _ = asked(before, key="pending")
    approved, _ = asked(before, key="approved")
    denied, _ = asked(before, key="denied")
    consumed, _ = asked(before, key="consumed")
    executing, _ = asked(before, key="executing")
    for number in (approved, consumed, executing):
        before.approve(number, by="ann")
    for number in (consumed, executing):
        before.begin(number, DIGEST)
    before.deny(denied, "no")
    before.consume(consumed)
    before.stop()
    log.clear()

    after = start("after")
    assert [each.id for each in after.pending()] == [pending]
    assert [each.id for each in after.interrupted()] == [executing]
    outcomes = {key: given(after.request(asking(key=key))).outcome for key in ("approved", "denied", "consumed")}
    assert outcomes == {"approved": "approved", "denied": "refused", "consumed": "consumed"}
    assert given(after.request(asking(key="executing"))).outcome == "interrupted"
    assert after.begin(approved, DIGEST).state is S.EXECUTING
    answer = after.request(asking(key="pending"))
    after.approve(pending)
    assert given(answer).approved
    assert steps(log) == [("approved", "executing"), ("pending", "approved")]


@IN_A_FILE
def test_what_was_interrupted_is_settled_by_who_knows_how_far_it_came(start: Start, lines: list[str]) -> None:
    before = start("before")
    numbers = [asked(before)[0] for _ in range(2)]
    for number in numbers:
        before.approve(number)
        before.begin(number, DIGEST)
    before.stop()
    after = start("after")
    said = [line for line in lines if "interrupted" in line]
    assert said == [f"/after: {number} was interrupted: run" for number in numbers]
    after.consume(numbers[0], "it was done")
    after.give_up(numbers[1], "it was not")
    assert [after.get(number).state for number in numbers] == [S.CONSUMED, S.CANCELLED]
    assert after.interrupted() == ()


@IN_A_FILE
def test_of_two_approvers_of_one_file_each_tells_its_own(
    start: Start, system: ActorSystem, clock: WatchedClock, store: str
) -> None:
    one, two = start("one"), start("two")
    log = EventLog(system)
    number, answer = asked(one, key="k")
    two.deny(number, "no", by="bob")
    one.pending()  # in a simulation nobody rings
    one.withdraw(task_id="t-2")
    assert given(answer).by == "bob"
    assert steps(log, number) == [(None, "pending"), ("pending", "denied")]


def test_a_file_of_something_else_is_not_written(system: ActorSystem, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("not a database, but long enough to be looked at " * 100)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine(x)")
    connection.close()
    before = text.read_bytes()
    for path in (text, other):
        with pytest.raises(StartFailedError) as caught:
            system.spawn(Approver, store=path)
        assert isinstance(caught.value.cause, NotApprovalsError)
        assert "is no file of approvals" in str(caught.value.cause)
    assert text.read_bytes() == before
    with sqlite3.connect(other) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]
    connection.close()
    with pytest.raises(StartFailedError, match="cannot be opened"):
        system.spawn(Approver, store=tmp_path / "nowhere" / "x.approvals")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.db", "text"]


@IN_A_FILE
def test_nothing_is_left_beside_the_file(start: Start, store: str) -> None:
    approver = start()
    asked(approver)
    approver.stop()
    folder = Path(store).parent
    assert [path.name for path in folder.iterdir()] == ["crew.approvals"]
    assert [each.state for each in read_all(store)] == [S.PENDING]


@pytest.mark.leaves_orphans
@pytest.mark.threads_only
@IN_A_FILE
def test_an_abandoned_approver_is_replaced_by_one_with_a_file_of_its_own(
    start: Start, system: ActorSystem, clock: WatchedClock
) -> None:
    approver = start(options={"policy": Restart(), "deadline": 5.0, "dispatcher": "pool"})
    number, answer = asked(approver)
    with Faults(system) as faults:
        hang = faults.hang(approver, on=Approve)
        late = approver.ask(Approve(approval_id=number, by="late"), block=False)
        hang.reached()
        clock.advance(5.1)
        with pytest.raises(HandlerTimeout):
            late.get(timeout=10)
        approver.deny(number, by="ann")
        assert approver.incarnation == 2
    assert given(answer).by == "ann"
    assert approver.get(number).by == "ann"
