"""Where are approvals kept, so that each takes every step once, whoever answers and whichever process ends?

Every step is one transaction that looks at the state, checks `LEGAL` and writes both the state and the step. So of
several who answer at once, in whichever processes, one is first, and the others are told so.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from actors._store.database import open_for_writing
from actors._store.doorbell import bell, folder_of, ring
from actors.approvals.approval import Approval, Step, digest_of
from actors.approvals.errors import (
    ApprovalClosedError,
    DigestError,
    KeyTakenError,
    NotEditableError,
    UnknownApprovalError,
)
from actors.approvals.file import FIELDS, KIND, UNFINISHED, approval_of, number_of
from actors.approvals.owner import Owner, is_alive
from actors.approvals.states import LEGAL, ApprovalState
from actors.typed.direction import ApprovalRequest

_S = ApprovalState
NOBODY = "nobody answered in time"


class Store:
    """The approvals of one file, or of ":memory:"; for one thread at a time. `now` is unix seconds, everywhere.

    Raises NotApprovalsError for a file of something else, and OSError where it cannot be written.
    """

    def __init__(self, path: str | Path, owner: Owner | None = None, keep: int | None = None) -> None:
        self.path = None if path == ":memory:" else Path(path).absolute()
        self._owner = owner
        self._keep = keep
        self._connection = open_for_writing(":memory:" if self.path is None else self.path, KIND)
        # What was begun must be known to have been begun, also when the power fails.
        self._connection.execute("PRAGMA synchronous = FULL")
        self._bell = None if self.path is None else bell()
        self._end = weakref.finalize(self, _close, self._connection, self._bell)

    def close(self) -> None:
        self._end()

    def belong_to(self, owner: Owner) -> None:
        """From here on it is this program that asks and executes."""
        self._owner = owner

    # -- asking ----------------------------------------------------------------------

    def request(self, request: ApprovalRequest, now: float, deadline: float | None) -> Approval:
        """Give the approval of this key, made where there is none; `deadline` seconds where the request has no own.

        Raises KeyTakenError where the key is that of something else.
        """
        key = request.key or f"~{secrets.token_hex(8)}"
        with self._transaction():
            found = self._row("key = ?", key)
            if found is None:
                return self._add(request, key, now, deadline)
            known = self._approval(found)
            if digest_of(known.action, known.asked) != digest_of(request.action, request.payload):
                raise KeyTakenError(known.id, f"the key {key!r} is that of {known.id}, which asks for something else")
            self._connection.execute("UPDATE approval SET owner = ? WHERE key = ?", (self._me, key))
        return known

    def _add(self, request: ApprovalRequest, key: str, now: float, deadline: float | None) -> Approval:
        seconds = deadline if request.deadline is None else request.deadline
        payload = _text_of(request.payload)
        number = self._connection.execute(
            "INSERT INTO approval(key, state, task, action, asked, payload, digest, editable, deadline, mission, agent,"
            " created, changed, owner) VALUES (?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key, request.task_id, request.action, payload, payload, digest_of(request.action, request.payload),
                request.editable, None if seconds is None else now + seconds, request.mission_id, request.agent_id,
                now, now, self._me,
            ),
        ).lastrowid  # fmt: skip
        assert number is not None
        self._note(number, None, _S.PENDING, "", "", now)
        self._forget_old(number)
        return self._one(number)

    def _forget_old(self, newest: int) -> None:
        if self._keep is None or newest <= self._keep:
            return
        old = f"SELECT id FROM approval WHERE id <= {newest - self._keep} AND NOT ({UNFINISHED})"
        self._connection.execute(f"DELETE FROM step WHERE approval IN ({old})")
        self._connection.execute(f"DELETE FROM approval WHERE id IN ({old})")

    # -- answering -------------------------------------------------------------------

    def approve(
        self, approval_id: str, payload: Mapping[str, str] | None, by: str, reason: str, now: float
    ) -> Approval:
        """Say yes, to the payload that was asked for or to another one where that may be."""
        with self._transaction():
            approval = self._pending(approval_id, now)
            if not isinstance(approval, ApprovalClosedError):
                wanted = approval.asked if payload is None else dict(payload)
                if wanted != approval.asked and not approval.editable:
                    raise NotEditableError(approval.id, f"{approval.id} may be approved or denied, but not changed")
                digest = digest_of(approval.action, wanted)
                return self._move(
                    approval, _S.APPROVED, by, reason, now, outcome="approved", payload=_text_of(wanted), digest=digest
                )
        raise approval

    def refuse(self, approval_id: str, outcome: str, by: str, reason: str, now: float) -> Approval:
        """Say no: "refused", or "aborted" to give up all that it was for."""
        with self._transaction():
            approval = self._pending(approval_id, now)
            if not isinstance(approval, ApprovalClosedError):
                state = _S.DENIED if outcome == "refused" else _S.CANCELLED
                return self._move(approval, state, by, reason, now, outcome=outcome)
        raise approval

    def expire(self, now: float) -> None:
        """End those that nobody has answered in time."""
        with self._transaction():
            due = self._connection.execute(
                f"SELECT {FIELDS} FROM approval WHERE state = 'pending' AND deadline <= ?", (now,)
            ).fetchall()
            for row in due:
                self._expire(self._approval(row), now)

    def withdraw(
        self, key: str | None, task_id: str | None, mission_id: str | None, reason: str, now: float
    ) -> tuple[Approval, ...]:
        """Take back what fits all that is given, unless it is begun or over; gives what was taken back."""
        given = {"key": key, "task": task_id, "mission": mission_id}
        wanted = {name: value for name, value in given.items() if value is not None}
        condition = " AND ".join(f"{name} = ?" for name in wanted)
        with self._transaction():
            rows = self._connection.execute(
                f"SELECT {FIELDS} FROM approval WHERE state IN ('pending', 'approved') AND {condition} ORDER BY id",
                tuple(wanted.values()),
            ).fetchall()
            return tuple(
                self._move(self._approval(row), _S.CANCELLED, "", reason, now, outcome="withdrawn") for row in rows
            )

    def _pending(self, approval_id: str, now: float) -> Approval | ApprovalClosedError:
        """Give it if it can be answered, else why not; the transaction may have something to keep in both cases."""
        approval = self._known(approval_id)
        if approval.state is _S.PENDING and approval.deadline is not None and approval.deadline <= now:
            approval = self._expire(approval, now)
        if approval.state is _S.PENDING:
            return approval
        text = f"{approval.id} is {approval.state}{_because(approval)}: the answer comes too late and changes nothing"
        return ApprovalClosedError(approval.id, approval.state, text)

    def _expire(self, approval: Approval, now: float) -> Approval:
        return self._move(approval, _S.EXPIRED, "", NOBODY, now, outcome="expired")

    # -- doing -----------------------------------------------------------------------

    def begin(self, approval_id: str, digest: str, now: float) -> Approval:
        """Note that what was approved is about to be done; that is allowed once.

        Raises ApprovalClosedError where it is not approved, or was begun before, and DigestError for anything else than
        what was approved.
        """
        with self._transaction():
            approval = self._known(approval_id)
            if approval.state is not _S.APPROVED:
                begun = approval.state in (_S.EXECUTING, _S.CONSUMED)
                why = "an approval is used once" if begun else "only what is approved may be begun"
                text = f"{approval.id} is {approval.state}{_because(approval)}: {why}"
                raise ApprovalClosedError(approval.id, approval.state, text)
            if digest != approval.digest:
                raise DigestError(approval.id, f"{approval.id} approves something else than what was to be begun")
            return self._move(
                approval, _S.EXECUTING, "", "", now, by=approval.by, reason=approval.reason, runner=self._me
            )

    def consume(self, approval_id: str, reason: str, now: float) -> Approval:
        """Note that it was done."""
        return self._end_execution(approval_id, _S.CONSUMED, reason, now)

    def give_up(self, approval_id: str, reason: str, now: float) -> Approval:
        """Note that what was begun will not be finished."""
        return self._end_execution(approval_id, _S.CANCELLED, reason, now, outcome="interrupted")

    def _end_execution(
        self, approval_id: str, state: ApprovalState, reason: str, now: float, **changes: Any
    ) -> Approval:
        with self._transaction():
            approval = self._known(approval_id)
            if approval.state is not _S.EXECUTING:
                text = f"{approval.id} is {approval.state}{_because(approval)}: it is not being executed"
                raise ApprovalClosedError(approval.id, approval.state, text)
            kept = {"by": approval.by, "reason": reason or approval.reason}
            return self._move(approval, state, "", reason, now, **kept, **changes)

    # -- looking ---------------------------------------------------------------------

    def get(self, approval_id: str) -> Approval:
        """Raises UnknownApprovalError."""
        return self._known(approval_id)

    def all(self, *states: ApprovalState) -> tuple[Approval, ...]:
        """Give those in these states, or all, oldest first."""
        wanted = ",".join("?" * len(states))
        condition = f"WHERE state IN ({wanted})" if states else ""
        rows = self._connection.execute(f"SELECT {FIELDS} FROM approval {condition} ORDER BY id", states).fetchall()
        return tuple(self._approval(row) for row in rows)

    def unanswered(self) -> tuple[Approval, ...]:
        """Give those that this program has asked for, or has taken over, and nobody has answered, oldest first."""
        rows = self._connection.execute(
            f"SELECT {FIELDS} FROM approval WHERE state = 'pending' AND owner = ? ORDER BY id", (self._me,)
        ).fetchall()
        return tuple(self._approval(row) for row in rows)

    @property
    def next_deadline(self) -> float | None:
        """When the next of them is over that nobody has answered, in unix seconds."""
        deadline: float | None = self._connection.execute(
            "SELECT min(deadline) FROM approval WHERE state = 'pending'"
        ).fetchone()[0]
        return deadline

    def adopt(self) -> None:
        """Take over from those that have ended what is not begun."""
        with self._transaction():
            owners = self._connection.execute(
                "SELECT DISTINCT owner FROM approval WHERE state IN ('pending', 'approved')"
            ).fetchall()
            for (run,) in owners:
                if not self._is_alive(run):
                    self._connection.execute(
                        "UPDATE approval SET owner = ? WHERE owner = ? AND state IN ('pending', 'approved')",
                        (self._me, run),
                    )

    @property
    def last_step(self) -> int:
        found = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'step'").fetchone()
        return 0 if found is None else int(found[0])

    def steps_after(self, seq: int) -> Sequence[tuple[Step, Approval, bool]]:
        """Give the steps after that one, in order: the approval as it is now, and whether it is this program's own."""
        fields = ", ".join(f"a.{name.strip()}" for name in FIELDS.split(","))
        rows = self._connection.execute(
            f"SELECT s.seq, s.old, s.new, s.by, s.reason, s.at, a.owner, {fields}"
            " FROM step s JOIN approval a ON a.id = s.approval WHERE s.seq > ? ORDER BY s.seq",
            (seq,),
        ).fetchall()
        return [self._step(row) for row in rows]

    def _step(self, row: tuple[Any, ...]) -> tuple[Step, Approval, bool]:
        seq, old, new, by, reason, at, owner, *fields = row
        approval = self._approval(fields)
        step = Step(seq, approval.id, None if old is None else _S(old), _S(new), by, reason, at)
        return step, approval, owner == self._me

    # -- inside ----------------------------------------------------------------------

    @property
    def _me(self) -> str:
        return "" if self._owner is None else self._owner.run

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of it or nothing; afterwards whoever follows the file is rung at."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        before = connection.total_changes
        try:
            yield
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
        if self._bell is not None and self.path is not None and connection.total_changes != before:
            ring(folder_of(self.path), self._bell)

    def _move(
        self, approval: Approval, new: ApprovalState, said_by: str, why: str, now: float, **changes: Any
    ) -> Approval:
        """Take a step, for which somebody said why; `changes` are what the approval has of its own."""
        assert new in LEGAL[approval.state], f"{approval.state} to {new}"
        number = number_of(approval.id)
        columns = {"state": new, "by": said_by, "reason": why, "changed": now, **changes}
        names = ", ".join(f"{name} = ?" for name in columns)
        self._connection.execute(f"UPDATE approval SET {names} WHERE id = ?", (*columns.values(), number))
        self._note(number, approval.state, new, said_by, why, now)
        return self._one(number)

    def _note(
        self, number: int, old: ApprovalState | None, new: ApprovalState, by: str, reason: str, now: float
    ) -> None:
        self._connection.execute(
            "INSERT INTO step(approval, old, new, by, reason, at) VALUES (?, ?, ?, ?, ?, ?)",
            (number, old, new, by, reason, now),
        )

    def _row(self, condition: str, value: object) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(
            f"SELECT {FIELDS} FROM approval WHERE {condition}", (value,)
        ).fetchone()
        return row

    def _one(self, number: int) -> Approval:
        row = self._row("id = ?", number)
        assert row is not None
        return self._approval(row)

    def _known(self, approval_id: str) -> Approval:
        row = self._row("id = ?", number_of(approval_id))
        if row is None:
            raise UnknownApprovalError(str(approval_id), f"there is no approval {approval_id}")
        return self._approval(row)

    def _approval(self, row: Sequence[Any]) -> Approval:
        return approval_of(row, self._is_alive)

    def _is_alive(self, run: str) -> bool:
        if self._owner is not None:
            return self._owner.is_alive(run)
        return self.path is not None and is_alive(self.path, run)


def _because(approval: Approval) -> str:
    by = f" by {approval.by}" if approval.by else ""
    return f"{by} ({approval.reason})" if approval.reason else by


def _text_of(payload: Mapping[str, str]) -> str:
    return json.dumps(dict(payload))


def _close(connection: sqlite3.Connection, door: Any) -> None:
    connection.close()
    if door is not None:
        door.close()
