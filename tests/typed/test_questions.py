"""Is a question always answered, by one message, whatever becomes of the one who was asked?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentStoppedError,
    Answered,
    AnswerFailed,
    AskTimeout,
    ChildSpec,
    DeadLetter,
    Decision,
    Enveloped,
    InvalidMessageError,
    Mailbox,
    MailboxFullError,
    ReviewFeedback,
    ReviewRequest,
    TimedOut,
    post,
)
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, Worker, answer
from tests.typed.asking import NEEDS, ask, came, refused, reply


@pytest.mark.system_case("T17")
@pytest.mark.parametrize(
    "decision",
    [Decision(granted=True, task_id="ra-a3f8.1"), Decision(granted=False, reason="parser.py is taken")],
    ids=["granted", "refused"],
)
def test_who_needs_a_decision_is_told_whether_it_is_granted_or_refused(
    trace: Trace, asker: Any, chief: Any, decision: Decision
) -> None:
    number = ask(asker, chief, NEEDS)
    assert answer(asker, lambda agent: agent.questions.open) == (number,)
    assert trace.notes == []  # and the asker goes on meanwhile
    assert reply(chief, NEEDS, decision)
    assert came(trace, number) == [Answered(number, NEEDS, decision)]
    assert answer(asker, lambda agent: agent.questions.open) == ()


@pytest.mark.system_case("T17")
def test_who_needs_a_decision_that_does_not_come_is_told_so_in_time(
    trace: Trace, asker: Any, chief: Any, clock: WatchedClock, log: EventLog
) -> None:
    number = ask(asker, chief, NEEDS, timeout=30.0)
    answer(chief, lambda agent: len(agent.held))
    clock.advance(29.9)
    assert answer(asker, lambda agent: agent.questions.open) == (number,)
    clock.advance(0.2)
    (late,) = came(trace, number)
    assert isinstance(late, TimedOut)
    assert (late.question, type(late.error), late.error.path) == (NEEDS, AskTimeout, "/chief")
    assert not reply(chief, NEEDS, Decision(granted=True))
    assert "late reply" in log.wait(DeadLetter, "/chief").reason
    answer(asker, lambda agent: None)
    assert len(trace.notes) == 1


@pytest.mark.system_case("T17")
@pytest.mark.parametrize("silence", [None, "granted", True, {"granted": True}], ids=repr)
def test_a_decision_that_is_none_is_told_as_such_and_not_dropped_without_a_word(
    trace: Trace, asker: Any, chief: Any, silence: Any
) -> None:
    number = ask(asker, chief, NEEDS)
    reply(chief, NEEDS, silence)
    (failed,) = came(trace, number)
    assert isinstance(failed, AnswerFailed)
    assert isinstance(failed.error, InvalidMessageError)
    assert (failed.error.path, failed.error.message) == ("/asker", silence)
    assert "as the answer of /chief to NeedsDecision(" in str(failed.error)


@pytest.mark.system_case("T17")
def test_who_asks_an_agent_that_stops_is_told_why_there_is_no_answer(trace: Trace, asker: Any, chief: Any) -> None:
    first = ask(asker, chief, NEEDS)
    answer(chief, lambda agent: len(agent.held))
    chief.stop()
    second = ask(asker, chief, NEEDS)
    for failed in came(trace, first, second):
        assert isinstance(failed, AnswerFailed)
        assert isinstance(failed.error, AgentStoppedError)
        assert failed.error.path == "/chief"


def test_who_asks_an_agent_that_fails_is_told_its_error(
    system: ActorSystem, spec: Any, trace: Trace, asker: Any
) -> None:
    worker = system.spawn(spec(Worker, name="worker"))
    boom = Boom("over this")
    (failed,) = came(trace, ask(asker, worker, boom))
    assert (failed.question, failed.error) == (boom, boom)


def test_that_the_other_was_not_answered_in_time_itself_is_no_timeout_of_the_question(
    system: ActorSystem, spec: Any, trace: Trace, asker: Any
) -> None:
    worker = system.spawn(spec(Worker, name="worker"))
    (failed,) = came(trace, ask(asker, worker, AskTimeout("/elsewhere", 1.0)))
    assert isinstance(failed, AnswerFailed)


@pytest.mark.parametrize("overflow", ["reject", "block", "drop_newest"])
def test_a_full_mailbox_holds_nobody_up_and_is_an_answer_too(
    system: ActorSystem, dispatcher: Any, trace: Trace, asker: Any, overflow: str
) -> None:
    gate = Gate()

    class Slow(Agent):
        def on_receive(self, message: Any) -> Any:
            gate.wait()
            return message

    mailbox = Mailbox(capacity=1, overflow=overflow)
    slow = system.spawn(ChildSpec(Slow, name="slow", mailbox=mailbox, dispatcher=dispatcher))
    with gate:
        slow.tell("in hand")
        gate.reached()
        queued = ask(asker, slow, "queued")
        full = ask(asker, slow, "one too many")
        (failed,) = came(trace, full)
        assert isinstance(failed, AnswerFailed)
        if overflow != "drop_newest":
            assert isinstance(failed.error, MailboxFullError)
    assert came(trace, queued)[0].answer == "queued"


def test_what_the_other_does_not_accept_is_refused_at_once(
    system: ActorSystem, spec: Any, trace: Trace, asker: Any
) -> None:
    error = refused(asker, asker, "x")
    assert isinstance(error, InvalidMessageError)
    assert str(error).startswith("/asker does not accept 'x'")
    assert answer(asker, lambda agent: agent.questions.open) == ()
    assert trace.notes == []


# -- which answer to which question -------------------------------------------------


@pytest.mark.system_case("T16")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first first", "last first"])
def test_two_reviews_under_way_are_told_apart_in_either_order(
    trace: Trace, asker: Any, chief: Any, order: tuple[int, int]
) -> None:
    requests = [ReviewRequest(work_package_id=f"wp-{n}", changed_files=("a.py",)) for n in range(2)]
    numbers = [ask(asker, chief, request) for request in requests]
    feedback = [ReviewFeedback(work_package_id=f"wp-{n}", approved=bool(n)) for n in range(2)]
    for n in order:
        reply(chief, requests[n], feedback[n])
        trace.wait_until(lambda notes, n=n: len(notes) == order.index(n) + 1)
    assert [note.correlation_id for note in trace.notes] == [numbers[n] for n in order]
    assert came(trace, *numbers) == [Answered(numbers[n], requests[n], feedback[n]) for n in range(2)]


@pytest.mark.system_case("T16")
def test_feedback_that_is_posted_belongs_to_its_request_in_either_order(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    class Reviewer(Enveloped):
        """Answers in the order opposite to that in which it was asked."""

        def __init__(self) -> None:
            self.requests: list[Any] = []

        def on_receive(self, message: Any) -> None:
            self.requests.append((self.envelope, message))
            if len(self.requests) == 2:
                for envelope, request in reversed(self.requests):
                    envelope.reply(ReviewFeedback(work_package_id=request.work_package_id, approved=True))

    class Author(Enveloped):
        def on_receive(self, message: Any) -> Any:
            if isinstance(message, ReviewFeedback):
                assert self.envelope is not None
                trace.note((self.envelope.correlation_id, message.work_package_id, self.envelope.sender))
                return None
            return message()

    reviewer = system.spawn(spec(Reviewer, name="reviewer"))
    author = system.spawn(spec(Author, name="author"))

    def send(package: str) -> Any:
        request = ReviewRequest(work_package_id=package, changed_files=())
        return answer(author, lambda: post(reviewer, request)).id

    first, second = send("wp-1"), send("wp-2")
    notes = trace.wait_until(lambda notes: len(notes) == 2)
    assert notes == [(second, "wp-2", reviewer), (first, "wp-1", reviewer)]


def test_an_enveloped_agent_knows_who_asks_and_by_which_id(
    system: ActorSystem, spec: Any, trace: Trace, asker: Any
) -> None:
    class Informed(Enveloped):
        def on_receive(self, message: Any) -> Any:
            return self.envelope

    informed = system.spawn(spec(Informed, name="informed"))
    number = ask(asker, informed, "who?", headers={"urgent": "yes"})
    envelope = came(trace, number)[0].answer
    assert (envelope.correlation_id, envelope.sender, envelope.message) == (number, asker, "who?")
    assert dict(envelope.headers) == {"urgent": "yes"}
    assert came(trace, number)[0].question == "who?"


def test_ids_are_never_given_twice(asker: Any, chief: Any) -> None:
    numbers = answer(asker, lambda agent: [agent.ask(chief, f"q{n}") for n in range(50)])
    assert len(set(numbers)) == 50
    assert answer(asker, lambda agent: list(agent.questions.open)) == numbers
