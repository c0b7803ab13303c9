"""What does a worker do with a ticket, and what is it given to do so?"""

from actors.guard.cancel import CancelToken
from actors.work.agent_tools import agent_tools
from actors.work.assignment import (
    Assignment,
    AttemptEnd,
    Blocked,
    CancelledEnd,
    Completed,
    ExhaustedEnd,
    cause_of,
)
from actors.work.context_files import ContextText, read_context
from actors.work.course import Work
from actors.work.job import Job
from actors.work.prompt import prompt_of
from actors.work.ref import WorkerRef
from actors.work.reviewer import Review, Reviewer
from actors.work.standing import NotInterruptedError, WorkState
from actors.work.telling import AddTickets, AreYouThere, InReview, OfAttempt, QueryStatus, Reworked, Spent
from actors.work.tools import ToolRefused
from actors.work.worker import Worker

__all__ = [
    "AddTickets",
    "AreYouThere",
    "Assignment",
    "AttemptEnd",
    "Blocked",
    "CancelToken",
    "CancelledEnd",
    "Completed",
    "ContextText",
    "ExhaustedEnd",
    "InReview",
    "Job",
    "NotInterruptedError",
    "OfAttempt",
    "QueryStatus",
    "Review",
    "Reviewer",
    "Reworked",
    "Spent",
    "ToolRefused",
    "Work",
    "WorkState",
    "Worker",
    "WorkerRef",
    "agent_tools",
    "cause_of",
    "prompt_of",
    "read_context",
]
