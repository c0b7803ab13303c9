"""What is said so far, in an answer of the chat API that comes piece by piece?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypedDict

from actors.guard import Usage
from actors.models.errors import NetworkError
from actors.models.openai_wire import Prices, check_reason, read_call, read_text, read_usage, readable
from actors.models.stream import ContentComplete, DriverEvent, TextDelta, ToolUseEnd, ToolUseStart
from actors.models.talk import Completion, ToolCall


class AnswerSoFar:
    """Puts one answer together; each piece gives the events that it means."""

    def __init__(self, prices: Prices | None) -> None:
        self._prices = prices
        self._text: list[str] = []
        self._calls = CallsSoFar()
        self._usage = Usage()
        self._model = ""
        self._reason: str | None = None

    def add(self, chunk: Any) -> list[DriverEvent]:
        """Take the next piece; raises InferenceFailed for what is none."""
        with readable(chunk):
            self._model = read_text(chunk.model) or self._model
            if getattr(chunk, "usage", None) is not None:
                self._usage = read_usage(chunk.usage, self._prices)
            return [event for choice in (chunk.choices or ())[:1] for event in self._add(choice)]

    def _add(self, choice: Any) -> Iterator[DriverEvent]:
        self._reason = choice.finish_reason or self._reason
        text = read_text(getattr(choice.delta, "content", None))
        if text:
            self._text.append(text)
            yield TextDelta(text)
        for piece in getattr(choice.delta, "tool_calls", None) or ():
            begun = self._calls.add(piece)
            if begun is not None:
                yield ToolUseStart(*begun)

    def end(self) -> Iterator[DriverEvent]:
        """Give the rest of the events; raises NetworkError where the server had not come to its end."""
        if self._reason is None:
            # A server that ends well says why it has ended.
            raise NetworkError("the connection ended in the middle of the answer")
        check_reason(self._reason)
        calls = self._calls.whole()
        for call in calls:
            yield ToolUseEnd(call)
        truncated = self._reason == "length"
        yield ContentComplete(Completion("".join(self._text), calls, self._usage, truncated, self._model))


class _CallSoFar(TypedDict):
    index: int | None
    id: str
    name: str
    arguments: list[str]


class CallsSoFar:
    """The tool calls of a stream, put together from their pieces.

    A piece belongs to the call of its `index`; a server that leaves that out, or has it the same for all, begins a
    call by giving an id.
    """

    def __init__(self) -> None:
        self._calls: list[_CallSoFar] = []

    def add(self, piece: Any) -> tuple[str, str] | None:
        """Take one piece; gives id and name where a call begins with it."""
        index, id = getattr(piece, "index", None), getattr(piece, "id", None)
        function = getattr(piece, "function", None)
        call = self._call_of(index, id)
        begins = call is None
        if call is None:
            call = {"index": index, "id": read_text(id) or f"call-{len(self._calls) + 1}", "name": "", "arguments": []}
            self._calls.append(call)
        if function is not None:
            call["name"] = call["name"] or read_text(function.name)
            call["arguments"].append(read_text(function.arguments))
        return (call["id"], call["name"]) if begins else None

    def _call_of(self, index: int | None, id: str | None) -> _CallSoFar | None:
        for call in reversed(self._calls):  # the latest first, where nothing tells them apart
            if (id and call["id"] == id) or (not id and index in (None, call["index"])):
                return call
        return None

    def whole(self) -> tuple[ToolCall, ...]:
        """Give all calls, in the order they began."""
        return tuple(read_call(call["id"], call["name"], "".join(call["arguments"])) for call in self._calls)
