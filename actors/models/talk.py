"""What is said to a model, and what does it answer?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from actors._core.here import check_fence, here
from actors.agentpool.seat import nearest_entry
from actors.guard import Usage

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """What a model is told of a tool; `parameters` is the JSON schema of its input."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model wants a tool called; `unreadable` is the text of an input that is no JSON object, else None."""

    id: str
    name: str
    input: Mapping[str, Any] = field(default_factory=dict)
    unreadable: str | None = None


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a conversation; a tool's result names in `call_id` the call that it belongs to."""

    role: Role
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None


class Caller(Protocol):
    """Who waits for the model, and may have to give up."""

    def check(self) -> None:
        """Raise `Cancelled` if the answer is not wanted any more."""
        ...

    def wait(self, future: Any) -> None:
        """Wait until the future is settled, or raise `Cancelled` as soon as the answer is not wanted any more."""
        ...


class WhoeverCalls:
    """The agent whose code the calling thread runs; outside an agent, somebody who never gives up."""

    def check(self) -> None:
        check_fence()
        if here.context is not None:
            here.context.check()

    def wait(self, future: Any) -> None:
        entry = None if here.context is None else nearest_entry(here.context.cell)
        if entry is not None:
            entry.token.hold(future)  # an agent of a pool, which may be aborted meanwhile
        future.get()


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked: a conversation, and the tools that it may have called.

    `model` overrides the driver's own. `max_tokens` (of the answer) and `temperature` are the server's own where they
    are None. `caller` is looked at between retries and between the pieces of a stream.
    """

    messages: tuple[ChatMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    model: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    caller: Caller = field(default_factory=WhoeverCalls, repr=False, compare=False)


def ask(text: str, system: str = "", **more: Any) -> Request:
    """Give a request with one question, after what the model is told first."""
    first = (ChatMessage("system", system),) if system else ()
    return Request((*first, ChatMessage("user", text)), **more)


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's whole answer: text, tools it wants called, or both; `truncated`: cut off at the limit of tokens."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()  # noqa: RUF009
    truncated: bool = False
    model: str = ""
