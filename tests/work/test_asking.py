"""Is whoever works always answered: by the conductor, by an approver, by anybody else?"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from loguru import logger

from actors import ActorSystem, Agent, AgentNotFoundError, AgentStoppedError, ChildSpec, Emitted, ReplyError
from actors.testkit import Gate, Probe
from actors.tickets import Ticket
from actors.typed import (
    AdditionalContext,
    ApprovalAnswer,
    Decision,
    GraphNode,
    NeedsDecision,
    ReviewFeedback,
    ReviewRequest,
)
from actors.work import AddTickets, Job, QueryStatus, Worker, agent_tools
from tests.core.clocks import WatchedClock
from tests.core.helpers import EventLog, Trace, result
from tests.core.scripted import FOREVER
from tests.work.conftest import Start
from tests.work.tickets import BOTH_WAYS, asked, assignment, done, ticket


def decide(job: Job) -> Any:
    decision = yield job.decide("which of them?", timeout=60.0)
    return f"{decision.granted}: {decision.reason}"


@BOTH_WAYS
@pytest.mark.system_case("D0.8")
def test_a_question_is_answered_with_a_decision(start: Start, written: Any, conductor: Probe) -> None:
    end = asked(start(written(decide)), conductor=conductor)
    question = conductor.expect(NeedsDecision)
    assert (question.agent_id, question.task_id, question.decision.title) == ("/worker", "T1", "which of them?")
    assert (question.decision.id, question.decision.created_by) == ("track/T1/1/1", "/worker")
    conductor.reply(Decision(task_id="T1", granted=True, reason="the first"))
    assert result(end).text == "True: the first"


@BOTH_WAYS
@pytest.mark.system_case("D0.8")
def test_a_question_that_nobody_answers_in_time_is_refused(
    start: Start, clock: WatchedClock, written: Any, conductor: Probe
) -> None:
    end = asked(start(written(decide)), conductor=conductor)
    conductor.expect(NeedsDecision)
    clock.settle()
    clock.advance(60.0)
    assert result(end).text == "False: not decided: AskTimeout: no reply from /conductor within 60 seconds"


@BOTH_WAYS
@pytest.mark.system_case("D0.8")
def test_without_anybody_to_decide_the_answer_is_no(start: Start, system: ActorSystem, written: Any) -> None:
    ref = start(written(decide))
    assert done(ref).text == "False: not decided: there is nobody to decide"
    gone = Probe(system, "gone")
    gone.ref.stop()
    assert done(ref, conductor=gone).text.startswith("False: not decided: AgentStoppedError")


def test_a_node_of_the_graph_is_a_question_as_well(start: Start, conductor: Probe) -> None:
    def work(job: Job) -> Any:
        own = {"project_id": "p", "node_type": "decision", "title": "t", "status": "pending"}
        node = GraphNode.model_validate({"id": "d-1", "created_at": "2000-01-01T00:00:00Z", **own}, strict=False)
        return str((yield job.decide(node)).granted)

    end = asked(start(work), conductor=conductor)
    assert conductor.expect(NeedsDecision).decision.id == "d-1"
    conductor.reply(Decision(granted=False, reason="no"))
    assert result(end).text == "False"


@BOTH_WAYS
def test_who_was_restarted_over_a_question_is_asked_again(
    start: Start, system: ActorSystem, trace: Trace, written: Any
) -> None:
    class Forgetful(Agent):
        def on_receive(self, message: Any) -> Any:
            if message == "crash":
                raise OSError("crashed")
            trace.note(message.key)
            if self.context.incarnation == 1:
                self.context.defer()
                return None
            return ApprovalAnswer(task_id=message.task_id, outcome="approved")

    def steps(job: Job) -> Any:
        return (yield job.approve("deploy")).outcome

    forgetful = system.spawn(ChildSpec(Forgetful, name="forgetful", policy=FOREVER))
    end = asked(start(written(steps)), approver=forgetful)
    trace.wait_for("track/T1/1/deploy/1")
    forgetful.tell("crash")
    assert result(end).text == "approved"
    assert trace.count("track/T1/1/deploy/1") == 2


@BOTH_WAYS
def test_one_that_does_not_accept_the_question_has_not_approved(
    start: Start, system: ActorSystem, written: Any
) -> None:
    class Counting(Agent):
        accepts = int

    def steps(job: Job) -> Any:
        return (yield job.approve("deploy")).reason

    end = done(start(written(steps)), approver=system.spawn(Counting, name="counting"))
    assert end.text.startswith("no answer: InvalidMessageError: /counting does not accept")


class Owing(Worker):
    """Owes the answer to what it is asked, and fails over a number."""

    def on_message(self, message: Any) -> Any:
        if isinstance(message, int):
            raise OSError("crashed")
        if self.context.incarnation > 1:
            return f"incarnation {self.context.incarnation}"
        self.context.defer()
        return None


@BOTH_WAYS
def test_another_worker_is_asked_again_after_its_restart(
    start: Start, clock: WatchedClock, trace: Trace, written: Any
) -> None:
    other = start(lambda job: None, name="other", kind=Owing)

    def steps(job: Job) -> Any:
        trace.note("asks")
        return (yield job.ask_of(other, "how far are you?", timeout=60.0))

    end = asked(start(written(steps)))
    trace.wait_for("asks")
    clock.settle()
    other.tell(1)
    assert result(end).text == "incarnation 2"


def test_who_is_never_there_for_long_is_asked_a_few_times_only(start: Start, conductor: Probe) -> None:
    def work(job: Job) -> Any:
        return (yield job.decide("which?", timeout=60.0)).reason

    end = asked(start(work), conductor=conductor)
    for _ in range(6):
        conductor.expect(NeedsDecision)
        conductor.reply_error(AgentStoppedError("restarted", path="/conductor"))
    assert result(end).text == "not decided: AgentStoppedError: restarted"
    conductor.expect_none()


def test_time_that_is_over_is_not_begun_again_by_a_restart(start: Start, clock: WatchedClock, conductor: Probe) -> None:
    def work(job: Job) -> Any:
        return (yield job.decide("which?", timeout=60.0)).reason

    end = asked(start(work), conductor=conductor)
    conductor.expect(NeedsDecision)
    clock.settle()
    clock.advance(40.0)
    conductor.reply_error(AgentStoppedError("restarted", path="/conductor"))
    conductor.expect(NeedsDecision)
    clock.settle()
    clock.advance(20.0)
    assert result(end).text.startswith("not decided: AskTimeout")
    assert clock.now() == 60.0


@BOTH_WAYS
def test_anybody_may_be_asked_and_what_they_raise_is_raised(start: Start, written: Any, conductor: Probe) -> None:
    def steps(job: Job) -> Any:
        first = yield job.ask_of(conductor.ref, "one")
        try:
            yield job.ask_of(conductor.ref, "two")
        except ReplyError as error:
            return f"{first}, {error}"

    end = asked(start(written(steps)))
    conductor.expect("one")
    conductor.reply(1)
    conductor.expect("two")
    conductor.reply_error(ReplyError("not that"))
    assert result(end).text == "1, not that"


def test_without_a_reviewer_all_is_approved(start: Start) -> None:
    assert done(start(lambda job: str(job.review().get().approved))).text == "True"


def test_sleep_goes_by_the_clock_of_the_system(start: Start, clock: WatchedClock) -> None:
    end = asked(start(lambda job: (yield job.sleep(30.0)) or "awake"))
    clock.settle()
    clock.advance(29.0)
    clock.settle()
    assert not end.settled
    clock.advance(1.0)
    assert result(end).text == "awake"


@pytest.mark.parametrize("seconds", [-1.0, "long"])
def test_no_seconds_are_refused(start: Start, seconds: Any) -> None:
    with pytest.raises(ValueError, match="seconds: 0 or more"):
        done(start(lambda job: job.sleep(seconds)))


# -- more work ---------------------------------------------------------------------------


@BOTH_WAYS
def test_tickets_may_be_added_by_the_work(start: Start, written: Any, conductor: Probe) -> None:
    more = ticket("T2")

    def steps(job: Job) -> Any:
        return str((yield job.add_tickets([more])))

    end = asked(start(written(steps)), assignment(conductor=conductor, fence=4))
    message = conductor.expect(AddTickets)
    assert (message.track, message.task_id, message.fence, message.agent_id) == ("track", "T1", 4, "/worker")
    assert (message.tickets, message.known_too) == ((more,), False)
    conductor.reply(("T2",))
    assert result(end).text == "('T2',)"


def test_what_is_wrong_with_them_is_raised(start: Start, conductor: Probe) -> None:
    def work(job: Job) -> Any:
        with pytest.raises(ReplyError, match="T1 is there already"):
            yield job.add_tickets([ticket("T1")])
        return "went on"

    end = asked(start(work), conductor=conductor)
    conductor.expect(AddTickets)
    conductor.reply_error(ReplyError("T1 is there already"))
    assert result(end).text == "went on"


def test_without_a_conductor_there_is_nowhere_to_add_them(start: Start) -> None:
    with pytest.raises(AgentNotFoundError, match="nobody conducts track/T1/1"):
        done(start(lambda job: job.add_tickets([]).get()))


@pytest.mark.system_case("D0.8")
def test_a_part_is_delegated_once_however_often_the_ticket_is_tried(
    start: Start, log: EventLog, conductor: Probe
) -> None:
    def work(job: Job) -> Any:
        return str([(yield job.delegate("read a.py")), (yield job.delegate("read b.py", profile="reader"))])

    ref = start(work)
    for attempt, new in ((1, True), (2, False)):
        end = asked(ref, attempt=attempt, conductor=conductor)
        for name, profile in (("T1.1", "coder"), ("T1.2", "reader")):
            message = conductor.expect(AddTickets)
            (child,) = message.tickets
            assert (child.id, message.known_too) == (name, True)
            assert child.metadata == {"profile": profile, "spawned_by": "/worker"}
            conductor.reply((name,) if new else ())
        assert result(end).text == "['T1.1', 'T1.2']"
    told = [event.record for event in log.of(Emitted) if event.record.event_type == "task_delegated"]
    assert [(record.task_id, record.scope) for record in told] == [("T1", "T1.1"), ("T1", "T1.2")]


# -- what a model may have its agent do with others ---------------------------------------


def test_there_are_no_such_tools_where_nobody_conducts(start: Start) -> None:
    assert done(start(lambda job: str(agent_tools(job)))).text == "{}"


def with_tools(name: str, **input: Any) -> Any:
    def work(job: Job) -> str:
        return agent_tools(job)[name](**input)

    return work


def test_a_model_has_a_part_done_by_another_agent(start: Start, conductor: Probe) -> None:
    work = with_tools("spawn_sub_agent", description="read a.py")
    end = asked(start(work), conductor=conductor)
    (child,) = conductor.expect(AddTickets).tickets
    assert (child.id, child.description, child.metadata["profile"]) == ("T1.1", "read a.py", "coder")
    conductor.reply(("T1.1",))
    assert result(end).text == "ticket T1.1 is to be done by a coder"


def test_a_part_that_was_not_taken_is_text_for_the_model(start: Start, conductor: Probe) -> None:
    end = asked(start(with_tools("spawn_sub_agent", description="read a.py")), conductor=conductor)
    conductor.expect(AddTickets)
    conductor.reply_error(ReplyError("parent T1 not found"))
    assert result(end).text == "not delegated: ReplyError: parent T1 not found"


@pytest.mark.parametrize("to", ["/peer", "peer"])
def test_a_model_sends_what_agents_may_tell_one_another(
    start: Start, system: ActorSystem, conductor: Probe, to: str
) -> None:
    peer = Probe(system, "peer")

    def work(job: Job) -> str:
        send = agent_tools(job)["send_message"]
        return "\n".join(
            [
                send(to, "additional_context", "look at a.py"),
                send(to, "review_request", changed_files=["a.py"]),
                send(to, "review_feedback", "too long", approved=False, work_package_id="wp-1"),
            ]
        )

    assert done(start(work), conductor=conductor).text == "\n".join([f"sent to {to}"] * 3)
    assert peer.expect(AdditionalContext).content == "look at a.py"
    assert peer.expect(ReviewRequest) == ReviewRequest(work_package_id="track/T1/1", changed_files=("a.py",))
    assert peer.expect(ReviewFeedback) == ReviewFeedback(work_package_id="wp-1", approved=False, comments=("too long",))


@pytest.mark.parametrize(
    ("input", "said"),
    [
        ({"to": "/peer", "type": "gossip"}, "unknown message_type 'gossip'"),
        ({"to": "/nobody", "type": "additional_context"}, "there is no agent /nobody"),
        ({"to": "not / a name", "type": "additional_context"}, "there is no agent not / a name"),
        ({"to": "/peer", "type": "review_feedback"}, "not sent to /peer: ValidationError"),
        ({"to": "/peer", "type": "additional_context", "content": 3}, "not sent to /peer: ValidationError"),
    ],
    ids=["unknown type", "unknown agent", "no name", "no verdict", "no text"],
)
def test_what_cannot_be_sent_is_text_for_the_model_and_never_raised(
    start: Start, system: ActorSystem, conductor: Probe, input: dict[str, Any], said: str
) -> None:
    Probe(system, "peer")
    assert done(start(with_tools("send_message", **input)), conductor=conductor).text.startswith(said)


@pytest.mark.parametrize(
    ("answer", "text"), [("T7: in progress", "T7: in progress"), ("", "no tasks found for this agent")]
)
def test_a_model_asks_how_far_another_is(start: Start, conductor: Probe, answer: str, text: str) -> None:
    end = asked(start(with_tools("query_agent_status", agent="w-2")), conductor=conductor)
    assert conductor.expect(QueryStatus) == QueryStatus("w-2")
    conductor.reply(answer)
    assert result(end).text == text


def test_that_nobody_knows_is_text_for_the_model(start: Start, conductor: Probe) -> None:
    end = asked(start(with_tools("query_agent_status")), conductor=conductor)
    assert conductor.expect(QueryStatus) == QueryStatus("/worker")
    conductor.reply_error(ReplyError("not now"))
    assert result(end).text == "not known: ReplyError: not now"


def test_a_model_whose_work_was_given_up_gets_no_text_for_that(start: Start, conductor: Probe) -> None:
    given = assignment(conductor=conductor)
    end = asked(start(with_tools("query_agent_status")), given)
    conductor.expect(QueryStatus)
    given.cancel.cancel("enough")
    assert result(end).reason == "enough"


# -- the log ---------------------------------------------------------------------------------


@BOTH_WAYS
@pytest.mark.system_case("D3.12")
def test_each_line_of_the_log_names_the_ticket_it_is_about(start: Start, written: Any) -> None:
    records: list[Any] = []
    sink = logger.add(lambda message: records.append(message.record), filter=lambda record: "said" in record["message"])
    both = Gate("both")

    def steps(job: Job) -> Any:
        both.wait()
        logger.info("said by any code")
        yield
        job.log.info("said by the job")
        if job.ticket.id == "T2":
            raise OSError("crashed")

    try:
        ends = [asked(start(written(steps), name=f"w-{name}"), name) for name in ("T1", "T2")]
        both.reached(2)
        both.open()
        result(ends[0])
        with pytest.raises(OSError, match="crashed"):
            result(ends[1])
        logger.info("said outside")
    finally:
        logger.remove(sink)
    told = sorted((record["extra"].get("ticket", ""), record["message"]) for record in records)
    assert told == [
        ("", "said outside"),
        ("T1", "said by any code"),
        ("T1", "said by the job"),
        ("T2", "said by any code"),
        ("T2", "said by the job"),
    ]
    assert {record["extra"].get("worker") for record in records} == {None, "/w-T1", "/w-T2"}


def test_a_ticket_may_be_of_any_class_of_tickets(start: Start, conductor: Probe) -> None:
    class Own(Ticket):
        size: int = 1

    end = asked(
        start(lambda job: (yield job.delegate("part", size=2))),
        ticket=Own(id="T1", description="x"),
        conductor=conductor,
    )
    (child,) = conductor.expect(AddTickets).tickets
    assert child == Own(id="T1.1", description="part", size=2, metadata={"profile": "coder", "spawned_by": "/worker"})
    conductor.reply_error(AgentStoppedError("gone", path="/conductor"))
    conductor.expect(AddTickets)  # it lives: asked again
    conductor.reply(("T1.1",))
    assert result(end).text == "T1.1"


WRONG: dict[str, Callable[[Job], object]] = {
    "every: a whole number of at least 1, not 0": lambda job: job.progress("x", every=0),
    "every: a whole number of at least 1, not 'x'": lambda job: job.progress("x", every="x"),  # type: ignore[arg-type]
    "name: that of the tool, not 5": lambda job: job.tool(5, print),  # type: ignore[arg-type]
    "function: what tool add calls, not 5": lambda job: job.tool("add", 5),  # type: ignore[arg-type]
    "timeout: seconds, or None, not 'x'": lambda job: job.decide("now?", timeout="x"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("why", WRONG)
def test_what_a_job_cannot_do_is_an_error_where_it_is_asked_for(start: Start, why: str, conductor: Probe) -> None:
    def work(job: Job) -> str:
        with pytest.raises(ValueError, match=f"^{re.escape(why)}$"):
            WRONG[why](job)
        return "told so"

    assert done(start(work), conductor=conductor).text == "told so"
