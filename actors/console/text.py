"""How is what a log holds written for people?

What is in a log was written by a program about its users' data, so nothing of it may steer the terminal.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from datetime import datetime, timedelta
from typing import TextIO

from actors._core.tree import GLYPHS

STYLES = {
    "busy": "bold green",
    "idle": "green",
    "waiting": "cyan",
    "starting": "blue",
    "suspended": "yellow",
    "backing_off": "yellow",
    "halted": "yellow",
    "stopping": "magenta",
    "stopped": "dim",
    "unknown": "dim",
}
"""The colour of each state; its glyph and its word say the same."""

_CODES = {
    "bold": "1",
    "dim": "2",
    "reverse": "7",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}
_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))


def clean(text: object) -> str:
    """Give it on one line, with what a terminal would obey made visible."""
    line = str(text)
    if line.isprintable():
        return line
    return "".join(letter if letter.isprintable() else _visible(letter) for letter in line)


def _visible(letter: str) -> str:
    return " " if letter in "\n\t" else letter.encode("unicode_escape", "replace").decode("ascii")


def width(text: str) -> int:
    """Give the columns that it takes in a terminal."""
    return len(text) if text.isascii() else sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def fitted(text: str, columns: int) -> str:
    """Give it in exactly so many columns: cut, with a mark that it was, or filled up."""
    if columns <= 0:
        return ""
    wide = width(text)
    if wide <= columns:
        return text + " " * (columns - wide)
    kept, used = [], 0
    for letter in text:
        if used + _columns(letter) > columns - 1:
            break
        kept.append(letter)
        used += _columns(letter)
    return "".join(kept) + "…" + " " * (columns - 1 - used)


def fitted_at_end(text: str, columns: int) -> str:
    """Give it in exactly so many columns: cut at its beginning, or filled up."""
    if columns <= 0 or width(text) <= columns:
        return fitted(text, columns)
    return fitted(text[::-1], columns)[::-1].lstrip().ljust(columns)


def painted(text: str, style: str, colours: bool) -> str:
    """Give it in a style, such as "bold green", where there are colours."""
    if not colours or not style or not text:
        return text
    return f"\x1b[{';'.join(_CODES[word] for word in style.split())}m{text}\x1b[0m"


def has_colours(stream: TextIO) -> bool:
    """Whether to write in colour there: to a terminal, and nobody said NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def glyph(state: str) -> str:
    return GLYPHS.get(state, "?")


def local_time(at: datetime | None, now: datetime | None = None) -> str:
    """Give the time of day here, to the millisecond; with the date where it is not today's."""
    if at is None:
        return "--:--:--"
    here = at.astimezone()
    text = f"{here:%H:%M:%S}.{here.microsecond // 1000:03d}"
    today = (now or datetime.now().astimezone()).astimezone().date()
    return text if here.date() == today else f"{here:%Y-%m-%d} {text}"


def lasting(seconds: float) -> str:
    """Give a length of time in the largest unit that it has one of."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def ago(at: datetime | None, now: datetime) -> str:
    """Give how long ago that was."""
    return "" if at is None else f"{lasting(max((now - at) / timedelta(seconds=1), 0.0))} ago"


def plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def say(text: str) -> None:
    """Write a remark to standard error, where it is in nobody's way."""
    print(f"actortree: {text}", file=sys.stderr)
