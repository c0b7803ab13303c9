"""How does a board learn that another process has changed it?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from loguru import logger

from actors._store.doorbell import Door, Watch, folder_of
from actors.board.store import Store


class Watching(Store):
    """The part of a board that tells of what others do to it: other processes, and other boards on the same file."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._version = 0
        self._watch: Door | Watch | None = None
        self._watcher: threading.Thread | None = None

    def watch(self, callback: Callable[[], None]) -> None:
        """Call back after others have changed the board, once for what came since the last call.

        On a thread of the board's, until it is closed; `callback` must not wait for the board to be closed. A board in
        memory is changed by nobody else, so it is never called. Raises ValueError the second time.
        """
        with self._lock:
            self._check_open()
            if self._watch is not None:
                raise ValueError(f"{self!r} is watched already")
            if self.path is None:
                return
            self._version = self._data_version()
            try:
                self._watch = Door(folder_of(self.path), self._is_open, _nothing)
                self._doors = 1
            except OSError:
                self._watch = Watch(self._data_version, self._is_open, _nothing)
            self._watcher = threading.Thread(
                target=self._follow, args=(self._watch, callback), name="board-watcher", daemon=True
            )
        self._watcher.start()

    def close(self) -> None:
        with self._lock:
            super().close()
            watch, watcher = self._watch, self._watcher
        if watch is None or watcher is None:
            return
        watch.wake()
        # The callback may be what closes the board.
        if watcher is not threading.current_thread():
            watcher.join()

    def _follow(self, watch: Door | Watch, callback: Callable[[], None]) -> None:
        try:
            while watch.arm():
                if self._has_changed():
                    self._call(callback)
                else:
                    watch.wait(None)
        finally:
            watch.close()

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            callback()
        except Exception:
            logger.exception("What watches {} has failed", self)

    def _is_open(self) -> bool:
        return not self._closed

    def _has_changed(self) -> bool:
        with self._lock:
            version = self._data_version()
            # Closed since it was asked whether it is open: that is nothing to tell.
            changed = not self._closed and version != self._version
            self._version = version
            return changed

    def _data_version(self) -> int:
        """Give a number that changes with what other connections write, and not with what this one does."""
        with self._lock:
            if self._closed:
                return -1
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])


def _nothing(_: Door | Watch) -> None:
    return None
