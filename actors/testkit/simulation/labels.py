"""What is a step of a simulation called? The same on every machine: no addresses, no idents."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from actors._core.clock import Timer
from actors._core.dispatcher import Job
from actors._core.future import Ask
from actors._core.mailbox import BoundedQueue
from actors._core.place import Place

_PLAIN = (str, bytes, int, float, bool, type(None))
_LONGEST = 40


def key_of(task: Any) -> str:
    """Name whoever the task is for: one name for all tasks of an agent."""
    if isinstance(task, Place):
        return task.path
    return "supervision" if isinstance(task, Job) else str(getattr(task, "path", type(task).__name__))


def describe_task(task: Any) -> str:
    """Give one line for a task that is about to begin."""
    if isinstance(task, Place):
        return f"{task.path}: {_what_it_does(task)}"
    if isinstance(task, Job):
        return f"supervision: {_name_of(task.act)}"
    if isinstance(task, Timer):
        return _name_of(task.callback)
    return key_of(task)


def describe_message(item: Any) -> str:
    """Give a message's type, and its value where that is plain."""
    message = getattr(item, "message", item)
    kind = type(message)
    asked = "asked " if isinstance(item, Ask) else ""
    if kind in _PLAIN:
        return f"{asked}{message!r:.{_LONGEST}}"
    return f"{asked}{kind.__qualname__}"


def _what_it_does(place: Place) -> str:
    if place.failing is not None:
        return "failed"
    if place.control:
        return type(place.control[0]).__name__.lower()
    queue = place.queue
    if isinstance(queue, BoundedQueue):
        queue = queue._items
    if not queue:
        return "nothing"
    try:
        return describe_message(queue[0])  # type: ignore[index]
    except TypeError:
        return "a message"


def _name_of(code: Any) -> str:
    """Name a callback: the innermost function, with the path of the agent that it belongs to."""
    if isinstance(code, partial):
        inner = next((argument for argument in code.args if isinstance(argument, partial)), None)
        if inner is not None:
            return _name_of(inner)
        path = next((argument.path for argument in code.args if isinstance(argument, Place)), "")
        return f"{_name_of(code.func)} {path}".rstrip()
    owner = getattr(code, "__self__", None)
    name = getattr(code, "__qualname__", type(code).__name__).replace(".<locals>.<lambda>", "").replace("<locals>.", "")
    path = _path_of(owner) or next(filter(None, map(_path_of, _closed_over(code))), "")
    return f"{name} {path}".rstrip()


def _closed_over(code: Any) -> list[Any]:
    found = []
    for cell in getattr(code, "__closure__", None) or ():
        with suppress(ValueError):  # nothing is in it yet
            found.append(cell.cell_contents)
    return found


def _path_of(owner: Any) -> str:
    if isinstance(owner, Place):
        return owner.path
    for attribute in ("_cell", "cell", "_context"):
        inner = getattr(owner, attribute, None)
        path = getattr(inner, "path", None)
        if isinstance(path, str):
            return path
    timers = getattr(owner, "_timers", None)
    return "" if timers is None else str(timers.context.path)
