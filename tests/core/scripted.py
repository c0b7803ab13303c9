"""How does a test say what an agent is to do, and do something beside its own thread?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors import ActorSystem, AgentRef, ChildSpec, Event, Supervisor
from actors.testkit import Gate
from policies import Decision, Failure, History, Policy, Restart
from tests.core.helpers import EventLog, Trace, Worker, elsewhere

FOREVER = Restart(None, within=None)
"""Restarts without limit, for tests that are about something else."""


class Doer(Worker):
    """A Worker that also does what it is sent: a message that can be called is called with the agent."""

    def on_receive(self, message: Any) -> Any:
        return message(self) if callable(message) else super().on_receive(message)


def doer(name: str, trace: Trace | None = None, **options: Any) -> ChildSpec[Doer]:
    """The spec of a Doer, by default restarted without limit."""
    options.setdefault("policy", FOREVER)
    return ChildSpec(Doer, name, args=(trace,), **options)


def supervisor(name: str, *children: ChildSpec[Any], policy: Policy = FOREVER, **options: Any) -> ChildSpec[Supervisor]:
    """The spec of a Supervisor of those children."""
    return ChildSpec(Supervisor, name, kwargs={"children": children, "policy": policy, **options})


def deciding(decide: Callable[[Failure, History], Decision]) -> Policy:
    """A policy that decides as its test says."""

    class Deciding(Policy):
        def decide(self, failure: Failure, history: History) -> Decision:
            return decide(failure, history)

    return Deciding()


def held(ref: AgentRef[Any]) -> Gate:
    """Have the agent wait at a gate, by a told message, and give the gate once it is there."""
    gate = Gate()
    ref.tell(lambda agent: gate.wait())
    gate.reached()
    return gate


def get(system: ActorSystem, path: str) -> AgentRef[Any]:
    """The ref of the agent at that path, which must be there."""
    ref = system.find(path)
    assert ref is not None, f"no {path} in {system.tree()}"
    return ref


def kinds(log: EventLog, path: str) -> list[str]:
    """What was reported of one agent, as the names of the events."""
    return [type(event).__name__ for event in log.of(Event, path)]


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run all of them on threads that begin together, and give their results."""
    begin = Gate("begin")

    def run(work: Callable[[], Any]) -> Any:
        begin.wait()
        return work()

    asides = [elsewhere(run, work) for work in works]
    begin.reached(len(works))
    begin.open()
    return [aside.get() for aside in asides]
