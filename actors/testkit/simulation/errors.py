"""Why does a simulation come to nothing?"""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors._core.frames import current_frames

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.testkit.simulation.strands import Strand

_OURS = str(Path(__file__).parents[2]) + os.sep
_NUMBER = re.compile(r"\d+")
_TIMES = 3  # so often a cycle is seen before it counts as one
_RECENT = 100  # steps that say what is done again and again


class SimulationError(AssertionError):
    """A simulated program did what cannot be simulated."""


class Deadlock(SimulationError):
    """The test and all agents that have begun something wait, and nothing is due.

    `waits` says who waits for what and where, `cycle` who waits for one another, if that is known: paths, of which the
    last is the first again.
    """

    def __init__(self, waits: Sequence[tuple[str, str]], cycle: Sequence[str] = ()) -> None:
        self.waits = tuple(waits)
        self.cycle = tuple(cycle)
        lines = [f"  {who} waits {what}" for who, what in waits]
        head = "deadlock: everybody waits and no timer stands"
        if cycle:
            head += f": {' -> '.join(cycle)}"
        super().__init__("\n".join([head, *lines]))


class Livelock(SimulationError):
    """The program goes on and on; `cycle` is what it repeats, as steps of the trace, if it repeats anything.

    Steps that differ in numbers only count as the same where nothing else repeats; `n` stands for those. Where several
    go round beside one another, it is all that they do, once each.
    """

    def __init__(self, steps: int, cycle: Sequence[str]) -> None:
        self.steps = steps
        self.cycle = tuple(cycle)
        head = f"livelock: {steps} steps and no end"
        lines = [f"  {step}" for step in self.cycle]
        if lines:
            head += "; it repeats"
        super().__init__("\n".join([head, *lines]))


def waits_of(strands: Iterable[Strand]) -> Deadlock:
    """Describe what the strands wait for, and the cycle among them if there is one."""
    waits: list[tuple[str, str]] = []
    edges: dict[Cell, Cell] = {}
    for strand in strands:
        context = strand.context
        who = strand.key if context is None else f"{context.path} #{context.incarnation}"
        cell: Cell | None = getattr(strand.target, "cell", None)
        whom = "something that nobody does" if cell is None else cell.path
        waits.append((who, f"for {whom}{_place_of(strand)}"))
        if context is not None and cell is not None and not context.fenced:
            edges[context.cell] = cell
    return Deadlock(waits, next((cycle for cell in edges if (cycle := _cycle(cell, edges))), ()))


def _cycle(start: Cell, edges: dict[Cell, Cell]) -> tuple[str, ...]:
    """Give the paths from `start` back to `start`, or nothing.

    The edges are the waits themselves, some of which the kernel does not know, as those for room in a mailbox; an agent
    that runs inside another's ask is only in the kernel's notes.
    """
    seen = [start]
    node: Cell | None = start
    while node is not None:
        node = edges.get(node) or _noted(node)
        if node is start:
            return (*(cell.path for cell in seen), start.path)
        if node is None or node in seen:
            return ()
        seen.append(node)
    return ()


def _noted(cell: Cell) -> Cell | None:
    wait = cell.waiting
    return None if wait is None or wait.settled else wait.cell


def _place_of(strand: Strand) -> str:
    """Give the innermost line of the stack that is not the library's."""
    frame: Any = current_frames().get(strand.ident or 0)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((_OURS, "<", threading.__file__)):
            return f", in {frame.f_code.co_name} ({Path(name).name}:{frame.f_lineno})"
        frame = frame.f_back
    return ""


def find_period(steps: Sequence[str]) -> list[str]:
    """Give the shortest cycle that the end of these steps repeats at least three times, or nothing.

    What counts something never repeats itself: where there is no cycle, numbers are not looked at. Where several go
    round beside one another, in an order that is drawn, the cycle is all that is done again and again.
    """
    masked = [_NUMBER.sub("n", step) for step in steps]
    return _period(steps) or _period(masked) or _recurring(masked[-_RECENT:])


def _recurring(steps: Sequence[str]) -> list[str]:
    counts = Counter(steps)
    return list(counts) if min(counts.values(), default=0) >= _TIMES else []


def _period(steps: Sequence[str]) -> list[str]:
    for length in range(1, len(steps) // _TIMES + 1):
        tail = steps[-length:]
        if all(steps[-(turn + 1) * length : -turn * length or None] == tail for turn in range(_TIMES)):
            return list(tail)
    return []
