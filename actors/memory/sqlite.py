"""How are agents given a memory that outlives the program, and that several programs share?"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from actors._store.database import FileKind, WrongFileError, open_for_writing
from actors.memory.memory import BaseMemory

# `folded` is the text without the case of its letters, `length` how long that is: SQLite knows the case of ASCII only.
SCHEMA = """
CREATE TABLE text(
    id INTEGER PRIMARY KEY AUTOINCREMENT, agent TEXT NOT NULL, text TEXT NOT NULL, folded TEXT NOT NULL,
    length INTEGER NOT NULL, meta TEXT NOT NULL
);
CREATE INDEX text_of_agent ON text(agent, length, id);
CREATE TABLE value(agent TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(agent, key)) WITHOUT ROWID
"""


class NotAMemoryError(WrongFileError):
    """A file that is no memory, or one of a later format: `path`, and `why`."""

    what = "memory of agents"


MEMORY = FileKind(0x61746D65, 1, SCHEMA, NotAMemoryError)  # "atme"


class SqliteMemory(BaseMemory):
    """A memory in a file, which any number of threads and processes may use at once; see `Memory`.

    What a method has returned from outlives the process, however it ends; the last moments may be lost with the
    machine. A method blocks while another process writes, for at most 10 seconds, then it raises OSError. Opening
    raises NotAMemoryError for a file of something else, and OSError where it cannot be written. A process that was
    forked opens a memory of its own.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path if path == ":memory:" else Path(path).absolute()
        # Guards the connection, which one thread at a time may use: one statement, and no other lock.
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = open_for_writing(self.path, MEMORY)

    def close(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                connection.close()

    def __repr__(self) -> str:
        return f"<SqliteMemory in {self.path}>"

    def _keep(self, agent: str, text: str, folded: str, meta: str) -> int:
        statement = "INSERT INTO text(agent, text, folded, length, meta) VALUES (?, ?, ?, ?, ?)"
        with self._using() as connection:
            id = connection.execute(statement, (agent, text, folded, len(folded), meta)).lastrowid
        assert id is not None
        return id

    def _forget(self, id: int, agent: str | None) -> bool:
        statement = "DELETE FROM text WHERE id = :id AND (:agent IS NULL OR agent = :agent)"
        with self._using() as connection:
            return connection.execute(statement, {"id": id, "agent": agent}).rowcount > 0

    def _find(self, agent: str, sought: str, limit: int | None) -> list[tuple[int, str, int, str]]:
        order = "length, id DESC" if sought else "id DESC"
        statement = (
            f"SELECT id, text, length, meta FROM text WHERE agent = ? AND instr(folded, ?) ORDER BY {order} LIMIT ?"
        )
        with self._using() as connection:
            return connection.execute(statement, (agent, sought, -1 if limit is None else limit)).fetchall()

    def _set(self, agent: str, key: str, value: str) -> None:
        with self._using() as connection:
            connection.execute("INSERT OR REPLACE INTO value VALUES (?, ?, ?)", (agent, key, value))

    def _get(self, agent: str, key: str) -> str | None:
        with self._using() as connection:
            row = connection.execute("SELECT value FROM value WHERE agent = ? AND key = ?", (agent, key)).fetchone()
        return None if row is None else str(row[0])

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._connection is None:
                raise RuntimeError("the memory is closed")
            try:
                yield self._connection
            except sqlite3.OperationalError as error:
                raise OSError(f"{self.path} cannot be used: {error}") from error
