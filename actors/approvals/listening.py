"""How does an approver learn that another process has answered? By a thread that waits to be rung at."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from actors._store.database import open_for_reading
from actors._store.doorbell import Door, Watch, folder_of
from actors.approvals.file import KIND


class Listener:
    """Calls `rung` at first, and when somebody may have written to the file; until `close`, or until it gives False."""

    def __init__(self, path: Path, rung: Callable[[], bool]) -> None:
        self._path = path
        self._rung = rung
        self._open = True
        self._reader: sqlite3.Connection | None = None
        self._waker = self._make_waker()
        self._thread = threading.Thread(target=self._listen, name=f"{path.name}-listener", daemon=True)
        self._thread.start()

    def _make_waker(self) -> Door | Watch:
        try:
            return Door(folder_of(self._path), self._is_open, self._gone)
        except OSError:
            # As on a system without such sockets: then it looks whether the file has changed.
            self._reader = open_for_reading(self._path, KIND)
            return Watch(self._version, self._is_open, self._gone)

    def _listen(self) -> None:
        # Armed before it is told to look: what is written after that look rings again.
        while self._waker.arm() and self._rung():
            self._waker.wait(None)

    def close(self) -> None:
        """Call no more; blocks until the thread has ended."""
        self._open = False
        self._waker.wake()
        self._thread.join()
        self._waker.close()

    def _is_open(self) -> bool:
        return self._open

    def _version(self) -> int:
        assert self._reader is not None
        version: int = self._reader.execute("PRAGMA data_version").fetchone()[0]
        return version

    def _gone(self, waker: Door | Watch) -> None:
        if self._reader is not None:
            self._reader.close()
