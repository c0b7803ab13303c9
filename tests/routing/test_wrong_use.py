"""Is what makes no sense its sender's error, and never a failure of the router, or a loss to the other members?"""

from __future__ import annotations

from typing import Any, Protocol

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentNotFoundError,
    Broadcast,
    ConsistentHashing,
    DeadLetter,
    Delivered,
    Join,
    Leave,
    Members,
    MessageBus,
    Router,
    RouterRef,
    Send,
    Subscribe,
    UnwatchMembers,
)
from actors._core.path import path_matches
from actors.routing.pool_ref import PoolRef
from tests.core.helpers import EventLog, Trace, Worker, answer
from tests.routing.members import Start, got
from tests.routing.pools import Routee, make_pool


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


# -- names ----------------------------------------------------------------------------

ODD: list[Any] = [None, 5, "", [], {}, Unprintable()]
ODD_IDS = ["none", "number", "empty", "list", "dict", "unprintable"]


@pytest.mark.parametrize("odd", ODD, ids=ODD_IDS)
def test_nobody_has_a_name_that_is_none(router: RouterRef, member: Start, log: EventLog, odd: Any) -> None:
    member("a")
    for send in (lambda: router.send(odd, "m"), lambda: router.ask(Send(odd, "m"))):
        with pytest.raises(AgentNotFoundError, match=r"there is no member .* in /router"):
            send()
    router.tell(Send(odd, "m"))
    assert [letter.reason for letter in log.of(DeadLetter)] == ["no such member"] * 3
    assert router.member(odd) is None
    assert [router.leave(odd), router.unsubscribe(odd, "t"), router.unsubscribe("a", odd)] == [False] * 3
    assert [answer(router, UnwatchMembers(each, odd)) for each in (odd, router)] == [False] * 2
    with pytest.raises(AgentNotFoundError, match="there is no member"):
        router.subscribe(odd, "t")
    assert log.of(AgentFailed) == []


@pytest.mark.parametrize("odd", ODD, ids=ODD_IDS)
def test_what_can_be_no_member_is_refused_and_the_router_goes_on(
    router: RouterRef, member: Start, log: EventLog, odd: Any
) -> None:
    a = member("a")
    wrong = [Join(odd, a), Join("new", odd), Join("new", a, [odd]), Subscribe("a", odd)]
    for request in wrong:
        with pytest.raises(ValueError, match=r"name|ref|topic"):
            answer(router, request)
    assert answer(router, Leave("a")) is True
    assert log.of(AgentFailed) == []


@pytest.mark.parametrize("odd", ODD, ids=ODD_IDS)
def test_the_bus_has_nobody_of_a_name_that_is_none(system: ActorSystem, odd: Any) -> None:
    bus = MessageBus(system, name="bus")
    with pytest.raises(AgentNotFoundError, match=r"there is no member .* in /bus"):
        bus.send(odd, "m")
    with pytest.raises(ValueError, match="a name"):
        bus.subscribe(odd)
    assert bus.remove_subscriber(odd) is False


@pytest.mark.parametrize("odd", ODD, ids=ODD_IDS)
def test_a_router_or_bus_is_not_started_in_what_is_no_system(odd: Any) -> None:
    for start in (Router.of, MessageBus):
        with pytest.raises(ValueError, match="system: an ActorSystem, not"):
            start(odd)


def test_members_that_nobody_asks_for_are_named_to_nobody(router: RouterRef, member: Start) -> None:
    member("a")
    router.tell(Members())  # and is no message that the router tells itself for ever
    assert [each.name for each in answer(router, Members())] == ["a"]
    with pytest.raises(ValueError, match="topic: names with dots"):
        router.tell(Members("no..topic"))


# -- filters and patterns --------------------------------------------------------------


class NotForRunTime(Protocol):
    text: str


async def later(_: Any) -> bool:
    return True


@pytest.mark.parametrize(
    "where",
    [[], (), "Built", int | str, (int, None), Any, NotForRunTime, list[int], later],
    ids=["list", "no-types", "text", "union", "type-and-none", "any", "protocol", "generic", "coroutine"],
)
def test_a_filter_that_can_tell_nothing_is_refused_when_it_is_given(
    router: RouterRef, member: Start, where: Any
) -> None:
    member("a")
    with pytest.raises(ValueError, match="where: a type, types, a predicate"):
        router.subscribe("a", "news", where)
    assert router.broadcast("m", "news") == Delivered(0)


def test_a_pattern_of_many_levels_is_matched_in_no_time() -> None:
    names = ["a"] * 3000
    assert not path_matches(names, [*["**", "a"] * 30, "b"])
    assert path_matches(names, [*["**", "a"] * 30, "**"])


# -- broadcasts -----------------------------------------------------------------------


def key(message: Any) -> Any:
    if message == "no key":
        raise KeyError(message)
    return message


def test_a_pool_that_has_nothing_to_pick_by_is_a_loss_to_nobody_else(
    router: RouterRef, member: Start, system: ActorSystem, spec: Any, trace: Trace, log: EventLog
) -> None:
    a = member("a")
    router.join("pool", make_pool(system, spec, trace, size=1, pick=ConsistentHashing(key)))
    b = member("b")
    delivered = router.broadcast("no key")
    router.tell(Broadcast("no key"))
    router.tell(Send("pool", "no key"))
    assert (delivered.count, delivered.dropped, repr(delivered.lost)) == (2, 1, "(('pool', KeyError('no key')),)")
    assert [got(trace, ref) for ref in (a, b)] == [["no key"] * 2] * 2
    assert [(each.path, each.reason, repr(each.error)) for each in log.of(DeadLetter)] == [
        ("/pool", "refused", "KeyError('no key')")
    ] * 3
    with pytest.raises(KeyError):
        router.send("pool", "no key")


class Numbers(Worker):
    accepts = int


@pytest.fixture
def mixed(system: ActorSystem, spec: Any, trace: Trace) -> PoolRef:
    pool = make_pool(system, spec, trace, size=1)
    pool.start_child(spec(Numbers, "numbers", args=(trace,)))
    pool.start_child(spec(Routee, "last", args=(trace,)))
    return pool


def test_a_broadcast_goes_on_behind_a_routee_that_does_not_accept_it(
    mixed: PoolRef, trace: Trace, log: EventLog
) -> None:
    delivered = mixed.broadcast("text")
    assert (delivered.count, [name for name, _ in delivered.lost]) == (2, ["numbers"])
    trace.wait_for(("text", "w-1", 1))
    trace.wait_for(("text", "last", 1))
    assert [(each.path, each.reason) for each in log.of(DeadLetter)] == [("/pool/numbers", "refused")]
