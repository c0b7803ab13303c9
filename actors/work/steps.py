"""How does an attempt go on when what it waits for is there, while its worker does other things?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors._core.errors import printed
from actors._core.messages import FrameworkMessage
from actors.work.assignment import AttemptEnd
from actors.work.course import Course
from actors.work.job import Job
from actors.work.standing import Standing


@dataclass(frozen=True, slots=True)
class Step(FrameworkMessage):
    """Told to the worker by itself: the attempt can go on with its step of this number."""

    key: str
    number: int


class LookAgain(FrameworkMessage):
    """Told to the worker by itself: an assignment that was left can be begun, or was given up."""


class Run:
    """One attempt under way; used on the worker's turn, but for what wakes it."""

    def __init__(self, job: Job, course: Course) -> None:
        self.job = job
        self._course = course
        self._number = 0
        self._awaited: Any = None
        self._forget: Callable[[], None] = _nothing

    def is_at(self, step: Step) -> bool:
        """Whether this is what it waits for; what woke it a second time, or too late, is not."""
        return step == self._step

    def begin(self) -> AttemptEnd | None:
        """Take the first step; gives the end, if that was the last."""
        return self._take(lambda: self._course.send(None))

    def is_held(self, standing: Standing) -> bool:
        """Whether its worker is interrupted: then it is woken when that goes on, or when it is given up."""
        token = self.job.token
        if not standing.interrupted or token.cancelled:
            return False
        self._forget()
        wake = self._waker()
        given_up, resumed = token.on_cancel(wake), standing.on_resume(wake)

        def forget() -> None:
            given_up()
            resumed()

        self._forget = forget
        return True

    def go_on(self) -> AttemptEnd | None:
        """Take the next step, with what was waited for."""
        awaited, self._awaited = self._awaited, None
        self._forget()
        token = self.job.token
        if token.cancelled:
            return self._take(lambda: self._course.throw(token.error))
        try:
            value = None if awaited is None else _value_of(awaited)
        except BaseException as error:
            raised = error
            return self._take(lambda: self._course.throw(raised))
        return self._take(lambda: self._course.send(value))

    def close(self) -> None:
        """End it where it stands."""
        self._forget()
        self._course.close()

    def _take(self, step: Callable[[], Any]) -> AttemptEnd | None:
        try:
            awaited = step()
        except StopIteration as stop:
            end: AttemptEnd = stop.value
            return end
        if awaited is not None and not hasattr(awaited, "add_done_callback"):
            error = TypeError(f"work yields None or a future, not {printed(awaited, 200)}")
            return self._take(lambda: self._course.throw(error))
        self._wait_for(awaited)
        return None

    @property
    def _step(self) -> Step:
        return Step(self.job.key, self._number)

    def _wait_for(self, awaited: Any) -> None:
        self._number += 1
        self._awaited = awaited
        wake = self._waker()
        if awaited is None:
            wake()
            return
        self._forget = self.job.token.on_cancel(wake)
        awaited.add_done_callback(wake)

    def _waker(self) -> Callable[..., None]:
        """Give what has it go on with its present step; for any thread, any number of times."""
        step, timers = self._step, self.job.agent_context.timers

        def wake(*_: Any) -> None:
            # A tick is outside the bound of the mailbox, and is for this incarnation only.
            timers.once(step, 0.0, step)

        return wake


def _value_of(future: Any) -> Any:
    """Give what a settled future holds, or raise it; computed here where it is derived from others."""
    return future.get() if hasattr(future, "get") else future.result()


def _nothing() -> None:
    return
