"""Is what somebody says of a request what whoever has asked is told, and what is allowed then?"""

from __future__ import annotations

import pickle

import pytest

from actors import Agent, InvalidMessageError
from actors.approvals import (
    LEGAL,
    ApprovalAnswer,
    ApprovalClosedError,
    ApprovalState,
    ApproverRef,
    DigestError,
    KeyTakenError,
    NotEditableError,
    UnknownApprovalError,
    Withdraw,
    digest_of,
)
from tests.approvals.asking import COMMAND, DIGEST, OTHER, asked, asking, given, steps
from tests.approvals.conftest import Start
from tests.core.helpers import EventLog

S = ApprovalState


# -- yes and no ----------------------------------------------------------------------------


def test_a_request_waits_until_somebody_approves_it(approver: ApproverRef) -> None:
    number, answer = asked(approver)
    (pending,) = approver.pending()
    assert (pending.id, pending.state, pending.payload, pending.digest) == (number, S.PENDING, COMMAND, DIGEST)
    assert not answer.settled
    approver.approve(number, by="ann", reason="go on")
    said = given(answer)
    assert (said.outcome, said.approved, said.payload, said.by, said.reason) == ("approved", True, None, "ann", "go on")
    assert (said.approval_id, said.digest, said.task_id) == (number, DIGEST, "t-1")
    assert approver.pending() == ()


@pytest.mark.system_case("D3.18")
def test_there_are_three_outcomes_and_an_abort_is_no_refusal(approver: ApproverRef, log: EventLog) -> None:
    one, refused = asked(approver)
    two, aborted = asked(approver)
    approver.deny(one, "too much", by="ann")
    approver.abort(two, "stop it", by="ann")
    assert [(each.outcome, each.approved, each.reason) for each in map(given, (refused, aborted))] == [
        ("refused", False, "too much"),
        ("aborted", False, "stop it"),
    ]
    assert [approver.get(number).state for number in (one, two)] == [S.DENIED, S.CANCELLED]
    assert steps(log, one) == [(None, "pending"), ("pending", "denied")]
    assert steps(log, two) == [(None, "pending"), ("pending", "cancelled")]


def test_an_ask_of_the_request_itself_is_answered_when_it_is_decided(approver: ApproverRef) -> None:
    answer = approver.ask(asking(key="k"), block=False)
    (pending,) = approver.pending()
    approver.approve(pending.id)
    assert given(answer).approved


def test_an_asker_that_gives_up_is_not_answered_and_its_request_stays(approver: ApproverRef) -> None:
    answer = approver.ask(asking(key="k"), block=False)
    (pending,) = approver.pending()
    answer.resolve(error=TimeoutError())
    approver.approve(pending.id)
    assert given(approver.request(asking(key="k"))).approved


# -- the payload and its digest ---------------------------------------------------------------


@pytest.mark.system_case("T77")
@pytest.mark.system_case("D3.18")
def test_an_edited_payload_reaches_who_has_asked_and_has_a_digest_of_its_own(approver: ApproverRef) -> None:
    number, answer = asked(approver, editable=True)
    approval = approver.approve(number, OTHER)
    said = given(answer)
    assert (said.payload, said.digest) == (OTHER, digest_of("run", OTHER))
    assert (approval.asked, approval.payload, approval.edited) == (COMMAND, OTHER, True)
    with pytest.raises(DigestError):
        approver.begin(number, DIGEST)
    assert approver.begin(number, digest_of("run", OTHER)).payload == OTHER


def test_what_may_not_be_edited_is_approved_as_it_is_or_not_at_all(approver: ApproverRef) -> None:
    number, answer = asked(approver)
    with pytest.raises(NotEditableError):
        approver.approve(number, OTHER)
    assert approver.get(number).state is S.PENDING
    approver.approve(number, COMMAND)
    assert given(answer).payload is None


def test_the_digest_is_of_the_action_and_the_payload_in_whatever_order() -> None:
    one = digest_of("run", {"a": "1", "b": "2"})
    assert one == digest_of("run", {"b": "2", "a": "1"})
    others = [
        digest_of("ran", {"a": "1", "b": "2"}),
        digest_of("run", {"a": "1"}),
        digest_of("run", {"a": '1","b":"2'}),
    ]
    assert one not in others
    assert len({*others}) == 3
    assert len(digest_of("run", {"command": "echo \ud800"})) == 64


# -- once ------------------------------------------------------------------------------------


def test_what_was_approved_is_begun_once(approver: ApproverRef, log: EventLog) -> None:
    number, _ = asked(approver)
    with pytest.raises(ApprovalClosedError, match="only what is approved may be begun"):
        approver.begin(number, DIGEST)
    approver.approve(number)
    approver.begin(number, DIGEST)
    for _ in range(2):
        with pytest.raises(ApprovalClosedError, match="an approval is used once"):
            approver.begin(number, DIGEST)
        if approver.get(number).state is S.EXECUTING:
            approver.consume(number)
    with pytest.raises(ApprovalClosedError, match="it is not being executed"):
        approver.consume(number)
    assert steps(log, number) == [
        (None, "pending"), ("pending", "approved"), ("approved", "executing"), ("executing", "consumed"),
    ]  # fmt: skip


def test_a_digest_of_something_else_begins_nothing(approver: ApproverRef) -> None:
    number, _ = asked(approver)
    approver.approve(number)
    with pytest.raises(DigestError):
        approver.begin(number, digest_of("run", OTHER))
    with pytest.raises(DigestError):
        approver.begin(number, digest_of("write", COMMAND))
    assert approver.get(number).state is S.APPROVED


def test_what_is_done_in_a_with_block_is_begun_before_it_and_consumed_after_it(approver: ApproverRef) -> None:
    number, _ = asked(approver)
    approver.approve(number)
    with approver.executing(number, "run", COMMAND) as approval:
        assert (approval.state, approver.get(number).state) == (S.EXECUTING, S.EXECUTING)
    assert approver.get(number).state is S.CONSUMED


def test_an_answer_says_itself_what_it_allows(approver: ApproverRef) -> None:
    number, answer = asked(approver)
    approver.approve(number)
    with approver.executing(given(answer), "run", COMMAND) as approval:
        assert approval.id == number
    made_up = ApprovalAnswer(task_id="t-1", outcome="approved")
    with pytest.raises(UnknownApprovalError), approver.executing(made_up, "run", COMMAND):
        pytest.fail("nobody has given that answer")  # pragma: no cover


def test_an_action_that_raises_has_used_up_its_approval(approver: ApproverRef) -> None:
    number, _ = asked(approver)
    approver.approve(number)
    with pytest.raises(OSError, match="half of it"), approver.executing(number, "run", COMMAND):
        raise OSError("half of it")
    approval = approver.get(number)
    assert (approval.state, approval.reason) == (S.CONSUMED, "failed: OSError: half of it")
    with pytest.raises(ApprovalClosedError), approver.executing(number, "run", COMMAND):
        pytest.fail("it must not be done again")  # pragma: no cover


# -- the same key again ------------------------------------------------------------------------


def test_the_same_key_is_the_same_request(approver: ApproverRef) -> None:
    number, first = asked(approver, key="t-1/1")
    second = approver.request(asking(key="t-1/1"))
    assert [each.id for each in approver.all()] == [number]
    approver.approve(number)
    third = approver.request(asking(key="t-1/1"))
    assert {given(each).approval_id for each in (first, second, third)} == {number}


def test_the_same_key_gives_the_same_no(approver: ApproverRef) -> None:
    number, first = asked(approver, key="t-1/1")
    approver.deny(number, "no")
    assert given(approver.request(asking(key="t-1/1"))) == given(first)


def test_the_same_key_after_it_was_done_allows_nothing(approver: ApproverRef) -> None:
    number, _ = asked(approver, key="t-1/1")
    approver.approve(number)
    approver.begin(number, DIGEST)
    outcomes = [given(approver.request(asking(key="t-1/1"))).outcome]
    approver.consume(number)
    outcomes.append(given(approver.request(asking(key="t-1/1"))).outcome)
    assert outcomes == ["consumed", "consumed"]


def test_a_key_of_something_else_is_refused_and_no_failure(approver: ApproverRef) -> None:
    number, _ = asked(approver, key="t-1/1")
    for fields in ({"payload": OTHER}, {"action": "write"}):
        with pytest.raises(KeyTakenError) as caught:
            approver.request(asking(key="t-1/1", **fields)).get(timeout=10)
        assert caught.value.approval_id == number
    assert approver.incarnation == 1


def test_requests_without_a_key_are_never_the_same(approver: ApproverRef) -> None:
    assert asked(approver)[0] != asked(approver)[0]


# -- taken back ----------------------------------------------------------------------------------


@pytest.mark.system_case("D3.17")
def test_what_is_withdrawn_is_told_to_who_waits_and_an_answer_then_changes_nothing(
    approver: ApproverRef, log: EventLog
) -> None:
    number, answer = asked(approver, task_id="t-7")
    other, still_open = asked(approver, task_id="t-8")
    (withdrawn,) = approver.withdraw("t-7 was killed", task_id="t-7")
    assert (withdrawn.id, withdrawn.state) == (number, S.CANCELLED)
    said = given(answer)
    assert (said.outcome, said.reason) == ("withdrawn", "t-7 was killed")
    with pytest.raises(ApprovalClosedError, match="comes too late and changes nothing") as late:
        approver.approve(number)
    assert (late.value.approval_id, late.value.state) == (number, S.CANCELLED)
    assert not still_open.settled
    assert [each.id for each in approver.pending()] == [other]
    assert steps(log, number) == [(None, "pending"), ("pending", "cancelled")]


def test_what_was_approved_and_not_begun_can_be_withdrawn_and_what_was_begun_cannot(approver: ApproverRef) -> None:
    one, _ = asked(approver)
    two, _ = asked(approver)
    for number in (one, two):
        approver.approve(number)
    approver.begin(two, DIGEST)
    assert [each.id for each in approver.withdraw(task_id="t-1")] == [one]
    with pytest.raises(ApprovalClosedError):
        approver.begin(one, DIGEST)
    assert approver.consume(two).state is S.CONSUMED


def test_a_withdrawal_is_of_all_that_fits_what_it_names(approver: ApproverRef) -> None:
    for key, mission in (("a", "m-1"), ("b", "m-1"), ("c", "m-2")):
        approver.request(asking(key=key, mission_id=mission))
    assert approver.withdraw(mission_id="m-2", task_id="t-2") == ()
    assert [each.key for each in approver.withdraw(key="a")] == ["a"]
    assert [each.key for each in approver.withdraw(mission_id="m-1")] == ["b"]
    waiting = approver.withdraw(task_id="t-1", block=False)
    assert [each.key for each in waiting.get(timeout=10)] == ["c"]
    with pytest.raises(ValueError, match="what is to be withdrawn"):
        Withdraw(reason="all of it")


# -- what makes no sense ---------------------------------------------------------------------------


def test_pending_is_not_missing(approver: ApproverRef) -> None:
    number, _ = asked(approver)
    assert approver.get(number).state is S.PENDING
    assert approver.get(number.removeprefix("ap-")).id == number
    for wrong in ("ap-99", "99", "ap-", "x", "-1", "ap-9999999999999999999999"):
        for call in (approver.get, approver.approve, approver.deny, approver.consume, approver.give_up):
            with pytest.raises(UnknownApprovalError, match=f"there is no approval {wrong}"):
                call(wrong)
    assert approver.incarnation == 1


def test_errors_survive_pickling() -> None:
    closed = pickle.loads(pickle.dumps(ApprovalClosedError("ap-1", S.EXPIRED, "it is over")))
    unknown = pickle.loads(pickle.dumps(UnknownApprovalError("ap-9", "there is none")))
    assert (closed.approval_id, closed.state, str(closed)) == ("ap-1", S.EXPIRED, "it is over")
    assert (unknown.approval_id, str(unknown), isinstance(unknown, LookupError)) == ("ap-9", "there is none", True)


def test_a_message_that_it_does_not_know_is_said_so(approver: ApproverRef) -> None:
    with pytest.raises(InvalidMessageError):
        approver.ask("approve all")
    assert approver.incarnation == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"store": ""}, "store: a path"),
        ({"store": 7}, "store: a path"),
        ({"deadline": 0}, "deadline: seconds above 0"),
        ({"deadline": "1"}, "deadline: seconds above 0"),
        ({"decider": "ann"}, "decider: an AgentRef, a function or None"),
        ({"keep": 0}, "keep: a whole number"),
        ({"keep": True}, "keep: a whole number"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_at_the_start(start: Start, arguments: dict, text: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(Exception, match=text):
        start(**arguments)


def test_the_table_of_steps_is_what_is_written_here() -> None:
    assert {(str(old), str(new)) for old, following in LEGAL.items() for new in following} == {
        ("pending", "approved"), ("pending", "denied"), ("pending", "expired"), ("pending", "cancelled"),
        ("approved", "executing"), ("approved", "cancelled"), ("executing", "consumed"), ("executing", "cancelled"),
    }  # fmt: skip
    assert set(LEGAL) == set(ApprovalState)


def test_the_newest_are_kept_and_all_that_are_not_over(start: Start) -> None:
    approver = start(keep=2)
    first, _ = asked(approver)
    for _ in range(4):
        number, _ = asked(approver)
        approver.deny(number)
    assert [each.id for each in approver.all()] == [first, "ap-4", "ap-5"]
    assert asked(approver)[0] == "ap-6", "no id is given twice"


def test_the_agent_that_asks_is_noted(approver: ApproverRef) -> None:
    class Asking(Agent):
        def on_receive(self, message: ApproverRef) -> None:
            message.request(asking(key="own"))
            message.request(asking(key="other", agent_id="/elsewhere"))

    ref = approver._cell.system.spawn(Asking, name="asking")
    ref.ask(approver)
    assert [each.agent_id for each in approver.pending()] == ["/asking", "/elsewhere"]
