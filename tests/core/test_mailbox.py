"""What does a mailbox take, in what order does it give it back, and what overtakes?"""

from collections import Counter
from typing import Any

import pytest

from actors import ActorSystem, DeadLetter, Mailbox, MailboxFullError, StopReason, Terminated
from actors._core.here import here
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, end_of, stop
from tests.core.helpers import EventLog, Meeting, Trace, answer, elsewhere, result


@pytest.mark.case(99)
def test_a_sender_that_waited_in_vain_for_room_is_refused_and_the_queue_is_untouched(
    system: ActorSystem, clock: WatchedClock, spec: Any, trace: Trace
) -> None:
    mailbox = Mailbox(capacity=10, overflow="block", timeout=0.01)
    agent = system.spawn(spec(Doer, name="a", args=(trace,), mailbox=mailbox))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    for i in range(10):
        agent.tell(i)

    telling = elsewhere(lambda: agent.tell("eleventh"))
    clock.wait_for_timer(0.01)
    assert not telling.settled
    clock.advance(0.01)
    with pytest.raises(MailboxFullError) as error:
        result(telling)
    gate.open()

    assert (error.value.path, error.value.capacity) == ("/a", 10)
    assert trace.wait_for(9) == list(range(10))


@pytest.mark.case(99)
def test_a_sender_that_waits_for_room_goes_on_as_soon_as_there_is_some(
    system: ActorSystem, clock: WatchedClock, spec: Any, trace: Trace
) -> None:
    mailbox = Mailbox(capacity=10, overflow="block", timeout=0.01)
    agent = system.spawn(spec(Doer, name="a", args=(trace,), mailbox=mailbox))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    for i in range(10):
        agent.tell(i)
    telling = elsewhere(lambda: agent.tell(10))
    clock.wait_for_timer(0.01)

    gate.open()

    result(telling)
    assert trace.wait_for(10) == list(range(11))
    assert clock.now() == 0.0


@pytest.mark.case(99)
@pytest.mark.parametrize(("overflow", "lost"), [("drop_newest", 10), ("drop_oldest", 0)])
def test_what_a_full_mailbox_drops_is_a_dead_letter_that_carries_it(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace, overflow: str, lost: int
) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,), mailbox=Mailbox(capacity=10, overflow=overflow)))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()

    for i in range(11):
        agent.tell(i)
    gate.open()

    letter = log.wait(DeadLetter, "/a")
    assert (letter.message, letter.reason) == (lost, f"mailbox full ({overflow})")
    kept = [i for i in range(11) if i != lost]
    assert trace.wait_for(kept[-1]) == kept


@pytest.mark.case(100)
@pytest.mark.parametrize("mailbox", [None, Mailbox(capacity=8, overflow="block")], ids=["unbounded", "bounded"])
def test_of_ten_thousand_messages_from_four_senders_none_is_lost_or_doubled_and_each_sender_is_in_order(
    system: ActorSystem, spec: Any, trace: Trace, mailbox: Mailbox | None
) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,), mailbox=mailbox))
    each = 2500 if here.scheduler is None else 250
    together = Meeting(4)

    def send(sender: int) -> None:
        together.wait()
        for i in range(each):
            agent.tell((sender, i))

    for sending in [elsewhere(lambda sender=sender: send(sender)) for sender in range(4)]:
        result(sending)
    answer(agent, "barrier")

    handled = trace.notes[:-1]
    assert Counter(handled) == Counter((sender, i) for sender in range(4) for i in range(each))
    for sender in range(4):
        assert [i for who, i in handled if who == sender] == list(range(each))


@pytest.mark.case(101)
def test_a_notice_overtakes_the_messages_that_wait_also_in_a_full_mailbox(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    target = system.spawn(spec(Doer, name="target"))
    agent = system.spawn(spec(Doer, name="a", args=(trace,), mailbox=Mailbox(capacity=2)))
    answer(agent, lambda agent: agent.context.watch(target))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell(1)
    agent.tell(2)

    stop(target)
    gate.open()

    assert trace.wait_for(2) == [Terminated(target, StopReason.REQUESTED), 1, 2]


@pytest.mark.case(101)
def test_a_stop_that_does_not_drain_overtakes_the_messages_that_wait(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,), mailbox=Mailbox(capacity=2)))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell(1)
    agent.tell(2)

    stopping = agent.stop(block=False, drain=False)
    gate.open()

    assert result(stopping) is True
    assert end_of(log, "/a") is StopReason.REQUESTED
    assert trace.notes == []
    assert [(letter.message, letter.reason) for letter in log.of(DeadLetter, "/a")] == [(1, "stopped"), (2, "stopped")]
