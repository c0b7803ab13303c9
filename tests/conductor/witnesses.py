"""Who sees what a crew does, without asking it? The work keeps a ledger, and the database notes the steps it takes."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from typing import Any

from actors import AgentFuture
from actors.board import Board
from actors.guard import Usage
from actors.tickets import TicketState
from actors.work import Job
from tests.conductor.invariants import Line, Step


class Ledger:
    """What the work itself notes: lines, in order; any thread."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.handled: list[str] = []
        self.asked: list[tuple[str, Any]] = []
        self.happened: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, what: str, job: Job, text: str = "", used: Usage | None = None) -> None:
        context = job.agent_context
        line = Line(what, job.ticket.id, job.attempt, job.path, context.incarnation, text, used or Usage())
        with self._lock:
            self.lines.append(line)

    def hold(self, what: str, future: Any) -> Any:
        """Keep an eye on a future; one that is computed from others counts as settled when those are."""
        done: AgentFuture[None] = AgentFuture()
        with self._lock:
            self.asked.append((what, done))
        future.add_done_callback(lambda *_: done.resolve())
        return future

    def handle(self, text: str) -> None:
        with self._lock:
            self.handled.append(text)

    def count(self, what: str) -> None:
        with self._lock:
            self.happened[what] += 1


class Steps:
    """Every step that the database of a board takes, noted by the database itself."""

    def __init__(self, board: Board) -> None:
        self._board = board
        connection: sqlite3.Connection = board._connection
        connection.execute("CREATE TEMP TABLE noted(n INTEGER PRIMARY KEY, id, old, new, attempt)")
        connection.execute(
            "CREATE TEMP TRIGGER noting AFTER UPDATE OF state ON main.ticket WHEN old.state <> new.state BEGIN"
            " INSERT INTO noted(id, old, new, attempt) VALUES (new.id, old.state, new.state, new.attempt); END"
        )

    def all(self) -> list[Step]:
        with self._board._reading() as connection:
            rows = connection.execute("SELECT id, old, new, attempt FROM temp.noted ORDER BY n").fetchall()
        return [Step(name, TicketState(old), TicketState(new), attempt) for name, old, new, attempt in rows]
