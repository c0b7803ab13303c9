"""How does a model come from a question to an answer, by way of tools, within its limits?"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from loguru import logger

from actors._core.errors import Cancelled, said
from actors.guard import Block, LoopGuard, Manifest, Stuck, Usage, Verdict, Warn
from actors.models.driver import ModelDriver, check_driver
from actors.models.errors import BadToolInput, CapabilityDenied, ModelError, ToolError, UnknownTool
from actors.models.stream import (
    ContentComplete,
    LoopEvent,
    PhaseChange,
    ToolResult,
    Warned,
    pieces_of,
    shortened,
)
from actors.models.talk import Caller, ChatMessage, Completion, Request, ToolCall, WhoeverCalls
from actors.models.tools import Tool, Toolbox, as_text

RECALLED = 5
GO_ON = "You were cut off. Go on exactly where you stopped."
Emit = Callable[[LoopEvent], object]
Steps = Generator[Any, Any, "LoopResult"]


class Remembering(Protocol):
    """The memory of one agent, such as `memory.of(path)` gives it."""

    def recall(self, query: str, limit: int = RECALLED) -> Sequence[Any]:
        """Give what it remembers of this, the best first, each with its `text`."""
        ...

    def remember(self, text: str, /) -> Any:
        """Keep a text."""
        ...


@dataclass(frozen=True, slots=True)
class LoopResult:
    """What a loop came to: its answer, what it used, how often it asked the model and called tools."""

    text: str
    usage: Usage = Usage()  # noqa: RUF009
    iterations: int = 0
    tool_calls: int = 0


@dataclass(frozen=True, slots=True)
class Around:
    """What one run of a loop has around it; each part may be left out.

    - `guard`: counts the run; by default a new one, by the manifest's quota.
    - `caller`: is asked before each step whether to give up, and waits between retries.
    - `model`: in place of the manifest's and the driver's.
    - `emit`: called with each event, on the thread of the loop. That nobody listens ends no work: once it has raised,
      it is not called again, and the log says so.
    - `book`: called with the usage of each answer, before the guard is asked about it, so that what was paid is booked
      whatever comes then.
    - `news`: called before each turn; gives texts that the model is told with it.
    - `call`: calls a tool in place of the loop; asks the guard itself, and gives the result, or a future of it.
    """

    guard: LoopGuard | None = None
    caller: Caller | None = None
    model: str | None = None
    emit: Emit | None = None
    book: Callable[[Usage], object] | None = None
    news: Callable[[], Iterable[str]] | None = None
    call: Callable[[Tool, Mapping[str, Any]], Any] | None = None


class ModelLoop:
    """Asks a model, calls the tools that it wants, tells it what came of them, and so on until it has an answer.

    A tool that fails, takes too long, is not there, does not take its input or may not be used is no error of the loop:
    the model is told so, and goes on. So is a call that the guard blocks. The loop ends with `Exhausted` where a limit
    of the guard is reached, which is never an answer, with `Stuck` after failures in a row, with a `ModelError` that is
    not worth another try, or with `Cancelled`. An answer that was cut off is asked to go on.

    The manifest says who the agent is, how much it may use, and which tools it may call. With a memory, and the
    capability "memory", what the agent remembers of the question is put into the prompt, and the answer is remembered.
    One loop may run any number of questions, on any thread.
    """

    def __init__(
        self,
        driver: ModelDriver,
        tools: Iterable[Any] | Mapping[str, Any] = (),
        *,
        manifest: Manifest | None = None,
        memory: Remembering | None = None,
        stream: bool = True,
    ) -> None:
        check_driver(driver)
        self.driver = driver
        self.tools = tools if isinstance(tools, Toolbox) else Toolbox(tools)
        self.manifest = manifest if manifest is not None else Manifest()
        self.memory = memory if self.manifest.refusal("memory") is None else None
        self.stream = stream

    def run(self, query: str, around: Around | None = None, **more: Any) -> LoopResult:
        """Give the answer to a question; `around`, or its fields as keywords, is what goes with this run. Blocks."""
        steps = self.steps(query, around, **more)
        step: Callable[[], Any] = lambda: next(steps)  # noqa: E731
        while True:
            try:
                awaited = step()
            except StopIteration as end:
                result: LoopResult = end.value
                return result
            step = _after(steps, awaited)

    def steps(self, query: str, around: Around | None = None, **more: Any) -> Steps:
        """As `run`, for an agent that does other things between two turns: yields None, or a future to wait for."""
        return _Run(self, around if around is not None else Around(**more)).answer(query)

    def __repr__(self) -> str:
        return f"<ModelLoop {self.manifest.name} with {self.driver!r}, tools: {', '.join(self.tools) or 'none'}>"


def _after(steps: Steps, awaited: Any) -> Callable[[], Any]:
    """Wait for what a step has yielded; gives how to take the next."""
    try:
        value = None if awaited is None else awaited.get()
    except BaseException as error:
        raised = error
        return lambda: steps.throw(raised)
    return lambda: steps.send(value)


class _Run:
    """One question on its way to its answer."""

    def __init__(self, loop: ModelLoop, around: Around) -> None:
        self._loop = loop
        self._manifest = loop.manifest
        self._around = around
        self._guard = around.guard if around.guard is not None else LoopGuard(loop.manifest.quota)
        self._caller: Caller = around.caller if around.caller is not None else WhoeverCalls()
        self._messages: list[ChatMessage] = []
        self._said: list[str] = []  # of an answer that comes in several, each cut off
        self._usage = Usage()
        self._iterations = 0
        self._calls = 0
        self._listened_to = around.emit is not None

    def answer(self, query: str) -> Steps:
        self._caller.check()
        self._emit(PhaseChange("perceive"))
        self._messages = [*self._told_first(query), ChatMessage("user", query)]
        while not (yield from self._turn()):
            yield None
        text = "".join(self._said)
        self._remember(query, text)
        self._emit(PhaseChange("done"))
        return LoopResult(text, self._usage, self._iterations, self._calls)

    # -- perceive -------------------------------------------------------------------

    def _told_first(self, query: str) -> list[ChatMessage]:
        memory = self._loop.memory
        recalled = memory.recall(query, limit=RECALLED) if memory is not None and query else ()
        parts = [self._manifest.system_prompt] if self._manifest.system_prompt else []
        if recalled:
            parts.append("\n".join(["You remember:", *(f"- {found.text}" for found in recalled)]))
        return [ChatMessage("system", "\n\n".join(parts))] if parts else []

    def _remember(self, query: str, text: str) -> None:
        if self._loop.memory is None:
            return
        try:
            self._loop.memory.remember(f"{query}\n{text}")
        except Exception as error:
            # The answer is there, and paid for.
            self._emit(Warned(f"the answer was not remembered: {said(error)}"))

    # -- reason ---------------------------------------------------------------------

    def _turn(self) -> Generator[Any, Any, bool]:
        """Take one turn; tells whether that brought the answer."""
        self._caller.check()
        if self._around.news is not None:
            self._messages += [ChatMessage("user", text) for text in self._around.news()]
        self._heed(self._guard.iteration())
        self._iterations += 1
        self._emit(PhaseChange("reason"))
        completion = self._ask()
        if completion is None:
            return False
        self._book(completion.usage)
        self._caller.check()
        if completion.tool_calls:
            self._heed(self._guard.answer())
            self._said.clear()
            self._messages.append(ChatMessage("assistant", completion.text, completion.tool_calls))
            for call in completion.tool_calls:
                yield from self._act(call)
            return False
        self._heed(self._guard.answer(truncated=completion.truncated))
        self._said.append(completion.text)
        if completion.truncated:
            self._messages += [ChatMessage("assistant", completion.text), ChatMessage("user", GO_ON)]
        return not completion.truncated

    def _ask(self) -> Completion | None:
        """Ask the model; gives None where it failed in a way that is worth another turn."""
        try:
            return self._completion(self._request())
        except ModelError as error:
            if not error.retryable:
                raise
            try:
                self._heed(self._guard.model_failed(error))
            except Stuck as stuck:
                raise stuck from error
            self._emit(Warned(f"the model failed: {said(error)}"))
            return None

    def _request(self) -> Request:
        manifest = self._manifest
        return Request(
            tuple(self._messages),
            self._loop.tools.specs,
            self._around.model or manifest.remote_model,
            manifest.max_tokens,
            manifest.temperature,
            self._caller,
        )

    def _completion(self, request: Request) -> Completion:
        if not self._loop.stream:
            completion = self._loop.driver.complete(request)
            for event in pieces_of(completion):
                self._emit(event)
            return completion
        whole = Completion()
        for event in self._loop.driver.stream(request):
            self._emit(event)
            if isinstance(event, ContentComplete):
                whole = event.completion
        return whole

    def _book(self, usage: Usage) -> None:
        self._usage += usage
        if self._around.book is not None:
            self._around.book(usage)
        self._heed(self._guard.spend(usage))

    # -- act ------------------------------------------------------------------------

    def _act(self, call: ToolCall) -> Generator[Any, Any, None]:
        self._caller.check()
        self._calls += 1
        self._emit(PhaseChange("act", call.name))
        text, failed = yield from self._outcome_of(call)
        text = f"error: {text}" if failed else text
        self._messages.append(ChatMessage("tool", text, call_id=call.id))
        self._emit(ToolResult(call.id, call.name, shortened(text), failed))

    def _outcome_of(self, call: ToolCall) -> Generator[Any, Any, tuple[str, bool]]:
        """Give the tool's result as text, or why there is none, and which of them it is."""
        tool = self._allowed(call)
        if isinstance(tool, Tool) and self._around.call is not None:
            return (yield from self._called_by(self._around.call, tool, call))
        verdict = self._heed(self._guard.tool_call(call.name, call.unreadable or dict(call.input)))
        if isinstance(verdict, Block):
            return verdict.reason, True
        try:
            if isinstance(tool, ToolError):
                raise tool
            text = tool.call(call.input)
        except ToolError as error:
            self._heed(self._guard.tool_failed(error))
            return str(error), True
        self._guard.tool_succeeded()
        return text, False

    def _called_by(self, call_with: Any, tool: Tool, call: ToolCall) -> Generator[Any, Any, tuple[str, bool]]:
        try:
            value = call_with(tool, call.input)
            if hasattr(value, "add_done_callback"):
                value = yield value
        except ToolError as error:
            return str(error), True
        return as_text(value), False

    def _allowed(self, call: ToolCall) -> Tool | ToolError:
        """Give the tool, or why it cannot be called."""
        try:
            tool = self._loop.tools.find(call.name)
        except UnknownTool as error:
            return error
        for capability in sorted(tool.needs):
            why = self._manifest.refusal(capability)
            if why is not None:
                return CapabilityDenied(tool.name, why)
        if call.unreadable is not None:
            return BadToolInput(tool.name, [f"it is no JSON object: {shortened(call.unreadable, 200)}"])
        return tool

    # -- for all ----------------------------------------------------------------------

    def _heed(self, verdict: Verdict) -> Verdict:
        """Pass a warning on, end the loop where it is to end, and give the verdict back."""
        self._guard.enforce(verdict)
        if isinstance(verdict, Warn):
            self._emit(Warned(verdict.reason))
        return verdict

    def _emit(self, event: LoopEvent) -> None:
        if self._around.emit is None or not self._listened_to:
            return
        try:
            self._around.emit(event)
        except Cancelled:
            raise
        except Exception as error:
            self._listened_to = False
            logger.warning("{}: nobody listens to its stream any more: {}", self._manifest.name, said(error))
