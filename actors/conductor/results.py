"""What came of a track, and how far is it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from actors.guard import UsageByTier
from actors.tickets import TicketState
from actors.tickets.states import ENDED


class MissionState(StrEnum):
    """How far a track is: what a conductor tells of it, and what the board keeps."""

    PLANNING = "planning"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    BLOCKED = "blocked"
    FAILED = "failed"
    STOPPED = "stopped"


class TrackOutcome(StrEnum):
    """How a run of a track has ended."""

    DONE = "done"  # every ticket is completed
    BLOCKED = "blocked"  # nothing can go on by itself, and not every ticket is completed
    STOPPED = "stopped"  # somebody ended the run; what ran is ready again


@dataclass(frozen=True, slots=True)
class TrackResult:
    """How a run of a track has ended; immutable.

    `counts` has the number of tickets in each state that occurs; `reasons` why each ticket that is not completed will
    not go on, by its id; `usage` what all attempts have used, those that were killed included.
    """

    track: str
    outcome: TrackOutcome
    counts: Mapping[TicketState, int]
    reasons: Mapping[str, str] = field(default_factory=dict)
    usage: UsageByTier = field(default_factory=UsageByTier)

    @property
    def done(self) -> bool:
        """Whether every ticket is completed."""
        return self.outcome is TrackOutcome.DONE

    @property
    def summary(self) -> str:
        """One line: how many tickets ended in which way, and how to go on after a stop."""
        text = f"Tasks: {summary_of(self.counts)}"
        if self.outcome is TrackOutcome.STOPPED:
            return f"Stopped: track {self.track}. {text}. Run it again to resume"
        return text

    def __str__(self) -> str:
        return f"{self.track} {self.outcome}: {self.summary}"


def summary_of(counts: Mapping[TicketState, int]) -> str:
    """Say how many are completed, failed and blocked, and how many were killed or ran out, where any did."""
    states = TicketState
    always = (states.COMPLETED, states.FAILED, states.BLOCKED)
    also = [state for state in (states.KILLED, states.EXHAUSTED) if counts.get(state)]
    return ", ".join(f"{counts.get(state, 0)} {state}" for state in (*always, *also))


@dataclass(frozen=True, slots=True)
class Running:
    """One attempt that runs: who works at which ticket, with which model, and what was last heard of it.

    `since` and `last_check_in` are seconds on the system's clock.
    """

    ticket: str
    worker: str
    attempt: int
    model: str
    tier: str
    since: float
    last_check_in: float
    turn: int = 0
    summary: str = ""


@dataclass(frozen=True, slots=True)
class TicketView:
    """How far one ticket is; `reason` says why it is blocked, killed or failed."""

    id: str
    title: str
    state: TicketState
    depends_on: tuple[str, ...]
    priority: str
    retry_count: int
    reason: str
    assigned_to: str
    step_mode: bool


@dataclass(frozen=True, slots=True)
class TrackSnapshot:
    """A track at one moment: consistent in itself, and it does not change afterwards."""

    track: str
    description: str
    state: MissionState
    counts: Mapping[TicketState, int]
    tickets: tuple[TicketView, ...]
    running: tuple[Running, ...]
    awaiting_approval: tuple[str, ...]
    usage: UsageByTier

    @property
    def progress(self) -> float:
        """The part of the tickets to which nothing happens any more, from 0.0 to 1.0; of no tickets, all."""
        total = sum(self.counts.values())
        return sum(self.counts.get(state, 0) for state in ENDED) / total if total else 1.0

    @property
    def active(self) -> tuple[str, ...]:
        """Who is at work, in words: "Tier 3 (Worker): A", "Awaiting Approval: B", or "Paused"."""
        if self.state is MissionState.PAUSED:
            return ("Paused",)
        at_work = [f"{running.tier} (Worker): {running.ticket}" for running in self.running]
        return (*at_work, *(f"Awaiting Approval: {ticket}" for ticket in self.awaiting_approval))

    def ticket(self, ticket: str) -> TicketView:
        """Give one ticket; KeyError if there is none of that id."""
        for view in self.tickets:
            if view.id == ticket:
                return view
        raise KeyError(ticket)
