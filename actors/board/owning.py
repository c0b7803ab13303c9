"""Who works on the tickets of a board, and what becomes of the work of those that are gone?"""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from actors.board.locks import OwnerLock, is_free, remove, stray_locks
from actors.board.store import Store
from actors.board.values import Owner, Transitions
from actors.board.writer import COLUMNS, Writer, as_row
from actors.tickets import TicketState

LOST, GIVEN_BACK = "lost", "given_back"


class Owning(Store):
    """The part of a board that knows who claims tickets, in this process and in others."""

    def join(self, name: str) -> Owner:
        """Give a new owner, which may claim tickets until it leaves.

        It is there until its lease ends without `renew` or `claim`, or its process ends: another owner sees that at its
        next `renew`, and takes over. One of the same name in this board is given up first: whoever is restarted joins
        again, and gets back by `renew` what it had.
        """
        owner, lock = Owner(uuid.uuid4().hex, name), None
        with self._alone():
            before = [there for there in self._owners if there.name == name]
            try:
                with self._writing() as writer:
                    for there in before:
                        writer.execute("UPDATE owner SET until = ? WHERE run = ?", (float("-inf"), there.run))
                    # Locked before anybody can see it, for who is seen without a lock is dead.
                    lock = self._make_lock(writer, owner)
                    until = self._clock.now() + self.lease
                    values = (owner.run, name, os.getpid(), until)
                    writer.execute("INSERT INTO owner(run, name, pid, until) VALUES (?, ?, ?, ?)", values)
            except BaseException:
                if lock is not None:
                    lock.release()
                raise
            self._owners[owner] = lock
            for there in before:
                self._drop(there)
        return owner

    def _make_lock(self, writer: Writer, owner: Owner) -> OwnerLock | None:
        if self.path is None:
            return None
        # What a process has left that ended while it joined or left. Only one at a time gets here, so no other one is
        # just being made.
        for path in stray_locks(self._lock_file(owner.run).parent):
            known = writer.execute("SELECT 1 FROM owner WHERE run = ? AND gone = 0", (path.name,)).fetchone()
            if known is None:
                remove(path)
        return OwnerLock(self._lock_file(owner.run))

    def renew(self, owner: Owner) -> Transitions:
        """Prolong the owner's lease, and take over for those that are gone.

        What they were at is ready again, not counted as a retry; its receipt says lost. Call it after `join`, and some
        three times per lease.
        """
        with self._writing() as writer:
            self._prolong(writer, owner)
            for number, run, until in writer.execute("SELECT n, run, until FROM owner WHERE gone = 0").fetchall():
                if run != owner.run and self._is_gone(run, until):
                    self._end(writer, number, run, LOST, "whoever had it is gone")
            return writer.settle()

    def leave(self, owner: Owner) -> Transitions:
        """Let the owner go; what it was still at is ready again, not counted as a retry. A second time does nothing."""
        with self._alone():
            if owner not in self._owners:
                return ()
            with self._writing() as writer:
                (number,) = writer.execute("SELECT n FROM owner WHERE run = ?", (owner.run,)).fetchone()
                self._end(writer, number, owner.run, GIVEN_BACK, f"{owner.name} has left")
                made = writer.settle()
            self._drop(owner)
            return made

    def close(self) -> None:
        """Have all owners of this board leave, and close the file; a second time does nothing."""
        try:
            for owner in tuple(self._owners):
                self.leave(owner)
        finally:
            with self._lock:
                # Those that could not leave.
                for lock in self._owners.values():
                    if lock is not None:
                        lock.let_go()
                self._owners.clear()
            super().close()

    def _check_owner(self, owner: Owner) -> None:
        if owner not in self._owners:
            raise ValueError(f"{owner.name} has left {self!r}, or joined again since")

    def _prolong(self, writer: Writer, owner: Owner) -> int:
        """Prolong the lease, also of one that others have given up: it is there, though its claims are void."""
        self._check_owner(owner)
        (number,) = writer.execute("SELECT n FROM owner WHERE run = ?", (owner.run,)).fetchone()
        until = self._clock.now() + self.lease
        writer.execute("UPDATE owner SET until = ?, gone = 0 WHERE n = ?", (until, number))
        return int(number)

    def _end(self, writer: Writer, number: int, run: str, outcome: str, reason: str) -> None:
        self._note_all_tracks(writer)
        rows = writer.execute(f"SELECT {COLUMNS} FROM ticket WHERE owner = ? ORDER BY n", (number,)).fetchall()
        for row in map(as_row, rows):
            writer.move(row, TicketState.READY, reason, outcome=outcome)
        writer.execute("UPDATE owner SET gone = 1 WHERE n = ?", (number,))
        if self.path is not None and is_free(self._lock_file(run)):
            remove(self._lock_file(run))

    def _is_gone(self, run: str, until: float) -> bool:
        if until < self._clock.now():
            return True
        return self.path is not None and is_free(self._lock_file(run))

    def _drop(self, owner: Owner) -> None:
        lock = self._owners.pop(owner)
        if lock is not None:
            lock.release()

    def _lock_file(self, run: str) -> Path:
        assert self.path is not None
        return self.path.with_name(f"{self.path.name}-owners") / run
