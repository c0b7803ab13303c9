"""Does promise 29 of docs/semantics.md hold: agents without a supervisor live as Pykka's actors do?"""

from __future__ import annotations

from collections.abc import Iterator

import pykka
import pytest

from actors import AgentFailed, AgentRef, AgentStopped, AgentStoppedError, default_system
from policies import Directive
from tests.core.helpers import Boom, EventLog, Trace, answer, assert_ended
from tests.core.scripted import Doer


@pytest.fixture(autouse=True)
def log() -> Iterator[EventLog]:
    system = default_system()
    yield EventLog(system)
    system.stop()


def test_promise_29_start_works_as_in_pykka_under_a_default_system(trace: Trace) -> None:
    ref = Doer.start(trace)
    assert isinstance(ref, AgentRef)
    assert isinstance(ref, pykka.ActorRef)
    assert ref.ask("a message") == "a message"
    assert ref.proxy().seen.get() == ["a message"]
    assert default_system().find(ref.path) is ref
    assert ref.stop() is True
    assert [what for what, _, _ in trace.notes] == ["start", "a message", "stop"]


def test_promise_29_an_error_that_was_replied_leaves_the_agent_alive(log: EventLog) -> None:
    ref = Doer.start()
    with pytest.raises(Boom):
        ref.ask(Boom("replied"))
    with pytest.raises(Boom):
        answer(ref, Boom("replied"))
    assert ref.ask("who") == 1
    assert [event.directive for event in log.of(AgentFailed)] == [Directive.RESUME] * 2


def test_promise_29_any_other_error_stops_it(log: EventLog, trace: Trace) -> None:
    ref = Doer.start(trace)
    ref.tell(Boom("nobody was told"))
    assert_ended(ref)
    log.wait(AgentStopped, ref.path)
    with pytest.raises(AgentStoppedError):
        ref.ask("too late")
    assert [what for what, _, _ in trace.notes] == ["start", "failure"]


def test_promise_29_an_error_in_on_start_stops_it(log: EventLog) -> None:
    class Unstartable(Doer):
        def on_start(self) -> None:
            raise Boom("at the start")

    ref = Unstartable.start()
    log.wait(AgentStopped, ref.path)
    assert not ref.is_alive()


def test_promise_29_pykkas_registry_knows_it_while_it_lives() -> None:
    ref = Doer.start()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is ref
    assert pykka.ActorRegistry.get_by_class(Doer) == [ref]
    ref.stop()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None
    assert pykka.ActorRegistry.get_all() == []
