"""What do the tests of routers have in common?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors import Agent, AgentRef, ControlMessage, Router, RouterRef
from tests.core.helpers import Trace, answer

Start = Callable[..., AgentRef[Any]]
"""The fixtures `agent` and `member`."""


class Cancel(ControlMessage):
    """A control message; its text tells one from another."""

    def __init__(self, text: str = "") -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cancel) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Cancel({self.text!r})"


class Doing(Router):
    """A router that also does what it is sent: a message that can be called is called with it, an exception raised."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return message(self) if callable(message) else super().on_receive(message)


def got(trace: Trace, ref: AgentRef[Any], count: int = 0) -> list[Any]:
    """Give what an agent has got once all that waits is handled, but for the notes of its life.

    First wait for so many: a mailbox that is full takes no question.
    """

    def of(notes: list[Any]) -> list[Any]:
        return [what for what, name, _ in notes if name == ref.name and what not in ("start", "stop", "failure")]

    trace.wait_until(lambda notes: len(of(notes)) >= count)
    answer(ref, "who")
    return of(trace.notes)


def names(router: RouterRef, topic: str | None = None) -> list[str]:
    """Give the names of the members, once the router has handled what waits."""
    router.leave("nobody")
    return [member.name for member in router.members(topic)]


def broadcasting(router: RouterRef, message: Any, **options: Any) -> Callable[[Agent], Any]:
    """Give a message that has an agent broadcast another, and answer with what came of it."""
    return lambda agent: router.broadcast(message, **options)
