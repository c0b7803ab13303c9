"""How does a test of the orchestrator say what an agent is to do?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors import ChildSpec
from actors.orchestrator import AgentHandle, Request, UserMessage
from actors.testkit import Gate
from tests.core.helpers import Trace
from tests.core.scripted import FOREVER, Doer


class Throttled(Exception):
    """An error that is worth another try."""

    retryable = True


class Work:
    """Handles requests: raises what is an error, calls what can be called, keeps all else, and answers with all it has.

    It notes each text in `trace`, and that it was made.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.seen: list[Any] = []
        trace.note("made")

    def __call__(self, messages: tuple[Any, ...]) -> Any:
        for message in messages:
            if isinstance(message, BaseException):
                raise message
            if callable(message):
                return message(self)
            self.seen.append(message.text if isinstance(message, UserMessage) else message)
            self.trace.note(self.seen[-1])
        return list(self.seen)


def work(trace: Trace | None = None) -> Callable[[], Work]:
    """A factory of such agents."""
    return lambda: Work(trace if trace is not None else Trace())


class Looking(Doer):
    """Does what it is sent with itself: what a request asks for, or what is told."""

    def on_receive(self, message: Any) -> Any:
        return super().on_receive(message.messages[0] if isinstance(message, Request) else message)


def looking(trace: Trace | None = None, **options: Any) -> ChildSpec[Looking]:
    """The spec of such an agent."""
    options.setdefault("policy", FOREVER)
    return ChildSpec(Looking, args=(trace,), **options)


def held(handle: AgentHandle) -> Gate:
    """Have the agent wait at a gate, and give the gate once it is there."""
    gate = Gate()
    handle.send_message(lambda _: gate.wait(), block=False)
    gate.reached()
    return gate


def failed(handle: AgentHandle, error: BaseException) -> BaseException | None:
    """Have the agent fail and give what its caller is raised."""
    try:
        handle.send_message(error)
    except BaseException as raised:
        return raised
    return None
