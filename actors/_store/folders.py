"""How is a file made in a folder that others remove as soon as it is empty?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_TRIES = 10


def in_folder(folder: Path, make: Callable[[], T]) -> T:
    """Make the folder, then something in it, and give that; again where the folder has gone meanwhile.

    Raises what `make` raises, FileNotFoundError only after ten tries. Any thread; blocks on the file system alone.
    """
    for left in reversed(range(_TRIES)):
        folder.mkdir(exist_ok=True)
        try:
            return make()
        except FileNotFoundError:
            # The last one may just have left, and removed the folder.
            if not left:
                raise
    raise AssertionError("unreachable")  # pragma: no cover
