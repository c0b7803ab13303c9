"""What should a supervisor and its children do?

The promises about supervision once more, as a program without threads, commands or clocks: short enough to be read, and
written apart from the kernel and from what policies decide, so that either can be compared with it. `SupervisorMachine`
does that. Read on in `family_model` (what a failure leads to), `lives_model` (one life) and `ledger_model` (limits and
backoff). Not modelled: `keep_children`, deadlines and hooks that raise.
"""

from __future__ import annotations

from typing import Any

from actors._core.errors import AgentStoppedError
from actors._core.messages import StopReason
from actors._core.spec import ChildSpec
from actors.testkit.family_model import FamilyModel
from actors.testkit.lives_model import Member, Status
from policies import Phase, RestartType


class SupervisorModel(FamilyModel):
    """One supervisor with its children, and the policy of its own parent (`spec.policy`), in a time of its own.

    Tell it what happens (`fail`, `end`, `stop`, `advance`, ...) and read what follows from `steps`, oldest first, from
    `children` and from `supervisor`. `broken[path]` are the errors with which the next starts there fail. Once the
    system is `over`, `failed` is the error that ended it, or None.
    """

    def tell(self, name: str) -> None:
        """A message that is handled without a failure is sent to a child; while it is down the message waits."""
        child = self.children[name]
        if child.status is Status.RUNNING:
            child.handled += 1
        else:
            child.mail += 1

    def fail(self, name: str, error: BaseException) -> None:
        """A running child fails over a message."""
        self._judge(self.children[name], error, Phase.RECEIVE)

    def end(self, name: str) -> None:
        """A running child ends itself over a message, normally: its supervisor is asked only if it is permanent."""
        child = self.children[name]
        child.handled += 1
        if child.restart is not RestartType.PERMANENT:
            self._finish(child, StopReason.NORMAL)
            return
        self._hook(child)
        self._judge(child, AgentStoppedError("ended normally", path=child.path), Phase.EXIT)

    def stop(self, name: str) -> None:
        """A child is stopped from outside: it stays down, whatever its restart type."""
        self._finish(self.children[name], StopReason.REQUESTED)

    def fail_supervisor(self, error: BaseException) -> None:
        """The supervisor fails itself."""
        self._judge_supervisor(error, Phase.RECEIVE)

    def stop_supervisor(self) -> None:
        """The supervisor is stopped from outside."""
        self._finish_supervisor(StopReason.REQUESTED)

    def advance(self, seconds: float) -> None:
        """Time passes: who backs off comes up at its own time."""
        until = self.now + seconds
        while (due := self.next_due) is not None and due <= until:
            wait = min(self.waits, key=lambda wait: wait.due)
            self.waits.remove(wait)
            self.now = due
            self._time_is_up(wait.member, wait.incident)
        self.now = until

    # -- administration: each gives the outcome -----------------------------------

    def start_child(self, spec: ChildSpec[Any]) -> str:
        """Add a child after the others."""
        name = str(spec.name)
        if (present := self.children.get(name)) is not None:
            return "already_present" if present.status is Status.DOWN else "already_started"
        return self._admit(name, Member(f"{self.supervisor.path}/{name}", spec))

    def terminate_child(self, name: str) -> str:
        """End a child and keep its spec, unless it is temporary; that cancels its restart, too."""
        if (child := self.children.get(name)) is None:
            return "not_found"
        if child.status is not Status.DOWN:
            self._finish(child, StopReason.SHUTDOWN)
        return "ok"

    def restart_child(self, name: str) -> str:
        """Start a child that is down, or give one that runs a new incarnation, which no limit counts."""
        if (child := self.children.get(name)) is None:
            return "not_found"
        if child.status is Status.DOWN:
            return self._admit(name, Member(child.path, child.spec))
        if child.between:
            return "restarting"
        self._hook(child)
        return "ok" if self._bring_up(child) else "start_failed"

    def delete_child(self, name: str) -> str:
        """Forget the spec of a child that is down."""
        if (child := self.children.get(name)) is None:
            return "not_found"
        if child.status is not Status.DOWN:
            return "restarting" if child.between else "running"
        del self.children[name]
        return "ok"

    def _admit(self, name: str, child: Member) -> str:
        """Start a child for the first time; if it does not start, all is as it was before."""
        if self.max_children is not None and len(self._live()) >= self.max_children:
            return "max_children"
        before = self.children.get(name)
        self.children[name] = child  # in its old place, if it had one
        if self._start(child) is None:
            return "ok"
        self._note("start_failed", child)
        if before is None:
            del self.children[name]
        else:
            self.children[name] = before
        return "start_failed"
