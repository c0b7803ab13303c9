"""Is what reaches nobody one dead letter with its true reason, and does whoever can be told get the error?"""

from __future__ import annotations

import time
from collections.abc import Callable
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
    DeadLetter,
    Mailbox,
    MailboxFullError,
    MessageBus,
    NoRouteesError,
    RouterRef,
    Send,
)
from actors.testkit import Gate
from tests.core.helpers import EventLog, Flag, Trace, answer
from tests.core.scripted import held
from tests.routing.members import Cancel, Start, got
from tests.routing.pools import make_pool

system_case = pytest.mark.system_case


def letters(log: EventLog) -> list[tuple[str, Any, str]]:
    return [(letter.path, letter.message, letter.reason) for letter in log.of(DeadLetter)]


# -- one member -----------------------------------------------------------------------

WAYS: dict[str, Callable[[RouterRef], Any]] = {
    "sent": lambda router: router.send("a", "hello"),
    "asked": lambda router: router.ask(Send("a", "hello")),
    "told": lambda router: router.tell(Send("a", "hello")),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("state", ["never there", "has left", "is leaving", "has stopped", "was taken out", "is full"])
@system_case("T7")
@system_case("D0.3")
def test_what_cannot_be_brought_to_a_member_is_one_dead_letter_and_an_error_where_anybody_can_have_it(
    router: RouterRef, member: Start, log: EventLog, state: str, way: str
) -> None:
    lost: tuple[str, Any, str] = ("/router", Send("a", "hello"), "no such member")
    error: type[ActorError] = AgentNotFoundError
    gate = None
    if state != "never there":
        a = member("a", mailbox=Mailbox(1))
    if state == "has left":
        router.leave("a")
    elif state == "is leaving":
        router.directory.members["a"].leave()  # as of a router that is about to take it out
    elif state == "has stopped":
        gate = held(router)
        a.stop()
        lost, error = ("/a", "hello", "stopped"), AgentStoppedError
    elif state == "was taken out":
        a.stop()
        answer(router, lambda agent: None)
    elif state == "is full":
        gate = held(a)
        a.tell("first")
        lost, error = ("/a", "hello", "mailbox full"), MailboxFullError
    if way == "told":
        WAYS[way](router)
    else:
        with pytest.raises(ActorError) as caught:
            WAYS[way](router)
        assert type(caught.value) is error  # one that users know by name
        assert caught.value.path in ("a", "/a")
    assert letters(log) == [lost]
    if gate is not None:
        gate.open()


@pytest.mark.parametrize("way", ["sent", "asked", "told"])
def test_what_is_sent_by_a_router_that_has_stopped_is_a_dead_letter_and_an_error(
    router: RouterRef, member: Start, log: EventLog, way: str
) -> None:
    member("a")
    router.stop()
    with pytest.raises(AgentStoppedError, match="/router"):
        WAYS[way](router)
    with pytest.raises(AgentStoppedError, match="/router"):
        router.broadcast("to all", "news", to_sender=True)
    assert letters(log) == [
        ("/router", Send("a", "hello"), "stopped"),
        ("/router", Broadcast("to all", "news", True), "stopped"),
    ]


def test_what_found_nobody_can_be_sent_once_more_when_somebody_has_come(
    router: RouterRef, system: ActorSystem, member: Start, trace: Trace
) -> None:
    with pytest.raises(AgentNotFoundError):
        router.send("a", "hello")
    a = member("a")
    replayed = system.dead_letters.replay(reason="no such member")
    assert len(replayed.accepted) == 1
    assert got(trace, a) == ["hello"]
    assert len(system.dead_letters) == 0


@system_case("T11")
@system_case("D0.4")
@system_case("D1.2")
@pytest.mark.parametrize("overflow", ["reject", "block"])
def test_the_third_message_to_a_mailbox_for_two_is_refused_at_once_by_name(
    router: RouterRef, member: Start, overflow: str
) -> None:
    a = member("a", mailbox=Mailbox(2, overflow))
    gate = held(a)
    router.send("a", 1)
    router.send("a", 2)
    took = []
    for _ in range(5):  # as a busy machine may take a while over any of them
        begun = time.monotonic()
        with pytest.raises(MailboxFullError, match=r"the mailbox of /a is full \(2 messages\)"):
            router.send("a", 3)
        took.append(time.monotonic() - begun)
    assert min(took) < 0.05
    delivered = router.broadcast(4)
    assert (delivered.count, delivered.dropped) == (0, 1)
    gate.open()


# -- members that send in a way of their own ------------------------------------------


def test_a_pool_among_the_members_that_has_nobody_loses_a_broadcast_once_and_says_why(
    router: RouterRef, system: ActorSystem, spec: Any, log: EventLog
) -> None:
    router.join("crew", make_pool(system, spec, size=0))
    delivered = router.broadcast("hello")
    assert (delivered.count, delivered.dropped) == (0, 1)
    assert isinstance(delivered.lost[0][1], NoRouteesError)
    assert letters(log) == [("/pool", "hello", "no routees")]
    router.tell(Send("crew", "told"))
    assert letters(log)[1:] == [("/pool", "told", "no routees")]
    assert router.directory.members["crew"].lost == 0


def test_a_pool_among_the_members_that_has_no_room_loses_a_broadcast_once_and_it_is_counted(
    router: RouterRef, system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    pool = make_pool(system, spec, trace, size=1, mailbox=Mailbox(1))
    router.join("crew", pool)
    gate = held_routee(pool.routees[0])
    pool.routees[0].tell("first")
    assert isinstance(router.broadcast("hello").lost[0][1], MailboxFullError)
    router.tell(Send("crew", "told"))
    gate.open()
    assert letters(log) == [("/pool", "hello", "mailbox full"), ("/pool", "told", "mailbox full")]
    assert len(system.dead_letters) == 2
    assert router.directory.members["crew"].lost == 2


def held_routee(ref: AgentRef[Any]) -> Any:
    """Have a routee wait at a gate, and give the gate once it is there."""

    class Held(Flag):
        def wait(self, timeout: float | None = None) -> bool:
            gate.wait()
            return True

    gate = Gate()
    ref.tell(Held())
    gate.reached()
    return gate


def test_a_subscription_without_room_loses_a_broadcast_once(system: ActorSystem, log: EventLog, spec: Any) -> None:
    with MessageBus(system, broadcast_capacity=1, name="bus") as bus, bus.subscribe("main") as inbox:
        assert [bus.broadcast(number).count for number in range(3)] == [1, 0, 0]
        assert letters(log) == [("/bus/main", number, "mailbox full") for number in (1, 2)]
        assert inbox.lost == 2


class StubbornRef(AgentRef[Any]):
    """Has reasons of its own not to take what it is told, and records nothing."""

    __slots__ = ()

    def tell(self, message: Any) -> None:
        raise message


class Stubborn(Agent):
    ref_class = StubbornRef


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AgentStoppedError("gone", path="/a"), "stopped"),
        (MailboxFullError("/a", 7), "mailbox full"),
        (NoRouteesError("/a"), "no routees"),
        (AgentNotFoundError("/b"), "no such member"),
        (ActorError("not today"), "refused"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ActorError) else value,
)
def test_what_a_ref_of_its_own_kind_refuses_is_a_dead_letter_with_the_true_reason(
    router: RouterRef, system: ActorSystem, spec: Any, log: EventLog, error: ActorError, reason: str
) -> None:
    router.join("a", system.spawn(spec(Stubborn, "a")))
    assert router.broadcast(error).lost == (("a", error),)
    router.tell(Send("a", error))
    assert letters(log) == [("/a", error, reason)] * 2
    assert log.of(DeadLetter)[0].error is error
    with pytest.raises(type(error)):
        router.send("a", error)


# -- control messages -----------------------------------------------------------------


@system_case("T13")
@system_case("D0.5")
def test_a_control_message_overtakes_by_a_router_and_waits_its_turn_where_it_is_told_directly(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    a = member("a", mailbox=Mailbox(2))
    gate = held(a)
    a.tell("first")
    a.tell(Cancel("directly"))
    with pytest.raises(MailboxFullError):
        a.tell(Cancel("without room"))
    router.send("a", Cancel("by the router"))
    gate.open()
    assert got(trace, a, 3) == [Cancel("by the router"), "first", Cancel("directly")]
