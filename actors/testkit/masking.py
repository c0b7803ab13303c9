"""Which parts of a text differ from run to run, and where do two texts differ?"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from pathlib import Path

UPDATE_SWITCH = "ACTORTREE_UPDATE_GOLDEN"
"""The environment variable that has golden files written instead of compared: any value but "" and "0"."""

_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_ADDRESS = re.compile(r"\b0x[0-9a-f]{4,16}\b", re.IGNORECASE)


def masked(text: str) -> str:
    """Give one line of the text with `?` for every address in memory and every UUID."""
    return _ADDRESS.sub("0x?", _UUID.sub("?", " ".join(text.splitlines())))


def difference(wanted: Sequence[str], found: Sequence[str], wanted_name: str, found_name: str) -> str:
    """Give a unified diff of the lines, with all that is the same around it."""
    length = max(len(wanted), len(found), 1)
    return "\n".join(difflib.unified_diff(wanted, found, wanted_name, found_name, lineterm="", n=length))


def assert_golden(file: str | os.PathLike[str], lines: Sequence[str]) -> None:
    """Compare the lines with those of a file, in UTF-8; raises AssertionError with the difference.

    Writes the file instead, and its folder, where the environment variable `ACTORTREE_UPDATE_GOLDEN` is set.
    """
    path = Path(file)
    if os.environ.get(UPDATE_SWITCH, "") not in ("", "0"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
        return
    how = f"run the test with {UPDATE_SWITCH}=1 to write what there is now, and read it before you keep it"
    if not path.exists():
        raise AssertionError(f"there is no golden file {path}: {how}")
    wanted = path.read_text(encoding="utf-8").splitlines()
    if wanted != list(lines):
        raise AssertionError(f"not as in {path}: {how}\n{difference(wanted, lines, path.name, 'now')}")
