"""How does a picture get onto the terminal, and the terminal back to what it was?

The only module that imports rich.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from actors.console.screen import Line

try:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text
except ImportError as error:
    raise ImportError("top needs the extra tui: pip install 'actortree[tui]'") from error


class Painter:
    """The terminal's other screen, from `with` to its end."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = Console(highlight=False) if console is None else console
        self._live = Live(console=self._console, screen=True, auto_refresh=False, vertical_overflow="crop")

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, as they are now."""
        return self._console.size.width, self._console.size.height

    def paint(self, screen: Sequence[Line]) -> None:
        text = Text(no_wrap=True, end="")
        for number, line in enumerate(screen):
            text.append("\n" if number else "")
            for piece, style in line:
                text.append(piece, style)
        self._live.update(text, refresh=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, traceback)
