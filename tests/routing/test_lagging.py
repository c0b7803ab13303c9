"""What does a member that is too slow lose, who learns of it, and what reaches it all the same?"""

from __future__ import annotations

import time
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentStoppedError,
    DeadLetter,
    DeadLetterReason,
    Delivered,
    Enveloped,
    InvalidMessageError,
    Lagged,
    Mailbox,
    MailboxFullError,
    RouterRef,
    Send,
)
from actors._core.ref import AgentRef
from actors.testkit import Gate
from policies import Backoff, Restart
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, answer, incarnation
from tests.core.scripted import held
from tests.routing.members import Cancel, Start, broadcasting, got, names

system_case = pytest.mark.system_case


# -- what is lost ---------------------------------------------------------------------


@system_case("T12")
@system_case("D0.5")
@pytest.mark.parametrize("overflow", ["reject", "block", "drop_newest"])
def test_a_slow_member_is_told_how_many_broadcasts_it_has_lost_and_the_others_get_all(
    router: RouterRef, member: Start, trace: Trace, log: EventLog, overflow: str
) -> None:
    quick, slow = member("quick"), member("slow", mailbox=Mailbox(4, overflow))
    gate = held(slow)
    delivered = [router.broadcast(number) for number in range(20)]
    assert delivered == [Delivered(2)] * 4 + [Delivered(1, 1, each.lost) for each in delivered[4:]]
    assert [name for each in delivered for name, _ in each.lost] == ["slow"] * 16
    assert isinstance(delivered[-1].lost[0][1], MailboxFullError)
    gate.open()
    assert got(trace, quick) == list(range(20))
    assert got(trace, slow, 5) == [0, 1, 2, 3, Lagged(16)]
    assert router.directory.members["slow"].lost == 16
    letters = [(letter.message, letter.reason) for letter in log.of(DeadLetter, "/slow")]
    reason = DeadLetterReason.DROPPED_NEWEST if overflow == "drop_newest" else DeadLetterReason.FULL
    assert letters == [(number, reason) for number in range(4, 20)]
    # What it loses later is counted anew.
    assert router.broadcast("news").count == 2
    gate = held(slow)
    for number in range(5):
        router.broadcast(number)
    gate.open()
    assert got(trace, slow, 11)[5:] == ["news", 0, 1, 2, 3, Lagged(1)]


def test_a_member_that_keeps_the_newest_is_told_how_many_older_ones_went(
    router: RouterRef, member: Start, trace: Trace, log: EventLog
) -> None:
    slow = member("slow", mailbox=Mailbox(2, "drop_oldest"))
    gate = held(slow)
    assert [router.broadcast(number).dropped for number in range(10)] == [0] * 10
    gate.open()
    assert sorted(got(trace, slow, 3), key=str) == [8, 9, Lagged(8)]
    letters = [(letter.message, letter.reason) for letter in log.of(DeadLetter, "/slow")]
    assert letters == [(number, DeadLetterReason.DROPPED_OLDEST) for number in range(8)]


def test_the_sum_is_exact_while_the_slow_member_goes_on(
    router: RouterRef, system: ActorSystem, member: Start, trace: Trace
) -> None:
    slow = member("slow", mailbox=Mailbox(3))
    quick = member("quick")

    def broadcast(agent: Agent) -> int:
        return sum(router.broadcast(number).dropped for number in range(500))

    def parts(notes: list[Any]) -> tuple[list[int], int]:
        own = [what for what, name, _ in notes if name == "slow" and what not in ("start", "who")]
        return [what for what in own if type(what) is int], sum(what.count for what in own if type(what) is Lagged)

    dropped = answer(quick, broadcast)
    trace.wait_until(lambda notes: len(parts(notes)[0]) + parts(notes)[1] >= 500)
    got(trace, slow)
    handled, told = parts(trace.notes)
    assert told == dropped == router.directory.members["slow"].lost
    assert len(handled) + told == 500
    assert handled == sorted(handled)


@system_case("D0.4")
@system_case("D1.2")
@pytest.mark.parametrize("overflow", ["reject", "block"])
def test_a_message_to_a_full_mailbox_is_an_error_at_once_and_the_sender_goes_on(
    router: RouterRef, member: Start, trace: Trace, log: EventLog, overflow: str
) -> None:
    slow = member("slow", mailbox=Mailbox(2, overflow))
    gate = held(slow)
    router.send("slow", 0)
    router.send("slow", 1)
    begun = time.monotonic()
    for send in (lambda: router.send("slow", 2), lambda: router.ask(Send("slow", 2))):
        with pytest.raises(MailboxFullError, match="/slow") as caught:
            send()
        assert (caught.value.path, caught.value.capacity) == ("/slow", 2)
    assert time.monotonic() - begun < 1.0
    gate.open()
    # Its sender knows, so the member is not told.
    assert got(trace, slow, 2) == [0, 1]
    assert router.directory.members["slow"].lost == 0
    assert [(letter.message, letter.path) for letter in log.of(DeadLetter)] == [(2, "/slow")] * 2


def test_what_is_told_to_a_full_mailbox_is_a_dead_letter_and_counts(
    router: RouterRef, member: Start, trace: Trace, log: EventLog
) -> None:
    slow = member("slow", mailbox=Mailbox(1))
    gate = held(slow)
    router.tell(Send("slow", 0))
    router.tell(Send("slow", 1))
    gate.open()
    assert got(trace, slow, 2) == [0, Lagged(1)]
    assert [(letter.message, letter.reason) for letter in log.of(DeadLetter)] == [(1, DeadLetterReason.FULL)]


def test_a_mailbox_that_drops_the_newest_lets_the_sender_go_on(
    router: RouterRef, member: Start, trace: Trace, log: EventLog
) -> None:
    slow = member("slow", mailbox=Mailbox(1, "drop_newest"))
    gate = held(slow)
    router.send("slow", 0)
    router.send("slow", 1)
    delivered = router.ask(Send("slow", 2))
    assert (delivered.count, delivered.dropped, delivered.lost[0][0]) == (0, 1, "slow")
    gate.open()
    assert got(trace, slow, 1) == [0]
    assert [letter.message for letter in log.of(DeadLetter)] == [1, 2]


def test_a_member_that_sends_to_itself_never_finds_its_mailbox_full_where_a_tell_would_wait(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    a = member("a", mailbox=Mailbox(1, "block"))

    def send_three(agent: Agent) -> None:
        for number in range(3):
            router.send("a", number)

    answer(a, send_three)
    assert got(trace, a) == [0, 1, 2]


def test_what_is_lost_waits_with_its_member_through_a_restart(
    router: RouterRef, member: Start, trace: Trace, clock: WatchedClock
) -> None:
    a = member("a", mailbox=Mailbox(1), policy=Restart(backoff=Backoff(1.0)))
    a.tell(Boom("again"))
    clock.wait_for_timer(1.0)
    for number in range(3):
        router.broadcast(number)
    clock.advance_to(1.0)
    assert got(trace, a, 2)[-2:] == [0, Lagged(2)]
    assert incarnation(a) == 2


def test_who_has_a_bounded_mailbox_and_has_stopped_gets_dead_letters(
    router: RouterRef, member: Start, log: EventLog
) -> None:
    a = member("a", mailbox=Mailbox(1))
    answer(a, "who")
    gate = held(router)
    queue = a._cell.queue
    a.stop()
    with pytest.raises(AgentStoppedError, match="/a"):
        router.send("a", "late")
    # Who has the mailbox in hand as it is closed.
    a._cell.queue = queue
    assert isinstance(router.directory.members["a"].deliver("later"), AgentStoppedError)
    a._cell.queue = None
    gate.open()
    assert [(letter.message, letter.reason) for letter in log.of(DeadLetter)] == [
        ("late", "stopped"),
        ("later", "stopped"),
    ]


# -- what is never lost ---------------------------------------------------------------


@system_case("T13")
def test_a_control_message_is_handled_before_the_full_mailbox(router: RouterRef, member: Start, trace: Trace) -> None:
    slow = member("slow", ["orders"], mailbox=Mailbox(2))
    gate = held(slow)
    for number in range(3):
        router.broadcast(number)
    router.send("slow", Cancel("one"))
    assert router.broadcast(Cancel("two")) == Delivered(1)
    assert router.broadcast(Cancel("three"), topic="orders") == Delivered(1)
    router.tell(Send("slow", Cancel("four")))
    gate.open()
    assert got(trace, slow, 7) == [*map(Cancel, ("one", "two", "three", "four")), 0, 1, Lagged(1)]


def test_a_control_message_is_handled_first_where_there_is_room_for_all(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    busy = member("busy")
    gate = held(busy)
    router.send("busy", "first")
    router.broadcast("second")
    router.send("busy", Cancel("one"))
    router.broadcast(Cancel("two"))
    gate.open()
    assert got(trace, busy, 4) == [Cancel("one"), Cancel("two"), "first", "second"]


def test_control_messages_to_a_member_that_is_down_come_first_and_in_order(
    router: RouterRef, member: Start, trace: Trace, clock: WatchedClock
) -> None:
    def stash_and_fail(agent: Agent) -> None:
        raise Boom("again")

    a = member("a", mailbox=Mailbox(2), policy=Restart(backoff=Backoff(1.0)))
    a.tell(lambda agent: agent.context.stash())
    a.tell(stash_and_fail)
    clock.wait_for_timer(1.0)
    router.send("a", "a message")
    for text in ("one", "two", "three"):
        router.send("a", Cancel(text))
    clock.advance_to(1.0)
    assert got(trace, a, 4)[-4:] == [Cancel("one"), Cancel("two"), Cancel("three"), "a message"]


def test_a_control_message_is_one_dead_letter_where_nobody_is_left_to_handle_it(
    router: RouterRef, member: Start, log: EventLog, clock: WatchedClock
) -> None:
    a = member("a", policy=Restart(backoff=Backoff(1.0)))
    a.tell(Boom("again"))
    clock.wait_for_timer(1.0)
    router.send("a", Cancel("in its mailbox"))
    gate = held(router)
    a.stop(drain=False)
    with pytest.raises(AgentStoppedError, match="/a"):
        router.send("a", Cancel("too late"))
    gate.open()
    letters = [letter.message for letter in log.of(DeadLetter, "/a") if letter.reason == "stopped"]
    assert letters == [Cancel("in its mailbox"), Cancel("too late")]


def test_a_control_message_that_comes_as_the_member_ends_is_one_dead_letter(
    router: RouterRef, system: ActorSystem, spec: Any, log: EventLog
) -> None:
    gate = Gate()

    class Slow(Agent):
        def on_stop(self) -> None:
            gate.wait()

    a = system.spawn(spec(Slow, "a"))
    router.join("a", a)
    stopping = a.stop(block=False)
    gate.reached()
    with pytest.raises(AgentStoppedError):
        router.send("a", Cancel("too late"))
    gate.open()
    assert stopping.get(timeout=10.0)
    assert [letter.message for letter in log.of(DeadLetter, "/a")] == [Cancel("too late")]


def test_a_control_message_that_fails_its_member_is_a_failure_like_any(
    router: RouterRef, system: ActorSystem, spec: Any, log: EventLog
) -> None:
    class Fragile(Agent):
        def on_receive(self, message: Any) -> Any:
            if isinstance(message, Cancel):
                raise Boom("over it")
            return self.context.incarnation

    a = system.spawn(spec(Fragile, "a", policy=Restart()))
    router.join("a", a)
    router.send("a", Cancel("now"))
    assert answer(a, "who") == 2
    (letter,) = log.of(DeadLetter, "/a")
    assert (letter.message, letter.reason) == (Cancel("now"), "failed")


def test_a_member_that_has_left_gets_no_control_message(router: RouterRef, member: Start, trace: Trace) -> None:
    a = member("a")
    endpoint = router.directory.members["a"]
    router.leave("a")
    assert endpoint.deliver(Cancel("late")) is not None
    assert got(trace, a) == []


def test_a_broadcast_from_a_member_reaches_the_others_as_control_message(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    a, b = member("a"), member("b")
    assert answer(a, broadcasting(router, Cancel("all"))) == Delivered(1)
    assert [got(trace, ref) for ref in (a, b)] == [[], [Cancel("all")]]


# -- refs of other kinds --------------------------------------------------------------


class PickyRef(AgentRef["Picky"]):
    """Refuses what is no number, as the ref of an agent that says what it accepts does."""

    __slots__ = ()

    def admit(self, message: Any) -> Any:
        if not isinstance(message, (int, Cancel)):
            raise InvalidMessageError(self.path, message, "a number")
        return message

    def tell(self, message: Any) -> None:
        raise AssertionError("the mailbox is told, after a look at the message")


class Picky(Agent):
    ref_class = PickyRef

    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen

    def on_receive(self, message: Any) -> Any:
        self.seen.append(message)
        return len(self.seen)


def test_what_a_member_does_not_accept_is_refused_at_the_sender(
    router: RouterRef, system: ActorSystem, spec: Any, log: EventLog
) -> None:
    seen: list[Any] = []
    a = system.spawn(spec(Picky, "a", args=(seen,)))
    router.join("a", a)
    with pytest.raises(InvalidMessageError, match="/a does not accept 'hello'"):
        router.send("a", "hello")
    assert log.of(DeadLetter) == []
    delivered = router.broadcast("hello")
    assert (delivered.count, delivered.dropped) == (0, 1)
    assert isinstance(delivered.lost[0][1], InvalidMessageError)
    letter = log.wait(DeadLetter, "/a")
    assert (letter.message, letter.reason) == ("hello", "refused")
    router.send("a", 1)
    router.send("a", Cancel("now"))
    assert router.broadcast(2) == Delivered(1)
    assert answer(a, 3) == 4
    assert sorted(seen, key=str) == [1, 2, 3, Cancel("now")]


def test_a_control_message_overtakes_in_its_envelope_too(
    router: RouterRef, system: ActorSystem, spec: Any, trace: Trace
) -> None:
    class Chief(Enveloped):
        def on_receive(self, message: Any) -> Any:
            if callable(message):
                message(self)
            else:
                trace.note((message, self.envelope.recipient.name))

    chief = system.spawn(spec(Chief, "chief"))
    router.join("chief", chief)
    gate = held(chief)
    router.send("chief", "a message")
    router.send("chief", Cancel("now"))
    gate.open()
    assert trace.wait_until(lambda notes: len(notes) == 2) == [(Cancel("now"), "chief"), ("a message", "chief")]


def test_a_member_whose_ref_has_no_room_counts_that(router: RouterRef, system: ActorSystem, spec: Any) -> None:
    class FullRef(AgentRef[Any]):
        __slots__ = ()

        def tell(self, message: Any) -> None:
            if message == "stopped":
                raise self._gone()
            raise MailboxFullError(self.path, 7)

    class Full(Agent):
        ref_class = FullRef

    router.join("a", system.spawn(spec(Full, "a")))
    with pytest.raises(MailboxFullError):
        router.send("a", "hello")
    assert router.directory.members["a"].lost == 0
    assert router.broadcast("hello").dropped == 1
    assert router.broadcast("stopped").dropped == 1
    assert router.directory.members["a"].lost == 1
    assert names(router) == ["a"]
