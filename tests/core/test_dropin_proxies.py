"""What does a proxy reach, through restarts, and what does it keep alive?"""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pykka
import pytest

from actors import ActorSystem, Agent, AgentBackingOff, AgentRef, AgentRestarted, AgentStoppedError, ChildSpec
from actors.testkit import VirtualClock
from policies import Backoff, Restart
from tests.core.helpers import PATIENCE, Boom, EventLog


class Adder(Agent):
    def __init__(self) -> None:
        self.count = 0

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return message

    def add(self, number: int) -> int:
        self.count += number
        return self.count


class Shaped(Adder):
    """Has a method and an attribute that only every second incarnation has."""

    def __init__(self) -> None:
        super().__init__()
        self.born = self.context.incarnation
        if self.context.incarnation == 2:
            self.later = "second"


def test_a_proxy_reaches_whichever_incarnation_is_there(system: ActorSystem) -> None:
    ref = spawn_restarting(system, Shaped)
    proxy = ref.proxy()
    add = proxy.add
    assert add(2).get() == 2
    assert proxy.born.get() == 1
    with pytest.raises(AttributeError, match="later"):
        _ = proxy.later
    with pytest.raises(Boom):
        ref.ask(Boom())
    assert proxy.born.get() == 2
    assert proxy.later.get() == "second"
    assert add(3).get() == 3
    proxy.count = 40
    assert proxy.count.get() == 40


def spawn_restarting(system: ActorSystem, kind: type[Agent], policy: Restart | None = None) -> AgentRef[Any]:
    return system.spawn(ChildSpec(kind, name="it", policy=policy or Restart()))


def test_a_bad_request_is_its_callers_error_and_no_failure(system: ActorSystem, log: EventLog) -> None:
    proxy = spawn_restarting(system, Adder).proxy()
    with pytest.raises(TypeError):
        proxy.add(1, 2, 3).get()
    with pytest.raises(AttributeError):
        proxy.actor_ref.ask(pykka.messages.ProxyGetAttr(attr_path=("nothing",)))
    assert proxy.add(1).get() == 1
    assert proxy.actor_ref.incarnation == 1


def test_a_proxy_made_while_its_agent_backs_off_works_once_it_is_back(
    system: ActorSystem, clock: VirtualClock, log: EventLog
) -> None:
    ref = spawn_restarting(system, Shaped, Restart(backoff=Backoff(5.0)))
    ref.tell(Boom())
    log.wait(AgentBackingOff)
    proxy = ref.proxy()
    added = proxy.add(7)
    clock.advance(5.0)
    assert added.get(timeout=PATIENCE) == 7
    assert proxy.later.get(timeout=PATIENCE) == "second"


def test_a_proxy_of_an_agent_that_has_ended_says_so(system: ActorSystem) -> None:
    ref = system.spawn(Adder, name="gone")
    proxy = ref.proxy()
    ref.stop()
    with pytest.raises(pykka.ActorDeadError) as caught:
        proxy.add(1).get()
    assert isinstance(caught.value, AgentStoppedError)
    assert caught.value.path == "/gone"
    with pytest.raises(pykka.ActorDeadError):
        ref.proxy()


def test_a_proxy_equals_pykkas_own_for_the_same_agent(system: ActorSystem) -> None:
    ref = system.spawn(Adder)
    ours, theirs = ref.proxy(), pykka.ActorProxy(actor_ref=ref)
    assert ours == theirs
    assert theirs == ours
    assert hash(ours) == hash(theirs)
    assert ours != system.spawn(Adder).proxy()


@pytest.mark.parametrize("how", ["told", "asked", "called", "in a coroutine"])
def test_nothing_keeps_the_instance_that_failed(system: ActorSystem, log: EventLog, how: str) -> None:
    """Neither the proxy nor the errors that events keep; and it goes at once, without the cyclic collector."""
    instances: list[weakref.ref[Agent]] = []

    class Heavy(Agent):
        def __init__(self) -> None:
            instances.append(weakref.ref(self))

        def on_receive(self, message: Any) -> Any:
            if how == "in a coroutine":
                asyncio.run(self.work())
            return self.fail()

        async def work(self) -> None:
            self.fail()

        def fail(self) -> None:
            raise Boom("broken")

    ref = spawn_restarting(system, Heavy)
    proxy = ref.proxy()
    gc.disable()
    try:
        if how == "told":
            ref.tell("fail")
        else:
            with pytest.raises(Boom):
                proxy.fail().get() if how == "called" else ref.ask("fail")
        assert log.wait(AgentRestarted).error.args == ("broken",)
        ref.stop()
        assert [instance() for instance in instances] == [None, None]
    finally:
        gc.enable()
    assert proxy == proxy
