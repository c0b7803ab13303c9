"""Does an asker that is turned away learn what ended the agent?"""

import threading

import pytest

from actors import ActorSystem, Agent, AgentStoppedError
from policies import Stop

LIMIT = 10.0


class Held(Agent):
    """Fails once it is let go."""

    def __init__(self, let_go: threading.Event) -> None:
        self.let_go = let_go

    def on_receive(self, message: str) -> None:
        self.let_go.wait(LIMIT)
        raise ValueError(message)


def test_an_ask_that_waited_behind_the_failure_names_it_as_the_cause() -> None:
    let_go = threading.Event()
    with ActorSystem("demo", policy=Stop()) as system:
        held = system.spawn(Held, let_go)
        held.tell("broken")
        answer = held.ask("are you there?", block=False)
        let_go.set()
        with pytest.raises(AgentStoppedError) as caught:
            answer.get(timeout=LIMIT)
    assert repr(caught.value.cause) == "ValueError('broken')"


def test_an_ask_that_comes_after_the_end_names_the_failure_as_the_cause() -> None:
    let_go = threading.Event()
    let_go.set()
    with ActorSystem("demo", policy=Stop()) as system:
        held = system.spawn(Held, let_go)
        held.tell("broken")
        held.stop()
        with pytest.raises(AgentStoppedError) as caught:
            held.ask("are you there?")
    assert repr(caught.value.cause) == "ValueError('broken')"


def test_an_agent_that_was_stopped_on_request_has_no_cause() -> None:
    let_go = threading.Event()
    with ActorSystem("demo") as system:
        held = system.spawn(Held, let_go)
        held.stop()
        with pytest.raises(AgentStoppedError) as caught:
            held.ask("are you there?")
    assert caught.value.cause is None
