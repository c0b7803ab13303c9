"""What do the tests of workers have done, and in which two ways is it written?"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from actors import AgentFuture
from actors.testkit import Probe
from actors.tickets import Ticket
from actors.work import Assignment, Job, WorkerRef
from tests.core.helpers import patience, result

Steps = Callable[[Job], Generator[Any, Any, Any]]
"""Work as a generator function."""


def ticket(name: str = "T1", **fields: Any) -> Ticket:
    fields.setdefault("description", f"do {name}")
    return Ticket(id=name, **fields)


def assignment(name: str = "T1", **fields: Any) -> Assignment:
    """An assignment of the track "track"; a Probe stands for its agent."""
    fields = {key: value.ref if isinstance(value, Probe) else value for key, value in fields.items()}
    fields.setdefault("ticket", ticket(name))
    return Assignment(track="track", **fields)


def asked(ref: WorkerRef, *args: Any, **fields: Any) -> AgentFuture[Any]:
    """Ask a worker to do that, and give the future of how it ends."""
    given = args[0] if args and isinstance(args[0], Assignment) else assignment(*args, **fields)
    future: AgentFuture[Any] = ref.ask(given, block=False)
    return future


def done(ref: WorkerRef, *args: Any, **fields: Any) -> Any:
    """Have a worker do that, and give how it ended or raise what it failed with."""
    return result(asked(ref, *args, **fields))


def plainly(steps: Steps) -> Callable[[Job], Any]:
    """The same work as a plain function, which waits for what the generator yields."""

    def work(job: Job) -> Any:
        course = steps(job)
        step: Callable[[], Any] = lambda: course.send(None)  # noqa: E731 - the first of many
        while True:
            try:
                awaited = step()
            except StopIteration as stop:
                return stop.value
            step = _next_step(course, awaited)

    return work


def _next_step(course: Generator[Any, Any, Any], awaited: Any) -> Callable[[], Any]:
    try:
        value = None if awaited is None else awaited.get()
    except BaseException as error:
        raised = error
        return lambda: course.throw(raised)
    return lambda: course.send(value)


def in_steps(steps: Steps) -> Steps:
    return steps


BOTH_WAYS = pytest.mark.parametrize("written", [plainly, in_steps], ids=["function", "generator"])
"""For tests that hold for work as a plain function and as a generator; they use `written(steps)`."""

__all__ = ["BOTH_WAYS", "Steps", "asked", "assignment", "done", "in_steps", "patience", "plainly", "ticket"]
