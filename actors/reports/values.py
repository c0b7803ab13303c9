"""What does a report of a track say? Plain values, which the text, the JSON and the page are written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

GLYPHS: Mapping[str, str] = {
    "todo": "·",
    "ready": "○",
    "awaiting_approval": "?",
    "in_progress": "▶",
    "review": "◎",
    "completed": "✓",
    "failed": "✗",
    "exhausted": "∅",
    "blocked": "⊘",
    "killed": "†",
}
"""One sign for each state of a ticket, beside its word and its colour."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a ticket. Times are seconds since the report begins; `ended` is None for one that has not."""

    number: int
    worker: str
    began: float
    ended: float | None = None
    outcome: str = "running"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TicketLine:
    """One ticket as it is at the end, and what was tried."""

    id: str
    title: str
    state: str
    depends_on: tuple[str, ...] = ()
    reason: str = ""
    attempts: tuple[Attempt, ...] = ()
    steps: tuple[tuple[float, str], ...] = ()

    @property
    def glyph(self) -> str:
        return GLYPHS.get(self.state, "?")


@dataclass(frozen=True, slots=True)
class Span:
    """What an agent did for a while: `state` is running or waiting (to be started again)."""

    began: float
    ended: float
    state: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Mark:
    """What happened to an agent at a moment: failed, abandoned, escalated, ..."""

    at: float
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class AgentLine:
    """One agent, from its first start to its end."""

    path: str
    kind: str
    spans: tuple[Span, ...] = ()
    marks: tuple[Mark, ...] = ()
    tasks: tuple[tuple[str, Attempt], ...] = ()


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the models of one tier have used."""

    tier: str
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """A track from its first event to its last; see `make_report`."""

    title: str
    track: str
    outcome: str
    seconds: float
    tickets: tuple[TicketLine, ...]
    agents: tuple[AgentLine, ...] = ()
    usage: tuple[Tokens, ...] = ()
    tree: str = ""
    events: int = 0
    lost: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def counts(self) -> dict[str, int]:
        """How many tickets are in which state, in the order of `GLYPHS`; states that none is in are left out."""
        states = [ticket.state for ticket in self.tickets]
        known = [state for state in GLYPHS if state in states]
        return {state: states.count(state) for state in [*known, *sorted(set(states) - set(known))]}

    def to_fields(self) -> dict[str, Any]:
        """Give the report as plain JSON values."""
        return {"counts": self.counts, **asdict(self)}
