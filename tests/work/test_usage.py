"""Is what an attempt uses counted, once, whatever becomes of it?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, Emitted
from actors.guard import Usage
from actors.testkit import Gate, Probe
from actors.typed import ProgressReport
from actors.work import Blocked, CancelledEnd, Completed, Job, Spent
from policies import Stop
from tests.core.helpers import EventLog, result
from tests.work.conftest import Start
from tests.work.tickets import BOTH_WAYS, asked, assignment, done


@BOTH_WAYS
def test_usage_is_told_at_once_as_the_sum_of_the_attempt(start: Start, written: Any, conductor: Probe) -> None:
    def steps(job: Job) -> Any:
        job.spend(100, 50)
        yield
        assert job.spend(10, 5, 0.25, tier="Tier 1")["Tier 3"] == Usage(100, 50)
        return "done"

    ref = start(written(steps))
    end = done(ref, assignment(conductor=conductor, fence=3))
    first, second = conductor.expect(Spent), conductor.expect(Spent)
    assert (first.used["Tier 3"], first.used["Tier 1"]) == (Usage(100, 50), Usage())
    assert (second.used["Tier 3"], second.used["Tier 1"]) == (Usage(100, 50), Usage(10, 5, 0.25))
    assert end.usage == second.used
    assert (first.track, first.task_id, first.attempt, first.fence, first.agent_id) == ("track", "T1", 1, 3, "/worker")


@pytest.mark.system_case("T81")
@pytest.mark.system_case("D3.11")
def test_four_workers_at_once_are_counted_right_killed_and_failed_ones_too(start: Start, conductor: Probe) -> None:
    gate = Gate("all have spent")

    def work(job: Job) -> str:
        job.spend(100, 50)
        gate.wait()
        if job.ticket.id == "T2":
            raise OSError("crashed")
        job.check()
        return "done"

    ends = {}
    for name in ("T0", "T1", "T2", "T3"):
        ref = start(work, name=f"w-{name}", policy=Stop())
        ends[name] = asked(ref, name, conductor=conductor)
        if name == "T1":
            killed = ref
    gate.reached(4)
    killed.cancel("killed")
    gate.open()
    assert isinstance(result(ends["T0"]), Completed)
    assert isinstance(result(ends["T1"]), CancelledEnd)
    with pytest.raises(OSError, match="crashed"):
        result(ends["T2"])
    assert isinstance(result(ends["T3"]), Completed)
    told = {each.task_id: each.used for each in conductor.receive_n(4)}
    total = sum((used["Tier 3"] for used in told.values()), Usage())
    assert total == Usage(400, 200)
    assert sorted(told) == ["T0", "T1", "T2", "T3"]


def test_a_tier_that_nobody_knows_is_counted_apart(start: Start) -> None:
    def work(job: Job) -> None:
        job.spend(7, 3, tier="Tier 9")

    usage = done(start(work)).usage
    assert usage.unknown == ("Tier 9",)
    assert usage["Tier 9"] == Usage(7, 3)
    assert usage["Tier 3"] == Usage()


def test_usage_is_booked_on_the_tier_of_the_assignment(start: Start) -> None:
    usage = done(start(lambda job: job.spend(7, 3) and None), tier="Tier 1").usage
    assert usage["Tier 1"] == Usage(7, 3)


@pytest.mark.parametrize("end", [Completed("done", Usage(100, 50)), Blocked("need key", Usage(100, 50))], ids=str)
def test_usage_that_comes_with_the_end_is_added_to_what_was_told(start: Start, conductor: Probe, end: Any) -> None:
    def work(job: Job) -> Any:
        job.spend(10, 5)
        return end

    answer = done(start(work), conductor=conductor)
    assert answer.usage["Tier 3"] == Usage(110, 55)
    assert [each.used["Tier 3"].total for each in conductor.receive_n(2)] == [15, 165]


def test_usage_is_told_among_the_events(start: Start, log: EventLog) -> None:
    done(start(lambda job: job.spend(100, 50, tier="Tier 2") and None))
    (record,) = [each.record for each in log.of(Emitted, "/worker") if each.record.event_type == "usage_reported"]
    assert (record.agent_id, record.task_id, record.mission_id) == ("/worker", "T1", "track")
    assert (record.scope, record.message) == ("Tier 2", "Tier 2: 100 in, 50 out")


def test_that_the_conductor_has_gone_is_no_failure_of_the_work(start: Start, system: ActorSystem) -> None:
    probe = Probe(system, "gone")
    probe.ref.stop()

    def work(job: Job) -> str:
        job.progress("on the way")
        job.spend(1, 1)
        return "done"

    assert done(start(work), conductor=probe).text == "done"


def test_progress_is_told_every_so_many_turns(start: Start, conductor: Probe) -> None:
    def work(job: Job) -> Any:
        for turn in range(25):
            job.progress(f"turn {turn + 1}", every=10)
        job.progress("the last")

    done(start(work), conductor=conductor)
    told = [conductor.expect(ProgressReport) for _ in range(3)]
    assert [(each.agent_id, each.turn, each.summary) for each in told] == [
        ("/worker", 10, "turn 10"),
        ("/worker", 20, "turn 20"),
        ("/worker", 26, "the last"),
    ]
    conductor.expect_none()


@pytest.mark.parametrize("wrong", [(-1, 0), (0, 1.5)], ids=str)
def test_what_is_no_usage_fails_where_it_is_booked(start: Start, wrong: Any) -> None:
    with pytest.raises(ValueError, match="a whole number, zero or more"):
        done(start(lambda job: job.spend(*wrong)))
