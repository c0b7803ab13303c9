"""Does the process that owns something still run? It holds a lock on a file, which goes with it however it ends."""

from __future__ import annotations

import os
from pathlib import Path

from actors._store.folders import in_folder

if os.name == "nt":  # pragma: no cover
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # Not lockf: that one is the process's, so that two boards in one process would not see each other's.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class OwnerLock:
    """Held from when it is made until `release`, or until the process ends. Raises OSError where it cannot be made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = in_folder(path.parent, lambda: os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            _lock(self._descriptor)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        self.let_go()
        remove(self._path)

    def let_go(self) -> None:
        """Hold it no longer, and leave the file, so that others see that its owner is gone."""
        os.close(self._descriptor)


def remove(path: Path) -> None:
    """Remove the file of a lock, and its folder after the last one."""
    path.unlink(missing_ok=True)
    try:
        path.parent.rmdir()
    except OSError:
        return  # There are others, or it is gone already.


def stray_locks(folder: Path) -> list[Path]:
    """Give the files of locks that nobody holds."""
    try:
        return [path for path in folder.iterdir() if is_free(path)]
    except OSError:
        return []  # Nobody has joined yet.


def is_free(path: Path) -> bool:
    """Whether nobody holds the lock any more; one whose file is gone may still be held."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        _lock(descriptor)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
