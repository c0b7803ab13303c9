"""What has become of a track? Its tickets as they are, and the records of its run, put together."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from actors.eventlog import Gap, Record
from actors.reports.values import AgentLine, Attempt, Mark, Report, Span, TicketLine, Tokens

if TYPE_CHECKING:
    from actors.conductor import TrackSnapshot

_BEGINS: Final = {"agent_started": "running", "agent_restarted": "running", "agent_backing_off": "waiting"}
_ENDS: Final = {"agent_halted", "agent_restarting", "agent_stopping", "agent_stopped", "agent_backing_off"}
_MARKS: Final = {
    "agent_failed",
    "agent_abandoned",
    "agent_returned",
    "agent_escalated",
    "conductor_escalation",
    "reviewer_handoff",
    "reviewer_rejection",
    "reviewer_approval",
}
_OUTCOMES: Final = {
    "task_completed": "completed",
    "task_failed": "failed",
    "task_blocked": "blocked",
    "task_exhausted": "exhausted",
    "task_killed": "killed",
    "task_lost": "lost",
}


def make_report(
    snapshot: TrackSnapshot,
    records: Iterable[Record | Gap] = (),
    *,
    title: str = "",
    outcome: str = "",
    tree: str = "",
    notes: Iterable[str] = (),
) -> Report:
    """Give the report of a track: how it stands, and the records of the run in their order, such as `log.read` gives.

    Records of other tracks are left out. `outcome` is by default the state of the track, `tree` the final tree as text.
    A `Gap` among the records is counted as `lost`. Any thread; blocks for nothing but the records.
    """
    run = _Run(snapshot.track)
    for record in records:
        run.take(record)
    lines = tuple(
        TicketLine(
            ticket.id,
            ticket.title,
            str(ticket.state),
            tuple(ticket.depends_on),
            ticket.reason,
            tuple(run.attempts.get(ticket.id, {}).values()),
            tuple(run.steps.get(ticket.id, ())),
        )
        for ticket in snapshot.tickets
    )
    return Report(
        title=title or snapshot.track,
        track=snapshot.track,
        outcome=outcome or str(snapshot.state),
        seconds=run.now,
        tickets=lines,
        agents=tuple(run.agent_lines()),
        usage=tuple(
            Tokens(tier, used.input_tokens, used.output_tokens)
            for tier, used in snapshot.usage.items()
            if used.total or used.cost
        ),
        tree=tree,
        events=run.events,
        lost=run.lost,
        notes=tuple(notes),
    )


class _Agent:
    """What is known of one agent so far."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.kind = ""
        self.spans: list[Span] = []
        self.marks: list[Mark] = []
        self.open: tuple[float, str, int] | None = None

    def end(self, at: float) -> None:
        if self.open is not None:
            began, state, incarnation = self.open
            self.spans.append(Span(began, at, state, incarnation))
            self.open = None


class _Run:
    """The records so far."""

    def __init__(self, track: str) -> None:
        self.track = track
        self.attempts: dict[str, dict[int, Attempt]] = {}
        self.steps: dict[str, list[tuple[float, str]]] = {}
        self.agents: dict[str, _Agent] = {}
        self.now = 0.0
        self.events = 0
        self.lost = 0
        self._first: datetime | None = None

    def take(self, record: Record | Gap) -> None:
        if isinstance(record, Gap):
            self.lost += record.lost or 0
            return
        if record.mission_id is not None and self.track and record.mission_id != self.track:
            return
        self.events += 1
        if record.timestamp is not None:
            self._first = self._first or record.timestamp
            # The wall clock may be set back while a run is under way; the order of the records is right.
            self.now = max(self.now, (record.timestamp - self._first).total_seconds())
        kind = record.event_type
        if kind.startswith("task_") and record.task_id is not None:
            self._of_task(kind, record.task_id, record)
        elif kind.startswith("mission_work_") and record.task_id is not None:
            self.steps.setdefault(record.task_id, []).append((self.now, str(record.new_state)))
        elif kind in _BEGINS or kind in _ENDS or kind in _MARKS or kind == "agent_spawned":
            self._of_agent(kind, record)

    def _of_task(self, kind: str, task: str, record: Record) -> None:
        attempts = self.attempts.setdefault(task, {})
        if kind == "task_assigned":
            number = len(attempts) + 1
            attempts[number] = Attempt(number, record.agent_id or "", self.now)
            return
        outcome = _OUTCOMES.get(kind)
        number = next((each for each, kept in attempts.items() if kept.ended is None), 0)
        if outcome is None or not number:
            return
        kept = attempts[number]
        error = getattr(record, "error", None)
        attempts[number] = Attempt(
            number, kept.worker, kept.began, self.now, outcome, str(error or record.message or "")
        )

    def _of_agent(self, kind: str, record: Record) -> None:
        path = record.agent_id or record.path
        if path is None:
            return
        agent = self.agents.setdefault(path, _Agent(path))
        if kind == "agent_spawned":
            agent.kind = getattr(record, "agent", None) or ""
        if kind in _ENDS:
            agent.end(self.now)
        if kind in _BEGINS:
            agent.open = (self.now, _BEGINS[kind], record.incarnation or 1)
        if kind in _MARKS:
            error = getattr(record, "error", None)
            agent.marks.append(Mark(self.now, kind.removeprefix("agent_"), str(error or record.message or "")))

    def agent_lines(self) -> Iterable[AgentLine]:
        tasks: dict[str, list[tuple[str, Attempt]]] = {}
        for ticket, attempts in self.attempts.items():
            for attempt in attempts.values():
                tasks.setdefault(attempt.worker, []).append((ticket, attempt))
        for agent in self.agents.values():
            agent.end(self.now)
            if not agent.spans and not agent.marks:
                continue  # It never lived: the root, or one whose start failed.
            yield AgentLine(
                agent.path, agent.kind, tuple(agent.spans), tuple(agent.marks), tuple(tasks.get(agent.path, ()))
            )
