"""Who is intercepted, by what, in which order, and what does it cost those who are not?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentFailed,
    ChildSpec,
    DeadLetter,
    Delivery,
    Interception,
    InterceptionError,
    ReceiveTimeout,
    ReplyError,
    Terminated,
)
from actors._core._pykka import ProxyCall
from actors._core.path import path_matches, split
from policies import Phase, Restart
from tests.core.doer import Doer, crash, end, incarnation_of, number, start
from tests.core.helpers import Boom, EventLog, Flag, Trace, answer, elsewhere

AGAIN = Restart(max_restarts=5, within=None)


def proceed(delivery: Delivery) -> None:
    delivery.proceed()


def boom(delivery: Delivery) -> None:
    raise Boom(f"{delivery.path} #{delivery.incarnation}")


def handler_of(ref: Any) -> Any:
    return ref._cell.context.receive


# -- what it costs ----------------------------------------------------------------


def test_the_handler_of_an_agent_that_is_not_intercepted_is_called_directly(system: ActorSystem, spec: Any) -> None:
    there = system.spawn(spec(Doer, name="there"))
    assert handler_of(there) == there._cell.context.agent.on_receive
    with system.intercept(proceed, "/else/**"):
        later = system.spawn(spec(Doer, name="later"))
        for ref in (there, later):
            assert handler_of(ref) == ref._cell.context.agent.on_receive


def test_once_nothing_is_meant_for_an_agent_its_next_message_makes_it_as_it_was(system: ActorSystem, spec: Any) -> None:
    ref = system.spawn(spec(Doer))
    other = system.intercept(boom, "/other")
    interception = system.intercept(proceed)
    assert handler_of(ref) != ref._cell.context.agent.on_receive
    interception.cancel()
    interception.cancel()
    assert answer(ref, 1) == 1
    assert handler_of(ref) == ref._cell.context.agent.on_receive
    assert (interception.hits, other.hits) == (0, 0)


def test_the_root_is_never_intercepted(system: ActorSystem) -> None:
    with system.intercept(boom) as met, system.intercept(boom, "/"):
        assert handler_of(system.guardian.ref) == system.guardian.context.agent.on_receive  # type: ignore[union-attr]
        assert not system.interceptors.concern(system.guardian)  # type: ignore[union-attr]
    assert met.hits == 0


# -- who is met ---------------------------------------------------------------------


def test_agents_that_live_that_come_later_and_that_are_restarted_are_met(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    seen: list[tuple[str, int, Any, bool]] = []

    def note(delivery: Delivery) -> None:
        assert delivery.ref.path == delivery.path
        seen.append((delivery.path, delivery.incarnation, delivery.message, delivery.asked))
        delivery.proceed()

    first = system.spawn(spec(Doer, name="first", policy=AGAIN))
    system.intercept(note)
    later = system.spawn(spec(Doer, name="later"))
    first.tell(1)
    first.tell(crash)
    assert answer(first, number) == 2
    assert later.ask(2) == 2
    assert seen == [
        ("/first", 1, 1, False),
        ("/first", 1, crash, False),
        ("/first", 2, number, True),
        ("/later", 1, 2, True),
    ]


@pytest.mark.parametrize(
    ("pattern", "met"),
    [
        ("/**", ["/a", "/a/b", "/a/b/c"]),
        ("/a", ["/a"]),
        ("/a/*", ["/a/b"]),
        ("/a/**", ["/a", "/a/b", "/a/b/c"]),
        ("/**/c", ["/a/b/c"]),
        ("/*/?/*", ["/a/b/c"]),
        ("/x/**", []),
    ],
)
def test_a_path_matches_as_it_does_for_select(system: ActorSystem, pattern: str, met: list[str]) -> None:
    answer(answer(system.spawn(Doer, name="a"), start(Doer, name="b")), start(Doer, name="c"))
    assert [ref.path for ref in system.select(pattern)] == met
    everybody = [ref.path for ref in system.select("/**")]
    assert [path for path in everybody if path_matches(split(path), split(pattern))] == met
    with system.intercept(lambda delivery: delivery.answer("met"), pattern):
        assert [ref.path for ref in system.select("/**") if answer(ref, 1) == "met"] == met


@pytest.mark.parametrize(
    ("on", "met"),
    [
        (object, [1, "one", 2, True]),
        (int, [1, 2, True]),
        ((str, bool), ["one", True]),
        (lambda message: message == 2, [2]),
        ("on_stop", []),
    ],
)
def test_it_is_met_on_a_type_several_types_or_a_predicate(
    system: ActorSystem, spec: Any, on: Any, met: list[Any]
) -> None:
    seen: list[Any] = []

    def note(delivery: Delivery) -> None:
        seen.append(delivery.message)
        delivery.proceed()

    ref = system.spawn(spec(Doer))
    interception = system.intercept(note, on=on)
    for message in (1, "one", 2, True):
        ref.tell(message)
    assert answer(ref, None) is None
    assert [message for message in seen if message is not None] == met
    assert interception.hits == len(seen)


@pytest.mark.parametrize(
    ("nth", "met"), [(None, [1, 2, 3, 4]), (2, [2]), ((1, 4), [1, 4]), ({3}, [3]), (range(2, 99), [2, 3, 4])]
)
def test_the_nth_is_counted_over_all_agents_and_incarnations(
    system: ActorSystem, trace: Trace, nth: Any, met: list[int]
) -> None:
    a, b = (system.spawn(ChildSpec(Doer, args=(trace,), policy=AGAIN)) for _ in "ab")
    seen: list[int] = []

    def note(delivery: Delivery) -> None:
        seen.append(delivery.message)
        delivery.proceed()

    interception = system.intercept(note, on=int, nth=nth)
    answer(a, 1)
    answer(b, 2)
    a.tell(crash)
    answer(a, 3)
    answer(b, 4)
    assert trace.notes == [1, 2, 3, 4]
    assert seen == met
    assert (interception.arrivals, interception.hits) == (4, len(met))


def test_the_first_is_the_outermost_and_all_count_whatever_the_others_do(system: ActorSystem, spec: Any) -> None:
    order: list[str] = []

    def outer(delivery: Delivery) -> None:
        order.append("outer")
        if delivery.message == 1:
            raise ReplyError("not today")
        delivery.answer(f"outer({delivery.proceed()})")

    def inner(delivery: Delivery) -> None:
        order.append("inner")
        delivery.answer(f"inner({delivery.proceed()})")

    ref = system.spawn(spec(Doer))
    system.intercept(outer)
    second = system.intercept(inner, nth=2)
    with pytest.raises(ReplyError, match="not today"):
        answer(ref, 1)
    assert answer(ref, 2) == "outer(inner(2))"
    assert answer(ref, 3) == "outer(3)"
    assert order == ["outer", "outer", "inner", "outer"]
    assert (second.arrivals, second.hits) == (3, 1)


def test_what_is_told_after_it_was_put_is_intercepted_however_busy_the_agent_is(system: ActorSystem, spec: Any) -> None:
    """The agent changes its handler all the time, while interceptors come and go."""

    class Fickle(Agent):
        def on_receive(self, message: Any) -> Any:
            self.context.become(self.on_receive)
            self.context.unbecome()
            return message

    ref = system.spawn(spec(Fickle))
    over = Flag()

    def flood() -> None:
        while not over.is_set():
            ref.ask("noise", block=False).get()

    noise = elsewhere(flood)
    try:
        for _ in range(300):
            with system.intercept(lambda delivery: delivery.answer("met"), on=int):
                assert answer(ref, 1) == "met"
    finally:
        over.set()
        noise.get()


# -- how it is called ----------------------------------------------------------------


@pytest.mark.parametrize("ask", [answer, lambda ref, message: ref.ask(message)], ids=["queued", "inline"])
def test_what_it_raises_the_agent_has_raised(
    system: ActorSystem, spec: Any, log: EventLog, ask: Callable[..., Any]
) -> None:
    ref = system.spawn(spec(Doer, name="a", policy=AGAIN))
    system.intercept(boom, on=int)
    with pytest.raises(Boom, match="/a #1"):
        ask(ref, 1)
    failed = log.wait(AgentFailed, "/a")
    assert (str(failed.error), failed.phase) == ("/a #1", Phase.RECEIVE)
    ref.tell(2)
    letter = log.wait(DeadLetter, "/a")
    assert (letter.message, letter.reason, str(letter.error)) == (2, "failed", "/a #2")
    assert incarnation_of(ref) == 3


@pytest.mark.parametrize("ask", [answer, lambda ref, message: ref.ask(message)], ids=["queued", "inline"])
def test_it_can_look_at_what_the_handler_gives_or_raises_and_answer_in_its_place(
    system: ActorSystem, spec: Any, ask: Callable[..., Any]
) -> None:
    def mend(delivery: Delivery) -> None:
        try:
            delivery.answer(delivery.proceed() + 1)
        except Boom as error:
            delivery.answer(str(error))

    ref = system.spawn(spec(Doer))
    system.intercept(mend)
    assert ask(ref, 1) == 2
    assert ask(ref, crash) == "crash of #1"
    assert ask(ref, number) == 2


def test_it_can_answer_without_the_handler(system: ActorSystem, spec: Any, trace: Trace, log: EventLog) -> None:
    ref = system.spawn(spec(Doer, args=(trace,)))
    system.intercept(lambda delivery: delivery.answer("no need"), on=int)
    ref.tell(1)
    assert answer(ref, 2) == "no need"
    assert ref.ask("handled") == "handled"
    assert trace.notes == ["handled"]
    assert log.of(DeadLetter) == []


@pytest.mark.parametrize("swallows", [True, False])
def test_one_that_returns_without_having_settled_is_a_failure(
    system: ActorSystem, spec: Any, log: EventLog, swallows: bool
) -> None:
    def lose(delivery: Delivery) -> None:
        if swallows:
            with pytest.raises(Boom):
                delivery.proceed()

    ref = system.spawn(spec(Doer, name="a", policy=AGAIN))
    system.intercept(lose, nth=(1, 2))
    with pytest.raises(
        InterceptionError, match=r"/a: the interceptor .*lose.* without having settled it: call .*crash"
    ):
        answer(ref, crash)
    ref.tell(crash)
    assert incarnation_of(ref) == 3
    assert [letter.message for letter in log.of(DeadLetter)] == [crash]
    assert [type(event.error) for event in log.of(AgentFailed)] == [InterceptionError] * 2


def _twice(delivery: Delivery) -> None:
    delivery.proceed()
    delivery.proceed()


def _drop_what_was_handled(delivery: Delivery) -> None:
    delivery.proceed()
    delivery.drop()


def _delay_what_was_dropped(delivery: Delivery) -> None:
    delivery.drop()
    delivery.delay(1.0)


def _answer_what_was_answered(delivery: Delivery) -> None:
    delivery.answer(1)
    delivery.answer(2)


@pytest.mark.parametrize(
    ("misuse", "why"),
    [
        (_twice, "cannot proceed what is handled already: 1"),
        (_drop_what_was_handled, "cannot drop what is handled already: 1"),
        (_delay_what_was_dropped, "cannot delay what is dropped or delayed already: 1"),
        (_answer_what_was_answered, "cannot answer what is answered already: 1"),
    ],
)
def test_a_message_is_settled_once(
    system: ActorSystem, log: EventLog, misuse: Callable[[Delivery], None], why: str
) -> None:
    ref = system.spawn(ChildSpec(Doer, name="a", policy=AGAIN))
    system.intercept(misuse, on=int)
    ref.tell(1)
    error = log.wait(AgentFailed, "/a").error
    assert isinstance(error, InterceptionError)
    assert why in str(error)
    assert incarnation_of(ref) == 2
    assert len(log.of(DeadLetter, "/a")) == 1


def test_a_delivery_is_of_no_use_later_or_on_another_thread(system: ActorSystem, spec: Any) -> None:
    kept: list[Delivery] = []
    errors: list[str] = []

    def act(delivery: Delivery) -> None:
        with pytest.raises(InterceptionError) as raised:
            delivery.proceed()
        errors.append(str(raised.value).partition("> ")[2])

    def keep(delivery: Delivery) -> None:
        kept.append(delivery)
        elsewhere(act, delivery).get()
        delivery.proceed()

    ref = system.spawn(spec(Doer, name="a"))
    system.intercept(keep)
    assert answer(ref, 1) == 1
    act(kept[0])
    assert errors == ["cannot proceed later than it returns, or on another thread: 1"] * 2
    assert repr(kept[0]) == "<Delivery /a #1: 1>"


# -- what else reaches a handler ---------------------------------------------------------


class Account(Agent):
    balance = 0

    def deposit(self, amount: int) -> int:
        self.balance += amount
        return self.balance


def test_the_messages_of_a_proxy_are_intercepted(system: ActorSystem, spec: Any) -> None:
    seen: list[str] = []

    def note(delivery: Delivery) -> None:
        seen.append(type(delivery.message).__name__)
        delivery.proceed()

    ref = system.spawn(spec(Account, policy=AGAIN))
    account = ref.proxy()
    assert account.deposit(1).get() == 1
    interception = system.intercept(note)
    assert account.deposit(2).get() == 3
    account.balance = 9
    assert account.balance.get() == 9
    assert ref.ask(ProxyCall(attr_path=("deposit",), args=(1,), kwargs={})) == 10
    interception.cancel()
    assert account.deposit(5).get() == 15
    assert seen == ["ProxyCall", "ProxySetAttr", "ProxyGetAttr", "ProxyCall"]
    system.intercept(boom, on=ProxyCall)
    with pytest.raises(Boom):
        account.deposit(1).get()


def test_ticks_timeouts_and_notices_of_deaths_are_intercepted(
    system: ActorSystem, clock: Any, spec: Any, trace: Trace
) -> None:
    def note(delivery: Delivery) -> None:
        trace.note(type(delivery.message).__name__ if delivery.message != "tick" else "tick")
        delivery.answer(None)

    def prepare(agent: Doer) -> None:
        agent.context.watch(agent.context.spawn(Doer, name="child"))
        agent.context.timers.once("key", 1.0, "tick")
        agent.context.set_receive_timeout(5.0)

    ref = system.spawn(spec(Doer, name="a"))
    answer(ref, prepare)
    system.intercept(note, "/a", on=(str, ReceiveTimeout, Terminated))
    clock.advance(1.0)
    trace.wait_for("tick")
    clock.advance(4.0)
    trace.wait_for("ReceiveTimeout")
    answer(system.find("/a/child"), end)  # type: ignore[arg-type]
    assert trace.wait_for("Terminated") == ["tick", "ReceiveTimeout", "Terminated"]


def test_a_handler_that_the_agent_chose_itself_is_intercepted(system: ActorSystem, spec: Any) -> None:
    ref = system.spawn(spec(Doer))
    interception = system.intercept(lambda delivery: delivery.answer(f"-{delivery.proceed()}-"), on=int)
    answer(ref, lambda agent: agent.context.become(lambda message: message * 2))
    assert answer(ref, 4) == "-8-"
    interception.cancel()
    assert answer(ref, 4) == 8


# -- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("x",), "interceptor: a callable that takes a Delivery, not 'x'"),
        ((proceed, "a"), "a path is a str that starts with /: 'a'"),
        ((proceed, "/a", "on_receive"), "on: a type, types, a predicate, or one of __init__, on_start, .*'on_receive'"),
        ((proceed, "/a", ()), r"on: .*, not \(\)"),
        ((proceed, "/a", (int, 3)), r"on: .*, not \(<class 'int'>, 3\)"),
        ((proceed, "/a", None), "on: .*, not None"),
        ((proceed, "/a", object, 0), "nth: a whole number from 1 on, some of them, or None for all, not 0"),
        ((proceed, "/a", object, True), "nth: .*, not True"),
        ((proceed, "/a", object, 1.5), "nth: .*, not 1.5"),
        ((proceed, "/a", object, ()), r"nth: .*, not \(\)"),
        ((proceed, "/a", object, "12"), "nth: .*, not '12'"),
        ((proceed, "/a", object, range(3)), r"nth: .*, not range\(0, 3\)"),
        ((proceed, "/a", object, range(3, 3)), r"nth: .*, not range\(3, 3\)"),
    ],
)
def test_a_bad_argument_is_refused_and_named(system: ActorSystem, arguments: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        system.intercept(*arguments)


def test_an_interception_says_what_it_is(system: ActorSystem) -> None:
    ref = system.spawn(Doer)
    interception: Interception = system.intercept(proceed, "/**", nth=2)
    ref.ask(1)
    assert repr(interception).startswith("<Interception /** <function proceed at ")
    assert repr(interception).endswith(">: 0 of 1>")
