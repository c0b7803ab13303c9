"""How far is one piece of work, and who is told?"""

from __future__ import annotations

import os
import stat
import sys
import threading
from enum import StrEnum
from math import isfinite
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from actors._core.events import AgentFailed, AgentRestarted, Event, SystemStopped
from actors._core.system import ActorSystem
from actors.progress.displays import display_of

if TYPE_CHECKING:
    from actors.progress.display import Display


class Style(StrEnum):
    """How progress is shown."""

    BAR = "bar"  # one line that is drawn again and again: for terminals
    LINES = "lines"  # a line for each tenth: for logs
    NOTHING = "nothing"  # for pipes, whose reader wants what the program gives and nothing else


class Progress:
    """One piece of work: `done` of `total` steps. All methods may be called on any thread, and none of them writes.

    What is shown is written by a thread of its own, so a terminal that stands still holds up nobody. It also tells how
    often agents have failed and were restarted since the work began. The end of its system ends it.
    """

    def __init__(self, system: ActorSystem, name: str, total: float | None, display: Display | None) -> None:
        self.name = name
        self.total = total
        self.done = 0.0
        self.failures = 0
        self.restarts = 0
        self.closed = False
        self._clock = system.clock
        self._begun = system.clock.now()
        self._ended: float | None = None
        self._display = display
        # Guards the counts and `closed`. Nothing is drawn under it.
        self._lock = threading.Lock()
        self._unsubscribe = system.events.subscribe(self._hear, AgentFailed, AgentRestarted, SystemStopped)
        if display is not None:
            display.add(self)
        if system.events.recent(1, SystemStopped):
            self.close()  # It has told its last before.

    def advance(self, count: float = 1) -> None:
        """So many more steps are done, or less if below 0. Raises ValueError for what is no number of steps."""
        if not _is_steps(count):
            raise ValueError(f"count: a number of steps, not {count!r}")
        with self._lock:
            self.done += count
        self._changed()

    def update(self, done: float | None = None, total: float | None = None) -> None:
        """So many steps are done, or are to be done, in all. Raises ValueError for what is no number of steps."""
        for name, value in (("done", done), ("total", total)):
            if value is not None and not (_is_steps(value) and value >= 0):
                raise ValueError(f"{name}: a number of steps or None, not {value!r}")
        with self._lock:
            self.done = self.done if done is None else done
            self.total = self.total if total is None else total
        self._changed()

    @property
    def seconds(self) -> float:
        """How long it has taken so far, or took, by the system's clock."""
        return (self._clock.now() if self._ended is None else self._ended) - self._begun

    @property
    def share(self) -> float | None:
        """How much of it is done, 0.0 to 1.0; None while nobody knows the total."""
        return None if not self.total else max(0.0, min(1.0, self.done / self.total))

    def close(self) -> None:
        """It is over: show how far it has come, for the last time. Blocks until that is written, at most a second."""
        with self._lock:
            first, self.closed = not self.closed, True
            if first:
                self._ended = self._clock.now()
        if first:
            self._unsubscribe()
            if self._display is not None:
                self._display.end(self)

    def _changed(self) -> None:
        if self._display is not None:
            self._display.changed.set()

    def _hear(self, event: Event) -> None:
        if isinstance(event, SystemStopped):
            self.close()
            return
        with self._lock:
            self.failures += isinstance(event, AgentFailed)
            self.restarts += isinstance(event, AgentRestarted)
        self._changed()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __str__(self) -> str:
        parts = [f"{self.name}: {self.done:g}"]
        share = self.share
        if self.total is not None:
            parts[0] += f" of {self.total:g}" + ("" if share is None else f" ({share:.0%})")
        seconds = self.seconds
        if self.closed:
            parts.append(f"{seconds:.1f} s")
        elif self.done and seconds > 0:
            parts.append(f"{self.done / seconds:.1f}/s")
            if share:
                parts.append(f"{seconds / share - seconds:.0f} s left")
        parts += [
            f"{count} {what}" for count, what in ((self.failures, "failed"), (self.restarts, "restarted")) if count
        ]
        return ", ".join(parts)


def progress(
    system: ActorSystem,
    name: str,
    total: float | None = None,
    *,
    style: Style | str | None = None,
    stream: TextIO | None = None,
) -> Progress:
    """Show how far a piece of work is, until it is closed: use it in a `with` block.

    By default a bar where `stream` (standard error) is a terminal, by rich or as one plain line; a line for each tenth
    where it is a file; nothing in a pipe. `total` None is unknown. It goes by what `stream` is, or by `style`.
    """
    if not isinstance(system, ActorSystem):
        raise ValueError(f"system: an ActorSystem, not {system!r}")
    if not isinstance(name, str) or not name or not name.isprintable():
        raise ValueError(f"name: a text of one line, with nothing unprintable, not {name!r}")
    if total is not None and not (_is_steps(total) and total >= 0):
        raise ValueError(f"total: a number of steps or None, not {total!r}")
    stream = sys.stderr if stream is None else stream
    try:
        chosen = style_for(stream) if style is None else Style(style)
    except ValueError:
        raise ValueError(f"style: one of {', '.join(Style)}, or None, not {style!r}") from None
    shown = None if chosen is Style.NOTHING else display_of(system, stream, bars=chosen is Style.BAR)
    return Progress(system, name, total, shown)


def _is_steps(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def style_for(stream: TextIO | None) -> Style:
    """Give what suits a stream."""
    if stream is None:
        return Style.NOTHING  # as in a program without a console
    try:
        if stream.isatty():
            return Style.NOTHING if os.environ.get("TERM") == "dumb" else Style.BAR
        return Style.LINES if stat.S_ISREG(os.fstat(stream.fileno()).st_mode) else Style.NOTHING
    except (OSError, ValueError, AttributeError):
        return Style.NOTHING
