"""What counts against the bound of a mailbox, and for how long does a sender wait for room?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentStoppedError,
    Cancelled,
    ChildSpec,
    DeadLetter,
    DeadLetterReason,
    Mailbox,
    MailboxFullError,
    Overflow,
    Terminated,
)
from actors._core.mailbox import BoundedQueue, Offer, Uncounted
from actors.testkit import Gate
from policies import Backoff, Restart
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, crash, stop
from tests.core.helpers import EventLog, Trace, answer, elsewhere, result


def queue_of(system: ActorSystem, mailbox: Mailbox) -> BoundedQueue:
    return BoundedQueue(system.guardian, mailbox)


def drained(queue: BoundedQueue) -> list[Any]:
    return [queue.popleft() for _ in range(len(queue))]


@pytest.mark.parametrize("overflow", [Overflow.REJECT, Overflow.DROP_OLDEST])
def test_a_notice_that_waits_for_the_next_incarnation_takes_no_room(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace, overflow: Overflow
) -> None:
    target = system.spawn(Doer, name="target")
    spec = ChildSpec(
        Doer,
        name="a",
        args=(trace,),
        policy=Restart(backoff=Backoff(1.0)),
        mailbox=Mailbox(capacity=1, overflow=overflow),
    )
    agent = system.spawn(spec)
    answer(agent, lambda agent: agent.context.watch(target))
    agent.tell(crash)
    clock.wait_for_timer(1.0)
    stop(target)

    agent.tell("first")
    clock.advance_to(1.0)

    notes = trace.wait_for("first")
    assert [type(note) for note in notes] == [Terminated, str]
    assert [letter.message for letter in log.of(DeadLetter, "/a")] == [crash]
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell("second")
    gate.open()
    assert trace.wait_for("second")[-2:] == ["first", "second"]


def test_what_is_put_back_counts_as_what_it_is(system: ActorSystem) -> None:
    queue = queue_of(system, Mailbox(capacity=2))
    outside = Uncounted()
    queue.extendleft(iter(["message", outside]))
    queue.append("last")
    with pytest.raises(MailboxFullError):
        queue.append("one too many")
    assert drained(queue) == [outside, "message", "last"]
    queue.append(1)
    queue.append(2)
    with pytest.raises(MailboxFullError):
        queue.append(3)


def test_a_sender_that_waits_is_overtaken_by_nobody(system: ActorSystem, clock: WatchedClock) -> None:
    queue = queue_of(system, Mailbox(capacity=1, overflow="block", timeout=1.0))
    queue.append("first")
    sending = []
    for number in range(2, 5):
        sending.append(elsewhere(queue.append, number))
        clock.wait_for_timer(1.0, number - 1)
    taken = [queue.popleft()]
    assert queue.offer("newcomer") is Offer.FULL
    taken += [queue.popleft() for _ in range(3)]
    assert taken == ["first", 2, 3, 4]
    for each in sending:
        result(each)


def test_a_sender_that_is_let_in_at_its_last_moment_uses_the_room(system: ActorSystem, clock: WatchedClock) -> None:
    queue = queue_of(system, Mailbox(capacity=1, overflow="block", timeout=1.0))
    queue.append("first")
    wait = clock.wait

    def too_late(future: Any, deadline: float | None) -> bool:
        # The time is over, and before the sender can take its name off the list, room is made for it.
        clock.wait = wait  # type: ignore[method-assign]
        assert queue.popleft() == "first"
        return False

    clock.wait = too_late  # type: ignore[method-assign]
    queue.append("second")
    assert drained(queue) == ["second"]


def test_who_offers_by_itself_waits_until_there_is_room_or_the_agent_has_ended(
    system: ActorSystem, clock: WatchedClock
) -> None:
    queue = queue_of(system, Mailbox(capacity=1, overflow="block"))
    queue.wait_for_room(None)
    queue.append("first")
    with pytest.raises(MailboxFullError):
        queue.wait_for_room(clock.now())
    waiting = elsewhere(lambda: queue.wait_for_room(9.0))
    clock.wait_for_timer(9.0)
    assert queue.popleft() == "first"
    result(waiting)
    assert queue.offer("second") is Offer.ACCEPTED
    waiting = elsewhere(lambda: queue.wait_for_room(8.0))
    clock.wait_for_timer(8.0)
    queue.close()
    result(waiting)
    queue.wait_for_room(None)


def test_who_does_not_come_for_the_room_that_was_made_for_it_leaves_it_to_the_next(
    system: ActorSystem, clock: WatchedClock
) -> None:
    queue = queue_of(system, Mailbox(capacity=1, overflow="block", timeout=1.0))
    queue.append("first")
    wait = clock.wait
    sending: list[Any] = []

    def interrupted(future: Any, deadline: float | None) -> bool:
        clock.wait = wait  # type: ignore[method-assign]
        sending.append(elsewhere(queue.append, "second"))
        clock.wait_for_timer(1.0)
        assert queue.popleft() == "first"
        raise KeyboardInterrupt

    clock.wait = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        queue.wait_for_room(None)
    result(sending[0])
    assert drained(queue) == ["second"]


def test_a_sender_that_waits_for_room_when_the_agent_ends_is_refused(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    agent = system.spawn(ChildSpec(Doer, name="a", mailbox=Mailbox(capacity=1, overflow="block", timeout=9.0)))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell("first")
    sending = elsewhere(lambda: agent.tell("second"))
    clock.wait_for_timer(9.0)

    stopping = agent.stop(block=False, drain=False)
    gate.open()

    with pytest.raises(AgentStoppedError):
        result(sending)
    assert result(stopping) is True
    assert sorted(letter.message for letter in log.of(DeadLetter, "/a")) == ["first", "second"]


def test_whoever_comes_as_the_mailbox_closes_is_refused(system: ActorSystem, log: EventLog) -> None:
    queue = queue_of(system, Mailbox(capacity=1))
    queue.close()
    assert queue.offer("offered") is Offer.CLOSED
    assert queue.fill("filled") == 0
    with pytest.raises(AgentStoppedError):
        queue.append("told")
    assert [(letter.message, letter.reason) for letter in log.of(DeadLetter)] == [("told", DeadLetterReason.STOPPED)]


def test_a_sender_that_was_cut_off_before_there_was_room_is_not_let_in(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    queue = queue_of(system, Mailbox(capacity=1, overflow="block", timeout=1.0))
    queue.append("first")

    def cut_off(future: Any, deadline: float | None) -> bool:
        assert future.resolve(error=Cancelled("/sender #1 was abandoned"))
        assert queue.popleft() == "first"
        return True

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "wait", cut_off)
        with pytest.raises(Cancelled):
            queue.append("second")
    assert len(queue) == 0
    assert [(letter.message, letter.reason) for letter in log.of(DeadLetter)] == [("second", DeadLetterReason.STALE)]


@pytest.mark.parametrize("overflow", list(Overflow))
def test_a_mailbox_says_why_what_it_has_no_room_for_is_lost(system: ActorSystem, overflow: Overflow) -> None:
    queue = queue_of(system, Mailbox(capacity=1, overflow=overflow))
    newest = overflow is Overflow.DROP_NEWEST
    assert queue.loss is (DeadLetterReason.DROPPED_NEWEST if newest else DeadLetterReason.FULL)
    assert queue.overflow == overflow


def test_what_was_stashed_goes_back_into_a_full_mailbox(system: ActorSystem, trace: Trace) -> None:
    def set_aside(agent: Any) -> None:
        if agent.trace.notes:
            agent.trace.note("stashed before")
        else:
            agent.context.stash()
            agent.trace.note("stashed")

    agent = system.spawn(ChildSpec(Doer, name="a", args=(trace,), mailbox=Mailbox(capacity=1)))
    agent.tell(set_aside)
    trace.wait_for("stashed")
    gate = Gate()
    agent.tell(lambda agent: (gate.wait(), agent.context.unstash_all()))
    gate.reached()
    agent.tell("waits")
    gate.open()
    assert trace.wait_for("waits") == ["stashed", "stashed before", "waits"]
