"""Why does a simulation come to nothing?"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors._core.here import find_cycle

if TYPE_CHECKING:
    from actors.testkit.simulation.strands import Strand

_OURS = str(Path(__file__).parents[1])


class SimulationError(AssertionError):
    """A simulated program did what cannot be simulated."""


class Deadlock(SimulationError):
    """Everybody waits, and nothing is due: `waits` says who waits for what, `cycle` who waits for one another."""

    def __init__(self, waits: Sequence[tuple[str, str]], cycle: Sequence[str] = ()) -> None:
        self.waits = tuple(waits)
        self.cycle = tuple(cycle)
        lines = [f"  {who} waits {what}" for who, what in waits]
        head = "deadlock: everybody waits and no timer stands"
        if cycle:
            head += f": {' -> '.join(cycle)}"
        super().__init__("\n".join([head, *lines]))


class Livelock(SimulationError):
    """The program goes on and on; `cycle` is what it repeats, as steps of the trace, if it repeats anything."""

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
    cycle: tuple[str, ...] = ()
    for strand in strands:
        context = strand.context
        who = strand.key if context is None else f"{context.path} #{context.incarnation}"
        cell = getattr(strand.target, "cell", None)
        whom = "something that nobody does" if cell is None else cell.path
        waits.append((who, f"for {whom}{_place_of(strand)}"))
        if context is not None and not cycle:
            cycle = find_cycle(context.cell)
    return Deadlock(waits, cycle)


def _place_of(strand: Strand) -> str:
    """Give the innermost line of the stack that is not the library's."""
    frame: Any = None if strand.thread is None else sys._current_frames().get(strand.thread.ident or 0)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((_OURS, "<", threading.__file__)):
            return f", in {frame.f_code.co_name} ({Path(name).name}:{frame.f_lineno})"
        frame = frame.f_back
    return ""


def find_period(steps: Sequence[str]) -> list[str]:
    """Give the shortest cycle that the end of these steps repeats at least three times, or nothing."""
    for length in range(1, len(steps) // 3 + 1):
        tail = steps[-length:]
        if all(steps[-(turn + 1) * length : -turn * length or None] == tail for turn in range(3)):
            return list(tail)
    return []
