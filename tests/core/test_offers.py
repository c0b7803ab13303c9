"""What if a message is put into a mailbox by somebody who may not wait, or made only when its turn comes?"""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from actors import ActorSystem, AgentStoppedError, DeadLetter, Mailbox, MailboxFullError
from actors._core.commands import Urgent
from actors._core.mailbox import BoundedQueue, Displaced, Late, Offer
from policies import Backoff, Restart
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, answer, assert_ended
from tests.core.scripted import doer, held


def handled(trace: Trace, count: int) -> list[Any]:
    """Wait until so much was noted beside the start, and give it."""
    notes = trace.wait_until(lambda notes: len([what for what, _, _ in notes if what not in LIFE]) >= count)
    return [what for what, _, _ in notes if what not in LIFE]


LIFE = ("start", "stop", "failure")


@pytest.mark.parametrize(
    ("overflow", "outcome"),
    [("reject", Offer.FULL), ("block", Offer.FULL), ("drop_newest", Offer.FULL), ("drop_oldest", Displaced)],
)
def test_an_offer_is_decided_at_once_and_leaves_the_rest_to_who_makes_it(
    system: ActorSystem, log: EventLog, overflow: str, outcome: Any
) -> None:
    queue = BoundedQueue(system.guardian, Mailbox(1, overflow))
    assert queue.overflow == overflow
    assert queue.offer("first") is Offer.ACCEPTED
    second = queue.offer("second")
    if outcome is Displaced:
        assert isinstance(second, Displaced)
        assert second.item == "first"
        assert queue.popleft() == "second"
    else:
        assert second is outcome
        assert queue.popleft() == "first"
    queue.close()
    assert queue.offer("third") is Offer.CLOSED
    assert len(queue) == 0
    assert log.notes == []


def test_who_offers_to_an_agent_never_waits(
    system: ActorSystem, spec: Any, dispatcher: Any, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(doer("a", trace, dispatcher=dispatcher))
    ref._cell.offer("first")  # there is no queue yet
    assert handled(trace, 1) == ["first"]
    for overflow, left in (("reject", ["1"]), ("block", ["1"]), ("drop_newest", ["1"]), ("drop_oldest", ["2"])):
        trace.clear()
        ref = system.spawn(doer(overflow, trace, dispatcher=dispatcher, mailbox=Mailbox(1, overflow)))
        gate = held(ref)
        ref._cell.offer("1")
        if overflow in ("reject", "block"):
            with pytest.raises(MailboxFullError, match=overflow):
                ref._cell.offer("2")
        else:
            ref._cell.offer("2")
        gate.open()
        assert handled(trace, 1) == left
    letters = [(letter.message, letter.reason) for letter in log.of(DeadLetter)]
    assert letters == [("2", "mailbox full (drop_newest)"), ("1", "mailbox full (drop_oldest)")]


@pytest.mark.parametrize("mailbox", [None, Mailbox(1)])
def test_what_is_offered_to_an_agent_that_has_stopped_is_refused_and_recorded(
    system: ActorSystem, log: EventLog, mailbox: Mailbox | None
) -> None:
    ref = system.spawn(doer("a", mailbox=mailbox))
    answer(ref, "who")
    queue = ref._cell.queue
    ref.stop()
    with pytest.raises(AgentStoppedError, match="/a"):
        ref._cell.offer("late")
    ref._cell.queue = queue  # in the hands of who offers as it is closed
    if mailbox is not None:
        with pytest.raises(AgentStoppedError, match="/a"):
            ref._cell.offer("later")
    letters = [(letter.message, letter.reason) for letter in log.of(DeadLetter)]
    assert letters == [("late", "stopped"), ("later", "stopped")][: len(letters)]
    assert len(letters) == (1 if mailbox is None else 2)


def test_a_late_message_is_made_when_it_is_handled_takes_no_room_and_is_not_missed(
    system: ActorSystem, dispatcher: Any, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(doer("a", trace, dispatcher=dispatcher, mailbox=Mailbox(1)))
    gate = held(ref)
    count = 0
    ref._cell.queue_tick(Late(lambda: f"count {count}"))
    ref.tell("first")
    count = 7
    gate.open()
    assert handled(trace, 2) == ["count 7", "first"]
    gate = held(ref)
    ref._cell.queue_tick(Late(lambda: "never"))
    stopping = ref.stop(block=False, drain=False)
    gate.open()
    assert stopping.get(timeout=10.0)
    assert log.of(DeadLetter) == []


def test_urgent_messages_overtake_and_keep_their_order_though_they_wait_for_the_next_incarnation(
    system: ActorSystem, dispatcher: Any, trace: Trace, clock: WatchedClock
) -> None:
    ref = system.spawn(doer("a", trace, dispatcher=dispatcher, policy=Restart(backoff=Backoff(1.0))))
    gate = held(ref)
    ref.tell("queued")
    waiting: deque[Any] = deque()

    def post(text: str) -> None:
        waiting.append(text)
        ref._cell.post(Urgent(waiting))

    post("first")
    gate.open()
    assert handled(trace, 2) == ["first", "queued"]
    ref.tell(Boom("again"))
    clock.wait_for_timer(1.0)
    ref.tell("a message")
    post("second")
    post("third")
    clock.advance_to(1.0)
    assert handled(trace, 5)[2:] == ["second", "third", "a message"]


def test_an_urgent_message_that_nobody_will_handle_is_a_dead_letter(
    system: ActorSystem, dispatcher: Any, log: EventLog, clock: WatchedClock
) -> None:
    ref = system.spawn(doer("a", dispatcher=dispatcher, policy=Restart(backoff=Backoff(1.0))))
    waiting: deque[Any] = deque(["while it is down", "after its end"])
    ref.tell(Boom("again"))
    clock.wait_for_timer(1.0)
    ref._cell.post(Urgent(waiting))
    ref.stop(drain=False)
    assert_ended(ref)
    ref._cell.post(Urgent(waiting))
    letters = [letter.message for letter in log.of(DeadLetter) if letter.reason == "stopped"]
    assert letters == ["while it is down", "after its end"]
    assert not waiting


def test_an_agent_that_hangs_over_an_urgent_message_is_abandoned_over_it(
    system: ActorSystem, trace: Trace, clock: WatchedClock, log: EventLog
) -> None:
    ref = system.spawn(doer("a", trace, deadline=1.0, policy=Restart()))
    gate = held(system.spawn(doer("b", trace)))
    waiting: deque[Any] = deque([lambda agent: gate.wait()])
    ref._cell.post(Urgent(waiting))
    gate.reached(2)
    clock.advance(1.0)
    assert answer(ref, "who") == 2
    (letter,) = log.of(DeadLetter, "/a")
    assert letter.reason == "abandoned"
    gate.open()
