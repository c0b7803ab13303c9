"""What if the system is stopped from where its own threads call what a program gave them?"""

from __future__ import annotations

import threading
from typing import Any

import pytest

from actors import ActorSystem, AgentFailed, AgentRestarted, AgentStarted, Event
from policies import Decision, Directive, Failure, History
from tests.core.helpers import PATIENCE, Boom, answer, elsewhere
from tests.core.scripted import FOREVER, deciding, doer


@pytest.mark.parametrize("kind", [AgentStarted, AgentFailed, AgentRestarted])
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all"])
def test_a_subscriber_may_stop_the_system(kind: type[Event], strategy: str) -> None:
    system = ActorSystem("ends", policy=FOREVER, strategy=strategy)
    reports: list[Any] = []
    system.events.subscribe(lambda event: reports.append(system.stop()), kind)
    ref = elsewhere(system.spawn, doer("a")).get()
    if kind is not AgentStarted:
        ref.tell(Boom())
    assert elsewhere(system.wait, PATIENCE).get()
    assert not reports[0].complete
    assert system.stop().complete


def test_a_policy_may_stop_the_system() -> None:
    system = ActorSystem("ends")

    def decide(failure: Failure, history: History) -> Decision:
        system.stop()
        return Decision(Directive.RESTART, 0.0, history)

    system.spawn(doer("a", policy=deciding(decide))).tell(Boom())
    assert elsewhere(system.wait, PATIENCE).get()


def test_a_callback_of_an_ask_may_stop_the_system() -> None:
    system = ActorSystem("ends")
    ref = system.spawn(doer("a"))
    gate = threading.Event()
    future = ref.ask(lambda agent: gate.wait(PATIENCE), block=False)
    future.add_done_callback(system.stop)
    ref.tell("behind it")
    gate.set()
    assert elsewhere(system.wait, PATIENCE).get()


def test_a_subscriber_of_one_system_waits_for_the_end_of_another() -> None:
    with ActorSystem("first") as first:
        second = ActorSystem("second")
        reports: list[Any] = []
        first.events.subscribe(lambda event: reports.append(second.stop()), AgentStarted)
        ref = first.spawn(doer("a"))
        assert answer(ref, "who") == 1
    assert reports[0].complete
