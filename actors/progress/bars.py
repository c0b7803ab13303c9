"""How do several bars share a terminal?

The only module here that imports rich.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from actors.progress.display import Display

if TYPE_CHECKING:
    from actors.progress.progress import Progress


class Bars(Display):
    """A bar for each piece of work, with what rich knows of the terminal."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._rich: RichProgress | None = None
        self._tasks: dict[Progress, TaskID] = {}

    def begin(self) -> None:
        self._tasks.clear()
        self._rich = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[trouble]}", style="yellow", markup=False),
            console=Console(file=self.stream),
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._rich.start()

    def draw(self, works: list[Progress], ended: Collection[Progress]) -> None:
        assert self._rich is not None
        for work in works:
            counts = ((work.failures, "failed"), (work.restarts, "restarted"))
            trouble = ", ".join(f"{count} {what}" for count, what in counts if count)
            task = self._tasks.get(work)
            if task is None:
                task = self._tasks[work] = self._rich.add_task(work.name, total=work.total, trouble=trouble)
            self._rich.update(task, completed=work.done, total=work.total, trouble=trouble)
            if work in ended:
                self._rich.stop_task(task)
        self._rich.refresh()

    def finish(self) -> None:
        assert self._rich is not None
        self._rich.stop()
