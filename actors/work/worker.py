"""Who works on tickets?"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar

from loguru import logger

from actors._core.agent import Agent
from actors._core.errors import Cancelled
from actors._core.messages import FrameworkMessage
from actors._core.ref import Addressed, AgentRef
from actors._core.replies import Reply
from actors.typed import AdditionalContext, Cancel
from actors.work.assignment import Assignment, AttemptEnd
from actors.work.course import Work, course
from actors.work.job import Job
from actors.work.ref import Tray, WorkerRef
from actors.work.standing import Standing
from actors.work.steps import LookAgain, Run, Step
from actors.work.telling import AreYouThere


class Worker(Agent, Addressed[WorkerRef]):
    """Does one assignment at a time: `ref.ask(Assignment(ticket=...))` is answered with how the attempt has ended.

    What it does is `work(job)`, given as a function, `Worker(work=analyse)`, or as a method of a subclass. It is a
    plain function, which may block, or a generator function: at each `yield` the worker handles what is in its mailbox,
    and `value = yield future` goes on when the future is settled, with no thread blocked meanwhile. Work returns text
    or None, which is a ticket that is done, or an `AttemptEnd`. What it raises is a failure of the worker: the asker is
    raised it, and the worker's policy decides.

    A restarted worker keeps its mailbox, and what it was told about a ticket: the next attempt hears that again.
    """

    ref_class: ClassVar[type[AgentRef[Any]] | None] = WorkerRef

    def __init__(self, work: Work | None = None) -> None:
        if work is not None and not callable(work):
            raise ValueError(f"work: a function that takes a job, not {work!r}")
        if work is None and type(self).work is Worker.work:
            raise ValueError("work: a function that takes a job, or a subclass with a method `work`")
        self._function = work

    # -- for those who write one ------------------------------------------------------

    def work(self, job: Job) -> Any:
        """Do what the job says; a plain method or a generator."""
        assert self._function is not None
        return self._function(job)

    def on_message(self, message: Any) -> Any:
        """Handle what is neither an assignment nor a Cancel; its value is the answer to an ask.

        This one keeps it for `job.received()`. A generator's worker comes here between two steps.
        """
        self._tray.note(message)

    @property
    def job(self) -> Job | None:
        """The attempt that it is at; None between two."""
        return None if self._run is None else self._run.job

    # -- the agent ----------------------------------------------------------------------

    _run: Run | None = None
    _reply: Reply | None = None
    _kept: tuple[Callable[[], None], ...] = ()

    @property
    def _tray(self) -> Tray:
        ref = self.actor_ref
        assert isinstance(ref, WorkerRef)
        return ref.tray

    @property
    def _standing(self) -> Standing:
        ref = self.actor_ref
        assert isinstance(ref, WorkerRef)
        return ref.standing

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Step):
            return self._go_on(message)
        if isinstance(message, Assignment):
            return self._begin(message)
        if isinstance(message, LookAgain):
            self._put_back()
            return None
        if isinstance(message, Cancel):
            self._tray.handle(message)
            return None
        if isinstance(message, AdditionalContext):
            # Before the hook, which may want it: it may have come past the ref's `tell`.
            self._tray.note(message)
            return self.on_message(message)
        if isinstance(message, AreYouThere):
            return True
        if isinstance(message, FrameworkMessage):
            return super().on_receive(message)
        return self.on_message(message)

    def _begin(self, assignment: Assignment) -> AttemptEnd | None:
        if self._run is not None:
            self.context.stash()  # one at a time
            return None
        if not self._standing.begin(assignment, self.context):
            self._keep(assignment)
            return None
        self._tray.begin(assignment)
        job = Job(assignment, self.context, self._tray, self._standing)
        self._run = Run(job, course(job, self.work))
        end = self._advance(self._run.begin)
        if self._run is not None and self.context.asked:
            self._reply = self.context.defer()
        return end

    def _go_on(self, step: Step) -> None:
        if self._run is None or not self._run.is_at(step) or self._run.is_held(self._standing):
            return
        reply = self._reply
        try:
            end = self._advance(self._run.go_on)
        except BaseException as error:
            if reply is not None:
                reply.set_exception(error)
            if isinstance(error, Cancelled) and self.context.cancelled:
                return  # the worker is to end, and does: its asker has that as the answer
            raise
        if end is not None and reply is not None:
            reply.set(end)

    def _advance(self, step: Callable[[], AttemptEnd | None]) -> AttemptEnd | None:
        """Take one step of the attempt, and give its end, if that was the last."""
        run = self._run
        assert run is not None
        try:
            with logger.contextualize(**run.job.stamp):
                end = step()
        except BaseException:
            self._over()
            raise
        if end is not None:
            self._tray.end(run.job.assignment)
            self._over()
        return end

    def _over(self) -> None:
        run, self._run, self._reply = self._run, None, None
        if run is not None:
            self._tray.close(run.job.assignment)
            self._standing.end(run.job.assignment)
        self._put_back()

    # -- what it is asked for while it is interrupted -----------------------------------

    def _keep(self, assignment: Assignment) -> None:
        """Leave an assignment until the worker goes on, or the assignment is given up."""
        timers = self.context.timers

        def look_again() -> None:
            # As in `Run`: outside the bound of the mailbox, and for this incarnation only.
            timers.once(LookAgain, 0.0, LookAgain())

        self.context.stash()
        self._kept += (self._standing.on_resume(look_again), assignment.cancel.on_cancel(look_again))

    def _put_back(self) -> None:
        """Have what waits handled again, which may have to wait still."""
        kept, self._kept = self._kept, ()
        for forget in kept:
            forget()
        self.context.unstash_all()

    def on_stop(self) -> None:
        self._close()

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def _close(self) -> None:
        """Have the work that waits clean up, as its `finally` says."""
        run, self._run = self._run, None
        if run is not None:
            self._tray.close(run.job.assignment)
            with logger.contextualize(**run.job.stamp):
                run.close()
            self._standing.end(run.job.assignment)
        for forget in self._kept:
            forget()
