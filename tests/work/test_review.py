"""Does work get from the worker to its reviewer and back, whatever becomes of either?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentFailed,
    AgentFuture,
    Cancelled,
    ChildSpec,
    DeathPactError,
    Emitted,
    HandlerTimeout,
    InvalidMessageError,
)
from actors.eventlog.work_kinds import ReviewerApprovalRecord, ReviewerHandoffRecord, ReviewerRejectionRecord
from actors.testkit import Gate
from actors.typed import ReviewFeedback, ReviewRequest
from actors.work import Blocked, CancelledEnd, CancelToken, Completed, InReview, Job, Reviewer, Reworked
from policies import Stop
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, answer, assert_ended, result
from tests.work.reviews import Stage, rounds

case = pytest.mark.system_case


@pytest.fixture
def stage(system: ActorSystem, spec: Any) -> Stage:
    return Stage(system, spec)


def records(log: EventLog) -> list[Any]:
    kinds = (ReviewerHandoffRecord, ReviewerRejectionRecord, ReviewerApprovalRecord)
    return [event.record for event in log.of(Emitted) if isinstance(event.record, kinds)]


@case("T87")
def test_rejected_work_is_done_again_by_the_same_worker_with_the_comments_until_it_is_approved(
    stage: Stage, log: EventLog
) -> None:
    reviewer = stage.reviewer(["too long", "no tests"], ["one more"], [])
    end = result(stage.begin(stage.worker(), reviewer=reviewer, conductor=stage.conductor()))
    assert (end.text, end.files) == ("/worker #3 after one more", ("T1.py",))
    request = ReviewRequest(work_package_id="track/T1/1", changed_files=("T1.py",))
    assert stage.reviewed.notes == [(1, request)] * 3
    assert stage.heard(5) == ["InReview", "Reworked", "InReview", "Reworked", "InReview"]
    reworked = [note for note in stage.told.notes if isinstance(note, Reworked)]
    assert [(note.round, note.comments) for note in reworked] == [(1, ("too long", "no tests")), (2, ("one more",))]
    assert [record.event_type for record in records(log)] == [
        "reviewer_handoff", "reviewer_rejection", "reviewer_handoff", "reviewer_rejection",
        "reviewer_handoff", "reviewer_approval",
    ]  # fmt: skip
    assert {(record.agent_id, record.task_id, record.correlation_id) for record in records(log)} == {
        ("/worker", "T1", "track/T1/1")
    }


@case("T87")
def test_nobody_who_conducts_is_needed_for_a_review(stage: Stage) -> None:
    end = result(stage.begin(stage.worker(), reviewer=stage.reviewer(["again"], True)))
    assert end.text == "/worker #2 after again"


def test_a_worker_that_works_in_steps_is_reviewed_alike(stage: Stage) -> None:
    def steps(job: Job) -> Any:
        yield
        return rounds(job)

    reviewer = stage.reviewer(["again"], True)
    assert result(stage.begin(stage.worker(steps), reviewer=reviewer)).text == "/worker #2 after again"


def test_what_is_not_done_is_not_reviewed(stage: Stage) -> None:
    reviewer = stage.reviewer()
    end = result(stage.begin(stage.worker(lambda job: Blocked("no key")), reviewer=reviewer))
    assert (type(end), end.reason, stage.reviewed.notes) == (Blocked, "no key", [])


@case("T16")
def test_two_reviews_under_way_are_told_apart_in_either_order(stage: Stage) -> None:
    verdicts: list[AgentFuture[Any]] = [AgentFuture(), AgentFuture()]
    reviewer = stage.reviewer(*verdicts)
    first = stage.begin(stage.worker(name="w-1"), "T1", reviewer=reviewer, max_reviews=0)
    stage.reviewed.wait_until(lambda notes: len(notes) == 1)
    second = stage.begin(stage.worker(name="w-2"), "T2", reviewer=reviewer, max_reviews=0)
    stage.reviewed.wait_until(lambda notes: len(notes) == 2)
    assert [request.work_package_id for _, request in stage.reviewed.notes] == ["track/T1/1", "track/T2/1"]
    verdicts[1].resolve(True)
    assert result(second).text.startswith("/w-2")
    assert not first.settled
    verdicts[0].resolve("mend T1")
    assert result(first).reason.startswith("rejected 1 times: mend T1")


# -- escalation -------------------------------------------------------------------------


@pytest.mark.parametrize("granted", [True, False])
def test_work_that_is_rejected_too_often_is_the_conductors_to_decide(stage: Stage, granted: bool) -> None:
    reviewer = stage.reviewer("a", "b", "c", "never asked")
    end = result(stage.begin(stage.worker(), reviewer=reviewer, conductor=stage.conductor(granted), max_reviews=2))
    if granted:
        assert (type(end), end.text) == (Completed, "/worker #3 after b")
    else:
        assert (type(end), end.reason) == (Blocked, "rejected 3 times: c (decided)")
    assert len(stage.reviewed.notes) == 3
    assert stage.heard(6) == ["InReview", "Reworked", "InReview", "Reworked", "InReview", "NeedsDecision"]


@case("T88")
def test_a_reviewer_that_fails_over_a_review_is_restarted_and_asked_once_more(stage: Stage, log: EventLog) -> None:
    reviewer = stage.reviewer(Boom("crashed"), True)
    end = result(stage.begin(stage.worker(), reviewer=reviewer, conductor=stage.conductor()))
    assert end.text == "/worker #1 after nothing"
    packages = [(incarnation, request.work_package_id) for incarnation, request in stage.reviewed.notes]
    assert packages == [(1, "track/T1/1"), (2, "track/T1/1")]
    assert stage.heard(1) == ["InReview"]
    assert [record.event_type for record in records(log)] == ["reviewer_handoff", "reviewer_approval"]


@case("T88")
@pytest.mark.parametrize("granted", [True, False])
def test_a_reviewer_that_fails_again_leaves_the_decision_to_the_conductor(stage: Stage, granted: bool) -> None:
    reviewer = stage.reviewer(Boom("first"), Boom("second"), True)
    end = result(stage.begin(stage.worker(), reviewer=reviewer, conductor=stage.conductor(granted)))
    assert type(end) is (Completed if granted else Blocked)
    if not granted:
        assert end.reason == "not reviewed: Boom: second (decided)"
    assert stage.heard(2) == ["InReview", "NeedsDecision"]
    # The next ticket finds it back at work.
    assert result(stage.begin(stage.system.find("/worker"), "T2", reviewer=reviewer)).text  # type: ignore[arg-type]


@case("T88")
def test_a_reviewer_that_is_stopped_for_its_failure_is_escalated_and_the_ticket_not_lost(stage: Stage) -> None:
    reviewer = stage.reviewer(Boom("over"), policy=Stop())
    end = result(stage.begin(stage.worker(), reviewer=reviewer, conductor=stage.conductor(False)))
    assert type(end) is Blocked
    assert end.reason.startswith("not reviewed: AgentStoppedError: ")
    assert_ended(reviewer)


@case("T88")
def test_a_reviewer_that_is_restarted_in_the_middle_is_asked_again(stage: Stage) -> None:
    verdict: AgentFuture[Any] = AgentFuture()
    reviewer = stage.reviewer(verdict, True)
    end = stage.begin(stage.worker(), reviewer=reviewer, conductor=stage.conductor())
    stage.reviewed.wait_until(lambda notes: len(notes) == 1)
    stage.system.guardian.ref.restart_child("reviewer")
    assert result(end).text == "/worker #1 after nothing"
    assert [incarnation for incarnation, _ in stage.reviewed.notes] == [1, 2]
    assert verdict.resolve("too late") is True  # which changes nothing
    assert stage.heard(1) == ["InReview"]


@case("T88")
def test_a_reviewer_that_was_stopped_while_it_waits_is_escalated(stage: Stage) -> None:
    reviewer = stage.reviewer(AgentFuture())
    end = stage.begin(stage.worker(), reviewer=reviewer, conductor=stage.conductor(True))
    stage.reviewed.wait_until(lambda notes: len(notes) == 1)
    reviewer.stop()
    assert result(end).text == "/worker #1 after nothing"
    assert stage.heard(2) == ["InReview", "NeedsDecision"]


@case("T88")
def test_a_reviewer_that_hangs_is_left_behind_and_its_next_incarnation_answers(
    stage: Stage, clock: WatchedClock
) -> None:
    gate = Gate()
    reviewer = stage.reviewer(lambda _: gate.wait(), True, deadline=5.0)
    end = stage.begin(stage.worker(), reviewer=reviewer, conductor=stage.conductor())
    gate.reached()
    clock.wait_for_timer(5.0)
    clock.advance(5.0)
    assert result(end).text == "/worker #1 after nothing"
    gate.open()
    assert [incarnation for incarnation, _ in stage.reviewed.notes] == [1, 2]


@case("T88")
def test_without_reviewer_and_conductor_the_ticket_ends_blocked_with_the_reason(stage: Stage) -> None:
    reviewer = stage.reviewer(Boom("over"), policy=Stop())
    end = result(stage.begin(stage.worker(), reviewer=reviewer))
    assert type(end) is Blocked
    assert end.reason.endswith("(not decided: there is nobody to decide)")


def test_a_ticket_that_is_given_up_waits_for_no_review(stage: Stage) -> None:
    token = CancelToken()
    reviewer = stage.reviewer(AgentFuture())
    end = stage.begin(stage.worker(), reviewer=reviewer, conductor=stage.conductor(), cancel=token)
    stage.reviewed.wait_until(lambda notes: len(notes) == 1)
    token.cancel("no longer wanted")
    assert (type(result(end)), result(end).reason) == (CancelledEnd, "no longer wanted")
    assert stage.heard(1) == ["InReview"]


def test_a_reviewer_that_is_told_to_give_up_is_no_failure_of_the_worker(stage: Stage) -> None:
    worker = stage.worker()
    reviewer = stage.reviewer(Cancelled("told to end"), True)
    assert result(stage.begin(worker, reviewer=reviewer)).text == "/worker #1 after nothing"
    assert worker.incarnation == 1


# -- what a review gives --------------------------------------------------------------------


def feedback(approved: bool, *comments: str) -> ReviewFeedback:
    return ReviewFeedback(work_package_id="p", approved=approved, comments=comments)


ASKED = ReviewRequest(work_package_id="p", changed_files=("a.py",))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (True, feedback(True)),
        (False, feedback(False)),
        ("mend it", feedback(False, "mend it")),
        (["a", "b"], feedback(False, "a", "b")),
        ([], feedback(True)),
        ("", feedback(True)),
        (feedback(True, "fine, but"), feedback(True, "fine, but")),
    ],
)
def test_what_a_review_gives_is_made_feedback(system: ActorSystem, spec: Any, given: Any, expected: Any) -> None:
    reviewer = system.spawn(spec(Reviewer, "reviewer", args=(lambda request: given,)))
    assert answer(reviewer, ASKED) == expected


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (None, TypeError("a review gives a bool, texts or ReviewFeedback, not None")),
        ([1], TypeError("a review gives a bool, texts or ReviewFeedback, not [1]")),
        (ReviewFeedback(work_package_id="q", approved=True), ValueError("a review of 'p' gave feedback on 'q'")),
    ],
)
@pytest.mark.parametrize("later", [False, True], ids=["at once", "later"])
def test_what_is_no_feedback_is_an_error(system: ActorSystem, spec: Any, given: Any, error: Any, later: bool) -> None:
    def review(request: ReviewRequest) -> Any:
        if not later:
            return given
        future: AgentFuture[Any] = AgentFuture()
        future.resolve(given)
        return future

    reviewer = system.spawn(spec(Reviewer, "reviewer", args=(review,)))
    with pytest.raises(type(error)) as raised:
        answer(reviewer, ASKED)
    assert str(raised.value) == str(error)


def test_any_agent_may_review_and_nonsense_from_it_is_escalated(stage: Stage) -> None:
    class Friend(Agent):
        def __init__(self, says: list[Any]) -> None:
            self.says = says

        def on_receive(self, message: Any) -> Any:
            return self.says.pop(0)

    friend = stage.system.spawn(stage.spec(Friend, "friend", args=(["again", True, None],)))
    worker = stage.worker()
    assert result(stage.begin(worker, reviewer=friend)).text == "/worker #2 after again"
    end = result(stage.begin(worker, "T2", reviewer=friend, conductor=stage.conductor(False)))
    assert end.reason.startswith("not reviewed: TypeError: a review gives a bool")


def test_a_review_that_nobody_waits_for_does_no_harm(system: ActorSystem, spec: Any) -> None:
    reviewer = system.spawn(spec(Reviewer, "reviewer", args=(lambda request: AgentFuture(),)))
    reviewer.tell(ASKED)
    with pytest.raises(InvalidMessageError):
        reviewer.tell("no request")
    assert reviewer.is_alive()


def test_a_reviewer_by_declaration_reviews_as_its_method_says(system: ActorSystem, spec: Any) -> None:
    class Strict(Reviewer):
        def review(self, request: ReviewRequest) -> str:
            return f"{len(request.changed_files)} files are too many"

    reviewer = system.spawn(spec(Strict, "strict"))
    assert answer(reviewer, ASKED) == feedback(False, "1 files are too many")


def test_a_reviewer_that_watches_another_cannot_go_on_without_it(system: ActorSystem, spec: Any, log: EventLog) -> None:
    class Watching(Reviewer):
        def review(self, request: ReviewRequest) -> bool:
            self.context.watch(other)
            return True

    other = system.spawn(spec(Agent, "other"))
    reviewer = system.spawn(spec(Watching, "reviewer"))
    assert answer(reviewer, ASKED) == feedback(True)
    other.stop()
    assert isinstance(log.wait(AgentFailed, "/reviewer").error, DeathPactError)


@pytest.mark.parametrize("args", [(), ("no function",)])
def test_a_reviewer_that_reviews_nothing_does_not_start(system: ActorSystem, args: tuple[Any, ...]) -> None:
    with pytest.raises(Exception, match="review: a function that takes a ReviewRequest"):
        system.spawn(ChildSpec(Reviewer, "reviewer", args=args))


def test_who_waits_with_a_thread_for_a_review_gets_it(stage: Stage) -> None:
    def asks_itself(job: Job) -> str:
        return f"approved: {job.review(('a.py',)).get().approved}"

    reviewer = stage.reviewer(True, True)
    assert result(stage.begin(stage.worker(asks_itself), reviewer=reviewer)).text == "approved: True"
    assert [request.changed_files for _, request in stage.reviewed.notes] == [("a.py",), ()]


def test_a_hanging_review_that_no_one_answers_for_tells_why(stage: Stage, clock: WatchedClock) -> None:
    gates = [Gate(), Gate()]
    reviewer = stage.reviewer(*[lambda _, gate=gate: gate.wait() for gate in gates], deadline=5.0)
    end = stage.begin(stage.worker(), reviewer=reviewer, conductor=stage.conductor(False))
    for number, gate in enumerate(gates, 1):
        gate.reached()
        clock.wait_for_timer(5.0 * number)
        clock.advance(5.0)
    assert result(end).reason.startswith(f"not reviewed: {HandlerTimeout.__name__}: /reviewer took longer")
    for gate in gates:
        gate.open()


def test_the_conductor_hears_of_a_review_with_the_fence_of_its_attempt(stage: Stage) -> None:
    end = stage.begin(stage.worker(), reviewer=stage.reviewer(True), conductor=stage.conductor(), attempt=2, fence=7)
    assert type(result(end)) is Completed
    stage.told.wait_until(lambda notes: len(notes) == 1)
    assert stage.told.notes == [InReview("track", "T1", 2, 7, "/worker", 1)]
