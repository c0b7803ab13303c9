"""What is one step of a ticket, and what follows from it for those that depend on it?

All steps of all tickets are made here, by `Writer.move`, which refuses those that are not legal.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from actors.board.values import Transition, Transitions
from actors.tickets.states import HOPELESS, RUNNING, TicketState, check_transition

_S = TicketState
BY_DEPENDENCY, BY_ITSELF, BY_HAND = range(3)
"""Why a ticket is blocked: the values of `own`."""


class Row(NamedTuple):
    """The part of a ticket that changes, at one moment of a transaction."""

    n: int
    track: int
    id: str
    state: TicketState
    waiting: int
    hopeless: int
    own: int
    reason: str | None
    blocker: int | None
    gated: int
    filed: int
    parked: str | None
    retries: int
    attempt: int
    owner: int | None
    previous: str | None
    held: int

    @property
    def root(self) -> int:
        """The ticket because of which those behind this one are blocked."""
        return self.n if self.blocker is None else self.blocker


COLUMNS = ", ".join(f"ticket.{name}" for name in Row._fields)
_DEPENDENTS = f"SELECT {COLUMNS} FROM dependency JOIN ticket ON ticket.n = dependency.ticket WHERE needs = ?"


def as_row(values: Iterable[Any]) -> Row:
    """Give the row of the COLUMNS that were read."""
    row = Row(*values)
    return row._replace(state=_S(row.state))


class Writer:
    """The steps of one transaction; `settle` makes all that follow from them. Its owner holds the board's lock."""

    def __init__(self, connection: sqlite3.Connection, names: Mapping[int, str], now: Callable[[], str]) -> None:
        self._connection = connection
        self.many = connection.executemany
        self.now = now
        self._names = names
        self._made: list[Transition] = []
        self._counts: Counter[tuple[int, str]] = Counter()
        # What has still to be done for those that depend on tickets that have taken a step, in order of the steps.
        self._follow: deque[Callable[[], None]] = deque()

    def execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Execute a statement; what is not UTF-8 in a text, as in an error about a file, is spelled out."""
        try:
            return self._connection.execute(statement, values)
        except UnicodeEncodeError:
            return self._connection.execute(statement, [encodable(v) if isinstance(v, str) else v for v in values])

    def move(
        self,
        row: Row,
        new: TicketState,
        reason: str = "",
        *,
        outcome: str = "",
        own: int = BY_DEPENDENCY,
        blocker: int | None = None,
        **also: Any,
    ) -> None:
        """Make one step; `outcome` is for the receipt if an attempt ends with it, `also` are further columns."""
        check_transition(row.id, row.state, new)
        reason = encodable(reason)
        values: dict[str, Any] = {
            "state": new,
            "reason": reason if new in HOPELESS else None,
            "own": own,
            "blocker": blocker,
            "parked": None,
            **({} if new in RUNNING else {"owner": None}),
            **({"held": row.held + 1} if new is _S.AWAITING_APPROVAL else {}),
            **also,
        }
        columns = ", ".join(f"{column} = ?" for column in values)
        self.execute(f"UPDATE ticket SET {columns} WHERE n = ?", (*values.values(), row.n))
        if row.state in RUNNING and new not in RUNNING:
            self._end_receipt(row, outcome or str(new), reason)
        self._count(row.track, row.state, new)
        attempt = also.get("attempt", row.attempt)
        self._made.append(Transition(self._names[row.track], row.id, row.state, new, reason, attempt))
        self._files_follow(row, new)
        self._others_follow(row, new, reason, blocker)

    def _end_receipt(self, row: Row, outcome: str, text: str) -> None:
        self.execute(
            "UPDATE receipt SET ended = ?, outcome = ?, text = ? WHERE ticket = ? AND attempt = ?",
            (self.now(), outcome, text, row.n, row.attempt),
        )

    def _count(self, track: int, old: TicketState, new: TicketState) -> None:
        self._counts[track, old] -= 1
        self._counts[track, new] += 1

    def settle(self) -> Transitions:
        """Make all steps that follow, and give all that were made."""
        while self._follow:
            self._follow.popleft()()
        for (track, state), change in self._counts.items():
            self.add_count(track, state, change)
        self._counts.clear()
        return tuple(self._made)

    def add_count(self, track: int, state: str, change: int) -> None:
        if not change:
            return
        changed = self.execute(
            "UPDATE state_count SET tickets = tickets + ? WHERE track = ? AND state = ?", (change, track, state)
        )
        if not changed.rowcount:
            self.execute("INSERT INTO state_count VALUES (?, ?, ?)", (track, state, change))

    # -- those that depend on it -----------------------------------------------------------

    def _others_follow(self, row: Row, new: TicketState, reason: str, blocker: int | None) -> None:
        if new is _S.COMPLETED:
            self._follow.append(partial(self._free, row))
        was, is_now = row.state in HOPELESS, new in HOPELESS
        if is_now and not was:
            self._follow.append(partial(self._cascade, row.n, *_told(row, new, reason, blocker)))
        elif was and is_now:
            self._follow.append(partial(self._name_others, row, row.root))
        elif was:
            self._follow.append(partial(self._relieve, row, row.root))

    def dependents(self, n: int, where: str) -> list[Row]:
        return [as_row(values) for values in self.execute(f"{_DEPENDENTS} AND {where}", (n,)).fetchall()]

    def _change_dependents(self, n: int, change: str) -> None:
        self.execute(f"UPDATE ticket SET {change} WHERE n IN (SELECT ticket FROM dependency WHERE needs = ?)", (n,))

    def _free(self, row: Row) -> None:
        self._change_dependents(row.n, "waiting = waiting - 1")
        for dependent in self.dependents(row.n, "state = 'todo' AND waiting = 0"):
            self.move(dependent, _S.READY, f"{row.id} is completed, the last that it waited for")

    def block_behind(self, row: Row, blocked_by: Row) -> None:
        """Block a ticket that was added behind one that is hopeless."""
        root, reason = _told(blocked_by, blocked_by.state, blocked_by.reason or "", blocked_by.blocker)
        self.move(row, _S.BLOCKED, reason, blocker=root)

    def cascade_from(self, row: Row) -> None:
        """Block all that wait for a ticket that was hopeless when it was added."""
        self._cascade(row.n, *_told(row, row.state, row.reason or "", row.blocker))

    def _cascade(self, n: int, root: int, reason: str) -> None:
        self._change_dependents(n, "hopeless = hopeless + 1")
        for dependent in self.dependents(n, "state = 'todo'"):
            self.move(dependent, _S.BLOCKED, reason, blocker=root)

    def _relieve(self, row: Row, root: int) -> None:
        self._change_dependents(row.n, "hopeless = hopeless - 1")
        for dependent in self.dependents(row.n, f"state = 'blocked' AND own = {BY_DEPENDENCY}"):
            if dependent.hopeless:
                self._name_other(dependent, root)
            else:
                self.move(dependent, unblocked(dependent), f"{row.id} blocks it no longer")

    # -- what is said of those that stay blocked -------------------------------------------

    def _name_others(self, row: Row, root: int) -> None:
        for dependent in self.dependents(row.n, f"state = 'blocked' AND own = {BY_DEPENDENCY}"):
            self._name_other(dependent, root)

    def _name_other(self, row: Row, root: int) -> None:
        """Say which ticket blocks it now, where it was said to be `root`."""
        found = self._hopeless_dependency(row) if row.blocker == root else None
        if found is None:  # It is another one, or those that are left are about to be relieved, too.
            return
        blocker, reason = _told(found, found.state, found.reason or "", found.blocker)
        if (blocker, reason) != (row.blocker, row.reason):
            self.execute("UPDATE ticket SET blocker = ?, reason = ? WHERE n = ?", (blocker, reason, row.n))
            self._follow.append(partial(self._name_others, row, root))

    def _hopeless_dependency(self, row: Row) -> Row | None:
        (fields,) = self.execute("SELECT fields FROM content WHERE n = ?", (row.n,)).fetchone()
        for needed in json.loads(fields).get("depends_on", ()):
            found = self.find(row.track, needed)
            if found is not None and found.state in HOPELESS:
                return found
        return None

    def find(self, track: int, ticket: str) -> Row | None:
        values = self.execute(f"SELECT {COLUMNS} FROM ticket WHERE track = ? AND id = ?", (track, ticket)).fetchone()
        return None if values is None else as_row(values)

    # -- files: one ticket at a time has each ----------------------------------------------
    # As long as nobody has a file for which tickets are parked, one that needs it is not parked, so that it is tried.

    def _files_follow(self, row: Row, new: TicketState) -> None:
        if not row.filed:
            return
        if row.state in RUNNING and new not in RUNNING:
            files = self.execute("SELECT file FROM owned_file WHERE ticket = ?", (row.n,)).fetchall()
            self.execute("DELETE FROM owned_file WHERE ticket = ?", (row.n,))
            self._wake_for(row.track, [file for (file,) in files])
        elif row.state is _S.READY and row.parked is None and new is not _S.IN_PROGRESS:
            self._hand_on(row)

    def acquire(self, row: Row, files: Iterable[str]) -> str | None:
        """Give the row's ticket all of the files, or none: then the first that another one has."""
        wanted = list(dict.fromkeys(files))
        for file in wanted:
            if self.owner_of(row.track, file) not in (None, row.n):
                return file
        for file in wanted:
            self.execute("INSERT OR IGNORE INTO owned_file VALUES (?, ?, ?)", (row.track, file, row.n))
        return None

    def owner_of(self, track: int, file: str) -> int | None:
        found = self.execute("SELECT ticket FROM owned_file WHERE track = ? AND file = ?", (track, file)).fetchone()
        return None if found is None else int(found[0])

    def park(self, row: Row, file: str) -> None:
        """Leave the ticket out of what may be claimed until nobody has the file."""
        self.execute("UPDATE ticket SET parked = ? WHERE n = ?", (file, row.n))
        self._hand_on(row)

    def _hand_on(self, row: Row) -> None:
        (fields,) = self.execute("SELECT fields FROM content WHERE n = ?", (row.n,)).fetchone()
        files = json.loads(fields).get("files", ())
        self._wake_for(row.track, [file for file in files if self.owner_of(row.track, file) is None])

    def _wake_for(self, track: int, files: Iterable[str]) -> None:
        for file in files:
            self.execute(
                "UPDATE ticket SET parked = NULL WHERE n = (SELECT n FROM ticket"
                " WHERE parked IS NOT NULL AND track = ? AND parked = ? ORDER BY rank, n LIMIT 1)",
                (track, file),
            )


def encodable(text: str) -> str:
    """Give a text as UTF-8 can say it: "\\udce9" for the half of a character."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def unblocked(row: Row) -> TicketState:
    """Give the state of a ticket that was blocked, and is not any more."""
    return _S.TODO if row.waiting else _S.READY


def _told(row: Row, state: TicketState, reason: str, blocker: int | None) -> tuple[int, str]:
    """Give the ticket that blocks those behind the row, and what to say of it."""
    if blocker is not None:
        return blocker, reason
    return row.n, f"blocked by {state} task {row.id}"
