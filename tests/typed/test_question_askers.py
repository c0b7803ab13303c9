"""What has an agent of its questions, whatever becomes of itself?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentFuture,
    AgentRef,
    Answered,
    Cancelled,
    ChildSpec,
    DeadLetter,
    Mailbox,
    TimedOut,
)
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, Worker, answer
from tests.typed.asking import Asker, ask, came, refused, reply


def test_answers_come_whatever_the_room_in_the_askers_mailbox(
    system: ActorSystem, dispatcher: Any, trace: Trace, chief: Any
) -> None:
    gate = Gate()
    mailbox = Mailbox(capacity=1)
    asker: Any = system.spawn(ChildSpec(Asker, name="asker", args=(trace,), mailbox=mailbox, dispatcher=dispatcher))
    numbers = [ask(asker, chief, f"q{n}") for n in range(3)]
    with gate:
        asker.tell(lambda agent: gate.wait())
        gate.reached()
        asker.tell(lambda agent: None)  # now it is full
        for n in range(3):
            reply(chief, f"q{n}", n)
    assert [each.answer for each in came(trace, *numbers)] == [0, 1, 2]


def test_an_answer_for_an_incarnation_that_has_ended_is_a_dead_letter(
    system: ActorSystem, spec: Any, trace: Trace, chief: Any, log: EventLog
) -> None:
    class Parent(Agent):
        def on_receive(self, message: Any) -> Any:
            return self.context.spawn(spec(Asker, name="asker", args=(trace,)))

    asker = answer(system.spawn(spec(Parent, name="parent")), "spawn")
    number = ask(asker, chief, "q")
    asker.tell(Boom("once"))
    assert answer(asker, lambda agent: agent.questions.open) == ()
    reply(chief, "q", "late")
    letter = log.wait(DeadLetter, "/parent/asker", times=2)
    assert (letter.message, letter.reason) == (Answered(number, "q", "late"), "stale incarnation")
    assert trace.notes == []


def test_an_incarnation_that_has_ended_asks_no_more(asker: Any, chief: Any) -> None:
    questions = answer(asker, lambda agent: agent.questions)
    asker.stop()
    with pytest.raises(Cancelled):
        questions.ask(chief, "q", 1.0)


def test_a_question_that_is_withdrawn_has_no_answer_and_is_not_begun(
    system: ActorSystem, dispatcher: Any, trace: Trace, asker: Any
) -> None:
    gate = Gate()
    handled = Trace()

    class Slow(Agent):
        def on_receive(self, message: Any) -> Any:
            handled.note(message)
            gate.wait()

    slow = system.spawn(ChildSpec(Slow, name="slow", dispatcher=dispatcher))
    with gate:
        slow.tell("in hand")
        gate.reached()
        number = ask(asker, slow, "withdrawn")
        assert answer(asker, lambda agent: agent.questions.withdraw(number))
        assert not answer(asker, lambda agent: agent.questions.withdraw(number))
        assert answer(asker, lambda agent: agent.questions.open) == ()
    answer(slow, "next")
    answer(asker, lambda agent: None)
    assert handled.notes == ["in hand", "next"]
    assert trace.notes == []


def test_who_was_asked_learns_that_the_question_was_withdrawn(asker: Any, chief: Any) -> None:
    number = ask(asker, chief, "q")
    assert answer(chief, lambda agent: agent.held["q"].cancelled) is False
    answer(asker, lambda agent: agent.questions.withdraw(number))
    assert answer(chief, lambda agent: agent.held["q"].cancelled) is True


@pytest.mark.parametrize("timeout", [0, -1.0, None, "1", float("nan"), True])
def test_a_question_has_a_time_limit(asker: Any, chief: Any, timeout: Any) -> None:
    assert "timeout: seconds above 0, not" in str(refused(asker, chief, "q", timeout=timeout))
    assert "ref: an AgentRef, not 'chief'" in str(refused(asker, "chief", "q"))


# -- refs that ask in a way of their own --------------------------------------------


class OwnRef(AgentRef[Any]):
    """Answers with a future that it has made itself."""

    __slots__ = ("future",)

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        if message == "ask":
            return super().ask(message, block=block, timeout=timeout)
        self.future: AgentFuture[Any] = AgentFuture()
        return self.future


class Own(Worker):
    ref_class = OwnRef


def test_a_ref_that_asks_in_its_own_way_does(system: ActorSystem, spec: Any, trace: Trace, asker: Any) -> None:
    own: Any = system.spawn(spec(Own, name="own"))
    plain = ask(asker, own, "ask")
    assert came(trace, plain)[0].answer == "ask"
    number = ask(asker, own, "q")
    own.future.set("made")
    trace.wait_until(lambda notes: len(notes) == 2)
    assert came(trace, number)[0].answer == "made"
    failing = ask(asker, own, "q")
    own.future.resolve(error=Boom("made"))
    trace.wait_until(lambda notes: len(notes) == 3)
    assert isinstance(came(trace, failing)[0].error, Boom)


def test_a_ref_that_asks_in_its_own_way_has_no_more_time_than_others(
    system: ActorSystem, spec: Any, trace: Trace, asker: Any, clock: WatchedClock
) -> None:
    own: Any = system.spawn(spec(Own, name="own"))
    number = ask(asker, own, "q", timeout=5.0)
    clock.advance(5.0)
    assert isinstance(came(trace, number)[0], TimedOut)
    withdrawn = ask(asker, own, "q", timeout=5.0)
    assert answer(asker, lambda agent: agent.questions.withdraw(withdrawn))
    clock.advance(5.0)
    answer(asker, lambda agent: None)
    assert len(trace.notes) == 1
