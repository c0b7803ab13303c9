"""How does a test see what a user sees, who runs a command in a terminal?"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import pyte

PATIENCE = float(os.environ.get("ACTORTREE_TEST_PATIENCE", "20"))
"""Real seconds after which a wait has failed."""

# The terminal's keys become signals, as Ctrl-C is, for the process that is in charge of it.
_IN_CHARGE = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """A program in a terminal of so many columns and lines, and what is on its screen."""

    def __init__(
        self,
        command: Sequence[str],
        columns: int = 80,
        lines: int = 24,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        only_stderr: bool = False,
    ) -> None:
        self._screen = pyte.HistoryScreen(columns, lines, history=1000)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self._master, slave = pty.openpty()
        self.resize(columns, lines)
        environment = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **(env or {})}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            if name not in (env or {}):
                environment.pop(name, None)
        stdout = subprocess.PIPE if only_stderr else slave
        self.process = subprocess.Popen(
            [sys.executable, "-c", _IN_CHARGE, *command],
            stdin=slave,
            stdout=stdout,
            stderr=slave,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)

    def resize(self, columns: int, lines: int) -> None:
        """Give the window another size, as a user who drags it; the program gets the signal of it."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._screen.resize(lines, columns)

    @property
    def text(self) -> str:
        """What is on the screen, without what is blank at the ends."""
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    def colour_at(self, text: str) -> str:
        """The colour of the first place at which the screen has this text."""
        for number, line in enumerate(self._screen.display):
            if text in line:
                return str(self._screen.buffer[number][line.index(text)].fg)
        raise AssertionError(f"no {text!r} on:\n{self.text}")

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def wait_for(self, holds: str | Callable[[str], object]) -> str:
        """Wait until the screen has the text, or until `holds(text of the screen)`; gives the screen."""
        deadline = time.monotonic() + PATIENCE
        while not (holds in self.text if isinstance(holds, str) else holds(self.text)):
            if not self._pump(deadline):
                raise AssertionError(f"never {holds!r} on:\n{self.text}\n(process: {self.process.poll()})")
        return self.text

    def end(self) -> int:
        """Wait until the program has ended; gives its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self._pump(deadline):
            pass
        return self.process.wait(max(0.1, deadline - time.monotonic()))

    def _pump(self, deadline: float) -> bool:
        """Take in what the program has written; False once there will be no more, or the time is over."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            written = os.read(self._master, 65536)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return False  # the other side is closed
        self.raw += written
        self._stream.feed(written)
        return bool(written)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        os.close(self._master)
        if self.process.stdout is not None:
            self.process.stdout.close()
