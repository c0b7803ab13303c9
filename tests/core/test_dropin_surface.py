"""What else may a program written for Pykka touch: an instance, its inbox, a future's hooks, an odd attribute?"""

from __future__ import annotations

import asyncio
import pickle
import queue
import threading
import weakref
from collections.abc import Generator, Iterator
from types import SimpleNamespace
from typing import Any

import pykka
import pytest

from actors import ActorSystem, Agent, AgentFailed, AgentFuture, AgentRestarted, ChildSpec, DeadLetter, default_system
from actors._core.traces import forget_locals
from actors.testkit import Gate
from policies import Restart
from tests.core.helpers import PATIENCE, Boom, EventLog, Flag

pytestmark = pytest.mark.threads_only("Pykka's threads, futures and loops")


class Nested:
    def __init__(self) -> None:
        self.depth = 1

    def deeper(self) -> int:
        self.depth += 1
        return self.depth


class Odd(Agent):
    nested = pykka.traversable(Nested())

    def __init__(self) -> None:
        self._hidden = 1

    @property
    def broken(self) -> int:
        raise AttributeError("the agent's own fault")

    @property
    def fixed(self) -> int:
        return self._hidden

    @property
    def guarded(self) -> int:
        return self._hidden

    @guarded.setter
    def guarded(self, value: int) -> None:
        raise AttributeError(f"{value} is the agent's own fault")

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        if isinstance(message, Gate):
            message.wait()
        return message

    def add(self, number: int) -> int:
        return number + 1  # a TypeError in here is the agent's own


@pytest.fixture(autouse=True)
def unsupervised() -> Iterator[ActorSystem]:
    """The default system, which is ended after the test with its threads."""
    yield default_system()
    default_system().stop(timeout=PATIENCE)


def spawn(system: ActorSystem) -> Any:
    return system.spawn(ChildSpec(Odd, name="odd", policy=Restart(None, within=None)))


# -- the instance ------------------------------------------------------------------------------------------------------


def test_an_instance_that_no_system_started_has_a_urn_and_no_context() -> None:
    agent = Odd()
    assert agent.actor_urn == agent.actor_urn
    assert agent.actor_urn.startswith("urn:uuid:")
    assert str(agent) == f"Odd ({agent.actor_urn})"
    assert len({agent, agent, Odd()}) == 2
    with pytest.raises(RuntimeError, match="Odd was not started by a system"):
        _ = agent.context


def test_a_running_instance_shows_what_its_ref_shows(system: ActorSystem) -> None:
    ref = spawn(system)
    agent = ref._actor_weakref()
    assert agent.actor_ref is ref
    assert agent.actor_urn == ref.actor_urn
    assert agent.actor_stopped is ref.actor_stopped
    assert agent.actor_inbox.empty()
    assert hash(agent) == hash(ref)
    assert str(agent) == "Odd /odd #1"
    unsupervised = Odd.start()
    assert str(unsupervised._actor_weakref()) == f"Odd ({unsupervised.actor_urn})"
    assert repr(unsupervised) == f"<ActorRef for Odd ({unsupervised.actor_urn})>"


def test_pykkas_ways_of_running_an_actor_are_closed() -> None:
    with pytest.raises(RuntimeError, match="belongs to its cell"):
        Odd._create_actor_inbox()
    with pytest.raises(RuntimeError, match="dispatcher"):
        Odd()._start_actor_loop()
    assert isinstance(Odd._create_future(), AgentFuture)


def test_a_ref_is_not_pickled(system: ActorSystem) -> None:
    with pytest.raises(TypeError, match="an agent lives in one process"):
        pickle.dumps(spawn(system))


def test_an_envelope_may_be_put_into_the_inbox(system: ActorSystem, log: EventLog) -> None:
    ref = spawn(system)
    inbox = ref.actor_inbox
    answered: pykka.ThreadingFuture[Any] = pykka.ThreadingFuture()
    failed: pykka.ThreadingFuture[Any] = pykka.ThreadingFuture()
    gate = Gate()
    inbox.put(SimpleNamespace(message=gate, reply_to=None))
    gate.reached()
    inbox.put(SimpleNamespace(message="question", reply_to=answered))
    inbox.put(SimpleNamespace(message=Boom("broken"), reply_to=failed))
    assert not inbox.empty()
    gate.open()
    assert answered.get(timeout=PATIENCE) == "question"
    with pytest.raises(Boom):
        failed.get(timeout=PATIENCE)
    log.wait(AgentRestarted)


# -- requests through a proxy: whose error? ----------------------------------------------------------------------------


def test_what_a_proxy_is_asked_in_vain_is_its_callers_error(system: ActorSystem, log: EventLog) -> None:
    proxy = spawn(system).proxy()
    with pytest.raises(AttributeError):
        proxy.fixed = 2
    with pytest.raises(TypeError):
        proxy.add().get()
    proxy.add.defer(1, 2, 3)
    letter = log.wait(DeadLetter)
    assert (letter.reason, type(letter.error)) == ("nobody to answer", TypeError)
    assert log.of(AgentFailed) == []


@pytest.mark.parametrize("how", ["call", "get", "set"])
def test_what_the_agents_own_code_raises_is_a_failure(system: ActorSystem, log: EventLog, how: str) -> None:
    proxy = spawn(system).proxy()
    requests = {
        "call": lambda: proxy.add("one").get(),
        "get": lambda: proxy.broken.get(),
        "set": lambda: setattr(proxy, "guarded", 3),
    }
    with pytest.raises((TypeError, AttributeError)):
        requests[how]()
    assert type(log.wait(AgentRestarted).error) is (TypeError if how == "call" else AttributeError)


def test_a_traversable_attribute_is_walked_through(system: ActorSystem) -> None:
    proxy = spawn(system).proxy()
    assert proxy.nested.deeper().get() == 2
    proxy.nested.depth = 10
    assert proxy.nested.depth.get() == 10
    assert proxy.nested == proxy.nested
    assert proxy.nested != proxy
    assert proxy != "something else"


def test_a_proxy_gives_the_present_instance_to_pykkas_own_and_none_when_it_has_ended(system: ActorSystem) -> None:
    ref = spawn(system)
    proxy = ref.proxy()
    assert proxy._actor is ref._actor_weakref()
    ref.stop()
    with pytest.raises(pykka.ActorDeadError, match="no running incarnation"):
        _ = proxy._actor


# -- futures -----------------------------------------------------------------------------------------------------------


def test_an_exception_is_set_as_pykka_sets_it() -> None:
    given, raised, kind = AgentFuture[int](), AgentFuture[int](), AgentFuture[int]()
    given.set_exception((Boom, Boom("given"), None))
    try:
        raise Boom("handled now")
    except Boom:
        raised.set_exception()
    kind.set_exception((Boom, None, None))
    for future, text in ((given, "given"), (raised, "handled now"), (kind, "^$")):
        with pytest.raises(Boom, match=text):
            future.get()
        with pytest.raises(queue.Full):
            future.set_exception((Boom, Boom(), None))
    with pytest.raises(ValueError, match="no exception to set"):
        AgentFuture[int]().set_exception()


def test_a_hook_runs_for_the_first_that_gets_and_is_awaited_beside_the_loop() -> None:
    calls: list[float | None] = []
    future: AgentFuture[str] = AgentFuture()

    def hook(timeout: float | None) -> str:
        calls.append(timeout)
        return threading.current_thread().name

    future.set_get_hook(hook)

    async def main() -> str:
        return await future

    assert asyncio.run(main()) != threading.current_thread().name
    assert future.get(timeout=3) == future.get()
    assert calls == [None]


def test_of_two_threads_in_a_hook_the_first_value_stands() -> None:
    meet, values = threading.Barrier(2, timeout=PATIENCE), iter("ab")
    future: AgentFuture[str] = AgentFuture()

    def hook(timeout: float | None) -> str:
        meet.wait()
        return next(values)

    future.set_get_hook(hook)
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(future.get())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert got == [future.get()] * 2


def test_a_joined_future_calls_back_although_one_of_them_is_pykkas() -> None:
    ours: AgentFuture[str] = AgentFuture()
    theirs: pykka.ThreadingFuture[str] = pykka.ThreadingFuture()
    theirs.set("theirs")
    called = Flag()
    ours.join(theirs).add_done_callback(called.set)
    assert not called.is_set()
    ours.set("ours")
    assert called.is_set()


def test_a_future_says_what_it_holds() -> None:
    future: AgentFuture[int] = AgentFuture()
    assert repr(future) == "<AgentFuture pending>"
    future.set(3)
    assert repr(future) == "<AgentFuture value=3>"
    failed: AgentFuture[int] = AgentFuture()
    failed.set_exception((Boom, Boom("x"), None))
    assert repr(failed) == "<AgentFuture error=Boom('x')>"


# -- what an error keeps -----------------------------------------------------------------------------------------------


def test_a_generator_that_is_suspended_outlives_the_error_it_has_once_caught() -> None:
    caught: list[BaseException] = []

    def survivor() -> Generator[str, None, None]:
        kept = "still here"
        try:
            raise Boom("inside")
        except Boom as error:
            caught.append(error)
        yield "ready"
        yield kept

    generator = survivor()
    assert next(generator) == "ready"
    forget_locals(caught[0])
    assert next(generator) == "still here"


def test_the_errors_behind_an_error_are_cleared_too_and_a_circle_of_them_ends() -> None:
    big: list[Any] = []

    def fail() -> None:
        class Big:
            pass

        local = Big()
        big.append(weakref.ref(local))
        raise Boom("first")

    try:
        try:
            fail()
        except Boom as error:
            first = error
            raise KeyError("second") from error
    except KeyError as error:
        second = error
    first.__context__ = second
    forget_locals(second)
    assert big[0]() is None
    assert second.__cause__ is first
