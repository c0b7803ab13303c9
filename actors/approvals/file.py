"""What is in a file of approvals, and how is one read from it?"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from actors._store.database import FileKind, open_for_reading
from actors.approvals.approval import Approval
from actors.approvals.errors import NotApprovalsError
from actors.approvals.owner import is_alive
from actors.approvals.states import ApprovalState
from actors.typed.values import FrozenDict

SCHEMA = """
CREATE TABLE approval(
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, state TEXT NOT NULL, task TEXT NOT NULL,
    action TEXT NOT NULL, asked TEXT NOT NULL, payload TEXT NOT NULL, digest TEXT NOT NULL, editable INTEGER NOT NULL,
    deadline REAL, mission TEXT, agent TEXT, created REAL NOT NULL, changed REAL NOT NULL,
    outcome TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '', by TEXT NOT NULL DEFAULT '',
    owner TEXT NOT NULL, runner TEXT NOT NULL DEFAULT ''
);
CREATE INDEX by_state ON approval(state, deadline);
CREATE TABLE step(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, approval INTEGER NOT NULL, old TEXT, new TEXT NOT NULL, by TEXT NOT NULL,
    reason TEXT NOT NULL, at REAL NOT NULL
);
CREATE INDEX step_of ON step(approval)
"""
KIND = FileKind(0x61746170, 1, SCHEMA, NotApprovalsError)  # "atap"
_S = ApprovalState
FIELDS = (
    "id, key, state, task, action, asked, payload, digest, editable, deadline, mission, agent, created, changed,"
    " outcome, reason, by, runner"
)
UNFINISHED = "state IN ('pending', 'approved', 'executing')"


def read_all(path: str | Path) -> tuple[Approval, ...]:
    """Give what is in a file, oldest first, and write nothing into it; raises FileNotFoundError and as `Store` does."""
    place = Path(path).absolute()
    connection = open_for_reading(place, KIND)
    try:
        rows = connection.execute(f"SELECT {FIELDS} FROM approval ORDER BY id").fetchall()
    finally:
        connection.close()
    return tuple(approval_of(row, lambda run: is_alive(place, run)) for row in rows)


def number_of(approval_id: str) -> int:
    """Give the number in an id such as ap-7, or 7; -1 for what is none."""
    digits = str(approval_id).removeprefix("ap-")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else -1


def approval_of(row: Sequence[Any], is_there: Callable[[str], bool]) -> Approval:
    (
        number, key, state, task, action, asked, payload, digest, editable, deadline, mission, agent, created, changed,
        outcome, reason, by, runner,
    ) = row  # fmt: skip
    return Approval(
        id=f"ap-{number}",
        key=key,
        state=_S(state),
        task_id=task,
        action=action,
        asked=FrozenDict(json.loads(asked)),
        payload=FrozenDict(json.loads(payload)),
        digest=digest,
        editable=bool(editable),
        deadline=deadline,
        mission_id=mission,
        agent_id=agent,
        created=created,
        changed=changed,
        outcome=outcome,
        reason=reason,
        by=by,
        interrupted=state == _S.EXECUTING and not is_there(runner),
    )
