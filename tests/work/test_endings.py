"""Does a worker end when it is told to, also while its work waits?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, AgentStoppedError, Cancelled, ChildSpec, Supervisor
from actors.testkit import Gate, Probe
from actors.typed import ApprovalRequest
from actors.work import Job, Worker
from tests.core.helpers import Trace, result
from tests.work.conftest import Start
from tests.work.tickets import BOTH_WAYS, asked, assignment


def waiting(job: Job) -> Any:
    yield job.approve("deploy")


@BOTH_WAYS
def test_a_worker_that_waits_is_stopped_at_once(start: Start, clock: Any, written: Any, approver: Probe) -> None:
    ref = start(written(waiting), shutdown="infinity")
    end = asked(ref, approver=approver)
    approver.expect(ApprovalRequest)
    assert ref.stop(drain=False)
    with pytest.raises((AgentStoppedError, Cancelled)):
        result(end)
    assert clock.now() == 0.0


@BOTH_WAYS
@pytest.mark.parametrize("whole", ["parent", "system"])
def test_workers_that_wait_do_not_hold_up_the_end_of_all(
    system: ActorSystem, spec: Any, clock: Any, written: Any, whole: str, approver: Probe
) -> None:
    """A system ends its agents one after the other: each that waits would cost the time of its shutdown."""
    crew = system.spawn(ChildSpec(Supervisor, name="crew"))
    ends = []
    for number in range(3):
        kind = spec(Worker, f"w-{number}", args=(written(waiting),), shutdown="infinity")
        ends.append(asked(crew.start_child(kind).ref, assignment(f"T{number}", approver=approver)))
        approver.expect(ApprovalRequest)
    clock.settle()
    if whole == "parent":
        crew.stop()
    else:
        system.stop()
    for end in ends:
        with pytest.raises((AgentStoppedError, Cancelled)):
            result(end)
    assert clock.now() == 0.0
    assert not system.orphans


def test_the_end_of_somebody_else_ends_no_wait(start: Start, system: ActorSystem, approver: Probe) -> None:
    other = Probe(system, "work")  # a name that ours begins with
    ref = start(lambda job: job.approve("deploy").get().outcome, name="worker")
    end = asked(ref, approver=approver)
    request = approver.expect(ApprovalRequest)
    other.ref.stop()
    approver.reply_error(OSError("no disk"), to=request)
    assert result(end).text == "refused"


def test_a_wait_that_begins_after_the_end_was_said_does_not_begin(start: Start, trace: Trace) -> None:
    gate = Gate("work")

    def work(job: Job) -> None:
        gate.wait()
        try:
            job.sleep(3600.0).get()
        except Cancelled:
            trace.note("cancelled")
            raise

    ref = start(work, shutdown="infinity")
    end = asked(ref)
    gate.reached()
    stopped = ref.stop(drain=False, block=False)
    gate.open()
    with pytest.raises(Cancelled):
        result(end)
    assert result(stopped)
    assert trace.notes == ["cancelled"]
