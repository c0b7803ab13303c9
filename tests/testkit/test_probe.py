"""Does a probe show what an agent was sent, on real threads and in a simulation, and say clearly what was not?"""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentRef,
)
from actors.testkit import Probe, ProbeError, Simulation
from tests.testkit.probed import Doer, Order, Payment, Refund, text_of, worlds


@pytest.fixture(params=["threads", "simulation"])
def world(request: pytest.FixtureRequest) -> Iterator[tuple[ActorSystem, Any]]:
    yield from worlds(simulated=request.param == "simulation")


@pytest.fixture
def system(world: tuple[ActorSystem, Any]) -> ActorSystem:
    return world[0]


@pytest.fixture
def clock(world: tuple[ActorSystem, Any]) -> Any:
    return world[1]


@pytest.fixture
def probe(system: ActorSystem) -> Probe:
    return Probe(system, "probe")


@pytest.fixture
def doer(system: ActorSystem) -> AgentRef[Doer]:
    return system.spawn(Doer, name="doer")


# -- expect ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (Order, Order("tea")),
        (Order | Refund, Refund("tea")),
        (object, None),
        (Order("tea"), Order("tea")),
        (Payment(amount=3), Payment(amount=3)),
        (Payment, Payment(amount=3)),
        pytest.param(lambda message: message.count > 2, Order("tea", 3), id="a predicate"),
        ("text", "text"),
        (None, None),
        (Order, Order),
        (pytest.approx(1.0), 1.0 + 1e-9),
        (len, len),
    ],
    ids=repr,
)
def test_what_is_expected_may_be_a_type_a_predicate_or_an_equal_value(probe: Probe, what: Any, message: Any) -> None:
    probe.ref.tell(message)

    assert probe.expect(what) is message


def test_messages_are_taken_in_the_order_in_which_they_came(probe: Probe) -> None:
    for i in range(3):
        probe.ref.tell(i)

    assert [probe.expect(), probe.expect(), probe.expect()] == [0, 1, 2]


def test_a_message_that_is_still_on_its_way_is_waited_for(probe: Probe, doer: AgentRef[Doer]) -> None:
    doer.tell(lambda _: doer.tell(lambda _: probe.ref.tell("at last")))

    assert probe.expect(str) == "at last"


def test_what_was_told_before_is_expected_within_no_time(probe: Probe) -> None:
    for i in range(50):
        probe.ref.tell(i)
        assert probe.expect(i, within=0) == i


def test_nothing_came(probe: Probe) -> None:
    assert text_of(lambda: probe.expect(Order, within=0.01)) == (
        "/probe: expected Order within 0.01 s, and nothing came"
    )
    assert text_of(lambda: probe.expect(within=0)) == "/probe: expected a message within 0 s, and nothing came"


def test_another_message_came_and_the_error_shows_all_there_is(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.ref.tell("before")
    probe.expect("before")
    probe.ref.tell(Order("coffee", 2))
    probe.ref.tell("later")
    doer.ask(lambda _: probe.ref.ask("who?", block=False))
    assert probe.messages == [Order("coffee", 2), "later", "who?"]

    assert text_of(lambda: probe.expect(Order("tea", 2))).splitlines() == [
        "/probe: expected Order(item='tea', count=2), and this came:",
        "    Order(item='coffee', count=2) (told)",
        "  the difference: item is 'coffee', not 'tea'",
        "  still waiting:",
        "    'later' (told)",
        "    'who?' (asked by /doer)",
        "  taken before:",
        "    'before' (told)",
    ]


class Pair(NamedTuple):
    left: int
    right: int


class Incomparable:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __hash__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "<incomparable>"


@dataclasses.dataclass
class Holder:
    value: Any
    note: str = dataclasses.field(default="", compare=False)


@dataclasses.dataclass(eq=False)
class Odd:
    value: Any


@pytest.mark.parametrize(
    ("what", "message", "why"),
    [
        (Order, Refund("tea"), "it is of type Refund"),
        (Order | None, 3, "it is of type int"),
        (1, "1", "it is of type str, not int"),
        (Payment(amount=3), Payment(amount=4, currency="USD"), "amount is 4, not 3; currency is 'USD', not 'EUR'"),
        (Pair(1, 2), Pair(1, 3), "right is 3, not 2"),
        ({"a": 1, "b": 2}, {"a": 2, "c": 3}, "['a'] is 2, not 1; ['b'] is not there, not 2; ['c'] is 3, not not there"),
        (lambda message: message.count > 2, "tea", "to look at it raised TypeError"),
        (Incomparable(), "tea", "to look at it raised RuntimeError('no')"),
        (Odd(Incomparable()), Odd(Incomparable()), "value is <incomparable>, not <incomparable>"),
        (Holder(Incomparable(), "a"), Holder(Incomparable(), "b"), "to look at it raised RuntimeError('no')"),
    ],
)
def test_the_error_says_how_a_message_differs(probe: Probe, what: Any, message: Any, why: str) -> None:
    probe.ref.tell(message)

    assert f"  the difference: {why}" in text_of(lambda: probe.expect(what))


@pytest.mark.parametrize(
    ("what", "message"),
    [(lambda _: False, "tea"), ("tea", "coffee"), ([1], [2])],
)
def test_where_the_texts_say_all_no_difference_is_named(probe: Probe, what: Any, message: Any) -> None:
    probe.ref.tell(message)

    assert "the difference" not in text_of(lambda: probe.expect(what))


def big(message: Any) -> bool:
    return bool(message > 100)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (int | str | None, "int | str | NoneType"),
        (big, "what big accepts"),
        (asyncio.Event().wait.__func__, "what Event.wait accepts"),  # type: ignore[attr-defined]
        ("x" * 1000, "'" + "x" * 299),
    ],
)
def test_the_error_names_what_was_expected(probe: Probe, what: Any, text: str) -> None:
    assert text_of(lambda: probe.expect(what, within=0)).startswith(f"/probe: expected {text} within 0 s")


def test_a_message_that_cannot_be_printed_is_named_by_its_type(probe: Probe) -> None:
    class Mute:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    probe.ref.tell(Mute())

    assert "    <Mute that cannot be printed> (told)" in text_of(lambda: probe.expect(Order)).splitlines()


def test_a_long_list_is_cut(probe: Probe) -> None:
    for i in range(13):
        probe.ref.tell(i)

    lines = text_of(probe.expect_none).splitlines()
    assert lines[1:] == [*(f"    {i} (told)" for i in range(10)), "    ... and 3 more"]


def test_failures_are_assertion_errors(probe: Probe) -> None:
    with pytest.raises(AssertionError):
        probe.expect(within=0)


@pytest.mark.parametrize("within", [-1, float("inf"), "soon"])
def test_what_is_no_time_is_refused(probe: Probe, within: Any) -> None:
    with pytest.raises(ValueError, match=r"^within: seconds, 0 or more, or None, not "):
        probe.expect(within=within)


def test_it_says_where_it_is_and_what_waits(probe: Probe) -> None:
    probe.ref.tell(1)

    assert probe.path == "/probe"
    assert probe.messages == [1]
    assert repr(probe) == "<Probe /probe, 1 waiting>"


def test_a_probe_without_a_name_gets_one(system: ActorSystem) -> None:
    assert Probe(system).path == "/Probe-1"


# -- nothing, several, one among many --------------------------------------------


def test_nothing_is_expected_and_nothing_comes(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.expect_none()
    probe.expect_none(within=0.01)


def test_what_was_told_before_counts_although_the_probe_has_not_had_its_turn_yet(probe: Probe) -> None:
    for i in range(50):
        probe.ref.tell(i)
        assert text_of(probe.expect_none).splitlines()[:2] == [
            "/probe: expected nothing, and this came:",
            f"    {i} (told)",
        ]
        probe.expect(i)


def test_something_comes_while_nothing_is_expected(probe: Probe, doer: AgentRef[Doer]) -> None:
    doer.tell(lambda _: probe.ref.tell("surprise"))

    assert "'surprise' (told)" in text_of(lambda: probe.expect_none(within=10.0))


def test_one_message_is_fished_from_among_others(probe: Probe) -> None:
    for message in (1, "two", Order("three"), 4, Order("five")):
        probe.ref.tell(message)

    assert probe.fish(Order) == Order("three")
    assert probe.skipped == [1, "two"]
    assert probe.fish(lambda order: order.item == "five") == Order("five")
    assert probe.skipped == [4]
    assert probe.messages == []


def test_what_is_fished_for_may_come_last(probe: Probe, doer: AgentRef[Doer]) -> None:
    def send(_: Agent) -> None:
        for i in range(20):
            probe.ref.tell(i)

    doer.tell(send)

    assert probe.fish(19) == 19
    assert probe.skipped == list(range(19))


def test_what_is_fished_for_does_not_come(probe: Probe) -> None:
    probe.ref.tell("a")
    assert text_of(lambda: probe.fish(Order, within=0.01)).splitlines() == [
        "/probe: expected Order within 0.01 s, and all that came is something else (1):",
        "    'a' (told)",
    ]
    assert text_of(lambda: probe.fish(Order, within=0)).splitlines() == [
        "/probe: expected Order within 0 s, and nothing came",
        "  taken before:",
        "    'a' (told)",
    ]
    assert probe.skipped == []


def test_to_fish_ends_in_time_although_something_comes_all_the_time() -> None:
    with ActorSystem("test") as system:
        probe = Probe(system)
        ended = threading.Event()

        probe.autopilot(lambda _: None)

        def ask() -> None:
            while not ended.is_set():
                probe.ref.ask("again")

        thread = threading.Thread(target=ask)
        thread.start()
        begun = time.monotonic()
        try:
            with pytest.raises(ProbeError, match="all that came is something else"):
                probe.fish(Order, within=0.05)
        finally:
            ended.set()
            thread.join()
        assert time.monotonic() - begun < 8.0


def test_so_many_messages_are_taken_at_once(probe: Probe, doer: AgentRef[Doer]) -> None:
    def send(_: Agent) -> None:
        for i in range(5):
            probe.ref.tell(i)

    doer.tell(send)

    assert probe.receive_n(3) == [0, 1, 2]
    assert probe.receive_n(2) == [3, 4]
    assert probe.receive_n(0) == []


def test_too_few_messages_are_left_where_they_are(probe: Probe) -> None:
    probe.ref.tell("a")

    assert text_of(lambda: probe.receive_n(3, within=0.01)).splitlines() == [
        "/probe: expected 3 messages within 0.01 s, and 1 came:",
        "    'a' (told)",
    ]
    assert probe.messages == ["a"]
    for count in (-1, True, 1.5):
        with pytest.raises(ValueError, match=r"^count: a whole number, 0 or more, not "):
            probe.receive_n(count)  # type: ignore[arg-type]


def test_the_time_is_for_all_of_them_together() -> None:
    with Simulation() as system:
        probe = Probe(system)

        class Slow(Agent):
            def on_start(self) -> None:
                self.context.timers.every("tick", 1.0, "tick")

            def on_receive(self, message: Any) -> None:
                probe.ref.tell(message)

        system.spawn(Slow)
        begun = system.clock.now()
        assert (
            text_of(lambda: probe.receive_n(10, within=4.5))
            .splitlines()[0]
            .endswith("expected 10 messages within 4.5 s, and 4 came:")
        )
        assert system.clock.now() - begun == pytest.approx(4.5)
        with pytest.raises(ProbeError):
            probe.fish(Order, within=4.0)
        assert system.clock.now() - begun == pytest.approx(8.5)


def test_some_messages_are_not_to_be_seen(probe: Probe) -> None:
    for message in (1, "noise", 2, "noise"):
        probe.ref.tell(message)
    stop = probe.ignore("noise")
    probe.ignore(lambda message: message > 2)
    probe.ref.tell(3)

    assert probe.messages == [1, 2]
    assert probe.receive_n(2) == [1, 2]
    probe.expect_none()
    stop()
    probe.ref.tell("noise")
    probe.ref.tell(4)
    assert probe.messages == ["noise"]
