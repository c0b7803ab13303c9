"""What do the tests of conductors have worked through, and how do they see what happens?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actors import ActorSystem
from actors.conductor import ConductorRef, TrackResult
from actors.eventlog.records import Record
from actors.testkit import Gate
from actors.tickets import Ticket, TicketState, Track
from actors.work import Job
from tests.core.helpers import Trace, result

S = TicketState


class Throttled(Exception):
    """An error that is worth another try."""

    retryable = True


class Fatal(Exception):
    """An error that is not."""


def ticket(name: str, *needs: str, **fields: Any) -> Ticket:
    fields.setdefault("description", f"do {name}")
    return Ticket(id=name, depends_on=needs, **fields)


def track(*tickets: Ticket | str, **fields: Any) -> Track:
    made = tuple(each if isinstance(each, Ticket) else ticket(each) for each in tickets)
    return Track(**{"id": "track", "tickets": made, **fields})


def ran(ref: ConductorRef) -> TrackResult:
    """Have a track worked through, and give the result."""
    return result(ref.run(block=False))  # type: ignore[no-any-return]


def states(ref: ConductorRef) -> dict[str, str]:
    return {view.id: str(view.state) for view in ref.snapshot().tickets}


class Told(Trace):
    """The records that are told among the events of a system, in order."""

    def __init__(self, system: ActorSystem) -> None:
        super().__init__()
        system.events.subscribe(self._take)

    def _take(self, event: Any) -> None:
        record = getattr(event, "record", None)
        if isinstance(record, Record):
            self.note(record)

    def of(self, kind: str, task: str | None = None) -> list[Record]:
        return [each for each in self.notes if each.event_type == kind and task in (None, each.task_id)]

    def kinds(self, task: str, *kinds: str) -> list[str]:
        """What was told of a ticket, in order; of these kinds, or of all."""
        return [each.event_type for each in self.notes if each.task_id == task and each.event_type in (kinds or ALL)]

    def steps(self, task: str) -> list[tuple[str | None, str | None]]:
        """The transitions of a ticket, in order."""
        return [
            (each.old_state, each.new_state)
            for each in self.notes
            if each.task_id == task and each.event_type.startswith("mission_work_")
        ]

    def missions(self) -> list[tuple[str | None, str | None]]:
        return [(each.old_state, each.new_state) for each in self.of("mission_state_changed")]

    @property
    def asked(self) -> int:
        """How many requests for approval there were."""
        return sum(each.new_state == "pending" for each in self.of("approval_state_changed"))

    def wait_told_asked(self, times: int) -> None:
        """Wait until there were so many requests for approval."""
        self.wait_until(lambda _: self.asked >= times)

    def wait_told(self, kind: str, task: str | None = None, times: int = 1) -> Record:
        self.wait_until(lambda _: len(self.of(kind, task)) >= times)
        return self.of(kind, task)[times - 1]


class _All:
    def __contains__(self, _: object) -> bool:
        return True


ALL = _All()


class Script:
    """Work that does with each ticket what the test says: a list has one item for each attempt, the last for the rest.

    An exception is raised, a Gate is waited at, a callable gets the job, anything else is returned. `jobs` has what
    each attempt was given, in order.
    """

    def __init__(self, default: Any = None, **by_ticket: Any) -> None:
        self._default = default
        self._by_ticket = by_ticket
        self.trace = Trace()
        self.began = Trace()

    def __call__(self, job: Job) -> Any:
        self.began.note(job.ticket.id)
        self.trace.note(
            {
                "ticket": job.ticket.id, "attempt": job.attempt, "model": job.model, "previous": job.previous_attempt,
                "path": job.path, "prompt": job.prompt, "job": job,
            }
        )  # fmt: skip
        step = self._by_ticket.get(job.ticket.id, self._default)
        return act(step, job)

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return self.trace.notes

    def of(self, name: str, field: str) -> list[Any]:
        return [each[field] for each in self.jobs if each["ticket"] == name]

    @property
    def order(self) -> list[str]:
        return [each["ticket"] for each in self.jobs]


def act(step: Any, job: Job) -> Any:
    if isinstance(step, list):
        step = step[min(job.attempt, len(step)) - 1]
    if isinstance(step, Gate):
        step.wait()
        return None
    if isinstance(step, BaseException) or (isinstance(step, type) and issubclass(step, BaseException)):
        raise step
    return step(job) if callable(step) else step


def before(notes: Sequence[Any], first: Any, then: Any) -> bool:
    return list(notes).index(first) < list(notes).index(then)
