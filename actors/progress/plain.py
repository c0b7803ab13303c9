"""How is progress shown where there is only text?"""

from __future__ import annotations

import shutil
import weakref
from collections.abc import Collection
from typing import TYPE_CHECKING, TextIO

from actors.progress.display import Display

if TYPE_CHECKING:
    from actors.progress.progress import Progress

_TENTHS = 10
_UNKNOWN_SECONDS = 30.0  # from one line to the next where nobody knows the total


class Plain(Display):
    """A bar without rich: one line of the terminal, for the work that began last."""

    def begin(self) -> None:
        """Nothing is to be prepared."""

    def draw(self, works: list[Progress], ended: Collection[Progress]) -> None:
        columns = shutil.get_terminal_size((80, 24)).columns - 1
        for work in works:
            if work in ended:
                self.stream.write(f"\r{self._line(work, columns):<{columns}}\n")
        going_on = [work for work in works if work not in ended]
        if going_on:
            self.stream.write(f"\r{self._line(going_on[-1], columns):<{columns}}")
        self.stream.flush()

    def _line(self, work: Progress, columns: int) -> str:
        text = str(work)
        room = min(columns - len(text) - 3, 30)
        if work.share is None or room < 5:
            return text[:columns]
        full = int(room * work.share)
        return f"[{'#' * full}{'.' * (room - full)}] {text}"

    def finish(self) -> None:
        """The last line has ended already."""


class Lines(Display):
    """A line for each tenth of each piece of work, and one at its end."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._said: weakref.WeakKeyDictionary[Progress, float] = weakref.WeakKeyDictionary()

    def begin(self) -> None:
        """Nothing is to be prepared."""

    def draw(self, works: list[Progress], ended: Collection[Progress]) -> None:
        for work in works:
            # Tenths, or where nobody knows the total so many times half a minute.
            share = work.share
            step = work.seconds // _UNKNOWN_SECONDS if share is None else int(share * _TENTHS)
            if work in ended or (step > self._said.get(work, 0) and share != 1.0):
                self._said[work] = step
                self.stream.write(f"{work}\n")
        self.stream.flush()

    def finish(self) -> None:
        """The last line is written already."""
