"""Which files break a program that reads them? Real ones: nothing here is simulated."""

import os
from pathlib import Path

DEEP = 100_000


def poison(folder: Path) -> None:
    """Write files that crash a parser, that hang whoever opens them, and that cannot be read, into an empty folder."""
    # More additions in a row than Python's parser can stack: RecursionError or MemoryError out of ast.parse.
    (folder / "endless_sum.py").write_text("total = 1" + " + 1" * DEEP + "\n")
    # Five that crash one after the other: for one of two inspectors that is too often.
    for number in range(1, 6):
        (folder / f"deep-{number}.json").write_text("[" * DEEP)
    (folder / "broken_link.txt").symlink_to("nowhere")
    (folder / "looks_like_text.md").write_bytes(b"# Half a character: \xc3\n")
    secret = folder / "no_permission.txt"
    secret.write_text("can be read by root alone\n")
    secret.chmod(0)
    if hasattr(os, "mkfifo"):
        # Nobody writes into this pipe, so opening it never returns.
        os.mkfifo(folder / "pipe.txt")
