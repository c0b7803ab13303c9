"""How does finished work get past its reviewer, and what if it does not?"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from actors._core.errors import AgentStoppedError, said
from actors.eventlog.work_kinds import ReviewerApprovalRecord, ReviewerHandoffRecord, ReviewerRejectionRecord
from actors.typed import Decision, ReviewFeedback
from actors.work.assignment import Blocked, Completed
from actors.work.job import Job
from actors.work.reviewer import feedback_on
from actors.work.telling import InReview, Reworked

Outcome = Completed | Blocked | ReviewFeedback
"""An end of the attempt, or what the work is to be done again for."""


def reviewed(job: Job, end: Completed) -> Generator[Any, Any, Outcome]:
    """Hand work to the reviewer of its assignment, and give what follows from what that says.

    Nobody else is asked, unless the work was rejected too often or there is no reviewer any more: then the conductor
    decides whether it is taken as it is.
    """
    job.round += 1
    reviewer = job.assignment.reviewer
    job.tell(InReview(*job.which, job.round))
    job.emit(ReviewerHandoffRecord(correlation_id=job.key, child_agent_id=getattr(reviewer, "path", None)))
    try:
        feedback = yield from _feedback(job, end)
    except Exception as error:
        job.check()
        return (yield from _escalated(job, end, f"not reviewed: {said(error)}"))
    remarks = "; ".join(feedback.comments)
    if feedback.approved:
        job.emit(ReviewerApprovalRecord(correlation_id=job.key, message=remarks or None))
        return end
    job.emit(ReviewerRejectionRecord(correlation_id=job.key, message=remarks or None))
    if job.round > job.assignment.max_reviews:
        return (yield from _escalated(job, end, f"rejected {job.round} times: {remarks}"))
    job.tell(Reworked(*job.which, job.round, feedback.comments))
    return feedback


def _feedback(job: Job, end: Completed) -> Generator[Any, Any, ReviewFeedback]:
    """Ask the reviewer, and once more where it has failed over that: it may be back by then."""
    try:
        given = yield job.review(end.files)
    except AgentStoppedError:
        raise  # it was asked again as long as it lived
    except Exception:
        job.check()
        given = yield job.review(end.files)
    return feedback_on(job.key, given)  # whoever reviews need not be a Reviewer


def _escalated(job: Job, end: Completed, why: str) -> Generator[Any, Any, Completed | Blocked]:
    decision: Decision = yield job.decide(f"{job.ticket.id} was {why}. Take it as it is?")
    return end if decision.granted else Blocked(f"{why} ({decision.reason})")
