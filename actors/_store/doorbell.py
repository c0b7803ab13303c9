"""How does a process learn that another one has written to a file, without looking again and again?

Each follower has a datagram socket in a folder beside the file. Whoever has written rings at all of them, and waits for
none; a socket that nobody has open any more is removed. Where there are no such sockets, followers look 10 times a
second whether the file has changed.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from actors._store.folders import in_folder

LOOK_SECONDS = 0.1
_LONGEST = 100  # bytes of a socket's path, that all systems take
_numbers = itertools.count(1)
_AF_UNIX: int | None = getattr(socket, "AF_UNIX", None)


def folder_of(path: Path) -> Path:
    """Give the folder in which the followers of a file have their sockets."""
    return path.with_name(f"{path.name}-followers")


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """Give a path that a socket takes: its own, or one by way of the open folder where its own is too long."""
    if len(os.fsencode(path)) <= _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def ring(folder: Path, sender: socket.socket) -> None:
    """Tell all followers in the folder, if there is one, that there is something new; never blocks."""
    try:
        doors = os.listdir(folder)
    except OSError:
        return
    for door in doors:
        path = folder / door
        try:
            with _address(path) as address:
                sender.sendto(b"!", socket.MSG_DONTWAIT, address)
        except OSError as error:
            # One whose line is full has not yet looked at what it was told before, so it misses nothing.
            if error.errno in (errno.ECONNREFUSED, errno.ENOTSOCK):
                path.unlink(missing_ok=True)


def bell() -> socket.socket | None:
    """Give the socket to ring with, or None where there are none of this kind."""
    if _AF_UNIX is None:
        return None
    try:
        return socket.socket(_AF_UNIX, socket.SOCK_DGRAM)
    except OSError:
        return None


class Door:
    """Where a follower waits to be rung at; see `Waker`. Raises OSError where no such socket can be made."""

    def __init__(self, folder: Path, is_open: Callable[[], bool], gone: Callable[[Door | Watch], None]) -> None:
        if _AF_UNIX is None:
            raise OSError("there are no unix sockets")
        self._is_open = is_open
        self._gone = gone
        self._path = folder / f"{os.getpid()}-{next(_numbers)}"
        self._socket = socket.socket(_AF_UNIX, socket.SOCK_DGRAM)
        try:
            in_folder(folder, self._bind)
        except OSError:
            self._socket.close()
            raise
        # Guards whether it is closed; nothing else happens under it.
        self._lock = threading.Lock()
        self._closed = False

    def _bind(self) -> None:
        # What is there of an earlier process of this number is nobody's.
        self._path.unlink(missing_ok=True)
        with _address(self._path) as address:
            self._socket.bind(address)

    def arm(self) -> bool:
        self._socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(1)
        # Asked last: who closes rings after that.
        return self._is_open()

    def wait(self, timeout: float | None) -> None:
        self._socket.settimeout(timeout)
        with contextlib.suppress(TimeoutError, BlockingIOError):
            self._socket.recv(1)

    def wake(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            if not self._closed:
                with _address(self._path) as address, socket.socket(self._socket.family, socket.SOCK_DGRAM) as sender:
                    sender.sendto(b"!", socket.MSG_DONTWAIT, address)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._path.unlink(missing_ok=True)
            self._socket.close()
            with contextlib.suppress(OSError):
                self._path.parent.rmdir()
        self._gone(self)


class Watch:
    """Where a follower waits that cannot be rung at: it looks whether the file has changed; see `Waker`."""

    def __init__(
        self, version: Callable[[], int], is_open: Callable[[], bool], gone: Callable[[Door | Watch], None]
    ) -> None:
        self._version = version
        self._is_open = is_open
        self._gone = gone
        self._woken = threading.Event()
        self._seen = 0
        self._closed = False

    def arm(self) -> bool:
        self._woken.clear()
        self._seen = self._version()
        return self._is_open()

    def wait(self, timeout: float | None) -> None:
        left = timeout
        while left is None or left > 0:
            step = LOOK_SECONDS if left is None else min(left, LOOK_SECONDS)
            if self._woken.wait(step) or self._version() != self._seen:
                return
            left = None if left is None else left - step

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._gone(self)
