"""How does a worker do its tickets with a model?"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from os import PathLike
from typing import Any

from actors._core.errors import printed
from actors.guard import Manifest
from actors.memory import Memory
from actors.models.driver import ModelDriver, check_driver
from actors.models.errors import ToolError
from actors.models.loop import Around, ModelLoop
from actors.models.stream import LoopEvent, PhaseChange, TextDelta, Warned
from actors.models.tools import Tool, Toolbox
from actors.typed import AdditionalContext
from actors.work import Completed, Job, ToolRefused, agent_tools, prompt_of

Tools = Iterable[Any] | Mapping[str, Any]


def model_work(
    driver: ModelDriver,
    tools: Tools | Callable[[Job], Tools] = (),
    *,
    manifest: Manifest | None = None,
    memory: Memory | None = None,
    root: str | PathLike[str] | None = None,
    stream: bool = True,
) -> Callable[[Job], Generator[Any, Any, Completed]]:
    """Give the `work` of a Worker, or of a Conductor, that has a model do each ticket.

    The model is the assignment's, or the driver's own. It is told the ticket, why an earlier attempt failed, what the
    reviewer wants changed, what the worker was told meanwhile, and with `root` the ticket's context files below that
    folder. It may have `tools` called, or `tools(job)` where that is a function, and those by which it delegates, sends
    messages and asks how far others are. Each call goes by way of the job: counted, and approved in step mode. What an
    answer has used is booked at once, and the deadline counts anew with each turn. The quota is the assignment's, not
    the manifest's. `memory` is scoped by track and ticket: another attempt finds what the last one knew, and a worker
    that has its name by chance does not.

    The answer completes the ticket, whatever words are in it; running out of the quota never does. A reviewer is shown
    the ticket's `files`.
    """
    check_driver(driver)
    manifest = manifest if manifest is not None else Manifest()

    def work(job: Job) -> Generator[Any, Any, Completed]:
        given: Any = tools(job) if callable(tools) else tools
        box = Toolbox([*Toolbox(given).values(), *_own_tools(job)])
        remembering = None if memory is None else memory.of(f"{job.assignment.track}/{job.ticket.id}")
        loop = ModelLoop(driver, box, manifest=manifest, memory=remembering, stream=stream)
        result = yield from loop.steps(_prompt(job, root), _around(job))
        return Completed(result.text, files=tuple(job.ticket.files))

    return work


def _own_tools(job: Job) -> list[Tool]:
    # They wait by the job's own rules.
    return [Tool.of(function, name=name, timeout=None) for name, function in agent_tools(job).items()]


def _prompt(job: Job, root: str | PathLike[str] | None) -> str:
    context = "" if root is None else job.context(root).text
    ticket = job.ticket.model_copy(update={"description": job.prompt})
    return prompt_of(ticket, context, previous_attempt=job.previous_attempt, feedback=job.feedback, notes=_notes(job))


def _notes(job: Job) -> list[str]:
    return [note.content if isinstance(note, AdditionalContext) else printed(note, 2000) for note in job.received()]


def _around(job: Job) -> Around:
    def turn() -> list[str]:
        job.progress()
        return _notes(job)

    return Around(
        guard=job.guard,
        caller=_JobCaller(job),
        model=job.model or None,
        emit=lambda event: _say(job, event),
        book=job.book,
        news=turn,
        call=lambda tool, input: _call(job, tool, input),
    )


def _call(job: Job, tool: Tool, input: Mapping[str, Any]) -> Any:
    """Give a future of the tool's result as text."""
    return job.tool(tool.name, lambda **given: tool.call(given), **input).map(lambda value: _result(tool, value))


def _result(tool: Tool, value: Any) -> Any:
    if isinstance(value, ToolRefused):
        raise ToolError(tool.name, str(value))
    return value


def _say(job: Job, event: LoopEvent) -> None:
    # Tools are told of by the job itself.
    if isinstance(event, TextDelta):
        job.say(event.text)
    elif isinstance(event, Warned):
        job.log.warning("{}: {}", job.ticket.id, event.reason)
        job.say(event.reason)
    elif isinstance(event, PhaseChange) and event.phase == "done":
        job.say("done")


class _JobCaller:
    """The job, as the one who waits for a model."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def check(self) -> None:
        self._job.check()

    def wait(self, future: Any) -> None:
        self._job.token.hold(future).get()
