"""What becomes of a message that an agent does not accept? It is refused at the sender, and nothing is enqueued."""

from __future__ import annotations

from typing import Any, cast

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentRef,
    ChildSpec,
    DeadLetter,
    InvalidMessageError,
    Mailbox,
    MailboxFullError,
    PipeFailed,
    ReceiveTimeout,
    StopReason,
    Terminated,
    TypedRef,
    default_system,
)
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, Worker, answer, incarnation, result
from tests.typed.counting import Counter, Get, Incr, LooseCounter, Reset


@pytest.mark.parametrize("kind", [Counter, LooseCounter], ids=["base", "attribute"])
def test_what_is_accepted_arrives_as_it_is(system: ActorSystem, spec: Any, kind: type[Agent]) -> None:
    counter = system.spawn(spec(kind, name="counter"))
    sent = [Incr(2), Reset(), Incr(3)]
    for message in sent:
        counter.tell(message)
    asked = Get()
    assert answer(counter, asked) is not None
    seen = counter.proxy().seen.get()
    assert [id(each) for each in seen] == [id(each) for each in (*sent, asked)]


@pytest.mark.parametrize("kind", [Counter, LooseCounter], ids=["base", "attribute"])
@pytest.mark.parametrize(
    "wrong", ["incr", 3, None, {"by": 3}, [Incr(1)], Incr, object()], ids=lambda each: repr(each)[:12]
)
def test_what_is_not_accepted_is_refused_at_the_sender_and_nothing_is_enqueued(
    system: ActorSystem, spec: Any, log: EventLog, kind: type[Agent], wrong: Any
) -> None:
    counter = system.spawn(spec(kind, name="counter"))
    for send in (counter.tell, counter.ask, lambda message: counter.ask(message, block=False)):
        with pytest.raises(
            InvalidMessageError, match=r"^/counter does not accept .*: expected Incr or Get or Reset, got"
        ):
            send(wrong)
    assert counter.proxy().seen.get() == []
    assert log.of(DeadLetter) == []


def test_the_error_carries_the_path_the_message_and_its_value(system: ActorSystem, spec: Any) -> None:
    counter = system.spawn(spec(Counter, name="counter"))
    with pytest.raises(InvalidMessageError) as caught:
        counter.tell("incr")
    error = caught.value
    assert (error.path, error.message, error.field, error.value) == ("/counter", "incr", "", "incr")
    assert str(error) == "/counter does not accept 'incr': expected Incr or Get or Reset, got str"


def test_a_dict_that_fits_is_not_made_a_message_and_the_error_says_how_it_would_be(
    system: ActorSystem, spec: Any
) -> None:
    class Adder(Agent):
        accepts = Incr

    adder = system.spawn(spec(Adder, name="adder"))
    with pytest.raises(InvalidMessageError, match="it would fit, but nothing is converted: see `decode`"):
        adder.tell({"by": 3})


def test_of_a_dict_that_does_not_fit_the_field_and_the_value_are_named(system: ActorSystem, spec: Any) -> None:
    class Adder(Agent):
        accepts = Incr

    adder = system.spawn(spec(Adder, name="adder"))
    with pytest.raises(InvalidMessageError) as caught:
        adder.tell({"by": "three"})
    assert (caught.value.field, caught.value.value) == ("by", "three")
    assert "/adder" in str(caught.value)
    assert "by: Input should be a valid integer" in str(caught.value)


def test_a_subclass_of_what_is_accepted_is_accepted(system: ActorSystem, spec: Any) -> None:
    class Twice(Incr):
        pass

    counter = system.spawn(spec(Counter, name="counter"))
    counter.tell(Twice(2))
    assert answer(counter, Get()) == 2


def test_an_agent_that_declares_nothing_has_a_plain_ref_that_takes_everything(system: ActorSystem, spec: Any) -> None:
    worker = system.spawn(spec(Worker, name="worker"))
    assert type(worker) is AgentRef
    assert type(worker).tell is AgentRef.tell
    assert answer(worker, "anything") == "anything"


def test_the_refs_are_typed_wherever_they_come_from(system: ActorSystem, spec: Any) -> None:
    class Parent(Agent):
        def on_receive(self, message: Any) -> Any:
            return self.context.spawn(Counter, name="child")

    child = system.spawn(spec(Parent, name="parent")).ask("spawn")
    assert type(child) is TypedRef
    assert system.find("/parent/child") is child
    for ref in (child, system.select("/parent/*")[0]):
        with pytest.raises(InvalidMessageError, match=r"^/parent/child does not accept 'x'"):
            ref.tell("x")


def test_an_agent_that_was_restarted_accepts_the_same(system: ActorSystem, spec: Any) -> None:
    class Fragile(Agent):
        accepts = Boom | str

        def on_receive(self, message: Any) -> Any:
            if isinstance(message, Boom):
                raise message
            return self.context.incarnation

    class Parent(Agent):
        def on_receive(self, message: Any) -> Any:
            return self.context.spawn(spec(Fragile, name="fragile"))

    fragile = answer(system.spawn(spec(Parent, name="parent")), "spawn")
    fragile.tell(Boom("once"))
    assert incarnation(fragile) == 2
    with pytest.raises(InvalidMessageError):
        fragile.tell(3)


def test_what_the_framework_tells_always_arrives(
    system: ActorSystem, spec: Any, clock: WatchedClock, trace: Trace
) -> None:
    class Listener(Agent):
        """Accepts no more than a Reset; notes what comes."""

        accepts = Reset

        def __init__(self, other: AgentRef[Any]) -> None:
            self.other = other

        def on_start(self) -> None:
            self.context.watch(self.other)
            self.context.timers.once("mine", 5.0, "of its own timer")
            self.context.set_receive_timeout(60.0)
            self.context.pipe_to_self(self.other.ask(Boom("piped"), block=False))

        def on_receive(self, message: Any) -> Any:
            trace.note(message if isinstance(message, str) else type(message))

    other = system.spawn(spec(Worker, name="other"))
    listener = system.spawn(spec(Listener, name="listener", args=(other,)))
    trace.wait_until(lambda notes: {PipeFailed, Terminated} <= set(notes))
    clock.advance(5.0)
    trace.wait_for("of its own timer")
    clock.advance(60.0)
    trace.wait_for(ReceiveTimeout)
    listener.tell(cast("Any", Terminated(other, StopReason.NORMAL)))
    trace.wait_for(Terminated, times=2)


def test_a_result_that_is_piped_to_itself_is_a_message_like_any_other(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    class Piper(Agent):
        accepts = Reset | str

        def on_receive(self, message: Any) -> Any:
            if message == "pipe":
                self.context.pipe_to_self(worker.ask(7, block=False))
            return message

    worker = system.spawn(spec(Worker, name="worker"))
    piper = system.spawn(spec(Piper, name="piper"))
    piper.tell("pipe")
    letter = log.wait(DeadLetter, "/piper")
    assert (letter.message, letter.reason) == (7, "refused")
    assert isinstance(letter.error, InvalidMessageError)


def test_an_agent_that_became_another_accepts_what_its_class_says(system: ActorSystem, spec: Any) -> None:
    class Changing(Agent):
        accepts = str

        def on_receive(self, message: Any) -> Any:
            self.context.become(lambda message: f"now {message}")

    changing = system.spawn(spec(Changing, name="changing"))
    answer(changing, "become")
    assert answer(changing, "a") == "now a"
    with pytest.raises(InvalidMessageError):
        changing.tell(1)


def test_a_refused_message_costs_no_room_in_a_bounded_mailbox(system: ActorSystem, dispatcher: Any) -> None:
    gate = Gate()

    class Slow(Agent):
        accepts = str

        def on_receive(self, message: Any) -> Any:
            gate.wait()

    slow = system.spawn(ChildSpec(Slow, name="slow", mailbox=Mailbox(capacity=1), dispatcher=dispatcher))
    with gate:
        slow.tell("in hand")
        gate.reached()
        for _ in range(3):
            with pytest.raises(InvalidMessageError):
                slow.tell(1)
        slow.tell("queued")
        with pytest.raises(MailboxFullError):
            slow.tell("one too many")


def test_an_ask_with_a_timeout_is_answered_in_time(system: ActorSystem, spec: Any) -> None:
    counter = system.spawn(spec(Counter, name="counter", args=(4,)))
    assert counter.ask(Get(), timeout=5.0) == 4
    assert result(counter.ask(Get(), block=False, timeout=5.0)) == 4


def test_an_agent_without_a_supervisor_is_as_strict() -> None:
    with default_system():
        counter = Counter.start(3)
        assert isinstance(counter, TypedRef)
        assert counter.ask(Get()) == 3
        with pytest.raises(InvalidMessageError, match="does not accept 'x'"):
            counter.tell(cast("Any", "x"))


def test_proxies_call_methods_and_read_attributes_as_ever(system: ActorSystem, spec: Any) -> None:
    counter = system.spawn(spec(Counter, name="counter"))
    proxy = counter.proxy()
    assert result(proxy.add(3)) == 3
    proxy.total = 10
    assert result(proxy.total) == 10
    assert answer(counter, Get()) == 10
