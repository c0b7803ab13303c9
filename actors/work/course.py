"""How does one attempt run, from its first look at whether it was given up to its end?"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from inspect import isgenerator
from typing import Any

from actors._core.errors import Cancelled, printed
from actors.guard import Exhausted, Stuck, Usage
from actors.typed import ReviewFeedback
from actors.work.assignment import AttemptEnd, Blocked, CancelledEnd, Completed, ExhaustedEnd
from actors.work.job import Job
from actors.work.review import reviewed

Course = Generator[Any, Any, AttemptEnd]
"""An attempt as steps: what it yields is waited for, what it returns is its end."""
Work = Callable[[Job], Any]
"""What does the work: a function that may block, or a generator function that yields what it waits for."""


def course(job: Job, work: Work) -> Course:
    """Give the steps of one attempt; raises what is a failure of the worker."""
    try:
        end = yield from _rounds(job, work)
    except Cancelled:
        if job.agent_context.cancelled and not job.assignment.cancel.cancelled:
            raise  # the worker itself is to end, which says nothing of its ticket
        if not job.token.cancelled:
            raise
        end = CancelledEnd(job.token.reason)
    except Stuck as error:
        end = Blocked(error.reason)
    except Exhausted as error:
        end = ExhaustedEnd(error.reason, limit=error.limit)
    if job.token.cancelled and not isinstance(end, CancelledEnd):
        end = CancelledEnd(job.token.reason)
    return replace(end, usage=job.usage)


def _rounds(job: Job, work: Work) -> Course:
    """Work, and work again for as long as the reviewer says so."""
    while True:
        end = yield from _round(job, work)
        if not isinstance(end, Completed) or job.assignment.reviewer is None:
            return end
        outcome = yield from reviewed(job, end)
        if not isinstance(outcome, ReviewFeedback):
            return outcome
        job.feedback = outcome


def _round(job: Job, work: Work) -> Course:
    job.check()
    job.is_function = True
    try:
        value = work(job)  # of a generator function: nothing of it runs yet
    finally:
        job.is_function = False
    if isgenerator(value):
        value = yield from value
    end = _end_of(value)
    if isinstance(end.usage, Usage):
        job.book(end.usage)
    job.check()
    return end


def _end_of(value: Any) -> AttemptEnd:
    """Give the end that the work has returned; text and None are a ticket that is done."""
    if isinstance(value, AttemptEnd):
        return value
    if value is None or isinstance(value, str):
        return Completed(value or "")
    raise TypeError(f"work returns text, None, Completed, Blocked or ExhaustedEnd, not {printed(value, 200)}")
