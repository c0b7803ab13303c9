"""How does a test hold an agent at one place in its code, and know that it is there?"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from actors._core.future import AgentFuture
from actors._core.here import here
from actors.testkit.waiting import PATIENCE, check_within, dilated, wait

LONGEST = 10 * PATIENCE
"""Real seconds after which a handler that waits at a gate gives up."""


class GateError(AssertionError):
    """Nobody came to a gate, or nobody opened it, in time."""


class Gate:
    """A gate for handlers, shut at first: an agent waits at it until the test opens it.

    `wait` is called in the handler, the rest in the test. As a context manager it opens at the end, whatever happens,
    so that no handler is left behind at it. All methods may be called on any thread.
    """

    def __init__(self, name: str = "gate") -> None:
        """`name` is what errors call it."""
        self._name = name
        self._opened: AgentFuture[None] = AgentFuture()
        self._came = 0
        self._waiting = 0
        self._expected: list[tuple[int, AgentFuture[None]]] = []
        # Guards all of these. Nothing is settled and nobody waits under it.
        self._lock = threading.Lock()

    def wait(self, within: float | None = None) -> None:
        """Wait until the gate is open; where it is, go through.

        Blocks, at most `within` seconds, and then raises GateError: the handler fails. By default that is after 30 real
        seconds, or in a simulation, which notices when nobody can go on, never.
        """
        check_within(within)
        seconds = LONGEST if within is None and here.scheduler is None else within
        with self._lock:
            self._came += 1
            self._waiting += 1
            opened = self._opened
            due = [future for count, future in self._expected if count <= self._came]
        for future in due:
            future.resolve()
        try:
            if not wait(opened, seconds):
                raise GateError(f"{self._name}: still shut after {dilated(seconds or 0.0):g} s")
        finally:
            with self._lock:
                self._waiting -= 1

    def reached(self, count: int = 1, within: float | None = None) -> None:
        """Wait until so many have come to the gate since it was last shut, whether they still wait there or not.

        Blocks, at most `within` seconds, by default `PATIENCE`, and then raises GateError.
        """
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ValueError(f"count: a whole number of at least 1, not {count!r}")
        check_within(within)
        there: AgentFuture[None] = AgentFuture()
        entry = (count, there)
        with self._lock:
            if self._came >= count:
                return
            self._expected.append(entry)
        seconds = PATIENCE if within is None else within
        came = wait(there, seconds)
        with self._lock:
            self._expected.remove(entry)
            came = came or self._came >= count
            number = self._came
        if not came:
            raise GateError(f"{self._name}: {number} of {count} came within {dilated(seconds):g} s")

    def open(self) -> None:
        """Let all go through, those who wait and those who come, until the gate is shut again."""
        self._opened.resolve()

    def close(self) -> None:
        """Shut the gate and count anew who comes; a gate that is shut stays as it is."""
        with self._lock:
            if self._opened.settled:
                self._opened = AgentFuture()
                self._came = 0

    @property
    def is_open(self) -> bool:
        return self._opened.settled

    @property
    def came(self) -> int:
        """How many have come since the gate was last shut."""
        return self._came

    @property
    def waiting(self) -> int:
        """How many wait at the gate now."""
        return self._waiting

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.open()

    def __repr__(self) -> str:
        state = "open" if self.is_open else "shut"
        return f"<Gate {self._name} {state}, {self._came} came, {self._waiting} wait>"
