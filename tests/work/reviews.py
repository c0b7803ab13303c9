"""Who takes part when a test has work reviewed?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from actors import ActorSystem, Agent, AgentFuture, AgentRef, ChildSpec
from actors.tickets import Ticket
from actors.typed import Decision, NeedsDecision, ReviewRequest
from actors.work import Assignment, Completed, Job, Reviewer, Worker
from tests.core.helpers import Trace
from tests.core.scripted import FOREVER


class Conductor(Agent):
    """Notes what it is told and asked, and decides as the test says."""

    def __init__(self, trace: Trace, granted: bool) -> None:
        self.trace = trace
        self.granted = granted

    def on_receive(self, message: Any) -> Any:
        self.trace.note(message)
        if isinstance(message, NeedsDecision):
            return Decision(task_id=message.task_id, granted=self.granted, reason="decided")
        return None


class Scripted(Reviewer):
    """Does with each request what comes next in a script that outlives it: raises, calls, or gives that."""

    def __init__(self, script: list[Any], trace: Trace) -> None:
        self.script = script
        self.trace = trace

    def review(self, request: ReviewRequest) -> Any:
        self.trace.note((self.context.incarnation, request))
        step = self.script.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step(self) if callable(step) else step


def rounds(job: Job) -> Completed:
    """Work that tells by its text which round it is, who does it, and what the reviewer has said so far."""
    remarks = " and ".join(job.feedback.comments) if job.feedback else "nothing"
    return Completed(f"{job.path} #{job.round + 1} after {remarks}", files=(f"{job.ticket.id}.py",))


class Stage:
    """A system with a worker, its conductor and its reviewer."""

    def __init__(self, system: ActorSystem, spec: Callable[..., ChildSpec[Any]]) -> None:
        self.system = system
        self.spec = spec
        self.told = Trace()  # what the conductor is told and asked
        self.reviewed = Trace()  # what the reviewer is asked

    def conductor(self, granted: bool = True) -> AgentRef[Any]:
        ref: AgentRef[Any] = self.system.spawn(self.spec(Conductor, "conductor", args=(self.told, granted)))
        return ref

    def reviewer(self, *script: Any, policy: Any = FOREVER, **options: Any) -> AgentRef[Any]:
        args = (list(script), self.reviewed)
        ref: AgentRef[Any] = self.system.spawn(self.spec(Scripted, "reviewer", args=args, policy=policy, **options))
        return ref

    def worker(self, work: Callable[[Job], Any] = rounds, name: str = "worker") -> AgentRef[Any]:
        ref: AgentRef[Any] = self.system.spawn(self.spec(Worker, name, args=(work,), policy=FOREVER))
        return ref

    def begin(self, worker: AgentRef[Any], ticket: str = "T1", **options: Any) -> AgentFuture[Any]:
        """Have the worker do a ticket; gives a future of its end."""
        made = Ticket(id=ticket, description="do it")
        future: AgentFuture[Any] = worker.ask(Assignment(ticket=made, track="track", **options), block=False)
        return future

    def heard(self, count: int) -> list[str]:
        """The kinds of what the conductor was told and asked, in order, once there are so many."""
        return [type(note).__name__ for note in self.told.wait_until(lambda notes: len(notes) >= count)]
