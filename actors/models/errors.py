"""What can go wrong between an agent and a model, or with a tool, and is another attempt worth it?

::

    ActorError
    ├── ModelError                 the model gave no answer
    │   ├── RateLimited            too many requests: later, after `retry_after` seconds where that is said
    │   ├── Overloaded             the server cannot at present
    │   ├── NetworkError           no connection, no answer in time, or a connection that broke
    │   ├── ModelNotFound          there is no such model
    │   ├── AuthFailed             the key is wrong, or not allowed this
    │   ├── ContextOverflow        what was asked is longer than the model can read
    │   └── InferenceFailed        the server refused, withheld its answer, or sent what cannot be read
    └── ToolError                  a tool gave no result; a `ModelLoop` tells the model so and goes on
        ├── ToolFailed             it raised
        ├── ToolTimeout            it took too long
        ├── UnknownTool            there is no tool of that name
        ├── BadToolInput           the input is not what the tool takes
        └── CapabilityDenied       the agent may not use it
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from actors._core.errors import ActorError, said


class ModelError(ActorError):
    """The model gave no answer; `retryable` says whether the same request may get one later.

    `retry_after` is how many seconds the server wants to be left alone, None where it did not say.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, text: str, *, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class RateLimited(ModelError):
    """Too many requests, or tokens, within a time."""

    retryable = True


class Overloaded(ModelError):
    """The server cannot answer at present."""

    retryable = True


class NetworkError(ModelError):
    """No connection, no answer in time, or a connection that broke before the answer was whole."""

    retryable = True


class ModelNotFound(ModelError):
    """There is no model of that name, or nobody at that address speaks the language of the driver."""


class AuthFailed(ModelError):
    """The key is missing, wrong, or not allowed to use the model."""


class ContextOverflow(ModelError):
    """What was asked is longer than the model can read."""


class InferenceFailed(ModelError):
    """The server refused the request, withheld the answer, or sent something that is no answer."""


class ToolError(ActorError):
    """A tool gave no result; `tool` is its name."""

    def __init__(self, tool: str, text: str) -> None:
        super().__init__(text)
        self.tool = tool


class ToolFailed(ToolError):
    """The tool raised; `cause` is what."""

    def __init__(self, tool: str, cause: BaseException) -> None:
        super().__init__(tool, f"tool '{tool}' failed: {said(cause)}")
        self.cause = cause


class ToolTimeout(ToolError):
    """The tool took longer than its `seconds`; whatever it still does counts for nothing."""

    def __init__(self, tool: str, seconds: float) -> None:
        super().__init__(tool, f"tool '{tool}' failed: it took longer than {seconds:g} seconds")
        self.seconds = seconds


class UnknownTool(ToolError):
    """There is no tool of that name; `known` are the names that there are."""

    def __init__(self, tool: str, known: Collection[str]) -> None:
        super().__init__(tool, f"there is no tool '{tool}', only {', '.join(sorted(known)) or 'none at all'}")
        self.known = tuple(sorted(known))


class BadToolInput(ToolError):
    """The input is not what the tool takes; `problems` says why, one line each."""

    def __init__(self, tool: str, problems: Collection[str]) -> None:
        super().__init__(tool, f"tool '{tool}' does not take this input: {'; '.join(problems)}")
        self.problems = tuple(problems)


class CapabilityDenied(ToolError):
    """The agent lacks what the tool needs: a capability, or leave to use the network."""

    def __init__(self, tool: str, why: str) -> None:
        super().__init__(tool, f"tool '{tool}' is not allowed: {why}")
        self.why = why
