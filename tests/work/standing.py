"""What do the tests of interrupted workers have worked on, and how do they see where a worker stands?"""

from __future__ import annotations

from typing import Any

from actors import Emitted
from actors.eventlog.records import Record
from actors.testkit import Gate
from actors.work import Job
from tests.core.helpers import EventLog, Trace, result

STATES = ("agent_state_changed", "agent_interrupted")
ONE_ATTEMPT = [("agent_state_changed", "idle", "working"), ("agent_state_changed", "working", "idle")]


def stood(log: EventLog, path: str = "/worker") -> list[Record]:
    return [each.record for each in log.of(Emitted, path) if each.record.event_type in STATES]


def steps_of(log: EventLog, path: str = "/worker") -> list[tuple[str, str | None, str | None]]:
    """The steps that were told of a worker, in order; the old state of each is the new one of the one before."""
    records = stood(log, path)
    assert [each.old_state for each in records] == ["idle", *(each.new_state for each in records[:-1])][: len(records)]
    return [(each.event_type, each.old_state, each.new_state) for each in records]


def looks(before: Gate, job: Job) -> None:
    """Come to a gate, and then look whether it may go on."""
    before.wait()
    job.check()


def looking(before: Gate, trace: Trace) -> Any:
    """Work that comes to a gate, and then looks whether it may go on."""

    def steps(job: Job) -> Any:
        trace.note("begun")
        before.wait()
        yield
        job.check()
        trace.note("gone on")
        return f"attempt {job.attempt}"

    return steps


def outcome(future: Any) -> Any:
    """How something has ended: its value, or what it raised."""
    try:
        return result(future)
    except Exception as error:
        return error
