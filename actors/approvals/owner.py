"""Is the program that works with a file of approvals still there, or was it killed?

Each holds a lock of the operating system on a file of its own, beside the other one. The system lets go of it when the
process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import weakref
from pathlib import Path

from actors._store.folders import in_folder

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

_NEW = "."


class Owner:
    """One program that works with a file, from here on until `close`, or its end; `run` is its name."""

    def __init__(self, path: Path | None) -> None:
        self.run = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._folder = None if path is None else _folder_of(path)
        self._end = weakref.finalize(self, _nothing) if self._folder is None else self._lock(self._folder / self.run)

    def _lock(self, place: Path) -> weakref.finalize[[Path, int], Owner]:
        # Under its name it is only found locked: whoever looks at it before that would take it for one that was left.
        new = place.with_name(f"{_NEW}{place.name}")
        descriptor = in_folder(new.parent, lambda: os.open(new, os.O_CREAT | os.O_RDWR, 0o644))
        _take(descriptor, alone=True)
        new.rename(place)
        _tidy(place.parent)
        return weakref.finalize(self, _let_go, place, descriptor)

    def close(self) -> None:
        """Be there no more."""
        self._end()

    def is_alive(self, run: str) -> bool:
        """Whether the program of that name is still there."""
        if run == self.run:
            return self._end.alive
        return self._folder is not None and _is_held(self._folder / run)


def is_alive(path: Path, run: str) -> bool:
    """Whether the program of that name still works with the file."""
    return _is_held(_folder_of(path) / run)


def _folder_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-owners")


def _tidy(folder: Path) -> None:
    """Remove what those have left who were killed."""
    for place in folder.iterdir():
        if not place.name.startswith(_NEW) and not _is_held(place):
            with contextlib.suppress(OSError):
                place.unlink()


def _take(descriptor: int, *, alone: bool) -> bool:
    """Lock a file that is open, alone or beside others who only look, unless somebody has it; tells which."""
    if fcntl is None:  # pragma: no cover - Windows
        import msvcrt

        with contextlib.suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            return True
        return False
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_held(place: Path) -> bool:
    try:
        descriptor = os.open(place, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except PermissionError:
        return True  # it is somebody else's, who alone can tell
    try:
        return not _take(descriptor, alone=False)
    finally:
        os.close(descriptor)


def _let_go(place: Path, descriptor: int) -> None:
    # Removed first: who finds it has found somebody who is there.
    with contextlib.suppress(OSError):
        place.unlink()
    os.close(descriptor)
    with contextlib.suppress(OSError):
        place.parent.rmdir()


def _nothing() -> None:
    """Nobody else can look at what is in memory alone."""
