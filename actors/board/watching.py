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
        self._callbacks: dict[object, Callable[[], None]] = {}  # guarded by the lock, called outside it
        self._watch: Door | Watch | None = None
        self._watcher: threading.Thread | None = None

    def watch(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after others have changed the board, once for what came since the last call; gives what ends that.

        Others are those that use the file, and where several watch this board, whoever changes it here. Called on a
        thread of the board's, or on that which has changed it, until the board is closed; it must not wait for that.
        """
        key = object()
        with self._lock:
            self._check_open()
            self._callbacks[key] = callback
            if self.path is not None and self._watch is None:
                self._follow_others()
        return lambda: self._forget(key)

    def _follow_others(self) -> None:
        """Begin to follow the file; the lock is held, so that whoever closes the board finds a thread that runs."""
        assert self.path is not None
        self._version = self._data_version()
        try:
            self._watch = Door(folder_of(self.path), self._is_open, _nothing)
            self._doors = 1
        except OSError:
            self._watch = Watch(self._data_version, self._is_open, _nothing)
        self._watcher = threading.Thread(target=self._follow, args=(self._watch,), name="board-watcher", daemon=True)
        self._watcher.start()

    def _forget(self, key: object) -> None:
        with self._lock:
            self._callbacks.pop(key, None)

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

    def _follow(self, watch: Door | Watch) -> None:
        try:
            while watch.arm():
                if self._has_changed():
                    self._call_back()
                else:
                    watch.wait(None)
        finally:
            watch.close()

    def _ring(self) -> None:
        super()._ring()
        if len(self._callbacks) > 1:  # one alone has changed it itself
            self._call_back()

    def _call_back(self) -> None:
        with self._lock:
            callbacks = list(self._callbacks.values())
        for callback in callbacks:
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
