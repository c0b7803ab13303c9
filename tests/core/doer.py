"""How does a test have an agent do anything at all?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors import ActorSystem, Agent, AgentRef, AgentStopped, DeadLetter, StopReason
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, answer, result


class Doer(Agent):
    """An agent that does what it is sent: a function is called with the agent, anything else is noted and answered."""

    def __init__(self, trace: Trace | None = None) -> None:
        self.trace = trace if trace is not None else Trace()

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self.trace.note(message)
        return message


def crash(agent: Agent) -> None:
    """Fail the agent that gets this as a message."""
    raise Boom(f"crash of #{agent.context.incarnation}")


def end(agent: Agent) -> None:
    """End the agent that gets this as a message, normally."""
    agent.stop()


def number(agent: Agent) -> int:
    """Answer with the incarnation."""
    return agent.context.incarnation


def names(agent: Agent) -> list[str]:
    """Answer with the names of the living children."""
    return list(agent.context.children)


def start(*args: Any, **kwargs: Any) -> Callable[[Agent], AgentRef[Any]]:
    """Give a message that has an agent spawn a child and answer with its ref."""
    return lambda agent: agent.context.spawn(*args, **kwargs)


def stop(ref: AgentRef[Any], drain: bool = True) -> bool:
    """Stop an agent, never on this thread, and tell whether it was alive."""
    alive: bool = result(ref.stop(block=False, drain=drain))
    return alive


def incarnation_of(ref: AgentRef[Any]) -> int:
    """Give the incarnation that handles a message now, after all that waits."""
    found: int = answer(ref, number)
    return found


def end_of(log: EventLog, path: str) -> StopReason:
    """Wait for the end of the agent and give its reason."""
    reason: StopReason = log.wait(AgentStopped, path).reason
    return reason


def dead_letters(log: EventLog, path: str, reason: str | None = None) -> list[Any]:
    """Give the messages that became dead letters at that agent, oldest first."""
    return [letter.message for letter in log.of(DeadLetter, path) if reason in (None, letter.reason)]


def tree_of(system: ActorSystem) -> list[str]:
    """Give the paths of all living agents, parents first."""
    return [ref.path for ref in system.select("/**")]


class Last(Doer):
    """Notes its name in its last hook, after it has spent so many seconds there."""

    def __init__(self, trace: Trace, clock: WatchedClock | None = None, seconds: float = 0.0) -> None:
        super().__init__(trace)
        self.clock = clock
        self.seconds = seconds

    def on_stop(self) -> None:
        if self.clock is not None and self.seconds:
            self.clock.spend(self.seconds)
        self.trace.note(self.context.name)


def busy_at(gate: Gate) -> Any:
    """Give a message that keeps an agent busy until the gate is opened."""
    return lambda _agent: gate.wait()


def stopped(log: EventLog) -> list[tuple[str, StopReason]]:
    """Give the path and the reason of every end, in order."""
    return [(event.path, event.reason) for event in log.of(AgentStopped)]
