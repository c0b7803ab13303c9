"""What runs a registered agent that is no class of agents, but a function?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from actors._core.agent import Agent
from actors._core.spec import ChildSpec

if TYPE_CHECKING:
    from policies import Policy

Handler: TypeAlias = Callable[[tuple[Any, ...]], Any]
"""Handles one request: takes its messages, and what it gives is the reply."""
Factory: TypeAlias = "Callable[[], Handler] | type[Agent] | ChildSpec[Any]"
"""Makes an agent: called for each incarnation, so that each has fresh state."""


@dataclass(frozen=True, slots=True)
class UserMessage:
    """What a user says."""

    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request: the messages that are handled together and answered by one reply."""

    messages: tuple[Any, ...]

    @property
    def text(self) -> str:
        """What the user says in it, in lines."""
        return "\n".join(message.text for message in self.messages if isinstance(message, UserMessage))


def request_of(messages: Iterable[Any]) -> Request:
    """Make a request; a text among the messages is what a user says."""
    if isinstance(messages, str | bytes) or not isinstance(messages, Iterable):
        raise ValueError(f"messages: a list of messages, not {messages!r}")
    made = tuple(UserMessage(message) if isinstance(message, str) else message for message in messages)
    if not made:
        raise ValueError("messages: at least one")
    return Request(made)


class Seat(Agent):
    """An agent that has its requests handled by what the factory gives, once for each incarnation."""

    def __init__(self, factory: Callable[[], Handler], policy: Policy | None = None) -> None:
        super().__init__()
        self.policy = policy
        self._handle = factory()
        if not callable(self._handle):
            raise TypeError(f"{factory!r} gave {self._handle!r}, which cannot handle a request: it is not callable")

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Request):
            return self._handle(message.messages)
        return self.context.unhandled(message)


def check_factory(name: str, factory: object) -> None:
    """Refuse what makes no agents. The factory is not called."""
    if isinstance(factory, ChildSpec):
        if factory.name not in (None, name):
            raise ValueError(f"factory: a ChildSpec without a name or named {name!r}, not {factory.name!r}")
    elif not callable(factory):
        raise ValueError(f"factory: a callable, a subclass of Agent or a ChildSpec, not {factory!r}")


def base_spec(name: str, factory: Factory, policy: Policy | None) -> ChildSpec[Any]:
    """Give the spec of what a factory makes; `policy` is what a failure of a function's children means."""
    if isinstance(factory, ChildSpec):
        return factory
    if isinstance(factory, type) and issubclass(factory, Agent):
        return ChildSpec(factory, name)
    return ChildSpec(Seat, name, args=(factory, policy))
