"""Which key was pressed, if any?"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from types import TracebackType
from typing import Any, Self

_NAMES = {b"\x1b[A": "up", b"\x1b[B": "down", b"\x1b[5~": "up", b"\x1b[6~": "down"}


class Keys:
    """The keyboard, while somebody looks: each key at once and unseen. Where there is none, nothing is ever pressed."""

    def __init__(self) -> None:
        self.there = False
        self._before: Any = None
        self._pressed = b""  # and not yet asked for

    def __enter__(self) -> Self:
        # Not everywhere: no module on Windows, no terminal where input comes from a file or is closed.
        with contextlib.suppress(ImportError, OSError, ValueError, AttributeError):
            import termios
            import tty

            self._descriptor = sys.stdin.fileno()
            if os.isatty(self._descriptor):
                self._before = termios.tcgetattr(self._descriptor)
                tty.setcbreak(self._descriptor)
                self.there = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def read(self, seconds: float) -> str:
        """Wait so many seconds at most and give the key, or "" for none."""
        if not self._pressed and not self._wait(seconds):
            return ""
        for sequence, name in _NAMES.items():
            if self._pressed.startswith(sequence):
                self._pressed = self._pressed[len(sequence) :]
                return name
        key, self._pressed = self._pressed[:1], self._pressed[1:]
        return key.decode("ascii", "ignore")

    def _wait(self, seconds: float) -> bool:
        if not self.there:
            time.sleep(seconds)
            return False
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if not ready:
            return False
        # Without a byte the terminal is gone, and nobody looks any more.
        self._pressed = os.read(self._descriptor, 64) or b"q"
        return True
