"""Does an attempt end as its work says, once, and whatever the work is?"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest

from actors import ActorSystem, AgentFuture, AgentStoppedError, DeathPactError
from actors.guard import Quota, Usage
from actors.testkit import Gate, Probe
from actors.work import Assignment, Blocked, CancelToken, Completed, ExhaustedEnd, Job, Worker, cause_of
from policies import Stop
from tests.core.helpers import Trace, elsewhere, result
from tests.work.conftest import Start
from tests.work.tickets import BOTH_WAYS, asked, assignment, done, ticket


def test_text_that_is_returned_is_a_ticket_that_is_done(start: Start) -> None:
    end = done(start(lambda job: f"{job.ticket.id}: {job.prompt}"))
    assert isinstance(end, Completed)
    assert end.text == "T1: do T1"
    assert end.usage is not None


def test_nothing_that_is_returned_is_a_ticket_that_is_done_without_words(start: Start) -> None:
    assert done(start(lambda job: None)).text == ""


@BOTH_WAYS
@pytest.mark.parametrize(
    "end",
    [Completed("all", files=("a.py",)), Blocked("need key"), ExhaustedEnd("no tokens")],
    ids=lambda end: type(end).__name__,
)
def test_an_end_that_is_returned_is_the_answer(start: Start, written: Any, end: Any) -> None:
    def steps(job: Job) -> Any:
        yield
        return end

    answer = done(start(written(steps)))
    assert type(answer) is type(end)
    assert getattr(answer, "text", "") == getattr(end, "text", "")
    assert getattr(answer, "reason", "") == getattr(end, "reason", "")


@pytest.mark.system_case("T71")
@pytest.mark.system_case("D3.10")
def test_the_word_blocked_in_an_answer_means_nothing(start: Start) -> None:
    ref = start(lambda job: "Unblocked the build and finished. BLOCKED no more")
    assert isinstance(done(ref), Completed)
    blocked = done(start(lambda job: Blocked("need key"), name="other"))
    assert isinstance(blocked, Blocked)
    assert blocked.reason == "need key"


@BOTH_WAYS
def test_what_is_no_end_is_a_failure_that_says_what_may_be_returned(start: Start, written: Any) -> None:
    def steps(job: Job) -> Any:
        yield
        return 42

    with pytest.raises(TypeError, match="work returns text, None, Completed, Blocked or ExhaustedEnd, not 42"):
        done(start(written(steps)))


@BOTH_WAYS
def test_what_work_raises_reaches_the_asker_itself(start: Start, written: Any) -> None:
    error = KeyError("lost")

    def steps(job: Job) -> Any:
        yield
        raise error

    with pytest.raises(KeyError) as caught:
        done(start(written(steps)))
    assert caught.value is error
    assert cause_of(caught.value) is error


@BOTH_WAYS
def test_a_worker_that_its_policy_stops_has_told_its_asker_why_before(start: Start, written: Any) -> None:
    def steps(job: Job) -> Any:
        yield
        raise KeyError("lost")

    ref = start(written(steps), policy=Stop())
    with pytest.raises(KeyError):
        done(ref)
    with pytest.raises(AgentStoppedError):
        done(ref)


def test_a_subclass_does_its_work_in_a_method(start: Start) -> None:
    class Analyst(Worker):
        def work(self, job: Job) -> Any:
            yield
            return f"{self.context.name} has read {job.ticket.id}"

    assert done(start(kind=Analyst)).text == "worker has read T1"


@pytest.mark.parametrize("work", [None, "fast"])
def test_a_worker_without_work_does_not_start(work: Any) -> None:
    with pytest.raises(ValueError, match="work: a function that takes a job"):
        Worker(work)


def test_one_assignment_is_done_at_a_time_in_the_order_asked(start: Start, trace: Trace) -> None:
    gate: AgentFuture[None] = AgentFuture()

    def work(job: Job) -> Any:
        trace.note(job.ticket.id)
        yield gate
        trace.note(f"{job.ticket.id} done")
        return job.ticket.id

    ref = start(work)
    ends = [asked(ref, name) for name in ("T1", "T2", "T3")]
    trace.wait_for("T1")
    gate.resolve()
    assert [result(end).text for end in ends] == ["T1", "T2", "T3"]
    assert trace.notes == ["T1", "T1 done", "T2", "T2 done", "T3", "T3 done"]


def test_two_workers_of_one_function_share_nothing(start: Start, trace: Trace) -> None:
    both = Gate("both")

    def work(job: Job) -> Any:
        both.wait()
        job.spend(100, 50)
        return f"{job.model} {job.ticket.id} {job.usage.total.total}"

    refs = [start(work, name=f"w-{number}") for number in range(4)]
    ends = [asked(ref, f"T{number}", model=f"m-{number}") for number, ref in enumerate(refs)]
    both.reached(4)
    both.open()
    assert [result(end).text for end in ends] == [f"m-{number} T{number} 150" for number in range(4)]


@pytest.mark.system_case("D3.12")
def test_each_attempt_begins_afresh(start: Start) -> None:
    jobs: list[Job] = []

    def work(job: Job) -> str:
        jobs.append(job)
        job.guard.iteration()
        job.spend(10, 5)
        return str(job.feedback)

    ref = start(work)
    first, second = done(ref, model="a"), done(ref, attempt=2, model="b", previous_attempt="it failed")
    assert jobs[0] is not jobs[1]
    assert [job.guard.iterations for job in jobs] == [1, 1]
    assert [job.model for job in jobs] == ["a", "b"]
    assert [job.previous_attempt for job in jobs] == [None, "it failed"]
    assert first.usage == second.usage
    assert first.usage["Tier 3"] == Usage(10, 5)


@BOTH_WAYS
@pytest.mark.system_case("D0.11")
@pytest.mark.system_case("T67")
def test_a_quota_that_is_used_up_is_an_end_of_its_own(start: Start, written: Any) -> None:
    def steps(job: Job) -> Any:
        while True:
            job.guard.enforce(job.guard.iteration())
            yield

    end = done(start(written(steps)), quota=Quota(iterations=5))
    assert isinstance(end, ExhaustedEnd)
    assert (end.reason, end.limit) == ("max iterations reached (5)", "iterations")


def test_a_budget_of_tokens_ends_the_attempt_with_what_it_has_used(start: Start) -> None:
    def work(job: Job) -> Any:
        while True:
            job.spend(600, 100)

    end = done(start(work), quota=Quota(tokens=1000))
    assert isinstance(end, ExhaustedEnd)
    assert end.reason == "token budget exhausted: 1400 > 1000"
    assert end.usage is not None
    assert end.usage["Tier 3"] == Usage(1200, 200)


def test_failures_of_tools_in_a_row_block_the_ticket(start: Start) -> None:
    def fails(number: int) -> None:
        raise OSError("no disk")

    def work(job: Job) -> Any:
        for number in range(10):
            try:
                job.tool("write", fails, number=number).get()
            except OSError:
                continue

    end = done(start(work))
    assert isinstance(end, Blocked)
    assert end.reason == "3 tool failures in a row, the last: OSError: no disk"


def test_an_assignment_takes_from_its_ticket_what_it_is_not_given() -> None:
    own = ticket(model_override="best", tier="Tier 2", step_mode=True)
    given = Assignment(ticket=own)
    assert (given.prompt, given.model, given.tier, given.step_mode) == ("do T1", "best", "Tier 2", True)
    told = Assignment(ticket=own, prompt="other", model="fast", tier="Tier 1", step_mode=False, track="t", attempt=3)
    assert (told.prompt, told.model, told.tier, told.step_mode) == ("other", "fast", "Tier 1", False)
    assert told.key == "t/T1/3"
    assert repr(told) == "<Assignment t/T1/3 fence 0>"


@pytest.mark.parametrize("wrong", [{"attempt": 0}, {"fence": -1}, {"max_reviews": True}], ids=str)
def test_an_assignment_names_the_number_that_is_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: a whole number"):
        assignment(**wrong)


def test_work_that_yields_no_future_is_told_so_where_it_yields(start: Start) -> None:
    def work(job: Job) -> Any:
        try:
            yield 42
        except TypeError as error:
            return str(error)

    assert done(start(work)).text == "work yields None or a future, not 42"


def test_a_future_of_an_executor_is_waited_for_as_well(start: Start) -> None:
    future: Future[str] = Future()

    def work(job: Job) -> Any:
        return (yield future)

    end = asked(start(work))
    elsewhere(future.set_result, "computed").get()
    assert result(end).text == "computed"


def test_what_a_future_fails_with_is_raised_where_it_is_yielded(start: Start) -> None:
    future: AgentFuture[None] = AgentFuture()

    def work(job: Job) -> Any:
        try:
            yield future
        except OSError as error:
            return f"went on after {error}"

    end = asked(start(work))
    future.resolve(error=OSError("no disk"))
    assert result(end).text == "went on after no disk"


def test_a_worker_that_is_stopped_lets_its_work_clean_up(start: Start, trace: Trace) -> None:
    def work(job: Job) -> Any:
        try:
            trace.note("waits")
            yield AgentFuture()
        finally:
            trace.note("cleaned up")

    ref = start(work)
    end = asked(ref)
    trace.wait_for("waits")
    ref.stop()
    with pytest.raises(AgentStoppedError):
        result(end)
    assert trace.notes == ["waits", "cleaned up"]


def test_a_token_that_is_shared_gives_up_the_attempts_under_it(start: Start) -> None:
    whole = CancelToken()
    ends = [asked(start(lambda job: (yield AgentFuture()), name=f"w-{n}"), cancel=CancelToken(whole)) for n in (1, 2)]
    whole.cancel("the track was killed")
    assert [result(end).reason for end in ends] == ["the track was killed"] * 2


def test_an_assignment_that_is_told_is_done_as_well(start: Start, trace: Trace) -> None:
    def work(job: Job) -> Any:
        yield
        trace.note(job.ticket.id)
        if job.ticket.id == "T1":
            raise OSError("crashed")

    ref = start(work)
    ref.tell(assignment("T1"))
    ref.tell(assignment("T2"))
    trace.wait_for("T2")
    assert trace.notes == ["T1", "T2"]


def test_an_agent_may_wait_for_a_worker(start: Start, system: ActorSystem) -> None:
    ref = start(lambda job: "done")
    assert ref.ask(assignment()).text == "done"
    ref.cancel("nothing is open any more")
    assert ref.ask(assignment(), timeout=60.0).text == "done"


def test_an_agent_that_the_work_watches_and_that_ends_is_a_failure_of_the_worker(
    start: Start, system: ActorSystem, trace: Trace
) -> None:
    other = Probe(system, "other")

    def work(job: Job) -> Any:
        job.agent_context.watch(other.ref)
        trace.note("watches")
        yield AgentFuture()

    end = asked(start(work))
    trace.wait_for("watches")
    other.ref.stop()
    with pytest.raises(AgentStoppedError) as caught:
        result(end)
    assert isinstance(cause_of(caught.value), DeathPactError)
