"""Does a probe show what an agent was sent, on real threads and in a simulation, and say clearly what was not?"""

from __future__ import annotations

import asyncio
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pydantic
import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentFailed,
    AgentFuture,
    AgentRef,
    AgentStoppedError,
    AskTimeout,
    ChildSpec,
    DeadLetter,
    ReplyError,
    StopReason,
    Supervisor,
    Terminated,
)
from actors.testkit import Gate, Probe, ProbeError, Simulation, VirtualClock, wait
from policies import Restart, Stop


@dataclasses.dataclass(frozen=True)
class Order:
    """What is ordered."""

    item: str
    count: int = 1


@dataclasses.dataclass(frozen=True)
class Refund:
    item: str


class Payment(pydantic.BaseModel):
    amount: int
    currency: str = "EUR"


class Doer(Agent):
    """Does what it is sent: calls it with itself."""

    def on_receive(self, message: Callable[[Agent], Any]) -> Any:
        return message(self)


@pytest.fixture(params=["threads", "simulation"])
def world(request: pytest.FixtureRequest) -> Iterator[tuple[ActorSystem, Any]]:
    """A system in virtual time, on real threads or simulated, and the clock that lets that pass."""
    if request.param == "simulation":
        with Simulation(seed=7, policy=Stop()) as system:
            yield system, system.clock
    else:
        clock = VirtualClock()
        with ActorSystem("test", policy=Stop(), clock=clock) as system:
            yield system, clock


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


def text_of(call: Callable[[], Any]) -> str:
    """Give the text of the ProbeError that the call raises."""
    with pytest.raises(ProbeError) as caught:
        call()
    return str(caught.value)


def value_of(future: AgentFuture[Any]) -> Any:
    assert wait(future, 10.0)
    return future.get()


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
        (lambda message: message.count > 2, Order("tea", 3)),
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


# -- answers ---------------------------------------------------------------------


def test_an_ask_is_answered_by_the_test(probe: Probe, doer: AgentRef[Doer]) -> None:
    answer = doer.ask(lambda _: probe.ref.ask(Order("tea")), block=False)
    assert probe.expect(Order).item == "tea"
    assert not answer.settled

    assert probe.reply("served") is True

    assert value_of(answer) == "served"


def test_an_ask_is_answered_with_an_error(probe: Probe, doer: AgentRef[Doer]) -> None:
    def ask(_: Agent) -> str:
        with pytest.raises(KeyError, match="sold out"):
            probe.ref.ask(Order("tea"))
        return "had the error"

    answer = doer.ask(ask, block=False)
    probe.expect(Order)
    assert probe.reply_error(KeyError("sold out"))

    assert value_of(answer) == "had the error"
    with pytest.raises(ValueError, match=r"^error: an exception, not 'no'$"):
        probe.reply_error("no")  # type: ignore[arg-type]


def test_several_asks_are_answered_in_any_order(probe: Probe) -> None:
    asked = [probe.ref.ask(text, block=False) for text in ("a", "b", "b", "c")]
    assert probe.receive_n(4) == ["a", "b", "b", "c"]

    probe.reply("C")
    for text in ("b", "a", "b"):
        probe.reply(text.upper(), to=text)

    assert [value_of(ask) for ask in asked] == ["A", "B", "B", "C"]


def test_an_equal_message_stands_for_the_one_to_answer(probe: Probe) -> None:
    asked = probe.ref.ask(Order("tea"), block=False)
    told = Order("coffee")
    probe.ref.tell(told)
    probe.receive_n(2)

    assert probe.reply("served", to=Order("tea"))
    assert value_of(asked) == "served"


def test_what_was_skipped_can_still_be_answered(probe: Probe) -> None:
    asked = probe.ref.ask("a", block=False)
    probe.ref.tell("b")
    probe.fish("b")

    probe.reply("A", to="a")

    assert value_of(asked) == "A"


def test_there_is_nothing_to_reply_to(probe: Probe) -> None:
    assert text_of(probe.reply) == "/probe: there is nothing to reply to: no message was taken yet"
    probe.ref.tell("told")
    probe.expect("told")
    assert text_of(lambda: probe.reply_error(KeyError())).splitlines() == [
        "/probe: there is nothing to reply to, nobody waits for an answer to:",
        "    'told' (told)",
    ]
    probe.ref.ask("asked", block=False)
    probe.expect("asked")
    probe.reply()
    assert text_of(probe.reply).splitlines() == [
        "/probe: there is nothing to reply to, nobody waits for an answer to:",
        "    'asked' (asked; replied)",
        "  taken before:",
        "    'told' (told)",
    ]
    for message in ("asked", "told", "never"):
        first = text_of(lambda message=message: probe.reply(to=message)).splitlines()[0]  # type: ignore[misc]
        assert first == f"/probe: there is nothing to reply to: no ask that was taken and waits is {message!r}"


def test_a_reply_that_comes_too_late_is_told_and_is_a_dead_letter(
    system: ActorSystem, clock: Any, probe: Probe
) -> None:
    asked = probe.ref.ask("hurry", block=False, timeout=1.0)
    asked.add_done_callback(lambda: None)  # so that it ends in time, although nobody waits
    probe.expect("hurry")
    clock.advance(1.0)
    with pytest.raises(AskTimeout):
        value_of(asked)

    assert probe.reply("too late") is False

    assert [letter.message for letter in system.events.recent(100, DeadLetter)] == ["too late"]


def test_who_asks_is_answered_when_the_probe_ends(probe: Probe) -> None:
    asked = probe.ref.ask("anybody?", block=False)
    probe.expect()
    probe.ref.stop()

    with pytest.raises(AgentStoppedError, match=r"^/probe #1 ended before it replied to 'anybody\?'$"):
        value_of(asked)
    assert probe.reply("too late") is False


# -- autopilot -------------------------------------------------------------------


def test_an_autopilot_answers_at_once_and_the_messages_are_taken_as_ever(probe: Probe) -> None:
    probe.autopilot(str.upper)

    assert probe.ref.ask("a") == "A"
    assert value_of(probe.ref.ask("b", block=False)) == "B"
    probe.ref.tell("c")

    assert probe.receive_n(3) == ["a", "b", "c"]
    assert "'a' (asked; answered by the autopilot)" in text_of(lambda: probe.expect(within=0))


def test_what_the_autopilot_has_answered_cannot_be_answered_again(probe: Probe) -> None:
    probe.autopilot(str.upper)
    probe.ref.ask("a")
    probe.expect("a")

    assert "'a' (asked; answered by the autopilot)" in text_of(probe.reply)


def test_an_autopilot_is_replaced_and_switched_off(probe: Probe) -> None:
    probe.autopilot(lambda _: 1)
    assert probe.ref.ask("a") == 1
    probe.autopilot(lambda _: 2)
    assert probe.ref.ask("b") == 2
    probe.autopilot(None)
    asked = probe.ref.ask("c", block=False)
    assert probe.receive_n(3) == ["a", "b", "c"]
    assert not asked.settled
    probe.reply(3)
    assert value_of(asked) == 3


def test_an_autopilot_answers_what_it_is_for_and_the_test_the_rest(probe: Probe) -> None:
    probe.autopilot(lambda order: order.count, on=lambda message: message.item == "tea")
    by_hand = [probe.ref.ask(message, block=False) for message in (Order("coffee"), "no order")]

    assert probe.ref.ask(Order("tea", 3)) == 3
    probe.fish("no order")
    probe.reply("by hand")
    assert value_of(by_hand[1]) == "by hand"
    assert not by_hand[0].settled


@pytest.mark.parametrize("error", [KeyError("mine"), ReplyError("no"), SystemExit(3)], ids=repr)
def test_what_an_autopilot_raises_is_the_answer_and_no_failure_of_the_probe(
    system: ActorSystem, probe: Probe, error: BaseException
) -> None:
    def fail(message: Any) -> None:
        raise error

    probe.autopilot(fail)

    with pytest.raises(type(error)) as inline:
        probe.ref.ask("a")
    with pytest.raises(type(error)) as queued:
        value_of(probe.ref.ask("b", block=False))
    assert inline.value is queued.value is error
    assert probe.receive_n(2) == ["a", "b"]
    assert probe.ref.incarnation == 1
    assert system.events.recent(100, AgentFailed) == []


def test_what_is_no_autopilot_is_refused(probe: Probe) -> None:
    with pytest.raises(ValueError, match=r"^answer: a callable that takes a message, or None, not 3$"):
        probe.autopilot(3)  # type: ignore[arg-type]


def test_a_message_is_there_before_its_asker_has_the_autopilots_answer(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.autopilot(lambda _: None)
    for i in range(30):
        value_of(doer.ask(lambda _, i=i: probe.ref.ask(i), block=False))  # type: ignore[misc]
        assert probe._inbox.items()[0].message == i
        probe.expect(i)


def test_a_probe_that_its_autopilot_keeps_busy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.testkit.probe.PATIENCE", 0.05)
    with ActorSystem("test") as system, Gate() as gate:
        probe = Probe(system, "probe")
        probe.autopilot(lambda _: gate.wait())
        asked = probe.ref.ask("a", block=False)
        gate.reached()
        probe.expect("a")
        probe.ref.tell("b")

        for look in (lambda: probe.messages, probe.expect_none, lambda: probe.watch(probe.ref)):
            assert text_of(look).startswith("/probe: it has been busy for 0.05 s, with its autopilot")
        gate.open()
        value_of(asked)
        assert probe.messages == ["b"]


# -- the ends of others ----------------------------------------------------------


def test_the_end_of_an_agent_is_expected(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.watch(doer)
    doer.tell(lambda agent: probe.ref.tell("last words"))
    doer.tell(lambda agent: agent.stop())

    assert probe.expect_terminated(doer) == Terminated(doer, StopReason.NORMAL)
    assert probe.expect() == "last words"  # the end overtook it, and it has stayed
    probe.expect_none()


def test_an_agent_that_has_ended_already_needs_no_watch(probe: Probe, doer: AgentRef[Doer]) -> None:
    doer.stop()

    assert probe.expect_terminated(doer, StopReason.REQUESTED).ref is doer
    assert probe.expect_terminated(doer, "requested").ref is doer


def test_the_reason_of_an_end_matters(probe: Probe, doer: AgentRef[Doer]) -> None:
    def crash(_: Agent) -> None:
        raise KeyError("boom")

    doer.tell(crash)

    assert text_of(lambda: probe.expect_terminated(doer, "normal")).splitlines() == [
        "/probe: expected the end of /doer (normal), and this came:",
        "    the end of /doer (failed: KeyError('boom'))",
    ]
    with pytest.raises(ValueError, match="'never' is not a valid StopReason"):
        probe.expect_terminated(doer, "never")


def test_an_agent_does_not_end(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.ref.tell("a")

    assert text_of(lambda: probe.expect_terminated(doer, within=0.01)).splitlines() == [
        "/probe: expected the end of /doer within 0.01 s, and it is running, #1",
        "  still waiting:",
        "    'a' (told)",
    ]


def test_a_restart_is_no_end(system: ActorSystem, probe: Probe) -> None:
    def crash(_: Agent) -> None:
        raise KeyError("boom")

    doer = system.spawn(ChildSpec(Doer, name="doer", policy=Restart()))
    probe.watch(doer)
    doer.tell(crash)
    assert value_of(doer.ask(lambda agent: agent.context.incarnation, block=False)) == 2

    probe.expect_none()
    assert "and it is running, #2" in text_of(lambda: probe.expect_terminated(doer, within=0))


def test_an_end_that_is_not_expected_is_shown(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.watch(doer)
    doer.stop()

    assert text_of(lambda: probe.expect(Order, within=0)).splitlines() == [
        "/probe: expected Order within 0 s, and nothing came",
        "  still waiting:",
        "    the end of /doer (requested)",
    ]
    assert text_of(probe.expect_none).splitlines() == [
        "/probe: expected nothing, and this came:",
        "    the end of /doer (requested)",
    ]


def test_ends_are_no_messages(probe: Probe, doer: AgentRef[Doer]) -> None:
    for take in (probe.expect, probe.fish):
        for what in (Terminated, Terminated(doer, StopReason.NORMAL)):
            with pytest.raises(ValueError, match=r"^what: ends are no messages, see expect_terminated$"):
                take(what)


def test_only_a_ref_can_be_watched(probe: Probe) -> None:
    with pytest.raises(ValueError, match=r"^ref: an AgentRef, not '/doer'$"):
        probe.watch("/doer")  # type: ignore[arg-type]


def test_a_probe_that_has_ended_watches_nobody_and_shows_what_it_had(probe: Probe, doer: AgentRef[Doer]) -> None:
    probe.ref.tell("a")
    probe.ref.stop()

    with pytest.raises(AgentStoppedError):
        probe.watch(doer)
    assert probe.messages == ["a"]
    assert probe.expect() == "a"
    with pytest.raises(AgentStoppedError):
        probe.ref.tell("b")


# -- a probe in the tree ---------------------------------------------------------


def test_a_child_may_be_a_probe(system: ActorSystem, probe: Probe) -> None:
    specs = [ChildSpec(probe.agent, name="a", args=("any",), kwargs={"argument": "will do"}), ChildSpec(Doer, name="b")]
    crew = system.spawn(Supervisor, specs, name="crew")
    child = system.find("/crew/a")
    assert child is not None

    asked = child.ask("to the child", block=False)
    assert probe.expect() == "to the child"
    probe.ref.tell("to the probe")
    assert text_of(lambda: probe.expect(Order)).splitlines()[-1] == "    'to the child' (asked) to /crew/a"
    probe.reply("by the child", to="to the child")

    assert value_of(asked) == "by the child"
    child.tell("last")
    assert probe.messages == ["last"]
    crew.stop()


def test_what_a_child_was_sent_is_kept_through_its_restart(system: ActorSystem, probe: Probe) -> None:
    def crash(_: Agent) -> None:
        raise KeyError("boom")

    specs = [ChildSpec(Doer, name="doer"), ChildSpec(probe.agent, name="child")]
    system.spawn(Supervisor, specs, strategy="one_for_all", policy=Restart(), name="crew")
    doer, child = system.find("/crew/doer"), system.find("/crew/child")
    assert doer is not None
    assert child is not None
    child.tell("before")
    owed = child.ask("never answered", block=False)
    assert probe.messages == ["before", "never answered"]
    doer.tell(crash)
    with pytest.raises(AgentStoppedError, match="/crew/child #1 ended before it replied"):
        value_of(owed)
    child.tell("after")

    assert probe.receive_n(3) == ["before", "never answered", "after"]
    assert child.incarnation == 2


def test_many_agents_tell_one_probe_and_nothing_is_lost(system: ActorSystem, probe: Probe) -> None:
    doers = [system.spawn(Doer) for _ in range(8)]

    def send(agent: Agent) -> None:
        for i in range(25):
            probe.ref.tell((agent.context.name, i))

    for doer in doers:
        doer.tell(send)

    came = probe.receive_n(200)
    for doer in doers:
        assert [i for name, i in came if name == doer.name] == list(range(25))
    probe.expect_none()


def test_two_that_take_at_the_same_moment_never_get_the_same_message() -> None:
    with ActorSystem("test") as system:
        probe = Probe(system)
        items = []
        for i in range(200):
            probe.ref.tell(i)
        assert probe.messages == list(range(200))
        items = probe._inbox.items()
        won: list[int] = []
        barrier = threading.Barrier(3)

        def take() -> None:
            barrier.wait(10.0)
            won.extend(item.message for item in items if probe._inbox.take(item))

        threads = [threading.Thread(target=take) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10.0)
        assert sorted(won) == list(range(200))
