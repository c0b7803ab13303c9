"""Does the bus do what a message bus is used for, without what made the first one lose messages in silence?"""

from collections import deque
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentFuture,
    AgentNotFoundError,
    AgentStoppedError,
    ControlMessage,
    DeadLetter,
    Delivered,
    Lagged,
    Mailbox,
    MailboxFullError,
    Member,
    MemberLeft,
    MessageBus,
    NameTakenError,
    ReplyError,
)
from actors.routing.inbox import Inbox
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, EventLog, Trace, Worker, answer, elsewhere, result


class Cancel(ControlMessage):
    def __repr__(self) -> str:
        return "Cancel()"


@pytest.fixture
def bus(system: ActorSystem) -> MessageBus:
    return MessageBus(system, 4, 2, name="bus")


def taken(subscription: Any) -> list[Any]:
    """Everything that waits in a subscription."""
    return [subscription.recv(PATIENCE) for _ in range(len(subscription))]


# -- what a bus is for ----------------------------------------------------------------


@pytest.mark.system_case("S0.24")
def test_a_message_to_one_reaches_that_one_alone(bus: MessageBus) -> None:
    a, b = bus.subscribe("a"), bus.subscribe("b")
    bus.send("a", "for a")
    assert a.recv(PATIENCE) == "for a"
    assert len(b) == 0


@pytest.mark.system_case("S0.19")
def test_a_broadcast_reaches_all_that_are_subscribed_by_then_and_says_how_many(bus: MessageBus) -> None:
    assert bus.broadcast("to nobody") == Delivered(0)
    a = bus.subscribe("a")
    assert bus.broadcast("first") == Delivered(1)
    b = bus.subscribe("b")
    assert bus.broadcast("second") == Delivered(2)
    assert taken(a) == ["first", "second"]
    assert taken(b) == ["second"]


@pytest.mark.system_case("D0.6")
def test_what_one_sends_arrives_in_that_order_whether_to_one_or_to_all(system: ActorSystem) -> None:
    bus = MessageBus(system, 50, 50)
    a = bus.subscribe("a")
    for number in range(0, 100, 2):
        bus.broadcast(number)
        bus.send("a", number + 1)
    assert taken(a) == list(range(100))


@pytest.mark.system_case("D0.15")
def test_an_agent_does_not_get_its_own_broadcast_unless_it_wants_to(system: ActorSystem, bus: MessageBus) -> None:
    class Speaker(Agent):
        def __init__(self) -> None:
            self.heard: list[str] = []

        def on_receive(self, message: str) -> Any:
            if message == "speak":
                return [bus.broadcast("to others"), bus.broadcast("to all", to_sender=True)]
            if message == "heard":
                return self.heard
            self.heard.append(message)
            return None

    speaker, listener = system.spawn(Speaker), bus.subscribe("listener")
    assert bus.subscribe("speaker", speaker) == Member("speaker", speaker)
    assert answer(speaker, "speak") == [Delivered(1), Delivered(2)]
    assert answer(speaker, "heard") == ["to all"]
    assert taken(listener) == ["to others", "to all"]


def test_each_message_of_a_subscription_is_taken_once_by_whoever_is_first(bus: MessageBus) -> None:
    a = bus.subscribe("a")
    takers = [elsewhere(a.recv, PATIENCE) for _ in range(3)]
    for number in range(3):
        bus.broadcast(number)
    assert sorted(result(taker) for taker in takers) == [0, 1, 2]


def test_who_waits_for_a_message_waits_by_the_clock_of_the_system(bus: MessageBus, clock: WatchedClock) -> None:
    a = bus.subscribe("a")
    taker = elsewhere(a.recv, 5.0)
    clock.waits.wait_for(5.0)
    clock.advance(4.9)
    assert not taker.settled
    clock.advance(0.1)
    with pytest.raises(TimeoutError, match="nothing for a within 5 seconds"):
        result(taker)
    bus.send("a", "later")
    assert a.recv(0) == "later"


# -- who is there, and who is not -----------------------------------------------------


@pytest.mark.system_case("S0.15")
def test_a_message_to_nobody_is_an_error_that_names_whom_it_was_for(bus: MessageBus) -> None:
    with pytest.raises(AgentNotFoundError, match="'x'"):
        bus.send("x", "lost")
    assert bus.remove_subscriber("x") is False


@pytest.mark.system_case("D0.1")
def test_a_removed_subscriber_gets_nothing_more_and_who_waits_for_that_is_told(bus: MessageBus) -> None:
    b = bus.subscribe("b")
    bus.broadcast("before")
    assert b.recv(PATIENCE) == "before"
    waiting = elsewhere(b.recv)
    assert bus.remove_subscriber("b") is True
    with pytest.raises(AgentStoppedError, match="b is not subscribed any more"):
        result(waiting)
    assert bus.broadcast("after") == Delivered(0)
    with pytest.raises(AgentNotFoundError, match="'b'"):
        bus.send("b", "after")
    with pytest.raises(AgentStoppedError):
        b.recv()


def test_what_was_delivered_before_the_removal_may_still_be_taken(bus: MessageBus) -> None:
    b = bus.subscribe("b")
    bus.send("b", "before")
    bus.remove_subscriber("b")
    assert b.recv() == "before"
    with pytest.raises(AgentStoppedError):
        b.recv()


@pytest.mark.system_case("D0.2")
def test_a_name_that_has_a_subscriber_is_refused_and_free_again_after_it(system: ActorSystem, bus: MessageBus) -> None:
    worker = system.spawn(Worker, name="worker")
    first = bus.subscribe("a")
    for again in (lambda: bus.subscribe("a"), lambda: bus.subscribe("a", worker)):
        with pytest.raises(NameTakenError, match="a is already registered"):
            again()
    bus.subscribe("w", worker)
    with pytest.raises(NameTakenError, match="w is already registered"):
        bus.subscribe("w")
    assert bus.broadcast("one each") == Delivered(2)
    assert taken(first) == ["one each"]
    first.close()
    assert len(bus.subscribe("a")) == 0


@pytest.mark.system_case("D0.3")
def test_a_message_to_an_agent_that_has_ended_is_an_error_and_its_entry_goes(
    system: ActorSystem, bus: MessageBus, log: EventLog
) -> None:
    worker = system.spawn(Worker, name="worker")
    bus.subscribe("w", worker)
    worker.stop()
    with pytest.raises((AgentStoppedError, AgentNotFoundError), match="w"):
        bus.send("w", "too late")
    log.wait(MemberLeft, "/bus")
    assert bus.router.members() == ()
    with pytest.raises(AgentNotFoundError, match="'w'"):
        bus.send("w", "later still")
    assert bus.subscribe("w").id == "w"


def test_a_subscription_that_ended_with_its_block_is_an_error_for_those_who_send(bus: MessageBus) -> None:
    with bus.subscribe("a") as a:
        bus.send("a", "in time")
        assert repr(a) == "<Subscription a: 1 waiting>"
    with pytest.raises(AgentNotFoundError, match="'a'"):
        bus.send("a", "too late")
    a.close()
    assert taken(a) == ["in time"]


def test_what_is_told_past_the_bus_to_a_closed_subscription_is_refused_and_a_dead_letter(
    bus: MessageBus, log: EventLog
) -> None:
    a = bus.subscribe("a")
    a.close()
    with pytest.raises(AgentStoppedError, match="/bus/a"):
        a.ref.tell("too late")
    assert log.wait(DeadLetter, "/bus/a").message == "too late"
    assert len(a) == 0


def test_who_was_woken_at_the_last_moment_looks_once_more() -> None:
    inbox = Inbox(1, 1)
    waiter = inbox.take()
    assert isinstance(waiter, AgentFuture)
    assert inbox.put("in time") == 0
    assert inbox.give_up(waiter) is False
    assert inbox.take() == ("in time",)


def test_the_end_of_an_old_subscription_leaves_a_new_one_of_that_name_alone(bus: MessageBus) -> None:
    old = bus.subscribe("a")
    bus.remove_subscriber("a")
    new = bus.subscribe("a")
    old.close()
    bus.send("a", "for the new one")
    assert new.recv(PATIENCE) == "for the new one"


def test_an_agent_that_is_removed_lives_on(system: ActorSystem, bus: MessageBus, trace: Trace) -> None:
    worker = system.spawn(Worker, trace, name="worker")
    bus.subscribe("w", worker)
    bus.send("w", "hello")
    assert bus.remove_subscriber("w") is True
    assert answer(worker, "who") == 1
    assert trace.count(("hello", "worker", 1)) == 1


@pytest.mark.system_case("D0.10")
def test_the_end_of_the_bus_releases_who_waits(system: ActorSystem) -> None:
    with MessageBus(system, name="one") as one:
        waiting = elsewhere(one.subscribe("a").recv)
    with pytest.raises(AgentStoppedError):
        result(waiting)
    for late in (lambda: one.send("a", 1), lambda: one.broadcast(1), lambda: one.subscribe("b")):
        with pytest.raises(AgentStoppedError, match="/one"):
            late()


@pytest.mark.threads_only("a simulation ends with its system, and with it whoever waits there")
def test_the_end_of_the_system_releases_who_waits(system: ActorSystem) -> None:
    waiting = elsewhere(MessageBus(system).subscribe("a").recv)
    system.stop()
    with pytest.raises(AgentStoppedError, match="a is not subscribed any more"):
        result(waiting)


# -- what finds no room ---------------------------------------------------------------


@pytest.mark.system_case("D0.4")
def test_a_full_subscription_refuses_a_message_to_it_and_nobody_waits(bus: MessageBus) -> None:
    a = bus.subscribe("a")
    for number in range(2):
        bus.send("a", number)
    with pytest.raises(MailboxFullError, match=r"/bus/a is full \(2 messages\)"):
        bus.send("a", 2)
    # There is room of its own for what is broadcast.
    assert bus.broadcast("to all") == Delivered(1)
    assert taken(a) == [0, 1, "to all"]
    assert a.lost == 0
    bus.send("a", "room again")
    assert taken(a) == ["room again"]


@pytest.mark.system_case("D0.5")
def test_a_slow_subscriber_is_told_how_many_broadcasts_it_lost_and_the_others_lose_none(
    bus: MessageBus, log: EventLog
) -> None:
    slow, quick = bus.subscribe("slow"), bus.subscribe("quick")
    heard = []
    for number in range(20):
        outcome = bus.broadcast(number)
        assert (outcome.count, outcome.dropped) == ((2, 0) if number < 4 else (1, 1))
        assert [name for name, _ in outcome.lost] == ["slow"] * outcome.dropped
        heard.append(quick.recv(PATIENCE))
    assert heard == list(range(20))
    assert taken(slow) == [0, 1, 2, 3, Lagged(16)]
    assert slow.lost == 16
    assert [letter.message for letter in log.of(DeadLetter, "/bus/slow")] == list(range(4, 20))
    bus.broadcast("on it goes")
    assert taken(slow) == ["on it goes"]


def test_what_was_lost_is_told_where_it_was_lost(bus: MessageBus) -> None:
    a = bus.subscribe("a")
    for number in range(6):
        bus.broadcast(number)
    assert a.recv(PATIENCE) == 0
    bus.broadcast(6)
    assert taken(a) == [1, 2, 3, Lagged(2), 6]


def test_control_messages_find_room_in_a_full_subscription_and_come_first(bus: MessageBus) -> None:
    a = bus.subscribe("a")
    for number in range(4):
        bus.broadcast(number)
        if number < 2:
            bus.send("a", "alone")
    bus.send("a", cancel := Cancel())
    assert bus.broadcast(again := Cancel()) == Delivered(1)
    # They come by way of the agent, which has put them in before it refuses to answer.
    with pytest.raises(ReplyError, match="/bus/a takes messages and answers none"):
        answer(a.ref, "anything")
    assert [a.recv(PATIENCE) for _ in range(2)] == [cancel, again]
    assert taken(a) == [0, "alone", 1, "alone", 2, 3]


def test_a_control_message_wakes_who_waits(bus: MessageBus) -> None:
    taker = elsewhere(bus.subscribe("a").recv, PATIENCE)
    bus.send("a", cancel := Cancel())
    assert result(taker) is cancel


def test_a_bus_shows_where_it_is_and_how_many_are_subscribed(bus: MessageBus) -> None:
    bus.subscribe("a")
    assert repr(bus) == "<MessageBus /bus: 1 subscribers>"


def test_an_agents_own_mailbox_says_what_may_wait_there(system: ActorSystem, bus: MessageBus, spec: Any) -> None:
    with Gate() as gate:

        class Busy(Agent):
            def on_receive(self, message: object) -> None:
                gate.wait()

        for name, mailbox in (("any", None), ("one", Mailbox(1, "block"))):
            bus.subscribe(name, system.spawn(spec(Busy, name=name, mailbox=mailbox)))
            bus.send(name, "in hand")
        gate.reached(2)
        for _ in range(40):
            bus.send("any", "waits")
        bus.send("one", "waits")
        with pytest.raises(MailboxFullError, match="/one"):
            bus.send("one", "would wait for room")


@pytest.mark.system_case("D0.16")
@pytest.mark.parametrize("capacity", [0, -1, 1.5, True, None])
def test_a_capacity_that_is_none_is_refused_by_its_name(system: ActorSystem, capacity: Any) -> None:
    for name in ("broadcast_capacity", "agent_channel_capacity"):
        with pytest.raises(ValueError, match=f"{name}: a whole number of at least 1"):
            MessageBus(system, **{name: capacity})
    assert system.select("/*") == []


@pytest.mark.parametrize("id", ["", "a/b", 7])
def test_what_can_be_no_name_is_refused_and_nobody_is_subscribed(bus: MessageBus, id: Any) -> None:
    with pytest.raises(ValueError, match="a name"):
        bus.subscribe(id)
    assert bus.router.members() == ()
    assert bus.router.children() == []


@pytest.mark.system_case("D0.9")
def test_a_subscriber_that_takes_nothing_is_an_error_for_its_senders_in_the_end(bus: MessageBus) -> None:
    bus.subscribe("forgotten")
    for number in range(2):
        bus.send("forgotten", number)
    with pytest.raises(MailboxFullError, match="/bus/forgotten"):
        bus.send("forgotten", 2)


# -- Ctrl-C ---------------------------------------------------------------------------


def test_who_waits_is_told_of_a_message_also_behind_one_that_was_interrupted() -> None:
    inbox = Inbox(2, 2)
    interrupted, waits = inbox.take(), inbox.take()  # nobody looks at the first any more
    assert isinstance(interrupted, AgentFuture)
    assert isinstance(waits, AgentFuture)
    inbox.put("m")
    assert waits.settled
    assert inbox.take() == ("m",)


def test_taking_that_is_interrupted_leaves_no_less_room() -> None:
    class Interrupted(deque[Any]):
        def popleft(self) -> Any:
            super().popleft()
            raise KeyboardInterrupt

    inbox = Inbox(2, 1)
    inbox.put("first")
    inbox._items = Interrupted(inbox._items)
    with pytest.raises(KeyboardInterrupt):
        inbox.take()
    assert inbox.put("second") == 0
    assert inbox.put("one too many") == 1
