"""What is in the file of an event log, and is a file one?

`record` has each record once, as JSON, by run and number; `entry` says which records a view has. The view of all
records is those of the run from `floor` on. What a view has lost is in `view`: all up to `lost_to`, `lost` of them.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from actors._store import database
from actors._store.database import FileKind, WrongFileError

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


class NotALogError(WrongFileError):
    """A file that is no event log, or one of a later format: `path`, and `why`."""

    what = "event log"


LOG = FileKind(APPLICATION, FORMAT, SCHEMA, NotALogError)


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the file, made where there is none. Raises NotALogError, or OSError where it cannot be made."""
    return database.open_for_writing(path, LOG)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the file as it is. Raises FileNotFoundError, NotALogError, or OSError where it cannot be read."""
    return database.open_for_reading(path, LOG)
