"""How does the command get at a log?"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from actors.console.errors import ConsoleError
from actors.eventlog.log import Reader, RunInfo
from actors.eventlog.opening import open_log

_ERRORS = (OSError, ValueError, LookupError, ImportError, sqlite3.Error)
"""What a log raises that is not there, is no log, or has gone away."""
_OF_WRITING = (errno.ENOSPC, errno.EFBIG)  # what is shown goes to a full disk


@contextmanager
def opened(target: str, run: str | None = None) -> Iterator[Reader]:
    """Open a log, a file or a URL, for one of its runs; raises ConsoleError for what cannot be read."""
    try:
        with open_log(target, run) as reader:
            yield reader
    except BrokenPipeError:
        raise  # of whoever reads what is written
    except _ERRORS as error:
        if isinstance(error, OSError) and error.errno in _OF_WRITING:
            raise
        raise ConsoleError(said(error)) from error


def said(error: Exception) -> str:
    """Give what the user is told of an error, in one line."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return f"{error}"


def run_of(reader: Reader) -> RunInfo | None:
    """Give what the log knows of the run that is read."""
    return next((info for info in reader.runs() if info.run == reader.run), None)
