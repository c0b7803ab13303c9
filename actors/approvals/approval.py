"""What is known of one approval, and what exactly does it allow?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors.approvals.states import ApprovalState
from actors.typed.direction import ApprovalAnswer, ApprovalRequest
from actors.typed.values import FrozenDict

_S = ApprovalState


def digest_of(action: str, payload: Mapping[str, str]) -> str:
    """Give the SHA-256 of an action and its payload as hexadecimal text; the order of the payload does not matter."""
    text = json.dumps({"action": action, "payload": dict(payload)}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval as it stood when somebody looked; a value that does not change.

    `payload` is what may be done: `asked` or, where `edited`, what whoever approved has made of it. `digest` is of
    `action` and `payload`. `deadline`, `created` and `changed` are unix seconds. `interrupted`: it is `executing`, but
    the program that began it has ended.
    """

    id: str
    key: str
    state: ApprovalState
    task_id: str
    action: str
    asked: Mapping[str, str]
    payload: Mapping[str, str]
    digest: str
    editable: bool
    deadline: float | None
    mission_id: str | None
    agent_id: str | None
    created: float
    changed: float
    outcome: str
    reason: str
    by: str
    interrupted: bool

    @property
    def edited(self) -> bool:
        return self.payload != self.asked

    @property
    def request(self) -> ApprovalRequest:
        """What was asked, with the key that it was given; `deadline` is not told again."""
        return ApprovalRequest(
            task_id=self.task_id,
            action=self.action,
            payload=self.asked,
            editable=self.editable,
            key=self.key,
            mission_id=self.mission_id,
            agent_id=self.agent_id,
        )

    @property
    def answer(self) -> ApprovalAnswer | None:
        """What whoever has asked is told; None while nobody has answered."""
        outcome: Any = self.outcome
        if self.state is _S.PENDING:
            return None
        if self.state is _S.CONSUMED:
            outcome = "consumed"
        elif self.state is _S.EXECUTING:
            outcome = "interrupted" if self.interrupted else "consumed"
        return ApprovalAnswer(
            task_id=self.task_id,
            outcome=outcome,
            payload=FrozenDict(self.payload) if self.edited else None,
            reason=self.reason,
            approval_id=self.id,
            digest=self.digest,
            by=self.by,
        )

    def to_fields(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        return {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in ((name, getattr(self, name)) for name in self.__slots__)
        }


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an approval: `old` is None for its first. `seq` counts the steps of a file, `at` is unix seconds."""

    seq: int
    approval_id: str
    old: ApprovalState | None
    new: ApprovalState
    by: str
    reason: str
    at: float
