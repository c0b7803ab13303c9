"""Which files are there, and of which kind is each?"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

CACHES = frozenset({".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".cache", ".hypothesis"})
"""Folders that hold nothing written by hand; so does every other `.*_cache`."""
MOST_BYTES = 50_000_000


class Kind(StrEnum):
    """What an inspector has to know; told by the end of the name."""

    PYTHON = "python"
    MARKDOWN = "markdown"
    DATA = "data"
    TEXT = "text"
    BINARY = "binary"


_KINDS = {
    Kind.PYTHON: ".py .pyi",
    Kind.MARKDOWN: ".md .markdown",
    Kind.DATA: ".json .toml",
    Kind.BINARY: ".7z .avif .bin .bz2 .class .db .dll .dylib .exe .gif .gz .ico .jar .jpeg .jpg .mp3 .mp4 .npy .ogg"
    " .otf .pdf .pickle .png .pyc .pyd .rar .so .sqlite .tar .tgz .tiff .ttf .wav .webm .webp .whl .woff .woff2 .xz"
    " .zip .zst",
}
_BY_SUFFIX = {suffix: kind for kind, suffixes in _KINDS.items() for suffix in suffixes.split()}


@dataclass(frozen=True, slots=True, repr=False)
class File:
    """A file to be audited; `name` is how it is called in the results."""

    path: Path
    name: str
    kind: Kind

    def __repr__(self) -> str:
        return self.name


@dataclass(slots=True)
class Found:
    """All that was found below some folders; `skipped` and `unlisted` are (name, reason)."""

    files: list[File] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    unlisted: list[tuple[str, str]] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.files) + len(self.skipped)

    def look_through(self, root: Path, prefix: str = "") -> None:
        """Add what is below `root`, in the order of names; follows no link to a folder, and opens no file."""
        for path in self._walk(root, prefix):
            name = f"{prefix}{path.relative_to(root)}"
            reason = _reason_to_skip(path)
            if reason:
                self.skipped.append((name, reason))
            else:
                self.files.append(File(path, name, _BY_SUFFIX.get(path.suffix.lower(), Kind.TEXT)))

    def _walk(self, root: Path, prefix: str) -> Iterator[Path]:
        def unlisted(error: OSError) -> None:
            self.unlisted.append((f"{prefix}{error.filename}", error.strerror or "cannot be listed"))

        for folder, folders, names in os.walk(root, onerror=unlisted):
            folders[:] = sorted(name for name in folders if name not in CACHES and not name.endswith("_cache"))
            yield from (Path(folder, name) for name in sorted(names))


def _reason_to_skip(path: Path) -> str:
    """Say why a file is not audited; empty for one that is.

    A named pipe is not skipped: it opens like any file, and hangs whoever opens it. That is what a deadline is for.
    """
    try:
        status = path.stat()
    except OSError:
        return ""  # a broken link, perhaps: its inspector shall find out
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode)):
        return "a device or a socket"
    return f"more than {MOST_BYTES // 1_000_000} MB" if status.st_size > MOST_BYTES else ""
