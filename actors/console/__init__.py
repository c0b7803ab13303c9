"""What does the command `actortree` do?

It runs a program, and shows what is in an event log: of a program that runs now, in whichever process, or has ended.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from actors.console.arguments import parser
from actors.console.errors import ConsoleError

INTERRUPTED = 130
USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say, those of the process by default, and give the exit code: 2 for what cannot be done."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a glyph that the terminal does not have is no reason to fail
    options = parser().parse_args(arguments)
    try:
        code: int = options.do(options)
        if sys.stdout is not None:  # as where it was closed before
            sys.stdout.flush()
    except ConsoleError as error:
        print(f"actortree: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _write_no_more()  # Whoever read has seen enough.
        return 0
    except OSError as error:
        _write_no_more()
        print(f"actortree: standard output cannot be written: {error.strerror or error}", file=sys.stderr)
        return USAGE
    return code


def _write_no_more() -> None:
    """What is left for standard output must not fail once more when Python flushes it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


__all__ = ["main"]
