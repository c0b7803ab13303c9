"""Who decides, if not a person: a function, or an agent, also one that fails or says nothing?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actors import Accepting, ActorSystem, Agent, Mailbox
from actors.approvals import Approval, ApprovalAnswer, ApprovalRequest, ApprovalState
from actors.testkit import Gate
from tests.approvals.asking import COMMAND, OTHER, asked, asking, given, steps
from tests.approvals.conftest import IN_A_FILE, Start
from tests.core.clocks import WatchedClock
from tests.core.helpers import EventLog, Trace

S = ApprovalState


class Person(Agent):
    """Decides as the test says."""

    def __init__(self, decide: Callable[[Any], Any]) -> None:
        self.decide = decide

    def on_receive(self, message: Any) -> Any:
        return self.decide(message)


def yes_after(gate: Gate) -> Callable[[Approval], bool]:
    """Gives a function that says yes once the gate is open."""

    def decide(approval: Approval) -> bool:
        gate.wait()
        return True

    return decide


@pytest.fixture(params=["function", "agent"])
def decider(request: pytest.FixtureRequest, system: ActorSystem, spec: Any) -> Callable[[Callable[[Any], Any]], Any]:
    """Makes a decider of what decides: the function, or an agent that calls it."""

    def make(decide: Callable[[Any], Any]) -> Any:
        return decide if request.param == "function" else system.spawn(spec(Person, "person", args=(decide,)))

    return make


@pytest.mark.parametrize(
    ("answer", "outcome", "payload", "reason"),
    [
        (True, "approved", None, ""),
        (False, "refused", None, ""),
        (ApprovalAnswer(task_id="t-1", outcome="approved", reason="fine"), "approved", None, "fine"),
        (ApprovalAnswer(task_id="t-1", outcome="approved", payload=OTHER), "approved", OTHER, ""),
        (ApprovalAnswer(task_id="t-1", outcome="refused", reason="no"), "refused", None, "no"),
        (ApprovalAnswer(task_id="t-1", outcome="aborted", reason="stop"), "aborted", None, "stop"),
        ("yes", "refused", None, "the decider gave no decision: 'yes'"),
        (ApprovalAnswer(task_id="t-1", outcome="expired"), "refused", None, "the decider gave no decision"),
        (
            ApprovalAnswer(task_id="t-1", outcome="approved", digest="0" * 64),
            "refused",
            None,
            "the decider approved something else, by its digest",
        ),
    ],
)
def test_what_a_decider_answers_is_the_decision(
    start: Start, decider: Any, answer: Any, outcome: str, payload: Any, reason: str
) -> None:
    approver = start(decider=decider(lambda message: answer))
    said = given(approver.request(asking(editable=True)))
    assert (said.outcome, said.payload) == (outcome, payload)
    assert said.reason.startswith(reason)
    assert bool(said.reason) == bool(reason)
    assert said.by in ("/person", "/approver/decider")


def test_a_decider_sees_what_is_asked(start: Start, decider: Any) -> None:
    trace = Trace()
    approver = start(decider=decider(trace.note))
    approver.request(asking(key="t-1/1", editable=True))
    (message,) = trace.wait_until(lambda notes: notes)
    assert isinstance(message, ApprovalRequest | Approval)
    assert (message.task_id, message.action, message.payload, message.key, message.editable) == (
        "t-1", "run", COMMAND, "t-1/1", True,
    )  # fmt: skip


def test_a_decider_that_edits_what_may_not_be_edited_has_failed(start: Start, decider: Any) -> None:
    edited = ApprovalAnswer(task_id="t-1", outcome="approved", payload=OTHER)
    approver = start(decider=decider(lambda message: edited))
    said = given(approver.request(asking()))
    assert said.outcome == "refused"
    assert said.reason == "the decider failed: ap-1 may be approved or denied, but not changed"
    assert approver.incarnation == 1


def test_a_decider_that_fails_has_said_no(start: Start, decider: Any) -> None:
    def fail(message: Any) -> bool:
        raise ValueError("no idea")

    approver = start(decider=decider(fail))
    said = given(approver.request(asking()))
    assert (said.outcome, said.reason) == ("refused", "the decider failed: ValueError: no idea")
    assert approver.incarnation == 1


def test_a_decider_that_has_ended_says_no(start: Start, system: ActorSystem) -> None:
    person = system.spawn(Person, lambda message: True, name="person")
    approver = start(decider=person)
    person.stop()
    said = given(approver.request(asking()))
    assert said.outcome == "refused"
    assert said.reason.startswith("the decider failed: AgentStoppedError")


def test_an_agent_that_takes_no_such_questions_has_said_no(start: Start, system: ActorSystem) -> None:
    class Narrow(Accepting[str]):
        """Takes text alone."""

    approver = start(decider=system.spawn(Narrow, name="narrow"))
    said = given(approver.request(asking()))
    assert said.outcome == "refused"
    assert "InvalidMessageError" in said.reason


def test_a_decider_may_leave_it_to_others(start: Start, decider: Any, clock: WatchedClock) -> None:
    approver = start(decider=decider(lambda message: None if message.payload == COMMAND else True), deadline=60.0)
    number, answer = asked(approver)
    assert given(approver.request(asking(payload=OTHER))).approved
    clock.settle()
    assert [each.id for each in approver.pending()] == [number]
    approver.deny(number, by="ann")
    assert given(answer).by == "ann"


def test_a_decider_that_says_nothing_has_said_no_at_the_deadline_and_is_not_asked_any_more(
    start: Start, system: ActorSystem, clock: WatchedClock, trace: Trace
) -> None:
    class Silent(Agent):
        def on_receive(self, message: Any) -> None:
            self.reply = self.context.defer()
            trace.note(self.reply)

    approver = start(decider=system.spawn(Silent, name="silent"), deadline=60.0)
    answer = approver.request(asking())
    (reply,) = trace.wait_until(lambda notes: notes)
    assert not reply.cancelled
    clock.advance(60.1)
    assert given(answer).outcome == "expired"
    clock.settle()
    assert reply.cancelled
    assert not reply.set(True), "too late, and it is told so"
    assert approver.all()[0].state is S.EXPIRED


def test_a_person_may_be_faster_than_the_decider(
    start: Start, decider: Any, log: EventLog, clock: WatchedClock
) -> None:
    with Gate() as gate:
        approver = start(decider=decider(lambda message: gate.wait()))
        number, answer = asked(approver)
        gate.reached()
        approver.approve(number, by="ann")
        assert given(answer).by == "ann"
    clock.settle()
    assert steps(log, number) == [(None, "pending"), ("pending", "approved")]


def test_a_function_is_called_for_one_after_the_other(start: Start, trace: Trace) -> None:
    def decide(approval: Approval) -> bool:
        trace.note(("begins", approval.id))
        gate.wait()
        trace.note(("ends", approval.id))
        return True

    with Gate() as gate:
        approver = start(decider=decide)
        answers = [approver.request(asking(key=key)) for key in "ab"]
        gate.reached()
        gate.open()
        assert [given(each).approved for each in answers] == [True, True]
    assert trace.notes == [("begins", "ap-1"), ("ends", "ap-1"), ("begins", "ap-2"), ("ends", "ap-2")]


def test_the_approver_is_not_held_up_by_who_decides(start: Start, decider: Any) -> None:
    with Gate() as gate:
        approver = start(decider=decider(lambda message: gate.wait()))
        number, answer = asked(approver)
        gate.reached()
        assert [each.id for each in approver.pending()] == [number]
        assert len(approver.withdraw(task_id="t-1")) == 1
        assert given(answer).outcome == "withdrawn"


@IN_A_FILE
def test_what_is_pending_at_the_start_is_decided(start: Start) -> None:
    before = start("before")
    number, _ = asked(before, key="t-1/1")
    before.stop()
    after = start("after", decider=lambda approval: approval.id == number)
    assert given(after.request(asking(key="t-1/1"))).approved


def test_no_decision_is_lost_where_the_mailbox_is_bounded(start: Start, clock: WatchedClock) -> None:
    with Gate() as gate:
        approver = start(decider=yes_after(gate), options={"mailbox": Mailbox(1)})
        answers = []
        for key in "abc":
            answers.append(approver.request(asking(key=key)))
            clock.settle()
        gate.open()
        assert [given(each).approved for each in answers] == [True] * 3


@IN_A_FILE
def test_a_decision_that_comes_after_another_process_has_decided_changes_nothing(
    start: Start, lines: list[str], clock: WatchedClock
) -> None:
    with Gate() as gate:
        approver = start(decider=yes_after(gate))
        number, answer = asked(approver)
        gate.reached()
        other = start("other")
        # No ring reaches it yet: what has been decided elsewhere it learns when it writes down its own decision.
        listener, approver._listener = approver._listener, None
        if listener is not None:
            listener.close()
        other.deny(number, "no", by="bob")
        gate.open()
        said = given(answer)
    assert (said.outcome, said.by) == ("refused", "bob")
    late = f"/approver/decider: {number} is denied by bob (no): the answer comes too late and changes nothing"
    assert late in lines


def test_what_is_told_and_not_asked_is_decided_too(start: Start, clock: WatchedClock) -> None:
    approver = start(decider=lambda approval: True)
    approver.tell(asking(key="told"))
    assert given(approver.request(asking(key="told"))).approved


def test_the_function_is_called_for_nothing_but_approvals(start: Start, system: ActorSystem) -> None:
    start(decider=lambda approval: True)
    decider = system.find("/approver/decider")
    assert decider is not None
    assert decider.ask("decide!") is None
