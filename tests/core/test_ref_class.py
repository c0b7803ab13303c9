"""May an agent have refs of a class of its own?"""

from __future__ import annotations

from typing import Any

from actors import ActorSystem, Addressed, Agent, AgentRef, ChildSpec
from actors._core.agent import class_hooks
from tests.core.helpers import Boom, EventLog, Worker, incarnation


class CountingRef(AgentRef["Counted"]):
    """Counts what is told by it."""

    __slots__ = ("told",)

    def __init__(self, cell: Any) -> None:
        super().__init__(cell)
        self.told = 0

    def tell(self, message: Any) -> None:
        self.told += 1
        super().tell(message)


class Counted(Worker, Addressed[CountingRef]):
    ref_class = CountingRef


def test_the_refs_of_an_agent_are_of_the_class_that_it_names(system: ActorSystem, spec: Any) -> None:
    ref = system.spawn(spec(Counted, name="counted"))
    ref.tell("hello")
    assert isinstance(ref, CountingRef)
    assert ref.told == 1
    assert type(system.spawn(spec(Worker))) is AgentRef


def test_what_a_plain_ref_puts_into_the_mailbox_is_the_message_itself(system: ActorSystem, spec: Any) -> None:
    message = object()
    assert system.spawn(spec(Worker)).admit(message) is message


def test_a_feature_may_look_at_each_class_of_agents_that_is_defined(monkeypatch: Any) -> None:
    seen: list[type] = []
    monkeypatch.setattr("actors._core.agent.class_hooks", [*class_hooks, seen.append])

    class Later(Worker):
        pass

    assert seen == [Later]


def test_it_is_the_same_ref_wherever_it_comes_from_and_through_restarts(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    class Parent(Agent):
        def on_receive(self, message: Any) -> Any:
            return self.context.spawn(ChildSpec(Counted, "child"))

    child = system.spawn(spec(Parent, name="parent")).ask("spawn")
    assert type(child) is CountingRef
    child.tell(Boom("again"))
    assert incarnation(child) == 2
    assert system.find("/parent/child") is child
    assert child.told == 1
