"""Is a file one of ours, and how is it opened by many processes at once?

SQLite keeps in each file whose it is and in what format. A feature names its kind of file once, as a `FileKind`, and
opens only those: a file of something else is never written.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

BUSY_SECONDS = 10.0  # for which one process waits while another one writes


class WrongFileError(ValueError):
    """A file that is not of the kind that was asked for, or one of a later format: `path`, and `why`."""

    what = "file of actortree"

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        self.why = why
        super().__init__(f"{path} is no {self.what}: {why}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.path, self.why)


@dataclass(frozen=True, slots=True)
class FileKind:
    """One kind of file.

    `application`, 32 bits, says whose it is; `format` counts from 1; `schema` are the statements that make it, split at
    semicolons; `error` is what is raised for a file that is none.
    """

    application: int
    format: int
    schema: str
    error: type[WrongFileError]


def open_for_writing(path: Path | str, kind: FileKind) -> sqlite3.Connection:
    """Open the file, made where there is none; ":memory:" is one of this connection alone.

    Any thread may use the connection, one at a time; transactions are the caller's. Raises the error of its kind, or
    OSError where it cannot be made.
    """
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise OSError(f"{path} cannot be opened: {error}") from error
    except ValueError as error:  # A name that no file can have, as one with NUL.
        raise OSError(f"{str(path)!r} cannot be opened: {error}") from error
    try:
        if not _is_empty(connection):
            # Before anything is written: a change of the journal alone rewrites the head of somebody else's file.
            _check(Path(path), connection, kind)
        with suppress(sqlite3.OperationalError):  # Read-only; then the next line says so.
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if _is_empty(connection):
            _make(connection, kind)
        _check(Path(path), connection, kind)
        connection.execute("COMMIT")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 16777216")
    except sqlite3.DatabaseError as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise OSError(f"{path} cannot be written: {error}") from error
        raise kind.error(Path(path), str(error)) from error
    except WrongFileError:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path, kind: FileKind) -> sqlite3.Connection:
    """Open the file as it is. Raises FileNotFoundError, the error of its kind, or OSError where it cannot be read."""
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if path.is_dir():
        raise kind.error(path, "it is a folder")
    # A file that nobody has open, in a folder where nothing may be made, can be read only as one that does not change.
    for mode in ("mode=ro", "immutable=1"):
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(path))}?{mode}",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.OperationalError as error:  # as without the right to read it
            failure = error
            continue
        try:
            _check(path, connection, kind)
        except sqlite3.OperationalError as error:
            connection.close()
            failure = error
        except sqlite3.DatabaseError as error:
            connection.close()
            raise kind.error(path, str(error)) from error
        except WrongFileError:
            connection.close()
            raise
        else:
            return connection
    raise OSError(f"{path} cannot be read: {failure}") from failure


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _make(connection: sqlite3.Connection, kind: FileKind) -> None:
    for statement in kind.schema.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {kind.application}")
    connection.execute(f"PRAGMA user_version = {kind.format}")


def _check(path: Path, connection: sqlite3.Connection, kind: FileKind) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != kind.application:
        raise kind.error(path, "it is empty" if _is_empty(connection) else "it is a database of something else")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > kind.format:
        raise kind.error(path, f"it has format {version}, and this version of actortree knows {kind.format}")
