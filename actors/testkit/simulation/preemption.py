"""Where may one thread of a simulation be interrupted by another, if anywhere?

Ordinarily before it does anything to others. Here: at every line of the kernel, and of the routers, as the operating
system may. The lines in which one of their leaf locks is held are left out: nobody else could go on there.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import actors._core

if TYPE_CHECKING:
    from actors.testkit.simulation.scheduler import Scheduler

_KERNEL = str(Path(actors._core.__file__).parent) + os.sep
_ROUTING = str(Path(actors._core.__file__).parents[1] / "routing") + os.sep
# Nothing in these is shared: whoever is interrupted there might as well be at the next line of its caller.
_UNSHARED = frozenset({"checks.py", "errors.py", "messages.py", "path.py", "spec.py", "traces.py"})
_LOCKS = ("making", "_edges", "_waits")
_LOCK_NAMES = ("_lock", "._changed")


@contextlib.contextmanager
def at_every_line(scheduler: Scheduler) -> Iterator[None]:
    """Let the threads of this simulation be interrupted at every line of the kernel that they come to."""

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        locked = _locked_lines(frame.f_code.co_filename)
        if locked is None or _is_locked(frame):
            return None

        def step(frame: FrameType, event: str, argument: Any) -> Any:
            if event == "line" and frame.f_lineno not in locked and scheduler.tracer is enter:
                scheduler.pause()
            return step

        return step

    scheduler.tracer = enter
    try:
        yield
    finally:
        scheduler.tracer = None


def _is_locked(frame: FrameType) -> bool:
    """Whether one of the callers holds a leaf lock."""
    caller = frame.f_back
    while caller is not None:
        locked = _locked_lines(caller.f_code.co_filename)
        if locked is not None:
            if caller.f_lineno in locked:
                return True
            if caller.f_trace is not None:
                return False  # it is interrupted, too, so none of its callers holds one
        caller = caller.f_back
    return False


@functools.cache
def _locked_lines(name: str) -> frozenset[int] | None:
    """Give the lines of a file that run, or may run, under a leaf lock; None if nobody is interrupted in that file."""
    if not name.startswith((_KERNEL, _ROUTING)) or name.removeprefix(_KERNEL) in _UNSHARED:
        return None
    lines: set[int] = set()
    for node in ast.walk(ast.parse(Path(name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.With) and any(_is_lock(item.context_expr) for item in node.items):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return frozenset(lines)


def _is_lock(expression: ast.expr) -> bool:
    text = ast.unparse(expression)
    return text in _LOCKS or text.endswith(_LOCK_NAMES)
