"""Do those who share work hear of one another, and is nothing of it claimed twice, done in part, or lost on the way?

What the bus of the first source system gets wrong, and what its orchestrator makes of that, as far as it is a matter of
messages and of who lives: the rules of tasks and tickets are no part of the framework's core.
"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    Accepting,
    ActorSystem,
    AdditionalContext,
    Agent,
    AgentRef,
    Answered,
    AnswerFailed,
    Cancel,
    DeadLetter,
    DeathPactError,
    Enveloped,
    InvalidMessageError,
    MemberLeft,
    NodeCreated,
    Questions,
    ReplyError,
    RouterRef,
    Send,
    StopReason,
    TaskBlocked,
    TaskCompleted,
    Terminated,
    WorkerMessage,
    decode,
)
from actors.testkit import Gate
from policies import Stop
from tests.core.helpers import Boom, EventLog, Trace, answer, assert_ended
from tests.core.scripted import at_once, doer, held
from tests.routing.members import Start, got, names
from tests.typed.asking import NEEDS
from tests.typed.samples import TASK, WORKER_MESSAGES

system_case = pytest.mark.system_case
COMPLETED = TaskCompleted(agent_id="w", task_id="t", summary="done")
BLOCKED = TaskBlocked(agent_id="w", task_id="t", reason="no grammar")


# -- what is said, by whom, and of what -----------------------------------------------


@system_case("D0.7")
@system_case("T15")
def test_whoever_gets_one_of_the_nine_messages_knows_who_sent_it_to_whom_and_when(
    router: RouterRef, system: ActorSystem, spec: Any, agent: Start, trace: Trace
) -> None:
    class Chief(Enveloped):
        def on_receive(self, message: Any) -> None:
            trace.note((message, self.envelope))

    chief = system.spawn(spec(Chief, "chief"))
    router.join("chief", chief)
    worker = agent("worker")
    answer(worker, lambda agent: [router.send("chief", message) for message in WORKER_MESSAGES] and None)

    def came(notes: list[Any]) -> list[Any]:
        return [note for note in notes if isinstance(note[0], type(WORKER_MESSAGES[0]).__mro__[1])]

    notes = came(trace.wait_until(lambda notes: len(came(notes)) == 9))
    assert {type(message) for message, _ in notes} == set(map(type, WORKER_MESSAGES))
    assert {(envelope.sender, envelope.recipient) for _, envelope in notes} == {(worker, chief)}
    assert len({envelope.id for _, envelope in notes}) == 9
    assert all(envelope.time.utcoffset().total_seconds() == 0 for _, envelope in notes)
    # And those that carried neither name what they belong to.
    assert {"task_id"} < set(Cancel.model_fields)
    assert next(message.work_package_id for message, _ in notes if hasattr(message, "approved")) == "wp-1"


@system_case("T14")
@pytest.mark.parametrize("message", WORKER_MESSAGES, ids=lambda message: type(message).__name__)
def test_each_of_the_nine_messages_comes_out_of_json_as_its_agent_gets_it_and_a_wrong_field_is_named(
    system: ActorSystem, spec: Any, message: Any
) -> None:
    class Echo(Accepting[WorkerMessage]):
        def on_receive(self, message: Any) -> Any:
            return message

    echo = system.spawn(spec(Echo, "echo"))
    assert answer(echo, decode(echo, message.model_dump_json())) == message
    for field in sorted(message.model_fields_set):
        wrong = {**message.model_dump(mode="json"), field: {"no": "such"}}
        with pytest.raises(InvalidMessageError) as caught:
            echo.tell(wrong)
        assert caught.value.field.split(".")[0] == field
        assert echo._cell.queue is None or not len(echo._cell.queue)


@system_case("D0.8")
@system_case("T17")
@pytest.mark.parametrize("chief", ["drops it", "does not know it", "is not there"])
def test_who_needs_a_decision_hears_of_it_whatever_the_other_does(
    system: ActorSystem, spec: Any, trace: Trace, chief: str
) -> None:
    class Dropping(Agent):
        def on_receive(self, message: Any) -> None:
            """As of one that looks for a field that is not there, and goes on."""

    class Worker(Agent):
        def on_receive(self, message: Any) -> Any:
            if isinstance(message, (Answered, AnswerFailed)):
                trace.note(message)
                return None
            return Questions(self.context).ask(message, NEEDS, timeout=30.0)

    other = system.spawn(spec(Dropping if chief == "drops it" else Agent, "chief"))
    if chief == "is not there":
        other.stop()
    number = answer(system.spawn(spec(Worker, "worker")), other)
    (failed,) = trace.wait_until(bool)
    assert isinstance(failed, AnswerFailed)
    assert (failed.correlation_id, failed.question) == (number, NEEDS)
    assert isinstance(failed.error, InvalidMessageError) is (chief != "is not there")


@system_case("D0.15")
def test_what_is_meant_for_the_parent_goes_to_the_parent_alone(agent: Start, trace: Trace, dispatcher: Any) -> None:
    boss, other = agent("boss"), agent("other")
    first, second = (
        answer(boss, lambda agent, name=name: agent.context.spawn(doer(name, trace, dispatcher=dispatcher)))
        for name in ("w-1", "w-2")
    )
    created = NodeCreated(agent_id="w-1", parent_id="ra-a3f8", node=TASK)
    answer(first, lambda agent: agent.context.parent.tell(created))
    assert [got(trace, ref) for ref in (boss, other, first, second)] == [[created], [], [], []]


@system_case("D0.9")
def test_who_works_in_steps_owns_its_mailbox_and_sees_a_cancel_between_two_of_them(
    router: RouterRef, system: ActorSystem, spec: Any, trace: Trace
) -> None:
    gate = Gate()

    class Stepping(Agent):
        def on_receive(self, message: Any) -> Any:
            trace.note(message)
            if isinstance(message, Cancel):
                self.stop()
            elif isinstance(message, int):
                if message == 2:
                    gate.wait()
                self.context.ref.tell(message + 1)

    worker = system.spawn(spec(Stepping, "worker"))
    router.join("worker", worker)
    worker.tell(0)
    gate.reached()
    context, cancel = AdditionalContext(content="more"), Cancel(reason="shutdown")
    router.send("worker", context)
    router.send("worker", cancel)
    gate.open()
    assert_ended(worker)
    assert trace.notes[:4] == [0, 1, 2, cancel]


# -- how work ends --------------------------------------------------------------------


@system_case("D0.11")
def test_who_runs_out_of_turns_has_failed_and_is_not_taken_for_one_that_is_done(
    router: RouterRef, agent: Start, trace: Trace, log: EventLog
) -> None:
    done, spent, watcher = agent("done"), agent("spent", policy=Stop()), agent("watcher")
    for ref in (done, spent):
        router.join(ref.name, ref)
        answer(watcher, lambda agent, ref=ref: agent.context.watch(ref))
    error = Boom("turn limit reached (3)")
    done.tell("stop")
    spent.tell(error)
    trace.wait_until(lambda notes: sum(isinstance(what, Terminated) for what, *_ in notes) == 2)
    ends = {what.ref: what for what in got(trace, watcher)}
    assert (ends[done].reason, ends[done].error) == (StopReason.NORMAL, None)
    assert (ends[spent].reason, ends[spent].error) == (StopReason.FAILED, error)
    assert names(router) == []
    assert {event.name for event in log.of(MemberLeft)} == {"done", "spent"}


class Ledger(Accepting[TaskBlocked | TaskCompleted]):
    """The one who says how a task has ended; the first word counts."""

    def __init__(self) -> None:
        self.ends: dict[str, Any] = {}

    def on_receive(self, message: TaskBlocked | TaskCompleted) -> Any:
        first = self.ends.setdefault(message.task_id, message)
        if first is not message:
            raise ReplyError(f"{message.task_id} has ended already: {first.kind}")
        return message


@system_case("D0.12")
def test_a_task_ends_once_and_whoever_ends_it_again_is_told_so(
    router: RouterRef, system: ActorSystem, spec: Any, log: EventLog
) -> None:
    ledger = system.spawn(spec(Ledger, "ledger"))
    router.join("ledger", ledger)
    ends = [message.model_copy() for message in (BLOCKED, COMPLETED) * 4]

    def end(message: Any) -> Any:
        try:
            return answer(ledger, message)
        except ReplyError as error:
            return str(error)

    came = at_once(*(lambda message=message: end(message) for message in ends))
    (first,) = [each for each in came if not isinstance(each, str)]
    assert [each for each in came if each is not first] == [f"t has ended already: {first.kind}"] * 7
    # Also where nobody waits for an answer it does not go without a word.
    router.send("ledger", COMPLETED)
    letter = log.wait(DeadLetter, "/ledger")
    assert (letter.message, letter.reason) == (COMPLETED, "nobody to answer")


@system_case("D0.13")
def test_an_end_reaches_also_those_behind_the_ones_that_depend_on_it_and_nobody_else(
    system: ActorSystem, spec: Any, agent: Start
) -> None:
    class Dependent(Agent):
        """Cannot go on without what it depends on."""

        def __init__(self, on: AgentRef[Any]) -> None:
            self.context.watch(on)

    a, other = agent("a", policy=Stop()), agent("other")
    b = system.spawn(spec(Dependent, "b", args=(a,), policy=Stop()))
    c = system.spawn(spec(Dependent, "c", args=(b,), policy=Stop()))
    a.tell(Boom("for good"))
    for ref in (a, b, c):
        assert_ended(ref)
    errors = [ref._cell.last_error for ref in (b, c)]
    assert [(type(error), error.path) for error in errors] == [(DeathPactError, "/a"), (DeathPactError, "/b")]
    assert answer(other, "go on") == "go on"


@system_case("D0.14")
def test_a_join_that_is_refused_in_part_is_refused_as_a_whole(
    router: RouterRef, agent: Start, trace: Trace, log: EventLog
) -> None:
    a = agent("a")
    with pytest.raises(ValueError, match="topic"):
        router.join("a", a, ["builds", "news", "builds..done"])
    assert names(router) == []
    assert router.broadcast("to all").count == router.broadcast("on", "builds").count == 0
    assert list(router.directory.refs()) == []
    router.join("a", a, ["builds"])
    assert router.broadcast("on", "builds").count == 1
    assert got(trace, a) == ["on"]


# -- a name is a lock -----------------------------------------------------------------


@pytest.mark.case(111)
@pytest.mark.parametrize("end", ["raises", "stops", "leaves"])
def test_a_name_that_others_wait_for_comes_free_when_its_holder_ends_and_a_waiter_that_ends_holds_up_nobody(
    router: RouterRef, agent: Start, trace: Trace, end: str
) -> None:
    holder, gone, waiter = agent("holder", policy=Stop()), agent("gone"), agent("waiter")
    router.join("lock", holder)
    for ref in (gone, waiter):
        with pytest.raises(ValueError, match="lock is already registered"):
            router.join("lock", ref)
        router.watch_members(ref)
    gone.stop()
    gate = held(waiter)
    if end == "raises":
        holder.tell(Boom("with the lock"))
        assert_ended(holder)
    elif end == "stops":
        holder.stop()
    else:
        router.leave("lock")
    names(router)
    gate.open()
    (left,) = got(trace, waiter, 1)
    assert isinstance(left, MemberLeft)
    assert (left.name, left.ref) == ("lock", holder)
    assert router.join("lock", waiter).ref is waiter
    router.tell(Send("lock", "yours"))
    assert "yours" in got(trace, waiter)
    assert list(router.directory.watchers) == [waiter]
