"""What does a worker need to read before it begins?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from actors.work.outline import outline, skeleton, symbols

if TYPE_CHECKING:
    from actors.tickets import Ticket

_MOST = 2_000_000  # bytes of one file


@dataclass(frozen=True, slots=True)
class ContextText:
    """What was read for a ticket: `text`, its size in tokens, and what all of the files would have been."""

    text: str
    tokens: int
    full_tokens: int
    errors: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text


def tokens_of(text: str) -> int:
    """Estimate how many tokens a text is: one for four characters."""
    return len(text) // 4


def read_context(ticket: Ticket, root: str | PathLike[str] = ".") -> ContextText:
    """Read the files in the ticket's `context_requirements`, and its `target_file`, below the folder `root`.

    Of the target file its `target_symbols`, whole; of the first file an outline, of all others a skeleton. A file that
    cannot be read, or is not below `root`, is an "Error reading ..." in its place, and the others are read.
    """
    folder = Path(root).resolve()
    parts: list[str] = []
    errors: list[str] = []
    full = 0
    for place, (name, view) in enumerate(_views(ticket)):
        try:
            source = _read(folder, name)
        except (OSError, ValueError) as error:
            errors.append(f"Error reading {name}: {_why(error)}")
            parts.append(errors[-1])
            continue
        full += tokens_of(source)
        parts.append(f"## {name}\n{(view or (skeleton if place else outline))(source)}")
    text = "\n\n".join(parts)
    return ContextText(text, tokens_of(text), full, tuple(errors))


def _views(ticket: Ticket) -> list[tuple[str, Callable[[str], str] | None]]:
    target, wanted = ticket.target_file, ticket.target_symbols
    names = list(dict.fromkeys(ticket.context_requirements))
    if target is not None and target not in names:
        names.append(target)
    return [(name, (lambda source: symbols(source, wanted)) if name == target and wanted else None) for name in names]


def _read(folder: Path, name: str) -> str:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise ValueError(f"it is not below {folder}")
    if path.stat().st_size > _MOST:
        raise ValueError(f"it is larger than {_MOST} bytes")
    return path.read_text("utf-8")


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is no text"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
