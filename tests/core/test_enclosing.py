"""Who sees what a message travels in? The agent that opens it; all others are shown the message alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors import ActorSystem, Agent, DeadLetter, Reply
from actors._core.messages import Enclosing, enclosed
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Flag, answer, result


@dataclass(frozen=True, slots=True)
class Wrapper(Enclosing):
    message: Any  # type: ignore[misc]
    seal: str = "red"


class Opener(Agent):
    """Answers with the seal and the message, whatever its handler is; "defer" is answered later."""

    def __init__(self) -> None:
        self.seal = ""
        self.reply: Reply | None = None

    def _around(self, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def receive(item: Any) -> Any:
            self.seal = item.seal if isinstance(item, Wrapper) else ""
            return handler(enclosed(item))

        return receive

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        if message == "defer":
            self.reply = self.context.defer()
        if message == "other":
            self.context.become(lambda message: ("other", self.seal, message))
        if message == "idle":
            self.context.set_receive_timeout(5.0, ignore=(str,))
        return (self.seal, message, self.context.message)


def test_a_message_in_nothing_is_itself() -> None:
    assert enclosed("a") == "a"
    assert enclosed(Wrapper("a")) == "a"


def test_an_agent_that_opens_it_has_the_message_in_hand(system: ActorSystem, spec: Any) -> None:
    opener = system.spawn(spec(Opener, name="opener"))
    assert opener.ask(Wrapper("a")) == ("red", "a", "a")
    assert answer(opener, Wrapper("b", "blue")) == ("blue", "b", "b")
    assert opener.ask("plain") == ("", "plain", "plain")


def test_every_handler_gets_what_was_in_it(system: ActorSystem, spec: Any) -> None:
    opener = system.spawn(spec(Opener, name="opener"))
    opener.ask("idle")
    assert opener.ask(Wrapper("a")) == ("red", "a", "a")
    opener.ask("other")
    assert opener.ask(Wrapper("a")) == ("other", "red", "a")


def test_a_deferred_answer_is_one_to_the_message(system: ActorSystem, spec: Any) -> None:
    opener = system.spawn(spec(Opener, name="opener"))
    asked = opener.ask(Wrapper("defer"), block=False)
    reply = opener.proxy().reply.get()
    assert reply.message == "defer"
    reply.set("now")
    assert result(asked) == "now"


def test_interceptors_are_asked_about_the_message_and_send_on_the_whole(
    system: ActorSystem, clock: WatchedClock, spec: Any
) -> None:
    opener = system.spawn(spec(Opener, name="opener"))
    seen: list[Any] = []
    delayed = Flag()

    def delay(delivery: Any) -> None:
        seen.append(delivery.message)
        delivery.duplicate()
        delivery.delay(1.0)
        delayed.set()

    with system.intercept(delay, "/opener", on=str):
        asked = opener.ask(Wrapper("a"), block=False)
        assert delayed.wait()
    assert answer(opener, 7) == ("", 7, 7)  # and the duplicate before it
    clock.advance(1.0)
    assert result(asked) == ("red", "a", "a")
    assert seen == ["a"]


def test_what_an_interceptor_duplicates_is_enclosed_as_it_was(system: ActorSystem, spec: Any) -> None:
    opener = system.spawn(spec(Opener, name="opener"))

    def double(delivery: Any) -> None:
        delivery.duplicate()
        delivery.answer("none")

    with system.intercept(double, "/opener", on=str):
        assert answer(opener, Wrapper("a")) == "none"
        assert opener.proxy().seal.get() == "red"


def test_a_dead_letter_shows_the_message(system: ActorSystem, spec: Any, log: EventLog) -> None:
    opener = system.spawn(spec(Opener, name="opener"))
    boom = Boom("once")
    opener.tell(Wrapper(boom))
    assert log.wait(DeadLetter, "/opener").message is boom
