"""What if an agent does not know a message?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentFailed, DeadLetter, DeadLetterReason, DeferError, InvalidMessageError
from tests.core.doer import Doer, dead_letters
from tests.core.helpers import EventLog, Trace, answer


class Picky(Doer):
    """Knows numbers and functions."""

    def on_receive(self, message: Any) -> Any:
        if callable(message) or isinstance(message, int):
            return super().on_receive(message)
        self.context.unhandled(message)
        return "no answer"


def test_what_it_does_not_know_is_a_dead_letter_and_no_failure(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    agent = system.spawn(spec(Picky, name="a", args=(trace,)))
    agent.tell("what?")
    assert answer(agent, 1) == 1
    assert dead_letters(log, "/a", DeadLetterReason.UNHANDLED) == ["what?"]
    assert log.of(AgentFailed) == []
    assert agent.incarnation == 1


@pytest.mark.parametrize("inline", [True, False])
def test_who_asked_is_told(system: ActorSystem, log: EventLog, inline: bool) -> None:
    agent = system.spawn(Picky, name="a")
    with pytest.raises(InvalidMessageError, match="/a does not accept 'what\\?': it has no handler for that") as error:
        agent.ask("what?") if inline else answer(agent, "what?")
    assert (error.value.path, error.value.message) == ("/a", "what?")
    assert dead_letters(log, "/a") == ["what?"]
    assert answer(agent, 2) == 2


def test_what_comes_through_a_proxy_may_be_unknown_too(system: ActorSystem, log: EventLog) -> None:
    class Calling(Agent):
        def call(self, what: str) -> str:
            self.context.unhandled(what)
            return "no answer"

    agent = system.spawn(Calling, name="a")
    with pytest.raises(InvalidMessageError):
        agent.proxy().call("what?").get(timeout=10)
    assert dead_letters(log, "/a") == ["what?"]


def test_an_agent_without_a_handler_answers_none_and_the_message_is_a_dead_letter(
    system: ActorSystem, log: EventLog
) -> None:
    agent = system.spawn(Agent, name="a")
    assert answer(agent, "asked") is None
    agent.tell("told")
    answer(agent, "barrier")
    letters = [(letter.message, letter.reason) for letter in log.of(DeadLetter, "/a")]
    assert letters == [(what, "unhandled") for what in ("asked", "told", "barrier")]


def test_what_is_stashed_or_deferred_is_not_unknown(system: ActorSystem, log: EventLog, trace: Trace) -> None:
    def stashing(agent: Doer) -> None:
        if not agent.trace.notes:
            agent.context.stash()
            with pytest.raises(DeferError, match="is stashed"):
                agent.context.unhandled("this")
            agent.trace.note("stashed")

    def deferring(agent: Doer) -> None:
        reply = agent.context.defer()
        with pytest.raises(DeferError, match="is deferred already"):
            agent.context.unhandled("this")
        reply.set("later")

    agent = system.spawn(Doer, trace, name="a")
    agent.tell(stashing)
    trace.wait_for("stashed")
    assert answer(agent, deferring) == "later"
    answer(agent, lambda agent: agent.context.unstash_all())
    assert dead_letters(log, "/a") == []
