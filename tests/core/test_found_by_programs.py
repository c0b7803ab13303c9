"""Which mistakes did the programs of the property suite find? Each is a few lines here."""

from __future__ import annotations

from typing import Any

import pytest

from actors import Agent, AgentFuture, AskTimeout, ChildSpec, DeadLetter, Delivery, Mailbox, ReplyError
from actors.testkit import Simulation


class Shelf(Agent):
    """Puts a message aside and answers with an error over it, once; then handles it."""

    def __init__(self) -> None:
        self.handled: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "what?":
            return self.handled
        if message == "unstash":
            self.context.unstash_all()
            return None
        self.handled.append(message)
        if self.handled.count(message) == 1:
            self.context.stash()
            raise ReplyError("later")
        return None


def test_a_told_message_that_was_put_aside_before_a_reply_error_is_no_dead_letter() -> None:
    with Simulation() as system:
        shelf = system.spawn(Shelf)
        shelf.tell("letter")
        system.settle()

        assert system.events.recent(10, DeadLetter) == []

        shelf.tell("unstash")
        assert shelf.ask("what?", timeout=1.0) == ["letter", "letter"]


class Piping(Agent):
    """Has results delivered to itself."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "itself":
            self.context.pipe_to_self(self.actor_ref.ask("answer", block=False))
            for _ in range(2):
                self.actor_ref.tell("more")
        else:
            self.got.append(message)
        return "answered"


def test_a_result_of_its_own_never_has_an_agent_wait_for_room_in_its_full_mailbox() -> None:
    with Simulation() as system:
        piping = system.spawn(ChildSpec(Piping, mailbox=Mailbox(1, overflow="block")))
        piping.tell("itself")
        system.settle()

        agent: Any = piping._actor_weakref()
        assert sorted(agent.got) == ["answer", "answered", "more", "more"]


class Clerk(Agent):
    """Answers."""

    def on_receive(self, message: Any) -> Any:
        return message


@pytest.mark.parametrize("later", [False, True])
def test_an_ask_that_was_dropped_ends_with_the_agent_if_that_is_before_its_deadline(later: bool) -> None:
    with Simulation() as system:
        clerk = system.spawn(Clerk)
        system.intercept(lambda delivery: delivery.drop("lost"), on=str)
        ask = clerk.ask("letter", block=False, timeout=2.0)
        ask.add_done_callback(lambda: None)  # somebody wants to know
        system.advance(3.0 if later else 1.0)
        assert ask.settled is later

        clerk.stop()

        with pytest.raises(AskTimeout, match="within" if later else "lost"):
            ask.get()


def test_an_ask_that_was_dropped_as_its_agent_was_abandoned_and_ended_has_an_end() -> None:
    with Simulation() as system:
        clerk = system.spawn(Clerk)

        def drop(delivery: Delivery) -> None:
            delivery.drop("lost")

        def hang(letter: DeadLetter) -> None:
            # After the drop, and still in the interceptor's hands, the agent's time is up.
            clerk.stop(drain=False, block=False)
            system.clock.wait(AgentFuture(), system.clock.now() + 60.0)

        system.events.subscribe(hang, DeadLetter)
        system.intercept(drop, on=str)
        ask = clerk.ask("letter", block=False, timeout=90.0)
        system.advance(59.0)
        assert not clerk.is_alive()
        assert not ask.settled

        system.advance(2.0)

        with pytest.raises(AskTimeout):
            ask.get()
