"""What is told of an answer while it comes, and of a loop while it runs?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from actors.models.errors import InferenceFailed
from actors.models.talk import Completion, ToolCall

Phase = Literal["perceive", "reason", "act", "done"]
LONGEST = 500


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUseStart:
    """The model has begun to say that it wants a tool called."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolUseEnd:
    """The model has said all of one tool call."""

    call: ToolCall


@dataclass(frozen=True, slots=True)
class StreamRestarted:
    """The answer broke off and begins anew: what came of it so far is void."""

    reason: str


@dataclass(frozen=True, slots=True)
class ContentComplete:
    """The answer is whole."""

    completion: Completion


@dataclass(frozen=True, slots=True)
class PhaseChange:
    """A loop takes its next step; `tool` is the name of the tool that it acts with."""

    phase: Phase
    tool: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool gave, or why it gave nothing (`failed`)."""

    id: str
    name: str
    text: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Warned:
    """A limit is near, or something went wrong that does not end the loop."""

    reason: str


DriverEvent = TextDelta | ToolUseStart | ToolUseEnd | StreamRestarted | ContentComplete
LoopEvent = DriverEvent | PhaseChange | ToolResult | Warned


def pieces_of(completion: Completion) -> Iterator[DriverEvent]:
    """Give an answer that is whole already as a stream: for a driver whose server has none."""
    if completion.text:
        yield TextDelta(completion.text)
    for call in completion.tool_calls:
        yield ToolUseStart(call.id, call.name)
        yield ToolUseEnd(call)
    yield ContentComplete(completion)


def gathered(events: Iterable[DriverEvent]) -> Completion:
    """Give the whole answer that a stream ends with; raises InferenceFailed for a stream without one."""
    for event in events:
        if isinstance(event, ContentComplete):
            return event.completion
    raise InferenceFailed("the stream of the driver ended without a ContentComplete")


def shortened(text: str, most: int = LONGEST) -> str:
    """Give a text as it is shown to those who watch: cut after `most` characters, and said so."""
    return text if len(text) <= most else f"{text[:most]}... (truncated)"
