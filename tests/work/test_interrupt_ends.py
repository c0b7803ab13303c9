"""What becomes of a worker that is interrupted when it fails, hangs or ends, and who cannot be interrupted?"""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from actors import ActorSystem, AgentStarted, AgentStoppedError, Cancelled, HandlerTimeout
from actors.testkit import Gate
from actors.work import CancelledEnd, Completed, Job, NotInterruptedError, cause_of
from tests.core.clocks import WatchedClock
from tests.core.helpers import EventLog, Trace, answer, result
from tests.work.conftest import Start
from tests.work.standing import ONE_ATTEMPT, looking, looks, outcome, steps_of, stood
from tests.work.tickets import BOTH_WAYS, asked, assignment, done

case = pytest.mark.system_case


# -- restarts and ends -----------------------------------------------------------------------


@BOTH_WAYS
def test_a_restarted_worker_stands_still_as_before(
    start: Start, clock: WatchedClock, log: EventLog, trace: Trace, written: Any
) -> None:
    gate = Gate()

    def steps(job: Job) -> Any:
        trace.note(job.attempt)
        if job.attempt == 1:
            gate.wait()
            raise OSError("crashed")
        yield
        return "done"

    ref = start(written(steps))
    first = asked(ref)
    gate.reached()
    second = asked(ref, assignment(attempt=2))
    ref.interrupt()
    gate.open()
    with pytest.raises(OSError, match="crashed"):
        result(first)
    assert answer(ref, "are you back?") is None
    clock.settle()
    assert (ref.incarnation, ref.work_state, trace.notes) == (2, "paused", [1])
    ref.resume()
    assert result(second).text == "done"
    assert steps_of(log) == [
        ("agent_state_changed", "idle", "working"),
        ("agent_interrupted", "working", "paused"),
        ("agent_state_changed", "paused", "idle"),
        *ONE_ATTEMPT,
    ]


@BOTH_WAYS
def test_an_attempt_that_fails_is_over_and_an_abandoned_one_too(
    start: Start, clock: WatchedClock, log: EventLog, written: Any
) -> None:
    hang = Gate("hang")

    def steps(job: Job) -> Any:
        if job.attempt == 1:
            raise OSError("crashed")
        if job.attempt == 2:
            hang.wait()
        return "done"
        yield

    ref = start(written(steps), deadline=5.0)
    with hang:
        with pytest.raises(OSError, match="crashed"):
            done(ref)
        assert ref.work_state == "idle"
        second = asked(ref, assignment(attempt=2))
        hang.reached()
        clock.advance_once_due(5.0)
        with pytest.raises(Exception, match=r"(?s).*") as caught:
            result(second)
        assert isinstance(cause_of(caught.value), HandlerTimeout)
        assert ref.work_state == "idle"
        done(ref, assignment(attempt=3))
    done(ref, assignment(attempt=4))
    assert steps_of(log) == 4 * ONE_ATTEMPT


def test_an_abandoned_attempt_that_nobody_asked_for_is_over_when_the_next_begins(
    start: Start, clock: WatchedClock, log: EventLog
) -> None:
    hang = Gate("hang")

    def work(job: Job) -> None:
        if job.attempt == 1:
            hang.wait()

    ref = start(work, deadline=5.0)
    with hang:
        ref.tell(assignment())
        hang.reached()
        clock.advance_once_due(5.0)
        log.wait(AgentStarted, ref.path)
        done(ref, assignment(attempt=2))
        assert steps_of(log) == 2 * ONE_ATTEMPT


@BOTH_WAYS
@pytest.mark.parametrize("drain", [True, False])
def test_an_interrupted_worker_can_be_stopped(
    start: Start, clock: WatchedClock, trace: Trace, written: Any, drain: bool
) -> None:
    gate = Gate()
    ref = start(written(looking(gate, trace)))
    end, waits = asked(ref), asked(ref, "T2")
    gate.reached()
    ref.interrupt()
    gate.open()
    clock.settle()
    stopped = ref.stop(block=False, drain=drain)
    assert result(stopped) is True
    for each in (end, waits):
        ended = outcome(each)
        assert isinstance(ended, (CancelledEnd, Cancelled, AgentStoppedError))
    assert trace.notes == ["begun"]
    assert ref.work_state == "stopped"


@BOTH_WAYS
def test_an_interrupted_worker_holds_up_no_end_of_the_system(
    start: Start, system: ActorSystem, clock: WatchedClock, trace: Trace, written: Any
) -> None:
    gate = Gate()
    ref = start(written(looking(gate, trace)))
    end = asked(ref)
    gate.reached()
    ref.interrupt()
    gate.open()
    clock.settle()
    assert system.stop(timeout=5.0).abandoned == ()
    assert isinstance(outcome(end), (CancelledEnd, Cancelled, AgentStoppedError))
    assert trace.notes == ["begun"]


# -- what may not be -------------------------------------------------------------------------


def test_an_interrupted_worker_may_be_interrupted_again_and_says_so(start: Start, log: EventLog) -> None:
    ref = start(lambda job: None)
    assert ref.interrupt("first") is True
    assert ref.interrupt("second") is False
    assert [each.message for each in stood(log)] == ["first"]
    with pytest.raises(ValueError, match="reason: a text, not 3"):
        ref.interrupt(3)  # type: ignore[arg-type]


@case("D4.8")
def test_who_is_not_interrupted_cannot_be_resumed(start: Start, log: EventLog) -> None:
    ref = start(lambda job: None)
    with pytest.raises(NotInterruptedError, match="/worker is not interrupted") as refused:
        ref.resume()
    assert pickle.loads(pickle.dumps(refused.value)).path == "/worker"
    ref.interrupt()
    ref.resume()
    with pytest.raises(NotInterruptedError):
        ref.resume()
    assert steps_of(log) == [("agent_interrupted", "idle", "paused"), ("agent_state_changed", "paused", "idle")]


@case("D4.8")
def test_who_has_ended_can_neither_be_interrupted_nor_resumed(start: Start, log: EventLog) -> None:
    ref = start(lambda job: None)
    other = start(lambda job: None, name="other")
    other.interrupt()
    for each in (ref, other):
        result(each.stop(block=False))
        for act in (each.interrupt, each.resume):
            with pytest.raises(AgentStoppedError, match=f"{each.path} has ended") as refused:
                act()
            assert refused.value.path == each.path
        assert each.work_state == "stopped"
    assert steps_of(log) == []


def test_who_is_told_to_end_cannot_be_interrupted_any_more(start: Start) -> None:
    gate = Gate()
    ref = start(lambda job: looks(gate, job))
    end = asked(ref)
    gate.reached()
    stopped = ref.stop(block=False)
    with pytest.raises(AgentStoppedError, match="/worker has ended, or is about to: it cannot be interrupted"):
        ref.interrupt()
    gate.open()
    assert isinstance(result(end), Completed)
    assert result(stopped) is True
