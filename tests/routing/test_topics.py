"""Does a member get what it subscribes to, once, and nothing else?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import DeadLetter, Delivered, Member, RouterRef
from actors.routing import directory
from actors.routing.topics import topic_matches
from tests.core.helpers import Boom, EventLog, Trace, answer
from tests.core.scripted import held
from tests.routing.members import Start, broadcasting, got, names

case = pytest.mark.case


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("builds", "builds", True),
        ("builds", "builds.done", False),
        ("builds.*", "builds", False),
        ("builds.*", "builds.done", True),
        ("builds.*", "builds.linux.done", False),
        ("builds.**", "builds", True),
        ("builds.**", "builds.linux.done", True),
        ("builds.**", "news", False),
        ("*.done", "builds.done", True),
        ("**.done", "builds.linux.done", True),
        ("**", "anything.at.all", True),
        ("builds.[lm]*", "builds.linux", True),
        ("builds.[lm]*", "builds.windows", False),
        ("builds.linu?", "builds.linux", True),
    ],
)
def test_a_pattern_matches_part_by_part(pattern: str, topic: str, expected: bool) -> None:
    assert topic_matches(topic, pattern) is expected


def test_a_topic_reaches_those_that_subscribe_to_it_and_no_others(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    builds, all_builds, news, nothing = (
        member("builds", {"builds.linux"}),
        member("all", ["builds.**"]),
        member("news", ("news",)),
        member("nothing"),
    )
    assert router.broadcast("done", topic="builds.linux") == Delivered(2)
    assert router.broadcast("late", topic="builds.mac.arm") == Delivered(1)
    assert router.broadcast("hear", topic="news") == Delivered(1)
    assert router.broadcast("to all") == Delivered(4)
    assert [got(trace, ref) for ref in (builds, all_builds, news, nothing)] == [
        ["done", "to all"],
        ["done", "late", "to all"],
        ["hear", "to all"],
        ["to all"],
    ]


def test_a_member_with_several_subscriptions_to_a_topic_gets_its_messages_once(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    a = member("a", ["builds.linux", "builds.*", "**"])
    assert router.broadcast("once", topic="builds.linux") == Delivered(1)
    router.unsubscribe("a", "builds.linux")
    assert router.broadcast("and once", topic="builds.linux") == Delivered(1)
    assert got(trace, a) == ["once", "and once"]


def test_the_sender_is_left_out_of_a_topic_too(router: RouterRef, member: Start, trace: Trace) -> None:
    a, b = member("a", ["builds"]), member("b", ["builds"])
    assert answer(a, broadcasting(router, "hello", topic="builds")) == Delivered(1)
    assert answer(a, broadcasting(router, "all", topic="builds", to_sender=True)) == Delivered(2)
    assert [got(trace, ref) for ref in (a, b)] == [["all"], ["hello", "all"]]


@case(113)
def test_to_leave_one_topic_keeps_the_other_and_the_first_may_be_had_again(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    a = member("a")
    assert router.subscribe("a", "builds") == Member("a", a, ("builds",))
    assert router.subscribe("a", "news") == Member("a", a, ("builds", "news"))
    assert router.unsubscribe("a", "builds") is True
    assert router.unsubscribe("a", "builds") is False
    assert router.broadcast("lost", topic="builds") == Delivered(0)
    assert router.broadcast("kept", topic="news") == Delivered(1)
    assert names(router, "news") == ["a"]
    router.subscribe("a", "builds")
    assert router.broadcast("again", topic="builds") == Delivered(1)
    router.leave("a")
    assert router.broadcast("lost", topic="news") == Delivered(0)
    router.join("a", a)
    assert router.broadcast("lost", topic="builds") == Delivered(0)
    assert got(trace, a) == ["kept", "again"]


def test_a_filter_says_which_messages_of_a_topic_are_wanted(router: RouterRef, member: Start, trace: Trace) -> None:
    numbers, words, both, large = (member(name) for name in ("numbers", "words", "both", "large"))
    router.subscribe("numbers", "things", where=int)
    router.subscribe("words", "things", where=str)
    router.subscribe("both", "things", where=(int, str))
    router.subscribe("large", "things.**", where=lambda thing: thing > 2)
    assert [router.broadcast(thing, topic="things") for thing in (1, 3)] == [Delivered(2), Delivered(3)]
    assert [got(trace, ref) for ref in (numbers, words, both, large)] == [[1, 3], [], [1, 3], [3]]


def test_a_second_subscription_to_a_topic_changes_what_is_wanted(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    a = member("a", ["things"])
    router.subscribe("a", "things", where=str)
    assert router.broadcast(1, topic="things") == Delivered(0)
    router.subscribe("a", "things")
    assert router.broadcast(2, topic="things") == Delivered(1)
    assert got(trace, a) == [2]


def test_a_filter_that_fails_costs_its_member_the_message_and_nobody_else(
    router: RouterRef, member: Start, trace: Trace, log: EventLog
) -> None:
    def fail(message: Any) -> bool:
        raise Boom("in a filter")

    a, b = member("a"), member("b", ["things"])
    router.subscribe("a", "things", where=fail)
    delivered = router.broadcast(1, topic="things")
    assert (delivered.count, delivered.dropped) == (1, 1)
    assert [(name, type(error)) for name, error in delivered.lost] == [("a", Boom)]
    (letter,) = log.of(DeadLetter, "/a")
    assert (letter.message, letter.reason) == (1, "its filter failed")
    router.subscribe("a", "thing?")
    assert router.broadcast(2, topic="things") == Delivered(2)
    assert [got(trace, ref) for ref in (a, b)] == [[2], [1, 2]]


def test_what_is_broadcast_to_a_topic_finds_who_subscribed_a_moment_ago(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    a = member("a")
    for number in range(5):
        assert router.broadcast("lost", topic=f"topic.{number}") == Delivered(0)
        router.subscribe("a", f"topic.{number}")
        assert router.broadcast(number, topic=f"topic.{number}") == Delivered(1)
    router.subscribe("a", "**")
    assert router.broadcast(5, topic="topic.5") == Delivered(1)
    assert got(trace, a) == [0, 1, 2, 3, 4, 5]


def test_topics_may_be_made_up_for_ever(router: RouterRef, member: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "_MOST_TOPICS", 4)
    member("a", ["**"])
    for number in range(20):
        assert router.broadcast(number, topic=f"job.{number}") == Delivered(1)
    assert len(router.directory._routes) <= 4


def test_a_subscription_that_ends_on_the_way_of_a_message_delivers_nothing(
    router: RouterRef, member: Start, trace: Trace
) -> None:
    a = member("a", ["builds"])

    def leave_meanwhile(message: Any) -> bool:
        router.unsubscribe("a", "builds")
        return True

    router.subscribe("a", "builds", where=leave_meanwhile)
    assert router.broadcast("late", topic="builds") == Delivered(0)
    assert got(trace, a) == []


def test_a_topic_reaches_its_members_while_the_router_is_busy(router: RouterRef, member: Start, trace: Trace) -> None:
    a = member("a", ["builds"])
    gate = held(router)
    assert router.broadcast("done", topic="builds") == Delivered(1)
    assert got(trace, a) == ["done"]
    gate.open()
