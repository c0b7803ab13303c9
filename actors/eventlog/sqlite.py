"""How is a run kept in a file, so that it can be read while it goes on and after `kill -9`?"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from actors._store.doorbell import bell, folder_of, ring
from actors.eventlog.log import Retention, retention_of
from actors.eventlog.sqlite_file import NotALogError, open_for_writing
from actors.eventlog.sqlite_plan import Books, Plan
from actors.eventlog.sqlite_reading import SqliteReader
from actors.eventlog.stamping import Entry, Stamping, iso
from actors.eventlog.writing import Buffered, encode_fields

# Rows of one statement. A statement lets other threads run and must then wait its turn again, so a batch is one or two.
_ROWS = (8, 64, 512)


class SqliteLog(Buffered):
    """An event log in a file, which holds the newest `keep_runs` runs (None is all) and those that still go on.

    What `flush` has acknowledged outlives the process, however it ends; the last moments may be lost with the machine.
    Readers are other processes, too: see `SqliteReader`. `capacity` records may wait to be written. Raises NotALogError
    for a file of something else, and OSError where it cannot be written.
    """

    batch = _ROWS[-1]
    expected = (OSError, sqlite3.OperationalError)

    def __init__(
        self,
        path: str | Path,
        *,
        retention: Retention | None = None,
        capacity: int = 10_000,
        keep_runs: int | None = 100,
    ) -> None:
        super().__init__(capacity)
        if keep_runs is not None and (type(keep_runs) is not int or keep_runs < 1):
            raise ValueError(f"keep_runs: a whole number of at least 1, or None, not {keep_runs!r}")
        bounds = retention_of(retention)
        self.path = Path(path).absolute()
        self._connection = open_for_writing(self.path)
        try:
            self._file = os.stat(self.path)
            self._id = self._begin(keep_runs)
            self._books = Books(self._id, bounds)
            self._reading = SqliteReader(self.path, self.run)
        except BaseException:
            self._connection.close()
            raise
        self._rows = [size for size in _ROWS if size * 5 <= _most_parameters(self._connection)]
        self._plan: tuple[list[Entry], Plan] | None = None
        self._bell = bell()

    def __repr__(self) -> str:
        return f"<SqliteLog of {self.run} in {self.path}>"

    @property
    def _reader(self) -> SqliteReader:
        return self._reading

    def _begin(self, keep_runs: int | None) -> int:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            if keep_runs is not None:
                self._remove_old(keep_runs - 1)
            number = connection.execute(
                "INSERT INTO run(run, pid, started) VALUES (?, ?, ?)",
                (self.run, os.getpid(), iso(self._stamping.clock())),
            ).lastrowid
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        assert number is not None
        return number

    def _join(self, stamping: Stamping) -> None:
        # The row is there since the log was made. There was no record yet, so nobody else uses the connection.
        with self._transaction():
            self._connection.execute("UPDATE run SET run = ? WHERE id = ?", (stamping.run, self._id))
        super()._join(stamping)
        self._reading.rename(stamping.run)

    def _remove_old(self, keep: int) -> None:
        rows = self._connection.execute("SELECT id, pid, ended FROM run ORDER BY id DESC").fetchall()
        for number, pid, ended in rows[keep:]:
            if not ended and _is_alive(pid):
                continue
            self._connection.execute("DELETE FROM entry WHERE view IN (SELECT id FROM view WHERE run = ?)", (number,))
            for table in ("record", "view", "sample"):
                self._connection.execute(f"DELETE FROM {table} WHERE run = ?", (number,))
            self._connection.execute("DELETE FROM run WHERE id = ?", (number,))

    # -- on the writing thread -----------------------------------------------------------

    def _transaction(self) -> _Transaction:
        """Give one of the file at the path. Raises OSError where it is not there any more: nobody would find it."""
        try:
            there = os.path.samestat(os.stat(self.path), self._file)
        except FileNotFoundError:
            there = False
        if not there:
            raise FileNotFoundError(f"{self.path} was removed, or is another file now")
        return _Transaction(self._connection)

    def _write(self, entries: list[Entry]) -> None:
        # What failed is tried again with the same plan, for the books have it already.
        if self._plan is None or self._plan[0] is not entries:
            self._plan = (entries, self._books.add(entries))
        plan = self._plan[1]
        with self._transaction():
            self._put(plan)
            self._take_away(plan)
            self._connection.execute(
                "UPDATE run SET system = ?, last_seq = ?, first = ?, floor = ? WHERE id = ?",
                (self._system, plan.last, plan.first, plan.floor, self._id),
            )
        self._plan = None
        self._ring()

    def _put(self, plan: Plan) -> None:
        self._many(
            f"INSERT OR REPLACE INTO record SELECT {self._id}, * FROM ({{rows}}) WHERE column1 IS NOT NULL",
            [(entry.seq, entry.timestamp, encode_fields(entry.fields)) for entry in plan.entries],
        )
        self._many(
            "INSERT OR REPLACE INTO view(id, name, first, lost, lost_to, run)"
            f" SELECT *, {self._id} FROM ({{rows}}) WHERE column1 IS NOT NULL",
            plan.views,
        )
        self._many("INSERT OR REPLACE INTO entry SELECT * FROM ({rows}) WHERE column1 IS NOT NULL", plan.places)

    def _take_away(self, plan: Plan) -> None:
        gone_views = [(view,) for view in plan.gone_views]
        # Pairs in a bare list of values would be looked up by going through the whole table.
        found = "SELECT * FROM ({rows}) WHERE column1 IS NOT NULL"
        self._many(f"DELETE FROM entry WHERE (view, seq) IN ({found})", plan.gone_places)
        self._many("DELETE FROM entry WHERE view IN ({rows})", gone_views)
        self._many("DELETE FROM view WHERE id IN ({rows})", gone_views)
        gone_records = [(seq,) for seq in plan.gone_records]
        self._many(f"DELETE FROM record WHERE run = {self._id} AND seq IN ({{rows}})", gone_records)

    def _many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Do it for all rows, in statements of few sizes, each prepared once: what is too much is filled with NULL."""
        begin = 0
        while begin < len(rows):
            left = len(rows) - begin
            size = next((size for size in self._rows if size >= left), self._rows[-1])
            chunk = rows[begin : begin + size]
            width = len(chunk[0])
            values = ",".join(["(" + ",".join("?" * width) + ")"] * size)
            parameters = [value for row in chunk for value in row] + [None] * (width * (size - len(chunk)))
            self._connection.execute(statement.format(rows=f"VALUES {values}"), parameters)
            begin += size

    def _write_forget(self, view: str) -> None:
        plan = self._books.forget(view)
        if plan is None:
            return
        with self._transaction():
            self._take_away(plan)
            # Those of a view without bounds were held by it alone when the view of all records had dropped them.
            self._connection.execute(
                "DELETE FROM record WHERE run = :run AND seq < (SELECT floor FROM run WHERE id = :run) AND seq NOT IN"
                " (SELECT seq FROM entry JOIN view ON view.id = entry.view WHERE view.run = :run)",
                {"run": self._id},
            )

    def _write_sample(self, sample: dict[str, Any]) -> None:
        with self._transaction():
            self._connection.execute("INSERT OR REPLACE INTO sample VALUES (?, ?)", (self._id, json.dumps(sample)))

    def _write_end(self, timestamp: float) -> None:
        with self._transaction():
            self._connection.execute("UPDATE run SET ended = ? WHERE id = ?", (iso(timestamp), self._id))
        self._ring()

    def _ring(self) -> None:
        if self._bell is not None:
            ring(folder_of(self.path), self._bell)

    def _close_sink(self) -> None:
        if self._bell is not None:
            self._bell.close()
        # The reader first: who closes a file last puts it in order, and a reader may not.
        self._reading.close()
        self._connection.close()


class _Transaction:
    """All of it or nothing."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if error is None:
            try:
                self._connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise
        else:
            self._roll_back()

    def _roll_back(self) -> None:
        # SQLite has done so itself after some errors, as when the disk is full.
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _most_parameters(connection: sqlite3.Connection) -> int:
    return connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)


def _is_alive(pid: int) -> bool:
    if pid == os.getpid() or os.name == "nt":
        return True  # Windows does not say, and ends a process that is asked.
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


__all__ = ["NotALogError", "SqliteLog", "SqliteReader"]
