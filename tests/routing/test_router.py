"""Does a message reach the members that it is meant for, each once, and does the sender learn of those it does not?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorError,
    ActorSystem,
    Agent,
    AgentNotFoundError,
    AgentRef,
    AgentStoppedError,
    Broadcast,
    ChildSpec,
    DeadLetter,
    Delivered,
    Join,
    Leave,
    Mailbox,
    Member,
    Members,
    NameTakenError,
    Router,
    RouterRef,
    Send,
    Subscribe,
    Unsubscribe,
    UnwatchMembers,
    WatchMembers,
)
from actors.testkit import Probe
from tests.core.clocks import WatchedClock
from tests.core.helpers import EventLog, Trace, answer, assert_ended, result
from tests.core.scripted import at_once, held
from tests.routing.members import Start, broadcasting, got, names

case = pytest.mark.case
system_case = pytest.mark.system_case


# -- to one ---------------------------------------------------------------------------


@system_case("T1")
def test_a_message_to_nobody_is_an_error_that_names_whom_it_was_for(router: RouterRef, member: Start) -> None:
    member("a")
    for send in (lambda: router.send("x", "hello"), lambda: router.ask(Send("x", "hello"))):
        with pytest.raises(AgentNotFoundError, match="no member 'x' in /router") as caught:
            send()
        assert caught.value.path == "x"
    assert names(router) == ["a"]


@system_case("T2")
def test_a_message_to_one_reaches_that_one_once(router: RouterRef, member: Start, trace: Trace) -> None:
    a, b = member("a"), member("b")
    router.send("a", "first")
    assert router.ask(Send("a", "second")) == Delivered(1, 0)
    router.tell(Send("a", "third"))
    assert got(trace, a) == ["first", "second", "third"]
    assert got(trace, b) == []


@system_case("D1.1")
def test_a_member_that_runs_gets_what_is_sent_and_can_be_asked_for_an_answer(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    a = member("a")
    gate = held(a)
    router.send("a", "while you work")
    gate.open()
    assert got(trace, a) == ["while you work"]
    found = router.member("a")
    assert found == Member("a", a)
    assert answer(found.ref, "a question") == "a question"
    assert router.member("nobody") is None


@system_case("T7")
@system_case("D0.3")
def test_who_sends_to_one_that_has_stopped_gets_an_error_and_the_message_is_one_dead_letter(
    router: RouterRef, member: Start, log: EventLog
) -> None:
    b = member("b")
    gate = held(router)  # so that it does not know yet
    b.stop()
    with pytest.raises(AgentStoppedError, match="/b"):
        router.send("b", "a message")
    with pytest.raises(AgentStoppedError, match="/b"):
        router.ask(Send("b", "a question"))
    router.tell(Send("b", "a remark"))
    gate.open()
    assert names(router) == []
    with pytest.raises(AgentNotFoundError, match="'b'"):
        router.send("b", "later")
    letters = [(letter.path, letter.message, letter.reason) for letter in log.of(DeadLetter)]
    assert letters == [
        ("/b", "a message", "stopped"),
        ("/b", "a question", "stopped"),
        ("/b", "a remark", "stopped"),
        ("/router", Send("b", "later"), "no such member"),
    ]


def test_what_is_told_to_nobody_is_a_dead_letter(router: RouterRef, log: EventLog) -> None:
    router.tell(Send("x", "hello"))
    letter = log.wait(DeadLetter, "/router")
    assert (letter.message, letter.reason) == (Send("x", "hello"), "no such member")
    assert isinstance(letter.error, AgentNotFoundError)


def test_an_answer_may_be_a_future(router: RouterRef, member: Start) -> None:
    a = member("a")
    assert result(router.ask(Send("a", 1), block=False)) == Delivered(1)
    assert result(router.ask(Members(), block=False)) == (Member("a", a),)
    with pytest.raises(AgentNotFoundError):
        result(router.ask(Send("x", 1), block=False))
    with pytest.raises(ValueError, match="timeout"):
        router.ask(Send("a", 1), timeout="soon")


# -- to all ---------------------------------------------------------------------------


@system_case("T3")
@system_case("D0.15")
@system_case("D1.14")
def test_a_broadcast_reaches_all_but_the_agent_that_sends_it(router: RouterRef, member: Start, trace: Trace) -> None:
    a, b, c = member("a"), member("b"), member("c")
    assert answer(a, broadcasting(router, "hello")) == Delivered(2)
    assert answer(a, lambda agent: router.ask(Broadcast("again"))) == Delivered(2)
    assert answer(a, lambda agent: router.tell(Broadcast("told"))) is None
    assert [got(trace, ref) for ref in (a, b, c)] == [[], ["hello", "again", "told"], ["hello", "again", "told"]]
    # Who sends is known by whose code runs: nothing that is sent says so.
    with pytest.raises(TypeError):
        Broadcast("forged", sender=b)  # type: ignore[call-arg]
    assert answer(b, broadcasting(router, "from b")) == Delivered(2)
    assert got(trace, a) == ["from b"]


def test_the_sender_gets_its_own_broadcast_if_it_asks_for_it(router: RouterRef, member: Start, trace: Trace) -> None:
    a, b = member("a"), member("b")
    assert answer(a, broadcasting(router, "hello", to_sender=True)) == Delivered(2)
    assert answer(a, lambda agent: router.ask(Broadcast("again", to_sender=True))) == Delivered(2)
    assert [got(trace, ref) for ref in (a, b)] == [["hello", "again"], ["hello", "again"]]


def test_who_is_no_agent_is_left_out_of_nothing(router: RouterRef, member: Start) -> None:
    member("a")
    assert router.broadcast("hello") == Delivered(1)


@system_case("T4")
def test_a_broadcast_to_nobody_is_no_error(router: RouterRef) -> None:
    assert router.broadcast("hello") == Delivered(0)
    assert router.ask(Broadcast("hello", topic="builds")) == Delivered(0)


@system_case("T5")
def test_a_member_sees_the_first_broadcast_after_it_has_joined_and_none_before(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    member("a")
    router.broadcast("before")
    b = member("b")
    router.broadcast("after")
    assert got(trace, b) == ["after"]


@system_case("T6")
@system_case("D0.1")
@case(113)
def test_nothing_reaches_a_member_that_has_left(router: RouterRef, member: Start, trace: Trace, log: EventLog) -> None:
    a, b = member("a"), member("b")
    router.broadcast("before")
    assert router.leave("b") is True
    assert router.broadcast("after") == Delivered(1)
    with pytest.raises(AgentNotFoundError, match="'b'"):
        router.send("b", "after")
    assert got(trace, b) == ["before"]
    assert got(trace, a) == ["before", "after"]
    assert b.is_alive()
    # And it may come again, under this name or another.
    router.join("b", b)
    router.broadcast("at last")
    assert got(trace, b) == ["before", "at last"]
    assert [(letter.message, letter.reason) for letter in log.of(DeadLetter)] == [
        (Send("b", "after"), "no such member")
    ]


# -- who is a member ------------------------------------------------------------------


@system_case("T8")
def test_to_remove_somebody_unknown_does_nothing(router: RouterRef, member: Start) -> None:
    member("a")
    assert router.leave("x") is False
    assert router.ask(Leave("x")) is False
    assert router.ask(Unsubscribe("x", "builds")) is False
    assert names(router) == ["a"]


@system_case("T9")
@system_case("D0.2")
@system_case("D1.15")
def test_a_name_has_one_member_and_the_first_keeps_it(
    router: RouterRef, member: Start, agent: Start, trace: Trace
) -> None:
    first = member("a")
    second = agent("second")
    with pytest.raises(NameTakenError, match="a is already registered") as caught:
        router.join("a", second)
    assert caught.value.path == "a"
    with pytest.raises(NameTakenError):
        router.join("a", first)
    assert router.broadcast("to all") == Delivered(1)
    router.send("a", "to a")
    assert got(trace, first) == ["to all", "to a"]
    assert got(trace, second) == []
    assert router.incarnation == 1


def test_one_agent_may_be_a_member_under_several_names(router: RouterRef, member: Start, trace: Trace) -> None:
    a = member("a")
    router.join("boss", a)
    assert router.broadcast("twice") == Delivered(2)
    router.leave("a")
    router.send("boss", "once")
    assert got(trace, a) == ["twice", "twice", "once"]
    a.stop()
    assert names(router) == []


def test_the_members_are_named_in_the_order_in_which_they_joined(router: RouterRef, member: Start) -> None:
    c, a = member("c", ["builds", "news.*"]), member("a")
    assert router.members() == (Member("c", c, ("builds", "news.*")), Member("a", a))
    assert router.ask(Members("news.today")) == (Member("c", c, ("builds", "news.*")),)


@pytest.mark.parametrize(
    ("request_", "error", "text"),
    [
        (lambda ref: Join("a/b", ref), ValueError, "a/b"),
        (lambda ref: Join("", ref), ValueError, "name"),
        (lambda ref: Join("x", "ref"), ValueError, "ref: an AgentRef"),
        (lambda ref: Join("x", ref, "builds"), ValueError, "topics: several"),
        (lambda ref: Join("x", ref, ["builds", ""]), ValueError, "topic: names with dots"),
        (lambda ref: Join("x", ref, [7]), ValueError, "topic: names with dots"),
        (lambda ref: Subscribe("a", "builds..done"), ValueError, "topic"),
        (lambda ref: Subscribe("a", "builds", where="ok"), ValueError, "where: a type"),
        (lambda ref: Subscribe("x", "builds"), AgentNotFoundError, "no member 'x'"),
        (lambda ref: WatchMembers("ref"), ValueError, "ref: an AgentRef"),
        (lambda ref: WatchMembers(ref, "builds.*"), ValueError, "patterns are for subscriptions"),
        (lambda ref: Broadcast("hello", topic="builds.*"), ValueError, "patterns are for subscriptions"),
        (lambda ref: Members("a.*"), ValueError, "patterns are for subscriptions"),
    ],
    ids=range(13),
)
def test_what_makes_no_sense_is_the_askers_error_and_no_failure_of_the_router(
    router: RouterRef, member: Start, request_: Any, error: type[ActorError], text: str
) -> None:
    a = member("a")
    with pytest.raises(error, match=text):
        router.ask(request_(a))
    assert router.incarnation == 1
    assert names(router) == ["a"]


def test_a_request_that_is_told_and_refused_is_a_dead_letter(router: RouterRef, member: Start, log: EventLog) -> None:
    a = member("a")
    router.tell(Join("a", a))
    assert isinstance(log.wait(DeadLetter, "/router").error, NameTakenError)
    router.tell(Leave("a"))
    assert names(router) == []


# -- in order -------------------------------------------------------------------------


@system_case("T10")
@system_case("D0.6")
def test_what_one_sender_sends_arrives_in_order_to_one_and_to_all(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    a, b = member("a", ["numbers"]), member("b")
    ways: list[Any] = [
        lambda number: router.send("b", number),
        router.broadcast,
        lambda number: router.tell(Send("b", number)),
        lambda number: router.ask(Broadcast(number)),
        lambda number: router.broadcast(number, topic="numbers"),
    ]
    router.subscribe("b", "numbers")

    def send_all(agent: Agent) -> None:
        for number in range(100):
            ways[number % len(ways)](number)

    answer(a, send_all)
    assert got(trace, b) == list(range(100))


@system_case("T18")
def test_eight_threads_send_to_one_member_and_nothing_is_lost_or_doubled(
    router: RouterRef, system: ActorSystem, dispatcher: Any
) -> None:
    class Counter(Agent):
        def __init__(self) -> None:
            self.seen: list[tuple[int, int]] = []
            self.inside = 0

        def on_receive(self, message: Any) -> Any:
            self.inside += 1
            assert self.inside == 1
            if message != "seen":
                self.seen.append(message)
            self.inside -= 1
            return self.seen

    counter = system.spawn(ChildSpec(Counter, name="counter", dispatcher=dispatcher))
    router.join("counter", counter)

    def send(sender: int) -> None:
        for number in range(500):
            router.send("counter", (sender, number))

    at_once(*(lambda sender=sender: send(sender) for sender in range(8)))
    seen = answer(counter, "seen")
    assert len(seen) == len(set(seen)) == 4000
    for sender in range(8):
        assert [number for who, number in seen if who == sender] == list(range(500))


@system_case("T19")
@system_case("D0.16")
@pytest.mark.parametrize("capacity", [0, -1, True, 1.5])
def test_a_capacity_that_is_none_is_refused_when_it_is_said(capacity: Any) -> None:
    with pytest.raises(ValueError, match="capacity: a whole number of at least 1"):
        Mailbox(capacity)


# -- other members --------------------------------------------------------------------


def test_a_probe_and_another_router_may_be_members(router: RouterRef, system: ActorSystem, member: Start) -> None:
    probe = Probe(system, name="probe")
    router.join("probe", probe.ref)
    district = system.spawn(Router, name="district")
    district.join("probe", probe.ref)
    router.join("district", district)
    router.send("district", Broadcast("from afar"))
    assert probe.expect("from afar")
    assert router.broadcast("from near") == Delivered(2)
    probe.expect("from near")
    router.leave("district")
    with pytest.raises(AgentNotFoundError):
        router.send("district", Broadcast("lost"))


def test_what_comes_to_a_router_by_its_mailbox_is_sent_by_the_router(
    router: RouterRef, member: Start, trace: Trace, clock: WatchedClock
) -> None:
    a = member("a")
    answer(router, lambda agent: agent.context.timers.once("later", 1.0, Send("a", "by a timer")))
    clock.wait_for_timer(1.0)
    clock.advance_to(1.0)
    assert result(AgentRef.ask(router, Broadcast("by the mailbox"), block=False)) == Delivered(1)
    for request, error in ((Send("x", 1), AgentNotFoundError), (Broadcast(1, topic="*"), ValueError)):
        with pytest.raises(error):
            result(AgentRef.ask(router, request, block=False))
    assert router.incarnation == 1
    assert got(trace, a) == ["by a timer", "by the mailbox"]


# -- one for all ----------------------------------------------------------------------


def test_a_system_has_a_router_of_its_own_that_the_first_who_asks_starts(system: ActorSystem) -> None:
    found = at_once(*[lambda: Router.of(system)] * 4)
    assert {ref.path for ref in found} == {"/router"}
    assert len(set(found)) == 1
    found[0].stop()
    assert_ended(found[0])
    assert Router.of(system) is not found[0]


def test_an_agent_that_is_no_router_is_not_taken_for_one(system: ActorSystem, agent: Start) -> None:
    agent("router")
    with pytest.raises(NameTakenError):
        Router.of(system)


def test_a_watch_that_is_not_there_can_be_taken_back(router: RouterRef, member: Start) -> None:
    a = member("a")
    assert router.ask(UnwatchMembers(a)) is False
