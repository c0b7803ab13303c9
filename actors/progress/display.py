"""Who writes what several pieces of work have come to?

One thread for all that share a terminal or a file, from the first piece of work to the end of the last.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING, TextIO

from loguru import logger

if TYPE_CHECKING:
    from actors.progress.progress import Progress

_REDRAW_SECONDS = 0.1
_LAST_SECONDS = 1.0
_THREAD = "actortree-progress"


class Display(ABC):
    """Writes what is to be seen of several pieces of work, on a thread of its own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.changed = threading.Event()
        self._hurry = threading.Event()  # somebody waits for the next picture
        self._works: list[Progress] = []
        self._waiting: dict[Progress, threading.Event] = {}  # who waits for the last picture of a piece of work
        self._thread: threading.Thread | None = None
        # Guards the pieces of work, who waits, and the thread. Nothing is drawn under it.
        self._lock = threading.Lock()

    def add(self, work: Progress) -> None:
        with self._lock:
            self._works.append(work)
            before, going_on = self._thread, bool(self._works[1:])
            if not going_on:
                self._thread = threading.Thread(target=self._run, args=(before,), name=_THREAD, daemon=True)
                self._thread.start()
        self.changed.set()

    def end(self, work: Progress) -> None:
        """Have the work drawn for the last time; blocks until it is, at most a second."""
        drawn = threading.Event()
        with self._lock:
            if work not in self._works:
                return
            self._waiting[work] = drawn
        self._hurry.set()
        self.changed.set()
        drawn.wait(_LAST_SECONDS)

    def _run(self, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        try:
            self.begin()
            while self._draw_once():
                self.changed.wait()
                self._hurry.wait(_REDRAW_SECONDS)
        except Exception as error:
            self._give_up()
            logger.opt(exception=error).error("progress cannot be shown")

    def _draw_once(self) -> bool:
        """Draw all; False once there is nothing any more that could change."""
        self._hurry.clear()
        self.changed.clear()
        with self._lock:
            works, ended = [*self._works], dict(self._waiting)
        self.draw(works, ended)
        with self._lock:
            last = len(self._works) == len(ended)
        if last:
            self.finish()
        with self._lock:
            for work in ended:
                self._works.remove(work)
                del self._waiting[work]
            going_on = bool(self._works)
        if going_on and last:
            self.begin()  # one more came while the last one was finished
        for drawn in ended.values():
            drawn.set()
        return going_on

    def _give_up(self) -> None:
        """Nobody is to wait for a picture that will not come."""
        with self._lock:
            waiting = [*self._waiting.values()]
            self._works.clear()
            self._waiting.clear()
        for drawn in waiting:
            drawn.set()

    @abstractmethod
    def begin(self) -> None:
        """There is something to draw from now on."""

    @abstractmethod
    def draw(self, works: list[Progress], ended: Collection[Progress]) -> None:
        """Show how far each of them is; those that have ended, for the last time."""

    @abstractmethod
    def finish(self) -> None:
        """All are over."""
