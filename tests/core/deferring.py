"""How does a test hold on to answers that an agent has deferred?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from actors import AgentRef, Cancelled, DeadLetter, Reply
from actors.testkit import Gate
from policies import Restart
from tests.core.doer import Doer
from tests.core.helpers import EventLog, Meeting, Trace, elsewhere, result

AGAIN = Restart(max_restarts=50, within=None)


class Clerk(Doer):
    """Defers the answer to every text, notes the Reply, and answers it itself when told to."""

    def on_receive(self, message: Any) -> Any:
        if not isinstance(message, str):
            return super().on_receive(message)
        self.trace.note(self.context.defer())
        return "not the answer"


def replies(trace: Trace, count: int = 1) -> list[Reply]:
    """Wait for so many deferred answers and give them, oldest first."""
    return trace.wait_until(lambda notes: len(notes) >= count)


def owed(ref: AgentRef[Any]) -> list[Any]:
    """Give the messages to which the present incarnation owes an answer."""
    context = ref._cell.context
    assert context is not None
    return [ask.message for ask in context.owed or ()]


def late_replies(log: EventLog) -> list[tuple[str, Any]]:
    return [(event.why, event.message) for event in log.of(DeadLetter) if event.reason == "late reply"]


class Hanging(Clerk):
    """Defers, and hangs at a gate."""

    def __init__(self, trace: Trace, gate: Gate, first: str | None = None) -> None:
        super().__init__(trace)
        self.gate = gate
        self.first = first

    def on_receive(self, message: Any) -> Any:
        if message != "hang":
            return super().on_receive(message)
        reply = self.context.defer()
        self.trace.note(reply)
        if self.first is not None:
            reply.set(self.first)
        self.gate.wait()
        try:
            reply.set("by an orphan")
        except Cancelled as error:
            self.trace.note(error)
        return "ignored"


def race(*sides: Callable[[], Any]) -> list[Any]:
    """Run all at the same moment, each on a thread of its own, and give what they gave."""
    together = Meeting(len(sides))

    def start(side: Callable[[], Any]) -> Any:
        together.wait()
        return side()

    return [result(future) for future in [elsewhere(partial(start, side)) for side in sides]]


def outcome(code: Callable[[], Any]) -> Any:
    """Give what the call gives, or the type of what it raises."""
    try:
        return code()
    except Exception as error:
        return type(error)


class AnsweringThread:
    """Answers each Reply as soon as it is noted, in capitals."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._answering = elsewhere(self._run)

    def _run(self) -> None:
        done = 0
        while True:
            reply = replies(self._trace, done + 1)[done]
            if not isinstance(reply, Reply):
                return
            reply.set(reply.message.upper())
            done += 1

    def end(self) -> None:
        self._trace.note("end")
        self._answering.get()
