"""How is a run read that is in a file, by any process, while it is written or after?"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actors._store.doorbell import Door, Watch, folder_of
from actors.eventlog.log import Follower, Gap, RunInfo
from actors.eventlog.reading import Kept, ViewFollower, ViewReader, check_cursor
from actors.eventlog.sqlite_file import open_for_reading
from actors.eventlog.stamping import Fields, stamped, view_name


class SqliteReader(ViewReader):
    """Reads one run of the log in a file: the newest, or the one with the id `run`; writes nothing into it.

    Safe on all threads, one at a time. Raises FileNotFoundError, NotALogError for a file that is none, LookupError for
    a run that it does not have, and OSError where it cannot be read.
    """

    def __init__(self, path: str | Path, run: str | None = None) -> None:
        super().__init__()
        # Absolute, because the program may change its folder before a follower comes.
        self._path = Path(path).absolute()
        self._connection = open_for_reading(self._path)
        # Guards the connection, who follows, and the end. What is read is decoded outside it.
        self._lock = threading.RLock()
        self._wakers: set[Door | Watch] = set()
        self._closed = self._let_go = False
        try:
            self._id, self._run = self._find_run(run)
        except BaseException:
            self._connection.close()
            raise

    def _find_run(self, run: str | None) -> tuple[int, str]:
        # A file that is made at this moment has a run in a moment, but then nothing has happened yet.
        runs: list[tuple[int, str]] = self._connection.execute("SELECT id, run FROM run ORDER BY id").fetchall()
        found = [each for each in runs if run is None or each[1] == run]
        if not found:
            known = f"; it has {', '.join(name for _, name in runs[-5:])}" if runs else ""
            raise LookupError(f"{self._path} has no run{'' if run is None else f' {run!r}'}{known}")
        return found[-1]

    def __repr__(self) -> str:
        return f"<SqliteReader of {self._run} in {self._path}>"

    @property
    def run(self) -> str:
        return self._run

    def rename(self, run: str) -> None:
        """Go on with the same run under another id, which its log has given it."""
        self._run = run

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One look: all that is read in it is of one moment."""
        with self._lock:
            if self._let_go:
                raise ValueError(f"{self!r} is closed")
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("COMMIT")

    # -- what a view keeps ----------------------------------------------------------------

    def _after(self, view: str, after: int, count: int) -> tuple[Sequence[Kept], Gap | None]:
        with self._reading() as connection:
            if not view:
                first, floor = self._floor(connection)
                rows = connection.execute(
                    "SELECT seq, at, CAST(fields AS BLOB) FROM record WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?",
                    (self._id, max(after, floor - 1), count),
                ).fetchall()
                lost = floor - max(after + 1, first)
                gap = Gap(floor, lost) if lost > 0 else None
            else:
                rows, gap = self._after_in_view(connection, view, after, count)
        return self._kept(rows), gap

    def _after_in_view(
        self, connection: sqlite3.Connection, view: str, after: int, count: int
    ) -> tuple[list[Any], Gap | None]:
        found = connection.execute(
            "SELECT id, first, lost, lost_to FROM view WHERE run = ? AND name = ?", (self._id, view)
        ).fetchone()
        if found is None:
            return [], None
        number, first, lost, lost_to = found
        rows = connection.execute(
            "SELECT seq, at, CAST(fields AS BLOB) FROM entry JOIN record USING (seq)"
            " WHERE view = ? AND run = ? AND seq > ? ORDER BY seq LIMIT ?",
            (number, self._id, after, count),
        ).fetchall()
        if after >= lost_to or not rows:
            return rows, None
        return rows, Gap(rows[0][0], lost if after < first else None)

    def _before(self, view: str, before: int | None, count: int) -> Sequence[Kept]:
        end = before if before is not None else 2**62
        with self._reading() as connection:
            if not view:
                rows = connection.execute(
                    "SELECT seq, at, CAST(fields AS BLOB) FROM record WHERE run = ? AND seq >= ? AND seq < ?"
                    " ORDER BY seq DESC LIMIT ?",
                    (self._id, self._floor(connection)[1], end, count),
                ).fetchall()
            else:
                rows = connection.execute(
                    "SELECT seq, at, CAST(fields AS BLOB) FROM entry JOIN record USING (seq)"
                    " WHERE view = (SELECT id FROM view WHERE run = ? AND name = ?) AND run = ? AND seq < ?"
                    " ORDER BY seq DESC LIMIT ?",
                    (self._id, view, self._id, end, count),
                ).fetchall()
        return self._kept(rows[::-1])

    def _floor(self, connection: sqlite3.Connection) -> tuple[int, int]:
        found = connection.execute("SELECT first, floor FROM run WHERE id = ?", (self._id,)).fetchone()
        return found if found is not None else (1, 1)

    def _kept(self, rows: Sequence[tuple[int, float, Any]]) -> list[Kept]:
        return [(seq, self._whole(seq, at, text)) for seq, at, text in rows]

    def _whole(self, seq: int, at: Any, text: bytes) -> str | bytes | Fields:
        # Bytes, because what somebody else has put there need not be UTF-8.
        try:
            fields = json.loads(text)
            return stamped(self._run, seq, at, fields) if isinstance(fields, dict) else text
        except (ValueError, TypeError, RecursionError, OverflowError, OSError) as error:
            return f"{type(error).__name__}: {error}"

    # -- the run --------------------------------------------------------------------------

    def runs(self) -> list[RunInfo]:
        with self._reading() as connection:
            rows = connection.execute("SELECT run, system, started, ended, last_seq FROM run ORDER BY id").fetchall()
        return [RunInfo(*row) for row in rows]

    def agents(self) -> list[str]:
        with self._reading() as connection:
            rows = connection.execute("SELECT name FROM view WHERE run = ? AND name GLOB 'a:*'", (self._id,)).fetchall()
        return [name[2:] for (name,) in rows]

    def sample(self) -> dict[str, object] | None:
        with self._reading() as connection:
            row = connection.execute("SELECT figures FROM sample WHERE run = ?", (self._id,)).fetchone()
        if row is None:
            return None
        figures: dict[str, object] = json.loads(row[0])
        return figures

    # -- following ------------------------------------------------------------------------

    def follow(self, after: int | None = None, *, agent: str | None = None, mission: str | None = None) -> Follower:
        view = view_name(agent, mission)
        if after is not None:
            check_cursor(after)
        with self._reading() as connection:
            newest = connection.execute("SELECT last_seq FROM run WHERE id = ?", (self._id,)).fetchone()
        tail = newest[0] if newest is not None else 0
        waker = self._waker()
        with self._lock:
            self._wakers.add(waker)
        return ViewFollower(self, view, tail if after is None else after, waker)

    def _waker(self) -> Door | Watch:
        try:
            return Door(folder_of(self._path), self._is_open, self._gone)
        except OSError:
            # As on a system without such sockets, or where nothing may be made beside the file.
            return Watch(self._version, self._is_open, self._gone)

    def _is_open(self) -> bool:
        return not self._closed

    def _version(self) -> int:
        with self._lock:
            if self._let_go:
                return 0
            version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
            return version

    def _gone(self, waker: Door | Watch) -> None:
        with self._lock:
            self._wakers.discard(waker)
            self._close_if_done()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            wakers = tuple(self._wakers)
            self._close_if_done()
        for waker in wakers:
            waker.wake()

    def _close_if_done(self) -> None:
        # The followers first give what there is.
        if self._closed and not self._wakers:
            self._let_go = True
            self._connection.close()
