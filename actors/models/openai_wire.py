"""How does a request look in the OpenAI-compatible chat API, and what does its answer mean?

Plain dictionaries out, and objects of the client in: nothing here needs the client to be installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from actors._core.errors import printed
from actors.guard import Usage
from actors.models.errors import InferenceFailed
from actors.models.talk import ChatMessage, Completion, Request, ToolCall, ToolSpec

Prices = tuple[float, float]  # dollars for a million tokens, in and out


TokenLimit = Literal["max_tokens", "max_completion_tokens"]


def body_of(
    request: Request, model: str, token_limit: TokenLimit = "max_tokens", send_temperature: bool = True
) -> dict[str, Any]:
    """Give the arguments of the client's call for this request."""
    body: dict[str, Any] = {
        "model": request.model or model,
        "messages": [_message(message) for message in request.messages],
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.max_tokens is not None:
        body[token_limit] = request.max_tokens
    if request.temperature is not None and send_temperature:
        body["temperature"] = request.temperature
    return body


def _message(message: ChatMessage) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.call_id is not None:
        said["tool_call_id"] = message.call_id
    if message.tool_calls:
        said["tool_calls"] = [_call(call) for call in message.tool_calls]
    return said


def _call(call: ToolCall) -> dict[str, Any]:
    # What could not be read is not sent back: some servers refuse the whole conversation for it.
    arguments = json.dumps(dict(call.input), ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)}
    return {"type": "function", "function": function}


def read_call(id: str, name: str, arguments: str | None) -> ToolCall:
    """Give a tool call; one whose arguments are no JSON object keeps their text in `unreadable`."""
    text = read_text(arguments) or "{}"
    try:
        input = json.loads(text)
    except (ValueError, RecursionError):
        return ToolCall(id, name, unreadable=text)
    return ToolCall(id, name, input) if isinstance(input, dict) else ToolCall(id, name, unreadable=text)


def read_usage(usage: Any, prices: Prices | None) -> Usage:
    """Give what the server says was used, with its cost where the prices are known; nothing where it does not say."""
    tokens_in = _count(getattr(usage, "prompt_tokens", 0))
    tokens_out = _count(getattr(usage, "completion_tokens", 0))
    cost = 0.0 if prices is None else (tokens_in * prices[0] + tokens_out * prices[1]) / 1_000_000
    return Usage(tokens_in, tokens_out, cost)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


@contextmanager
def readable(answer: Any) -> Iterator[None]:
    """Turn whatever an answer of another shape makes the reader stumble over into InferenceFailed."""
    try:
        yield
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        raise InferenceFailed(f"the server's answer cannot be read: {printed(answer, 200)}") from error


def read_completion(answer: Any, prices: Prices | None) -> Completion:
    """Give the answer to a request that was not streamed; raises InferenceFailed for what is none."""
    with readable(answer):
        message, reason = answer.choices[0].message, answer.choices[0].finish_reason
        calls = tuple(_read_call(number, call) for number, call in enumerate(message.tool_calls or (), 1))
        text, usage = read_text(message.content), read_usage(answer.usage, prices)
        check_reason(reason)
        return Completion(text, calls, usage, reason == "length", read_text(answer.model))


def _read_call(number: int, call: Any) -> ToolCall:
    return read_call(read_text(call.id) or f"call-{number}", read_text(call.function.name), call.function.arguments)


def read_text(value: Any) -> str:
    """Give a text that may be missing, or come in parts; raises TypeError for anything else."""
    if value is None or isinstance(value, str):
        return value or ""
    return "".join(part["text"] if isinstance(part, dict) else part.text for part in value)


def check_reason(reason: str | None) -> None:
    """Raise InferenceFailed where the server says that it kept the answer to itself."""
    if reason == "content_filter":
        raise InferenceFailed("the server withheld the answer: content_filter")
