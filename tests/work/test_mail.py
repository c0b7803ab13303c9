"""Does a worker hear what is said to it, between two steps and through its restarts?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import AgentFuture, ChildSpec, Mailbox
from actors.testkit import Gate
from actors.typed import AdditionalContext
from actors.work import Completed, Job, Worker
from tests.core.helpers import Trace, answer, result
from tests.work.conftest import Start
from tests.work.tickets import asked, assignment, done


def context(text: str, task_id: str | None = None) -> AdditionalContext:
    return AdditionalContext(content=text, task_id=task_id)


class Secretary(Worker):
    """Answers what it is asked while its work goes on."""

    def on_message(self, message: Any) -> Any:
        if message == "what are you at?":
            return "nothing" if self.job is None else self.job.ticket.id
        return super().on_message(message)


@pytest.mark.system_case("T61")
@pytest.mark.system_case("D0.9")
def test_a_worker_answers_between_two_steps(start: Start, trace: Trace) -> None:
    gate: AgentFuture[None] = AgentFuture()

    def work(job: Job) -> Any:
        trace.note("waits")
        yield gate

    ref = start(work, kind=Secretary)
    assert answer(ref, "what are you at?") == "nothing"
    end = asked(ref)
    trace.wait_for("waits")
    assert answer(ref, "what are you at?") == "T1"
    gate.resolve()
    assert isinstance(result(end), Completed)
    assert answer(ref, "what are you at?") == "nothing"


def test_each_yield_lets_the_worker_look_at_its_mail(start: Start) -> None:
    began = Gate("began")

    def work(job: Job) -> Any:
        began.wait()
        heard = [job.received()]
        yield
        heard.append(job.received())
        yield
        return str([*heard, job.received()])

    ref = start(work)
    end = asked(ref)
    began.reached()
    ref.tell("one")
    ref.tell("two")
    began.open()
    assert result(end).text == "[(), ('one', 'two'), ()]"


def test_work_in_steps_goes_on_though_its_mailbox_is_full(start: Start, trace: Trace) -> None:
    began = Gate("began")

    def work(job: Job) -> Any:
        began.wait()
        yield
        yield job.sleep(0.0)
        return f"{len(job.received())} heard"

    ref = start(work, mailbox=Mailbox(capacity=2, overflow="reject"))
    end = asked(ref)
    began.reached()
    ref.tell("one")
    ref.tell("two")
    began.open()
    assert result(end).text == "2 heard"


def test_a_plain_function_hears_at_once_what_there_is_to_know(start: Start) -> None:
    gate = Gate("work")

    def work(job: Job) -> Any:
        first = [note.content for note in job.received()]
        gate.wait()
        return f"{first} {[note.content for note in job.received()]} {job.received()}"

    ref = start(work)
    ref.tell(context("before"))
    end = asked(ref)
    gate.reached()
    ref.tell(context("meanwhile"))
    ref.tell(context("of another ticket", "T9"))
    ref.tell(context("of this ticket", "T1"))
    gate.open()
    assert result(end).text == "['before'] ['meanwhile', 'of this ticket'] ()"


@pytest.mark.parametrize("read", [True, False], ids=["read before", "not read"])
@pytest.mark.parametrize("steps", [True, False], ids=["generator", "function"])
def test_the_next_attempt_hears_what_was_said_before_the_crash(start: Start, read: bool, steps: bool) -> None:
    gate = Gate("work")

    def crash(job: Job) -> str:
        gate.wait()
        if read or job.attempt == 2:
            heard = [note.content for note in job.received()]
        if job.attempt == 1:
            raise OSError("crashed")
        return str(heard)

    def crash_in_steps(job: Job) -> Any:
        yield
        return crash(job)

    ref = start(crash_in_steps if steps else crash)
    end = asked(ref)
    gate.reached()
    ref.tell(context("look at a.py"))
    ref.tell(context("and at b.py"))
    gate.open()
    with pytest.raises(OSError, match="crashed"):
        result(end)
    again = done(ref, assignment(attempt=2, previous_attempt="OSError: crashed"))
    assert again.text == "['look at a.py', 'and at b.py']"
    assert ref.incarnation == 2


def test_mail_that_waits_survives_the_restart_in_order(start: Start, trace: Trace) -> None:
    class Noting(Worker):
        def on_message(self, message: Any) -> None:
            trace.note((message, self.context.incarnation))

    gate = Gate("work")

    def work(job: Job) -> None:
        gate.wait()
        raise OSError("crashed")

    ref = start(work, kind=Noting)
    end = asked(ref)
    gate.reached()
    for number in range(3):
        ref.tell(number)
    gate.open()
    with pytest.raises(OSError, match="crashed"):
        result(end)
    assert trace.wait_for((2, 2)) == [(0, 2), (1, 2), (2, 2)]


def test_an_assignment_that_waits_its_turn_is_done_by_the_next_incarnation(start: Start, trace: Trace) -> None:
    gate: AgentFuture[None] = AgentFuture()

    def work(job: Job) -> Any:
        trace.note(job.ticket.id)
        if job.ticket.id == "T1":
            yield gate
            raise OSError("crashed")
        return "done"

    ref = start(work)
    first, second = asked(ref, "T1"), asked(ref, "T2")
    trace.wait_for("T1")
    gate.resolve()
    with pytest.raises(OSError, match="crashed"):
        result(first)
    assert result(second).text == "done"


def test_what_was_said_for_one_ticket_is_not_heard_for_the_next(start: Start) -> None:
    def work(job: Job) -> str:
        return str([note.content for note in job.received()])

    ref = start(work)
    ref.tell(context("look at a.py"))
    assert done(ref, "T1").text == "['look at a.py']"
    assert done(ref, "T2").text == "[]"


def test_another_ticket_does_not_inherit_from_one_that_failed(start: Start) -> None:
    def work(job: Job) -> str:
        if job.ticket.id == "T1":
            raise OSError("crashed")
        return str([note.content for note in job.received()])

    ref = start(work)
    ref.tell(context("look at a.py"))
    with pytest.raises(OSError, match="crashed"):
        done(ref, "T1")
    assert done(ref, "T2").text == "[]"


def test_a_worker_hears_through_whatever_it_is_told_by(start: Start) -> None:
    """A pool or a router puts messages into a mailbox itself: the ref looks at those, too."""
    gate = Gate("work")

    def work(job: Job) -> str:
        gate.wait()
        return str([note.content for note in job.received()])

    ref = start(work)
    end = asked(ref)
    gate.reached()
    ref.admit(context("look at a.py"))
    asking = ref.ask(context("and at b.py"), block=False)
    gate.open()
    assert result(end).text == "['look at a.py', 'and at b.py']"
    assert result(asking) is None


def test_the_spec_of_a_worker_is_like_any_other() -> None:
    spec = ChildSpec(Worker, name="w-1", args=(lambda job: None,), deadline=5.0)
    assert spec.agent is Worker
