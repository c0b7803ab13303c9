"""What does a worker do with a ticket, and what is it given to do so?"""

from actors.work.assignment import (
    Assignment,
    AttemptEnd,
    Blocked,
    CancelledEnd,
    Completed,
    ExhaustedEnd,
    cause_of,
)
from actors.work.cancel import CancelToken
from actors.work.course import Work
from actors.work.job import Job
from actors.work.ref import WorkerRef
from actors.work.telling import AddTickets, InReview, OfAttempt, QueryStatus, Reworked, Spent
from actors.work.worker import Worker

__all__ = [
    "AddTickets",
    "Assignment",
    "AttemptEnd",
    "Blocked",
    "CancelToken",
    "CancelledEnd",
    "Completed",
    "ExhaustedEnd",
    "InReview",
    "Job",
    "OfAttempt",
    "QueryStatus",
    "Reworked",
    "Spent",
    "Work",
    "Worker",
    "WorkerRef",
    "cause_of",
]
