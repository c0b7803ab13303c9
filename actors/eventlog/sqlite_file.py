"""What is in the file of an event log, and is a file one?

`record` has each record once, as JSON, by run and number; `entry` says which records a view has. The view of all
records is those of the run from `floor` on. What a view has lost is in `view`: all up to `lost_to`, `lost` of them.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

APPLICATION = 0x61747265  # "atre", where SQLite keeps whose file it is
FORMAT = 1

SCHEMA = """
CREATE TABLE run(
    id INTEGER PRIMARY KEY, run TEXT NOT NULL UNIQUE, system TEXT NOT NULL DEFAULT '', pid INTEGER NOT NULL,
    started TEXT NOT NULL, ended TEXT NOT NULL DEFAULT '', last_seq INTEGER NOT NULL DEFAULT 0,
    first INTEGER NOT NULL DEFAULT 1, floor INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE record(
    run INTEGER NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, fields TEXT NOT NULL, PRIMARY KEY(run, seq)
) WITHOUT ROWID;
CREATE TABLE view(
    id INTEGER PRIMARY KEY, run INTEGER NOT NULL, name TEXT NOT NULL, first INTEGER NOT NULL,
    lost INTEGER NOT NULL DEFAULT 0, lost_to INTEGER NOT NULL DEFAULT 0, UNIQUE(run, name)
);
CREATE TABLE entry(view INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY(view, seq)) WITHOUT ROWID;
CREATE TABLE sample(run INTEGER PRIMARY KEY, figures TEXT NOT NULL);
"""

BUSY_SECONDS = 10.0  # for which one process waits while another one writes


class NotALogError(ValueError):
    """A file that is no event log, or one of a later format: `path`, and `why`."""

    def __init__(self, path: Path, why: str) -> None:
        self.path = path
        self.why = why
        super().__init__(f"{path} is no event log: {why}")

    def __reduce__(self) -> tuple[type[NotALogError], tuple[Path, str]]:
        return type(self), (self.path, self.why)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the file, made where there is none. Raises NotALogError, or OSError where it cannot be made."""
    try:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise OSError(f"{path} cannot be opened: {error}") from error
    except ValueError as error:  # A name that no file can have, as one with NUL.
        raise OSError(f"{str(path)!r} cannot be opened: {error}") from error
    try:
        with suppress(sqlite3.OperationalError):  # Read-only; then the next line says so.
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if _is_empty(connection):
            _make(connection)
        _check(path, connection)
        connection.execute("COMMIT")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 16777216")
    except sqlite3.DatabaseError as error:
        connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise OSError(f"{path} cannot be written: {error}") from error
        raise NotALogError(path, str(error)) from error
    except NotALogError:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the file as it is. Raises FileNotFoundError, NotALogError, or OSError where it cannot be read."""
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}")
    if path.is_dir():
        raise NotALogError(path, "it is a folder")
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
            _check(path, connection)
        except sqlite3.OperationalError as error:
            connection.close()
            failure = error
        except sqlite3.DatabaseError as error:
            connection.close()
            raise NotALogError(path, str(error)) from error
        except NotALogError:
            connection.close()
            raise
        else:
            return connection
    raise OSError(f"{path} cannot be read: {failure}") from failure


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]


def _make(connection: sqlite3.Connection) -> None:
    for statement in SCHEMA.split(";"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _check(path: Path, connection: sqlite3.Connection) -> None:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION:
        raise NotALogError(path, "it is empty" if _is_empty(connection) else "it is a database of something else")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT:
        raise NotALogError(path, f"it has format {version}, and this version of actortree knows {FORMAT}")
