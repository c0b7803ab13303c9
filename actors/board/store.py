"""How does a board keep its file: one connection, one transaction at a time, all of it or nothing?"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from actors._core.clock import Clock, SystemClock
from actors._core.wall import wall_clock
from actors._store.database import open_for_writing
from actors._store.doorbell import bell, folder_of, ring
from actors.board.locks import OwnerLock
from actors.board.schema import BOARD
from actors.board.values import NotOnBoardError, Owner
from actors.board.writer import Row, Writer

IN_MEMORY = ":memory:"


class Store:
    """What the parts of a board share. Nothing of any ticket is kept outside the database."""

    def __init__(self, path: str | Path = IN_MEMORY, *, lease: float = 30.0, clock: Clock | None = None) -> None:
        if isinstance(lease, bool) or not isinstance(lease, (int, float)) or not lease > 0:
            raise ValueError(f"lease: seconds above 0, not {lease!r}")
        # Absolute, because the program may change its folder.
        self.path = None if path == IN_MEMORY else Path(path).absolute()
        self.lease = lease
        self._clock = clock or SystemClock("board")
        self._utc = wall_clock(self._clock)
        # Guards the connection, the names of the tracks and the owners of this process. A transaction happens under it,
        # which may wait for another process that writes; no code of anybody else does, and no ring.
        self._lock = threading.RLock()
        self._connection = open_for_writing(self.path or IN_MEMORY, BOARD)
        self._names: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self._owners: dict[Owner, OwnerLock | None] = {}  # of this process
        self._bell = bell() if self.path else None
        self._doors = 0  # of watchers of this board
        self._depth = 0  # of those that hold the lock, one in the other
        self._changed = False  # since it was taken
        self._closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} in {self.path or 'memory'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a second time does nothing. Whoever uses the board afterwards gets a ValueError."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._connection.close()
            if self._bell is not None:
                self._bell.close()

    # -- transactions ----------------------------------------------------------------------

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else uses the board meanwhile; those that watch are told afterwards, when others may use it again."""
        changed = False
        try:
            with self._lock:
                self._depth += 1
                try:
                    yield
                finally:
                    self._depth -= 1
                    if not self._depth:
                        changed, self._changed = self._changed, False
        finally:
            if changed:
                self._ring()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One look: all that is read in it is of one moment."""
        with self._lock:
            self._check_open()
            self._connection.execute("BEGIN")
            try:
                yield self._connection
            finally:
                self._connection.execute("COMMIT")

    @contextmanager
    def _writing(self) -> Iterator[Writer]:
        """One change, made whole or not at all; afterwards those that watch are told."""
        with self._alone():
            self._check_open()
            before = self._connection.total_changes
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield Writer(self._connection, self._names, self._now)
                self._connection.execute("COMMIT")
            except BaseException as error:
                # SQLite has done so itself after some errors, as when the disk is full.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._forget_tracks()
                if isinstance(error, sqlite3.OperationalError):
                    raise OSError(f"{self.path or 'a board in memory'} cannot be written: {error}") from error
                raise
            self._changed |= self._connection.total_changes != before

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError(f"{self!r} is closed")

    def _ring(self) -> None:
        if self._bell is None or self.path is None:
            return
        folder = folder_of(self.path)
        try:
            # Ours alone would be rung at for what they know.
            if len(os.listdir(folder)) > self._doors:
                ring(folder, self._bell)
        except OSError:
            return  # Nobody watches, or this board was just closed.

    def _now(self) -> str:
        return self._utc().isoformat(timespec="milliseconds")

    # -- names -----------------------------------------------------------------------------

    def _number(self, track: str) -> int:
        """Give the number of a track. Raises NotOnBoardError. In a transaction."""
        number = self._numbers.get(track)
        if number is None:
            found = self._connection.execute("SELECT n FROM track WHERE id = ?", (track,)).fetchone()
            if found is None:
                raise NotOnBoardError(f"there is no track {track} on {self!r}")
            number = int(found[0])
            self._note_track(number, track)
        return number

    def _note_track(self, number: int, track: str) -> None:
        self._numbers[track] = number
        self._names[number] = track

    def _forget_tracks(self) -> None:
        # One of them may have been made in the transaction that was undone.
        self._numbers.clear()
        self._names.clear()

    def _note_all_tracks(self, writer: Writer) -> None:
        for number, track in writer.execute("SELECT n, id FROM track").fetchall():
            self._note_track(number, track)

    def _row(self, writer: Writer, track: str, ticket: str) -> Row:
        row = writer.find(self._number(track), ticket)
        if row is None:
            raise NotOnBoardError(f"there is no ticket {ticket} in track {track}")
        return row
