"""What is known of a message besides itself, and can anybody lie about it?"""

from __future__ import annotations

import copy
import inspect
import pickle
from datetime import timedelta
from typing import Any

import pytest

from actors import (
    Accepting,
    ActorSystem,
    Agent,
    AgentNotFoundError,
    AgentRef,
    DeadLetter,
    Envelope,
    Enveloped,
    InvalidMessageError,
    Router,
    post,
)
from actors._core.here import here
from actors._core.wall import EPOCH
from actors.testkit import Simulation
from actors.typed import EnvelopedRef, envelope
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, Worker, answer
from tests.typed.counting import Counter, Get


class Reader(Enveloped):
    """Notes each message with its envelope, and does what the message says."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def on_start(self) -> None:
        self.trace.note(("start", self.envelope))

    def on_receive(self, message: Any) -> Any:
        self.trace.note((message, self.envelope))
        if isinstance(message, BaseException):
            raise message
        if callable(message):
            return message(self)
        return self.envelope


class Doer(Agent):
    """Does what it is told: a function of the agent."""

    def on_receive(self, message: Any) -> Any:
        return message(self)


@pytest.fixture
def reader(system: ActorSystem, spec: Any, trace: Trace) -> Any:
    return system.spawn(spec(Reader, name="reader", args=(trace,)))


@pytest.fixture
def doer(system: ActorSystem, spec: Any) -> Any:
    return system.spawn(spec(Doer, name="doer"))


def noted(trace: Trace, message: Any) -> Any:
    """Give the envelope with which a message came."""
    notes = trace.wait_until(lambda notes: any(note[0] == message for note in notes))
    return next(envelope for note, envelope in notes if note == message)


@pytest.mark.system_case("T15")
def test_each_message_has_an_id_a_sender_a_recipient_and_a_time_in_utc(
    system: ActorSystem, clock: WatchedClock, trace: Trace, reader: Any, doer: Any
) -> None:
    sends = {
        "told": lambda: answer(doer, lambda agent: reader.tell("told")),
        "asked": lambda: answer(doer, lambda agent: reader.ask("asked")),
        "asked later": lambda: answer(doer, lambda agent: reader.ask("asked later", block=False).settled),
        "posted": lambda: answer(doer, lambda agent: post(reader, "posted")),
    }
    for message, send in sends.items():
        before = clock.now()
        send()
        came = noted(trace, message)
        assert came.message == message
        assert came.sender is doer
        assert came.recipient is reader
        assert came.time.utcoffset() == timedelta(0)
        assert EPOCH + timedelta(seconds=before) <= came.time <= EPOCH + timedelta(seconds=clock.now())
        assert (came.correlation_id, dict(came.headers)) == (None, {})
        clock.advance(1.0)
    assert len({noted(trace, message).id for message in sends}) == len(sends)


@pytest.mark.system_case("T15")
def test_what_was_sent_by_no_agent_has_no_sender(trace: Trace, reader: Any) -> None:
    reader.tell("from outside")
    assert noted(trace, "from outside").sender is None
    assert answer(reader, "asked from outside").sender is None


@pytest.mark.system_case("T15")
def test_nobody_can_send_in_the_name_of_another(trace: Trace, reader: Any, doer: Any) -> None:
    for public in (post, AgentRef.tell, AgentRef.ask, EnvelopedRef.tell, EnvelopedRef.ask, Envelope.reply, Envelope):
        assert not {"sender", "from_", "id", "time"} & set(inspect.signature(public).parameters)
    with pytest.raises(TypeError, match="an Envelope is made by `post`"):
        Envelope()
    answer(doer, lambda agent: reader.tell("a"))
    genuine = noted(trace, "a")
    for field in ("sender", "id", "time", "recipient", "message", "headers", "correlation_id"):
        with pytest.raises(AttributeError):
            setattr(genuine, field, None)
    with pytest.raises(TypeError):
        genuine.headers["sender"] = "/doer"
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="cannot be pickled"):
            duplicate(genuine)


@pytest.mark.system_case("T15")
def test_who_forwards_an_envelope_is_the_sender_and_what_is_written_on_it_stays(
    system: ActorSystem, spec: Any, trace: Trace, reader: Any, doer: Any
) -> None:
    other = Trace()
    second = system.spawn(spec(Reader, name="second", args=(other,)))
    answer(doer, lambda agent: post(reader, "a", headers={"step": "1"}, correlation_id="c"))
    genuine = noted(trace, "a")
    assert genuine.sender is doer
    second.tell(genuine)
    forwarded = noted(other, "a")
    assert forwarded.sender is None
    assert (forwarded.recipient, forwarded.correlation_id, dict(forwarded.headers)) == (second, "c", {"step": "1"})
    assert forwarded.id != genuine.id
    post(second, genuine, correlation_id="d")
    other.wait_until(lambda notes: len(notes) == 3)
    assert (other.notes[2][1].sender, other.notes[2][1].correlation_id) == (None, "d")


def test_an_agent_that_is_asked_in_between_is_the_sender_of_what_it_sends(trace: Trace, reader: Any, doer: Any) -> None:
    def ask_reader(agent: Agent) -> Any:
        # The reader runs on this thread, and is the one who sends meanwhile.
        reader.ask(lambda agent: agent.actor_ref.tell("of the reader"))
        reader.tell("of the doer")

    doer.ask(ask_reader)
    assert noted(trace, "of the reader").sender is reader
    assert noted(trace, "of the doer").sender is doer


def test_what_was_written_on_a_message_is_read_by_its_recipient(trace: Trace, reader: Any) -> None:
    headers = {"trace": "7f"}
    sent = post(reader, "a", headers=headers, correlation_id="order-1")
    headers["trace"] = "changed"
    came = noted(trace, "a")
    assert came is sent
    assert (came.correlation_id, dict(came.headers)) == ("order-1", {"trace": "7f"})
    assert repr(came) == f"<Envelope {came.id} from outside to /reader: 'a'>"


def test_what_is_posted_to_any_other_agent_is_the_message_alone(system: ActorSystem, spec: Any, trace: Trace) -> None:
    worker = system.spawn(spec(Worker, name="worker", args=(trace,)))
    sent = post(worker, "a", headers={"step": "1"})
    trace.wait_for(("a", "worker", 1))
    assert (sent.recipient, sent.message, sent.sender) == (worker, "a", None)
    post(worker, sent)
    trace.wait_for(("a", "worker", 1), times=2)
    counter = system.spawn(spec(Counter, name="counter"))
    got = Get()
    counter.tell(post(counter, got))  # type: ignore[arg-type]
    answer(counter, Get())
    assert counter.proxy().seen.get()[:2] == [got, got]


def test_what_an_agent_does_not_accept_is_refused_with_all_that_is_written_on_it(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    class Strict(Enveloped, Accepting[str]):
        def on_receive(self, message: str) -> Any:
            return self.envelope

    strict = system.spawn(spec(Strict, name="strict"))
    assert type(strict) is EnvelopedRef
    assert answer(strict, "a").message == "a"
    wrong: Any = 7
    for send in (strict.tell, strict.ask, lambda message: post(strict, message)):
        with pytest.raises(InvalidMessageError, match="/strict does not accept 7: expected str, got int"):
            send(wrong)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"headers": {"a": 1}}, "headers: a mapping of names to text"),
        ({"headers": ["a"]}, "headers: a mapping of names to text"),
        ({"correlation_id": 7}, "correlation_id: text or None, not 7"),
    ],
)
def test_what_is_written_on_a_message_is_text(reader: Any, options: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        post(reader, "a", **options)
    with pytest.raises(ValueError, match="ref: an AgentRef"):
        post("reader", "a")  # type: ignore[arg-type]


def test_what_the_framework_tells_has_no_envelope(
    system: ActorSystem, clock: WatchedClock, trace: Trace, reader: Any, doer: Any
) -> None:
    def begin(agent: Any) -> None:
        agent.context.timers.once("mine", 5.0, "tick")
        agent.context.watch(doer)

    answer(reader, begin)
    doer.stop()
    clock.advance(5.0)
    assert noted(trace, "tick") is None
    assert noted(trace, "start") is None
    trace.wait_until(lambda notes: any(type(note[0]).__name__ == "Terminated" and note[1] is None for note in notes))
    assert reader.proxy().envelope.get() is None


def test_the_envelope_is_that_of_the_message_in_hand_whatever_the_handler(
    system: ActorSystem, trace: Trace, reader: Any
) -> None:
    def stash(agent: Any) -> None:
        if not agent.trace.count("stashed"):
            agent.trace.note("stashed")
            agent.context.stash()
            agent.context.become(unstash)

    def unstash(_: Any) -> Any:
        agent = here.context.agent
        agent.context.unbecome()
        agent.context.unstash_all()
        return agent.envelope

    first = post(reader, stash)
    second = answer(reader, "b")
    assert second.message == "b"
    answer(reader, "c")
    came = [note[1] for note in trace.notes if note[0] is stash]
    assert came == [first, first]  # with the same envelope when it came back


def test_an_answer_may_be_deferred(reader: Any) -> None:
    held: list[Any] = []
    asked = reader.ask(lambda agent: held.append(agent.context.defer()), block=False)
    answer(reader, "b")
    assert callable(held[0].message)
    held[0].set("later")
    assert asked.get() == "later"


def test_a_dead_letter_shows_the_message(system: ActorSystem, log: EventLog, reader: Any) -> None:
    boom = Boom("once")
    reader.tell(boom)
    assert log.wait(DeadLetter, "/reader").message is boom


def test_a_reply_goes_to_the_sender_and_belongs_to_the_message(
    system: ActorSystem, spec: Any, trace: Trace, reader: Any
) -> None:
    other = Trace()
    second = system.spawn(spec(Reader, name="second", args=(other,)))

    def reply(agent: Any) -> Any:
        return agent.envelope.reply("pong", headers={"n": "1"})

    sent = answer(reader, lambda agent: post(second, reply))
    pong = noted(trace, "pong")
    assert (pong.sender, pong.correlation_id, dict(pong.headers)) == (second, sent.id, {"n": "1"})
    sent = answer(reader, lambda agent: post(second, reply, correlation_id="talk"))
    trace.wait_until(lambda notes: any(note[0] == "pong" and note[1].correlation_id == "talk" for note in notes))
    with pytest.raises(AgentNotFoundError, match="was sent by no agent, so there is nobody to reply to"):
        answer(second, reply)


def test_through_a_router_the_sender_is_the_agent_that_sent(
    system: ActorSystem, trace: Trace, reader: Any, doer: Any
) -> None:
    router = system.spawn(Router, name="router")
    router.join("r", reader)
    answer(doer, lambda agent: router.send("r", "a"))
    assert noted(trace, "a").sender is doer
    assert noted(trace, "a").recipient is reader


def test_the_ids_and_times_of_a_simulation_are_the_same_in_every_run() -> None:
    def run() -> list[tuple[str, Any]]:
        trace = Trace()
        with Simulation(seed=5) as system:
            reader = system.spawn(Reader, trace, name="reader")
            for number in range(3):
                post(reader, number)
                system.advance(1.0)
            answer(reader, "end")
        return [(note[1].id, note[1].time) for note in trace.notes if note[1] is not None]

    assert run() == run()
    assert len(run()) == 4


def test_agents_that_do_not_want_it_have_plain_refs(system: ActorSystem, spec: Any) -> None:
    assert type(system.spawn(spec(Worker))) is AgentRef
    assert envelope.Enveloped.ref_class is EnvelopedRef
