"""What if a test decides what the model answers?"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from actors._core.checks import is_seconds
from actors._core.clock import Clock
from actors._core.errors import ActorError
from actors.guard import Usage
from actors.models.pausing import pause
from actors.models.stream import ContentComplete, DriverEvent, TextDelta, ToolUseEnd, ToolUseStart
from actors.models.talk import Completion, Request, ToolCall


class ScriptOver(ActorError):
    """The script has no answer left; `asked` is how many requests there were, this one included."""

    def __init__(self, asked: int) -> None:
        super().__init__(f"the script has no answer to request {asked}")
        self.asked = asked


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a script: after `delay` seconds the pieces of text, then tool calls, then `error` if there is one.

    `pieces` is the text, or several, each a `TextDelta` of its own when streamed. With `error` the pieces come first,
    so that a stream breaks off in the middle; `complete` only raises it. `calls` are tool calls; of a pair of name and
    input the id is made up: call-1, call-2, in the order of the script.
    """

    pieces: str | tuple[str, ...] = ()
    calls: tuple[ToolCall | tuple[str, Mapping[str, Any]], ...] = ()
    usage: Usage = Usage(10, 5)  # noqa: RUF009
    truncated: bool = False
    error: BaseException | None = None
    delay: float = 0.0

    @property
    def text(self) -> str:
        return self.pieces if isinstance(self.pieces, str) else "".join(self.pieces)


def calls(*wanted: tuple[str, Mapping[str, Any]] | str, **more: Any) -> Answer:
    """Give an answer that wants these tools called, each a name, or a name and its input."""
    return Answer(calls=tuple((one, {}) if isinstance(one, str) else one for one in wanted), **more)


Step = str | Answer | BaseException | Callable[[Request], "str | Answer | BaseException"]


@dataclass
class _Script:
    """The steps that are left, for whoever asks next. Nothing foreign runs under the lock."""

    steps: Iterator[Step]
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self, request: Request) -> Step:
        with self.lock:
            self.requests.append(request)
            asked = len(self.requests)
            try:
                return next(self.steps)
            except StopIteration:
                raise ScriptOver(asked) from None


class ScriptedDriver:
    """A model that says what a script says, one step for each request, in order; `requests` holds what it was asked.

    A step is a text, an `Answer`, an error to raise, or a function that is given the request and gives one of these.
    With `repeat` the script begins again at its end, else `ScriptOver` is raised. Delays go by `clock`, or by that of
    the agent that asks. May be used from any thread; who asks first gets the first step.
    """

    def __init__(
        self, steps: Iterable[Step], *, model: str = "scripted", repeat: bool = False, clock: Clock | None = None
    ) -> None:
        script = [_checked(step) for step in steps]
        if repeat and not script:
            raise ValueError("steps: one or more, where they are to be repeated")
        self._script = _Script(iter(itertools.cycle(script) if repeat else script))
        self._ids = itertools.count(1)
        self.model = model
        self.clock = clock

    @property
    def requests(self) -> tuple[Request, ...]:
        """What it was asked so far, oldest first."""
        with self._script.lock:
            return tuple(self._script.requests)

    def complete(self, request: Request) -> Completion:
        """Give the next answer of the script; blocks for its delay, raises its error."""
        answer = self._next(request)
        if answer.error is not None:
            raise answer.error
        return self._completion(answer, request)

    def stream(self, request: Request) -> Iterator[DriverEvent]:
        """Give the next answer of the script in its pieces; an error comes after them."""
        answer = self._next(request)
        for piece in (answer.pieces,) if isinstance(answer.pieces, str) else answer.pieces:
            request.caller.check()
            if piece:
                yield TextDelta(piece)
        if answer.error is not None:
            raise answer.error
        completion = self._completion(answer, request)
        for call in completion.tool_calls:
            yield ToolUseStart(call.id, call.name)
            yield ToolUseEnd(call)
        yield ContentComplete(completion)

    def _next(self, request: Request) -> Answer:
        request.caller.check()
        step = self._script.next(request)
        answer = _as_answer(step(request) if callable(step) else step)
        if answer.delay:
            pause(answer.delay, request.caller, self.clock)
        return answer

    def _completion(self, answer: Answer, request: Request) -> Completion:
        wanted = tuple(
            call if isinstance(call, ToolCall) else ToolCall(f"call-{next(self._ids)}", *call) for call in answer.calls
        )
        return Completion(answer.text, wanted, answer.usage, answer.truncated, request.model or self.model)

    def __repr__(self) -> str:
        return f"<ScriptedDriver {self.model}, asked {len(self.requests)} times>"


def _checked(step: Step) -> Step:
    if isinstance(step, Answer) and not is_seconds(step.delay):
        raise ValueError(f"delay: seconds, 0 or more, not {step.delay!r}")
    if not isinstance(step, str | Answer | BaseException) and not callable(step):
        raise ValueError(f"steps: each a text, an Answer, an error or a function, not {step!r}")
    return step


def _as_answer(step: str | Answer | BaseException) -> Answer:
    if isinstance(step, Answer):
        return step
    return Answer(error=step) if isinstance(step, BaseException) else Answer(step)
