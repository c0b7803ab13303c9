"""What is left of a ticket that is done? Its row on the board, and nothing in the process."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem, ChildSpec
from actors.approvals import Approver, ApproverRef
from actors.conductor import Conductor, ConductorRef
from actors.tickets import Ticket, Track
from actors.work import Job
from tests.conductor.tracks import Throttled
from tests.core.clocks import WatchedClock
from tests.core.helpers import result

FEW = 60  # objects of one kind by which two looks may differ: what the threads have in hand, and the pages of a cache
FIRST, ALL = 200, 2_200
PARTS = ("_core", "agentpool", "approvals", "board", "conductor", "guard", "tickets", "work")
PACKAGES = tuple(f"actors.{part}." for part in PARTS)


def work(job: Job) -> Any:
    """Succeed, or fail and be tried again, or fail for good, be blocked, wait, ask, add a ticket: by the number."""
    kind = int(job.ticket.id[1:].partition(".")[0]) % 10
    job.spend(1, 1)
    job.progress("under way")
    if kind == 1 and job.attempt == 1:
        raise Throttled("once")
    if kind == 2:
        raise ValueError("for good")
    if kind == 3:
        yield
    if kind == 4:
        yield job.approve("deploy")
    if kind == 5:
        yield job.decide("either?")
    if kind == 6 and "." not in job.ticket.id:
        yield job.delegate("a part")
    if kind == 7:
        yield job.tool("look", lambda: "seen")
    return "done"


def ticket(number: int) -> Ticket:
    fields: dict[str, Any] = {"step_mode": True} if number % 10 == 8 else {}
    if number % 10 == 9:
        fields["files"] = (f"file-{number % 3}",)  # some wait for another one
    return Ticket(id=f"T{number}", description="d", **fields)


def left(system: ActorSystem) -> Counter[str]:
    """How many objects there are of each kind; a clock may keep 256 timers that were cancelled."""
    system.dead_letters.discard()
    gc.collect()
    names = (f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
    return Counter(name for name in names if name.startswith(PACKAGES) and not name.endswith(".clock.Timer"))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def worked_through(conductor: ConductorRef, clock: WatchedClock, numbers: range) -> None:
    conductor.add(ticket(number) for number in numbers)
    result(conductor.run(block=False))
    clock.advance(60.0)  # what was to be looked at again, had it hung
    conductor.snapshot()


@pytest.mark.threads_only("it is about threads and descriptors, too")
def test_two_thousand_tickets_leave_nothing_behind_but_their_rows(
    system: ActorSystem, clock: WatchedClock, tmp_path: Path
) -> None:
    path = tmp_path / "crew.board"
    approver = system.spawn(ChildSpec(Approver, "approver", kwargs={"decider": lambda _: True, "keep": 50}))
    assert isinstance(approver, ApproverRef)
    track = Track(id="track")
    options = {"approver": approver, "help_after": None}
    conductor = system.spawn(ChildSpec(Conductor, "conductor", args=(track, work, 4, path), kwargs=options))
    assert isinstance(conductor, ConductorRef)
    worked_through(conductor, clock, range(FIRST))
    before, threads, files = left(system), threading.active_count(), descriptors()
    worked_through(conductor, clock, range(FIRST, ALL))
    after = left(system)
    assert {name: (before[name], after[name]) for name in after if after[name] > before[name] + FEW} == {}
    assert threading.active_count() <= threads + 4
    assert descriptors() <= files + 2
    assert len(approver.all()) <= 50
    assert_rows(path)
    agent: Any = conductor._actor_weakref()
    crew = agent._crew
    assert (crew.hands, crew.attempts, crew.kept, crew._lost, agent._starts._open) == ({}, {}, {}, {}, {})
    assert crew.pool.children() == []


def assert_rows(path: Path) -> None:
    """Rows that stand for something that is under way are gone."""
    rows = (
        "owned_file",
        "ticket WHERE owner IS NOT NULL",
        "ticket WHERE parked IS NOT NULL",
        "receipt WHERE outcome = 'running'",
        "owner WHERE gone = 1",
    )
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        assert [file.execute(f"SELECT count(*) FROM {each}").fetchone()[0] for each in rows] == [0] * len(rows)
