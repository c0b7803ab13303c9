"""Which mistakes did the programs of the property suite find? Each is a few lines here."""

from __future__ import annotations

from typing import Any

from actors import Agent, ChildSpec, DeadLetter, Mailbox, ReplyError
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
