"""What becomes of a group when its members, its watchers or its router fail, restart or stop?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentNotFoundError,
    AgentStoppedError,
    Broadcast,
    DeadLetter,
    DeathPactError,
    Delivered,
    Event,
    Join,
    Leave,
    LeaveReason,
    Member,
    MemberJoined,
    MemberLeft,
    Router,
    RouterRef,
    Send,
    Unsubscribe,
    WatchMembers,
)
from actors.testkit import Gate
from policies import Backoff, Restart
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, answer, assert_ended, elsewhere, incarnation, result
from tests.core.scripted import held
from tests.routing.members import Doing, Start, got, names

case = pytest.mark.case
system_case = pytest.mark.system_case


def changes(log: EventLog) -> list[tuple[type[Event], str, Any]]:
    """Give the changes of the membership that were events: what, who, and why it left."""
    found = [event for event in log.notes if isinstance(event, (MemberJoined, MemberLeft))]
    return [(type(event), event.name, getattr(event, "reason", None)) for event in found]


# -- members --------------------------------------------------------------------------


@system_case("D0.10")
def test_a_member_that_is_restarted_is_a_member_all_the_while(
    router: RouterRef, member: Start, trace: Trace, log: EventLog, clock: WatchedClock
) -> None:
    a = member("a", policy=Restart(backoff=Backoff(1.0)))
    router.send("a", Boom("again"))
    clock.wait_for_timer(1.0)
    assert router.broadcast("while it is down") == Delivered(1)
    router.send("a", "and this")
    clock.advance_to(1.0)
    assert incarnation(a) == 2
    assert got(trace, a)[-2:] == ["while it is down", "and this"]
    assert changes(log) == [(MemberJoined, "a", None)]


def test_a_member_that_stops_leaves_and_that_is_said_once(
    router: RouterRef, member: Start, log: EventLog, trace: Trace
) -> None:
    a, b = member("a", ["builds"]), member("b")
    a.tell("stop")
    left = log.wait(MemberLeft)
    assert (left.path, left.incarnation, left.name, left.ref) == ("/router", 1, "a", a)
    assert names(router) == ["b"]
    assert router.broadcast("news", topic="builds") == Delivered(0)
    assert router.broadcast("news") == Delivered(1)
    assert got(trace, b) == ["news"]
    assert changes(log) == [
        (MemberJoined, "a", None),
        (MemberJoined, "b", None),
        (MemberLeft, "a", LeaveReason.STOPPED),
    ]


def test_a_broadcast_says_who_had_stopped_before_the_router_knew(router: RouterRef, member: Start) -> None:
    a = member("a")
    member("b")
    gate = held(router)
    a.stop()
    delivered = router.broadcast("news")
    assert (delivered.count, delivered.dropped) == (1, 1)
    ((name, error),) = delivered.lost
    assert name == "a"
    assert isinstance(error, AgentStoppedError)
    gate.open()


@case(110)
def test_a_name_is_free_once_its_agent_takes_no_more_messages_however_late_its_cleanup_is(
    router: RouterRef, member: Start, system: ActorSystem, spec: Any, agent: Start, trace: Trace, log: EventLog
) -> None:
    gate = Gate()

    class Slow(Doing):
        def on_stop(self) -> None:
            gate.wait()

    old = system.spawn(spec(Slow, "old"))
    router.join("a", old)
    stopping = old.stop(block=False)
    gate.reached()
    new = agent("new")
    assert router.join("a", new) == Member("a", new)
    assert router.member("a") == Member("a", new)
    gate.open()
    assert result(stopping) is True
    assert names(router) == ["a"]
    router.send("a", "to the new one")
    assert got(trace, new) == ["to the new one"]
    assert changes(log) == [
        (MemberJoined, "a", None),
        (MemberLeft, "a", LeaveReason.STOPPED),
        (MemberJoined, "a", None),
    ]


@case(112)
def test_who_has_stopped_does_not_become_a_member(
    router: RouterRef, member: Start, agent: Start, log: EventLog
) -> None:
    a = agent("a")
    a.stop()
    with pytest.raises(AgentStoppedError, match="/a") as caught:
        router.join("a", a, ["builds"])
    assert caught.value.path == "/a"
    with pytest.raises(AgentStoppedError, match="/a"):
        router.watch_members(a)
    assert names(router) == names(router, "builds") == []
    assert router.broadcast("news", "builds") == Delivered(0)
    assert changes(log) == []
    router.join("a", agent("another"))
    assert names(router) == ["a"]


@case(112)
def test_who_stops_while_it_waits_to_become_a_member_leaves_nothing_behind(
    router: RouterRef, agent: Start, log: EventLog
) -> None:
    gate = held(router)
    a, b = agent("a"), agent("b")
    joining = router.ask(Join("a", a), block=False)
    watching = router.ask(WatchMembers(a), block=False)
    router.tell(Join("b", b))
    a.stop()
    gate.open()
    for future in (joining, watching):
        with pytest.raises(AgentStoppedError, match="/a"):
            result(future)
    assert names(router) == ["b"]
    assert changes(log) == [(MemberJoined, "b", None)]


def test_a_member_may_join_from_its_own_start(router: RouterRef, system: ActorSystem, spec: Any) -> None:
    class Joiner(Doing):
        def on_start(self) -> None:
            super().on_start()
            router.join("me", self.context.ref)

    ref = system.spawn(spec(Joiner, "joiner"))
    assert router.members() == (Member("me", ref),)


# -- those who watch ------------------------------------------------------------------


def watched(trace: Trace, ref: Any) -> list[tuple[type[Event], str, Any, Any]]:
    found = got(trace, ref)
    return [(type(what), what.name, what.topic, getattr(what, "reason", None)) for what in found]


def test_who_watches_a_group_is_told_of_each_change_once_and_of_who_is_there(
    router: RouterRef, member: Start, agent: Start, trace: Trace
) -> None:
    a = member("a")
    porter = agent("porter")
    assert router.watch_members(porter) == (Member("a", a),)
    b = member("b")
    router.leave("a")
    b.stop()
    names(router)
    router.leave("b")
    assert watched(trace, porter) == [
        (MemberJoined, "b", None, None),
        (MemberLeft, "a", None, LeaveReason.LEFT),
        (MemberLeft, "b", None, LeaveReason.STOPPED),
    ]
    assert router.unwatch_members(porter) is True
    assert router.unwatch_members(porter) is False
    member("c")
    assert len(watched(trace, porter)) == 3


def test_who_watches_a_topic_is_told_who_wants_it_and_who_does_not_any_more(
    router: RouterRef, member: Start, agent: Start, trace: Trace
) -> None:
    porter = agent("porter")
    assert router.watch_members(porter, "builds.linux") == ()
    a, b = member("a", ["builds.*"]), member("b")
    member("c", ["news"])
    router.subscribe("b", "builds.linux")
    router.subscribe("a", "builds.linux")
    router.unsubscribe("a", "builds.*")  # the other one matches still
    assert router.watch_members(porter, "builds.linux") == (
        Member("a", a, ("builds.linux",)),
        Member("b", b, ("builds.linux",)),
    )
    router.unsubscribe("a", "builds.linux")
    router.leave("b")
    assert watched(trace, porter) == [
        (MemberJoined, "a", "builds.linux", None),
        (MemberJoined, "b", "builds.linux", None),
        (MemberLeft, "a", "builds.linux", LeaveReason.UNSUBSCRIBED),
        (MemberLeft, "b", "builds.linux", LeaveReason.LEFT),
    ]
    assert router.unwatch_members(porter, "builds.linux") is True


def test_a_watcher_that_is_a_member_as_well_goes_as_both(router: RouterRef, member: Start) -> None:
    a = member("a")
    router.watch_members(a)
    router.watch_members(a, "builds")
    router.leave("a")
    router.join("a", a)
    assert router.unwatch_members(a) is True
    assert router.unwatch_members(a, "builds") is True
    router.watch_members(a)
    a.stop()
    assert names(router) == []
    assert router.directory.watchers == {}


# -- the router -----------------------------------------------------------------------


def test_a_router_that_fails_and_is_restarted_keeps_its_members(
    router: RouterRef, member: Start, agent: Start, trace: Trace, log: EventLog
) -> None:
    a, b = member("a", ["builds"]), member("b")
    porter = agent("porter")
    router.watch_members(porter)
    before = changes(log)
    router.tell(Boom("again"))
    assert answer(router, lambda agent: agent.context.incarnation) == 2
    assert [each.name for each in router.members("builds")] == ["a"]
    assert router.broadcast("news", "builds") == Delivered(1)
    assert got(trace, a) == ["news"]
    assert changes(log) == before
    b.stop()
    assert names(router) == ["a"]
    assert watched(trace, porter) == [(MemberLeft, "b", None, LeaveReason.STOPPED)]


def test_members_get_their_messages_while_the_router_is_busy_or_down(
    system: ActorSystem, spec: Any, agent: Start, trace: Trace, clock: WatchedClock
) -> None:
    router = system.spawn(spec(Doing, "router", policy=Restart(backoff=Backoff(1.0))))
    a = agent("a")
    router.join("a", a)
    gate = held(router)
    router.send("a", "while it is busy")
    router.tell(Boom("again"))
    gate.open()
    clock.wait_for_timer(1.0)
    assert router.broadcast("while it is down") == Delivered(1)
    joining = router.ask(Join("b", agent("b")), block=False)
    a.stop()
    clock.advance_to(1.0)
    assert result(joining).name == "b"
    assert names(router) == ["b"]
    assert got(trace, agent("c")) == []
    assert [what for what, name, _ in trace.notes if name == "a"][1:3] == ["while it is busy", "while it is down"]


def test_a_router_whose_news_of_an_end_was_lost_finds_out_when_it_is_restarted(
    system: ActorSystem, spec: Any, agent: Start
) -> None:
    class Forgetful(Doing):
        def _terminated(self, message: Any) -> None:
            raise Boom("over the news")

        def on_receive(self, message: Any) -> Any:
            if type(message).__name__ == "Terminated" and self.context.incarnation == 1:
                raise Boom("over the news")
            return super().on_receive(message)

    router = system.spawn(spec(Forgetful, "router", policy=Restart()))
    a = agent("a")
    router.join("a", a)
    a.stop()
    assert answer(router, lambda agent: agent.context.incarnation) == 2
    assert names(router) == []


def test_a_router_that_has_stopped_refuses_everything(
    router: RouterRef, member: Start, trace: Trace, log: EventLog
) -> None:
    a = member("a")
    router.stop()
    for send in (
        lambda: router.send("a", 1),
        lambda: router.send("x", 1),
        lambda: router.broadcast(1),
        lambda: router.members(),
        lambda: router.ask(Send("a", 1)),
        lambda: router.tell(Send("a", "lost")),
        lambda: router.leave("a"),
        lambda: router.join("b", a),
    ):
        with pytest.raises(AgentStoppedError, match="/router"):
            send()
    assert a.is_alive()
    assert got(trace, a) == []
    letters = [letter.message for letter in log.of(DeadLetter, "/router")]
    assert letters[:2] + letters[3:5] == [Send("a", 1), Send("x", 1), Send("a", 1), Send("a", "lost")]
    assert letters[2] == Broadcast(1)


def test_what_a_router_watches_besides_its_members_is_its_own_affair(
    system: ActorSystem, spec: Any, agent: Start, trace: Trace
) -> None:
    router = system.spawn(spec(Doing, "router"))
    other = agent("other")
    answer(router, lambda agent: agent.context.watch(other))
    other.stop()
    assert_ended(router)
    assert isinstance(router._cell.last_error, DeathPactError)


def test_an_unknown_message_is_logged_as_of_every_agent(system: ActorSystem, spec: Any, lines: list[str]) -> None:
    router = system.spawn(spec(Router, "router"))
    assert answer(router, "hello") is None
    assert lines == ["dead letter to /router #1: 'hello' (unhandled)"]


def test_a_member_that_leaves_on_the_way_gets_nothing(router: RouterRef, member: Start, trace: Trace) -> None:
    a = member("a")
    endpoint = router.directory.members["a"]
    everybody = router.directory.everybody
    router.leave("a")
    assert everybody == (endpoint,)
    # Whoever had looked before the leave has this endpoint in hand.
    assert isinstance(endpoint.deliver("late"), AgentNotFoundError)
    assert got(trace, a) == []
    assert repr(endpoint) == "<Endpoint a: /a>"


def test_to_leave_waits_for_what_is_on_its_way(router: RouterRef, system: ActorSystem, spec: Any) -> None:
    gate = Gate()

    class SlowRef(RouterRef):
        __slots__ = ()

        def tell(self, message: Any) -> None:
            if message == "slow":
                gate.wait()
            super().tell(message)

    class Slow(Doing):
        ref_class = SlowRef

    slow = system.spawn(spec(Slow, "slow"))
    router.join("slow", slow, ["builds"])
    endpoint = router.directory.members["slow"]
    sending = elsewhere(router.send, "slow", "slow")
    gate.reached()
    unsubscribing = router.ask(Unsubscribe("slow", "builds"), block=False)
    leaving = router.ask(Leave("slow"), block=False)
    names(router)
    assert router.members() == ()
    assert not unsubscribing.settled
    assert not leaving.settled
    gate.open()
    assert sending.get() is None
    assert result(unsubscribing) is True
    assert result(leaving) is True
    assert isinstance(endpoint.deliver("late"), AgentNotFoundError)


def test_who_hears_of_a_message_that_its_member_does_not_take_may_let_that_go(
    router: RouterRef, system: ActorSystem, spec: Any
) -> None:
    class RefusingRef(RouterRef):
        __slots__ = ()

        def tell(self, message: Any) -> None:
            self._cell.dead_letter(message, "refused by its ref")

    class Refusing(Doing):
        ref_class = RefusingRef

    router.join("a", system.spawn(spec(Refusing, "a")), ["builds"])
    ended: list[bool] = []

    def let_go(letter: DeadLetter) -> None:
        ended.append(router.unsubscribe("a", "builds"))
        ended.append(router.leave("a"))

    system.events.subscribe(let_go, DeadLetter)
    elsewhere(router.send, "a", "hello").get()
    assert ended == [True, True]
    assert names(router) == []
