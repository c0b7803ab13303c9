"""What can be seen of one life in the model of supervision: when does an incarnation start, end and wait?"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from actors._core.messages import StopReason
from actors._core.spec import ChildSpec
from actors.testkit.ledger_model import Ledger
from policies import Phase, RestartType


class Step(NamedTuple):
    """One thing that can be seen to happen.

    `what` is a hook that runs (start, stop, failure: `value` is the incarnation) or an event: up (the incarnation),
    start_failed, failed (the directive), backing_off (seconds), resumed, escalated (the name of the error), ended (the
    reason).
    """

    what: str
    path: str
    value: object = None


class Status(StrEnum):
    """Where a member of the model is in its life."""

    RUNNING = "running"
    FAILED = "failed"  # its incarnation is there, and waits for a decision
    OVER = "over"  # its start failed, or it ended normally: there is no incarnation, and a decision is to come
    HALTED = "halted"  # it waits for its siblings
    BACKING_OFF = "backing_off"  # it waits for its time
    DOWN = "down"  # its spec is kept


class Member:
    """One agent of the model: a child, or the supervisor itself."""

    def __init__(self, path: str, spec: ChildSpec[Any]) -> None:
        self.path = path
        self.spec = spec
        self.restart = RestartType(spec.restart)
        self.status = Status.OVER
        self.incarnation = 0
        self.handled = 0  # messages, by this incarnation
        self.mail = 0  # messages that wait for the next one
        self.phase: Phase | None = None  # of the failure that is to be decided
        self.incident = 0  # the failure that it backs off for
        self.escalated = False
        self.ledger = Ledger()  # for a policy of its own

    @property
    def between(self) -> bool:
        """Whether it waits for its next incarnation."""
        return self.status in (Status.HALTED, Status.BACKING_OFF)


class Wait(NamedTuple):
    """A member backs off: until when, since when, who, and over which incident."""

    due: float
    since: float
    member: Member
    incident: int


class Lives:
    """What happens to members, one step after the other, in a time of its own."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.steps: list[Step] = []
        self.broken: dict[str, list[BaseException]] = {}
        self.waits: list[Wait] = []  # for their time, as they began
        self._incidents = 0

    @property
    def next_due(self) -> float | None:
        """When somebody comes up next."""
        return min((wait.due for wait in self.waits), default=None)

    def _start(self, member: Member, up: bool = True) -> BaseException | None:
        """Run the next incarnation's start; give the error with which it fails."""
        member.incarnation += 1
        member.handled = 0
        member.escalated = False
        self._note("start", member, member.incarnation)
        errors = self.broken.get(member.path)
        if errors:
            return errors.pop(0)
        if up:
            self._is_up(member)
        return None

    def _is_up(self, member: Member) -> None:
        member.status = Status.RUNNING
        self._note("up", member, member.incarnation)
        member.handled, member.mail = member.mail, 0

    def _hook(self, member: Member, killed: bool = False) -> None:
        """The incarnation ends, if there is one."""
        if member.status in (Status.RUNNING, Status.FAILED) and not killed:
            self._note("stop" if member.status is Status.RUNNING else "failure", member, member.incarnation)
        member.status = Status.OVER

    def _resume(self, member: Member) -> None:
        member.status = Status.RUNNING
        self._note("resumed", member)

    def _back_off(self, member: Member, delay: float) -> None:
        self._incidents += 1
        member.status, member.incident = Status.BACKING_OFF, self._incidents
        self.waits.append(Wait(self.now + delay, self.now, member, self._incidents))
        self._note("backing_off", member, delay)

    def _end(self, member: Member, reason: StopReason) -> StopReason:
        """It ends for good; a failure that nobody has decided about is why."""
        undecided = member.status in (Status.FAILED, Status.OVER) and member.phase is not Phase.EXIT
        self._hook(member, killed=reason is StopReason.SHUTDOWN and member.spec.shutdown == "brutal")
        member.status = Status.DOWN
        reason = StopReason.FAILED if undecided else reason
        self._note("ended", member, reason)
        return reason

    def _note(self, what: str, member: Member, value: object = None) -> None:
        self.steps.append(Step(what, member.path, value))
