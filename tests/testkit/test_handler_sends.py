"""Is all that a handler sends noted, and is it answered as the test has said?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from actors import (
    AgentStoppedError,
    AskCycleError,
    AskTimeout,
    get_all,
)
from actors.testkit import HandlerTestError, effects, run_handler, stand_in
from tests.testkit.handled import Counter, do


@dataclass(frozen=True)
class Lookup:
    """A message that is asked."""

    key: str


# -- what it sends ---------------------------------------------------------------


def test_what_is_told_is_noted_in_order() -> None:
    a, b = stand_in("/a"), stand_in("/b")

    def tell(agent: Any) -> None:
        a.tell(1)
        b.tell(2)
        agent.actor_ref.tell(3)
        a.tell(4)

    told = [effects.Told("/a", 1), effects.Told("/b", 2), effects.Told("/doer", 3), effects.Told("/a", 4)]
    assert do(tell).effects == tuple(told)


def test_a_message_to_one_that_has_ended_is_refused_and_noted() -> None:
    gone = stand_in("/gone", alive=False)

    def tell(agent: Any) -> bool:
        with pytest.raises(AgentStoppedError, match="/gone not found"):
            gone.tell("hello")
        with pytest.raises(AgentStoppedError, match="/gone not found"):
            gone.ask("hello")
        return gone.is_alive()

    run = do(tell)
    assert run.answer is False
    assert run.effects == (effects.Told("/gone", "hello"), effects.Asked("/gone", "hello"))


def test_answers_are_by_type_of_message_by_path_or_for_any() -> None:
    a, b, c = stand_in("/a"), stand_in("/b"), stand_in("/c")

    def ask(agent: Any) -> list[Any]:
        return [b.ask(Lookup("x")), a.ask(1), b.ask(1.5, timeout=2.0), c.ask("x"), b.ask(True)]

    answers = {Lookup: lambda message: message.key * 2, int: "int", "/b": ["list"], object: "any"}
    run = do(ask, answers=answers)
    assert run.answer == ["xx", "int", ["list"], "any", "int"]
    assert run.asked[0] == effects.Asked("/b", Lookup("x"))
    assert run.asked[2] == effects.Asked("/b", 1.5, timeout=2.0)


def test_an_answer_may_be_an_error() -> None:
    def fail(message: Any) -> None:
        raise LookupError(message)

    a, b, c = stand_in("/a"), stand_in("/b"), stand_in("/c")

    def ask(agent: Any) -> Any:
        caught: list[Any] = []
        for ref in (a, b):
            try:
                ref.ask("x")
            except (AskTimeout, LookupError) as error:
                caught.append(type(error))
        return [*caught, c.ask("x")]

    answers = {"/a": AskTimeout("/a", 1.0), "/b": fail, "/c": KeyError}
    assert do(ask, answers=answers).answer == [AskTimeout, LookupError, KeyError]


def test_other_answers_may_be_given_for_the_next_message() -> None:
    db = stand_in("/db")
    run = do(lambda agent: db.ask("x"), answers={"/db": 1})
    assert run.again(run.message).answer == 1
    assert run.again(run.message, answers={"/db": 2}).answer == 2
    assert run.again(run.message).answer == 2


def test_futures_of_asks_have_their_answers_too() -> None:
    a, b = stand_in("/a"), stand_in("/b")

    def ask(agent: Any) -> Any:
        return get_all([a.ask(1, block=False), b.ask(2, block=False).map(str)], timeout=1.0)

    run = do(ask, answers={int: lambda message: message * 10})
    assert run.answer == [10, "20"]
    assert run.asked == (effects.Asked("/a", 1), effects.Asked("/b", 2))


@pytest.mark.parametrize("wait", [lambda ref: ref.ask("x"), lambda ref: ref.ask("x", block=False).get(timeout=5.0)])
def test_an_ask_that_is_waited_for_without_an_answer_fails_the_test_that_forgot_it(wait: Any) -> None:
    def ask(agent: Any) -> None:
        try:
            wait(stand_in("/db"))
        except BaseException:
            return

    with pytest.raises(HandlerTestError, match=r"/db was asked 'x', and nobody answers: say answers=\{'/db': \.\.\.\}"):
        do(ask)


def test_an_ask_that_nobody_waits_for_needs_no_answer() -> None:
    run = do(lambda agent: stand_in("/db").ask("x", block=False))
    assert run.effects == (effects.Asked("/db", "x"),)
    assert not run.answer.settled
    with pytest.raises(HandlerTestError, match="nobody answers"):
        run.answer.get()


def test_an_ask_to_itself_is_a_cycle_as_ever() -> None:
    run = do(lambda agent: agent.actor_ref.ask("x"))
    assert isinstance(run.error, AskCycleError)
    assert run.error.cycle == ("/doer", "/doer")


# -- proxies ---------------------------------------------------------------------


def test_the_messages_of_a_proxy_are_handled() -> None:
    run = run_handler(Counter, ProxyCall(attr_path=("add",), args=(5,), kwargs={}))
    assert run.answer == 5
    assert run.again(ProxySetAttr(attr_path=("total",), value=20)).error is None
    assert run.again(ProxyGetAttr(attr_path=("total",))).answer == 20


def test_a_bad_request_of_a_proxy_is_the_callers_error() -> None:
    run = run_handler(Counter, ProxyCall(attr_path=("subtract",), args=(5,), kwargs={}))
    assert isinstance(run.error, AttributeError)
    assert not run.failed
    run = run.again(ProxyCall(attr_path=("add",), args=("x",), kwargs={}))
    assert isinstance(run.error, TypeError)
    assert run.failed


def test_what_a_handler_calls_through_a_proxy_is_an_ask() -> None:
    counter = stand_in("/counter", Counter)

    def call(agent: Any) -> Any:
        proxy = counter.proxy()
        proxy.add.defer(1)
        agent.actor_ref.proxy().context  # noqa: B018
        return proxy.add(2).get()

    call_two = ProxyCall(attr_path=("add",), args=(2,), kwargs={})
    run = do(call, answers={ProxyCall: 2})
    assert run.answer == 2
    assert effects.Asked("/counter", call_two) in run.effects
    assert run.told == (effects.Told("/counter", ProxyCall(attr_path=("add",), args=(1,), kwargs={})),)
