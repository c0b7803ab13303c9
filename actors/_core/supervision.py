"""What happens to the children of one agent when one of them fails, ends, or is administered?

A `Family` is the books of one parent: its children in start order, the restarts it remembers, and its lane. What is
decided about failures is decided on the lane, one after the other, by whichever thread gets there first; so a parent
that is busy, or hangs, delays nothing. Decisions are carried out as commands on the child's own control lane.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from actors._core import events
from actors._core.commands import Restart, Resume, State, Stop, Suspend
from actors._core.context import describe
from actors._core.dispatcher import Job
from actors._core.errors import (
    AgentStoppedError,
    AskCycleError,
    NameTakenError,
    RestartLimitExceeded,
    TooManyChildren,
    printed,
)
from actors._core.future import Ask
from actors._core.here import end_wait, here, note_wait
from actors._core.mailbox import Room
from actors._core.messages import StopReason
from actors._core.restarts import Restarts
from actors._core.siblings import Siblings
from actors._core.spec import ChildSpec
from policies import AutoShutdown, Decision, Directive, Failure, Phase, Policy, RestartType, Strategy

if TYPE_CHECKING:
    from actors._core.agent import Agent
    from actors._core.cell import Cell


@dataclass(frozen=True, slots=True)
class Down:
    """A child whose spec is kept while no agent runs under its name."""

    spec: ChildSpec[Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """What an agent said of its children: holds after it has ended, until the next incarnation is there."""

    policy: Policy | None
    strategy: Strategy | str
    auto_shutdown: AutoShutdown | str
    max_children: int | None


class Family(Siblings):
    """The children of one agent. An incarnation that ends closes it, the next one opens it again."""

    __slots__ = ("_children", "_lane", "_lane_busy", "_lock", "_restarts", "cell", "closed", "edition", "rules")

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.closed = False
        self.rules: Rules | None = None  # of the incarnation that has ended, while no other runs
        self.edition = 0  # of the children that are not down: another one when there are others, or `closed` changes
        self._children: dict[str, Cell | Down] = {}
        self._restarts = Restarts()
        # Guards children, closed and edition. No other lock and no user code under it.
        self._lock = threading.Lock()
        self._lane: deque[Callable[[], None]] = deque()  # the jobs, and whether each waits for no child
        # Held by the thread that works the lane off; never waited for, so it orders nothing but the jobs.
        self._lane_busy = threading.Lock()

    # -- the books ----------------------------------------------------------------

    def admit(self, child: Cell, most: int | None = None) -> None:
        """Reserve the name for a child that is about to start; raises NameTakenError or AgentStoppedError."""
        with self._lock:
            if self.closed:
                raise AgentStoppedError(f"{self.cell.path} has stopped: it takes no children", path=self.cell.path)
            if child.name in self._children and not isinstance(self._children[child.name], Down):
                raise NameTakenError(child.path)
            if isinstance(self._children.get(child.name), Down) and not child.kept:
                raise NameTakenError(child.path)
            if most is not None and len(self.counted()) >= most:
                raise TooManyChildren(self.cell.path, most)
            self._children[child.name] = child
            self.edition += 1

    def counted(self) -> list[Cell]:
        """The children that count against `max_children`: all that are not down. The lock is held."""
        return [child for child in self._children.values() if not isinstance(child, Down)]

    def remove(self, child: Cell, keep_spec: bool) -> None:
        """Free the name of a child that has ended, or keep its spec."""
        with self._lock:
            if keep_spec:
                self._children[child.name] = Down(child.spec)
            else:
                del self._children[child.name]
            self.edition += 1
        self._restarts.forget(child)

    def delete(self, name: str) -> bool:
        """Drop a kept spec; False if there is none, because its child has been started."""
        with self._lock:
            kept = isinstance(self._children.get(name), Down)
            if kept:
                del self._children[name]
            return kept

    def get(self, name: str) -> Cell | Down | None:
        return self._children.get(name)

    def entries(self) -> list[tuple[str, Cell | Down]]:
        """Give all children, also those that are down, in start order."""
        with self._lock:
            return list(self._children.items())

    def keep_rules(self, agent: Agent) -> None:
        """The incarnation ends: what it said holds until the next one is there."""
        if self.rules is None:
            with contextlib.suppress(BaseException):  # the agent may compute them
                self.rules = Rules(agent.policy, agent.strategy, agent.auto_shutdown, agent.max_children)

    def live(self) -> list[Cell]:
        """Give the cells of the children that are not down, in start order."""
        with self._lock:
            return self.counted()

    def register(self) -> tuple[int, list[Cell]]:
        """Give the edition with the children that belong to it: as `live`, but none while it is closed."""
        with self._lock:
            return self.edition, [] if self.closed else self.counted()

    # -- ending children ----------------------------------------------------------

    def stop_all(self, deadline: float | None, final: bool) -> None:
        """Stop the children in reverse start order, each within its time; blocks. Used on the parent's turn.

        Where the parent goes on (not `final`), the family is open again afterwards, without kept specs.
        """
        with self._lock:
            self.closed = True
            self.edition += 1
        while cells := self.live():
            for child in reversed(cells):
                if not final:
                    self.cell.forget_watch(child)
                self.stop(child, Stop(StopReason.SHUTDOWN, deadline=deadline), self.cell)
        with self._lock:
            self._children.clear()
            self.closed = final
            self.edition += 1
        # Replaced, not emptied: a decision that is under way writes to what it has read.
        self._restarts = Restarts()

    def stop(self, child: Cell, stop: Stop, waiter: Cell | None) -> None:
        """Stop one child and wait for its end; its own code gets its `shutdown` seconds.

        `waiter` is the cell whose agent waits: the parent that ends, or the agent that asked for it.
        """
        if child.command_at_once(stop):
            return
        allowed = child.spec.shutdown_seconds
        if stop.deadline is not None:
            left = max(0.0, stop.deadline - self.cell.system.clock.now())
            allowed = left if allowed is None else min(allowed, left)
        self.command(child, stop, waiter, allowed)

    def command(self, child: Cell, command: Any, waiter: Cell | None, allowed: float | None) -> Any:
        """Have a child obey a command and give what comes of it; an agent that commands itself does not wait."""
        done: Ask[Any] = Ask(None, child, None, None)
        command.done = done
        child.post(command, allowed)
        if waiter is child:
            return None
        if waiter is None:
            return done.wait_quietly()
        # A child that waits, directly or not, for the waiter would keep it from ending until its time is up: end that
        # wait instead. Both sides note their wait before they look for a cycle, so one of them finds it.
        cycle = note_wait(waiter, done)
        if cycle:
            waiting = cycle[-1].waiting
            paths = (*(cell.path for cell in cycle), waiter.path)
            if isinstance(waiting, Ask):
                waiting.resolve(error=AskCycleError(paths))
            elif isinstance(waiting, Room):
                waiting.resolve(error=waiting.cycle_error(paths))
        try:
            self.cell.system.pool.make_room()
            return done.wait_quietly()
        finally:
            end_wait(waiter, done)

    # -- failures: the lane -------------------------------------------------------

    def submit(self, job: Callable[[], None]) -> None:
        """Have the job done after those before it: here and now, or by the thread that is at it."""
        self._lane.append(job)
        while self._lane and self._lane_busy.acquire(False):
            try:
                self._work_off()
            finally:
                self._lane_busy.release()

    def _work_off(self) -> None:
        while True:
            try:
                job = self._lane.popleft()
            except IndexError:
                return
            job()

    def judge(self, child: Cell, failure: Failure, at_hand: list[None] | None = None) -> None:
        """Decide about one failure and have the decision carried out. Runs on the lane.

        `at_hand`: see `Place.post`.
        """
        restarts = self._restarts
        moot = self._is_moot(child, failure)
        if moot and not self._may_go_up(child, failure):
            # Nothing is to be decided any more; that it failed is told nevertheless.
            replaced = not self.closed and child.state is not State.STOPPED
            self._tell(child, failure, Decision(Directive.RESTART if replaced else Directive.STOP))
            self._go_on_without(failure)
            return
        error, decision = self._decide(child, failure, restarts)
        goes_up = decision.directive is Directive.ESCALATE
        self._tell(child, failure, Decision(Directive.STOP) if moot and not goes_up else decision)
        if restarts is not self._restarts:
            # The parent has been restarted while the policy was asked.
            self._go_on_without(failure)
        elif not self._is_moot(child, failure):
            self._carry_out(child, failure, decision, error, at_hand)
        else:
            # The child has ended, before the policy was asked or while it was.
            self._go_on_without(failure)
            if goes_up and not self.closed and failure.phase is not Phase.EXIT:
                self._escalate(child, failure, error)

    def _tell(self, child: Cell, failure: Failure, decision: Decision) -> None:
        """Log the failure and publish it, with what was decided."""
        if failure.phase is Phase.EXIT:
            return
        system = self.cell.system
        system.reports.failed(child.ref, failure, decision, describe(child.in_hand), child.restarts)
        system.events.report(
            events.AgentFailed, child.path, failure.incarnation, failure.at, failure.error, failure.phase,
            decision.directive,
        )  # fmt: skip

    def _is_moot(self, child: Cell, failure: Failure) -> bool:
        return self.closed or child.state is State.STOPPED or child.incarnation != failure.incarnation

    def _may_go_up(self, child: Cell, failure: Failure) -> bool:
        """Whether the failure of a child that has ended meanwhile may still become that of the parent.

        A stop comes behind the failure, so it does not hide it. Where the child had ended by itself, it has not failed.
        """
        over = child.state is State.STOPPED and child.incarnation == failure.incarnation
        return over and not self.closed and failure.phase is not Phase.EXIT

    def _go_on_without(self, failure: Failure) -> None:
        """A child that did not start is not coming back: start those that waited for it, if any did."""
        if failure.phase is Phase.START and not self.closed:
            self._start_group(None, None)

    def _decide(self, child: Cell, failure: Failure, restarts: Restarts) -> tuple[BaseException, Decision]:
        """Ask the policy; gives the error to escalate with, too."""
        own = child.spec.policy
        history = restarts.of(child)
        over = child.state is State.STOPPED
        outer = here.serving
        here.serving = (*outer, self.cell.system.events)
        try:
            policy: Policy = own if own is not None else self.cell.family_policy
            _ = self._strategy  # which may be no strategy
            if failure.phase is Phase.EXIT:
                policy = policy.for_exit()
            decision = policy.decide(failure, history)
            if not isinstance(decision, Decision):
                raise TypeError(f"{printed(policy)} decided {printed(decision)}, which is no policies.Decision")
            if decision.directive is Directive.RESUME and failure.phase in (Phase.START, Phase.DEADLINE):
                # There is no state to resume, or an orphan has it: another start, within the limit of a restart.
                decision = policy.for_exit().decide(failure, history)
        except BaseException as raised:
            raised.__cause__ = failure.error
            return raised, Decision(Directive.ESCALATE, history=history)
        finally:
            here.serving = outer
        restarted = decision.exceeded or decision.directive is Directive.RESTART
        if restarted and not RestartType(child.spec.restart).restarts_after(failed=True):
            # It is not restarted, so its failure neither spends the limit nor can exceed it.
            return failure.error, Decision(Directive.STOP, history=history)
        if not over:  # else there is no restart to be remembered
            restarts.remember(child, decision.history)
        error = failure.error
        if decision.exceeded:
            error = RestartLimitExceeded(self.cell.path, child.path, failure.error)
            error.__cause__ = failure.error
        return error, decision

    def _carry_out(
        self, child: Cell, failure: Failure, decision: Decision, error: BaseException, at_hand: list[None] | None
    ) -> None:
        match decision.directive:
            case Directive.RESUME:
                child.post(Resume(failure), None, at_hand)
            case Directive.RESTART if self._strategy is Strategy.ONE_FOR_ONE:
                child.post(Restart(failure, decision.delay), child.spec.shutdown_seconds, at_hand)
            case Directive.RESTART:
                self._restart_group(child, failure, decision.delay)
            case Directive.STOP:
                exited = failure.phase is Phase.EXIT
                stop = Stop(StopReason.REQUESTED) if exited else Stop(StopReason.FAILED, failure.error)
                if failure.phase is Phase.START:
                    # Whoever comes up next finds it gone, and its restarts forgotten.
                    self._and_wait(child, stop)
                    self._go_on_without(failure)
                else:
                    child.post(stop, child.spec.shutdown_seconds, at_hand)
            case Directive.ESCALATE:  # pragma: no branch - there is no other
                self._escalate(child, failure, error)

    def _escalate(self, child: Cell, failure: Failure, error: BaseException) -> None:
        parent = self.cell
        system = parent.system
        child.escalated = not self._is_moot(child, failure)
        system.events.publish(events.Escalated(child.path, failure.incarnation, system.clock.now(), parent.path, error))
        grandparent = parent.parent
        if grandparent is None or grandparent.family is None:
            system.fail(child.path, error)
            return
        raised = Failure(
            parent.path, error, parent.incarnation, Phase.RECEIVE, False, system.clock.now(), parent.handled,
            system.random.random(),
        )  # fmt: skip
        parent.post(Suspend(raised))
        # On another thread: this lane must not be held while the parent's siblings, or the parent, are restarted.
        system.pool.put(Job(partial(grandparent.family.submit, partial(grandparent.family.judge, parent, raised))))

    # -- after a decision about the parent ----------------------------------------

    def resume_escalated(self) -> None:
        """The parent goes on although a child's failure reached it: so does that child."""
        for child, failure in self._take_escalated():
            if failure.phase is Phase.RECEIVE:
                child.post(Resume(failure))
            else:
                self._start_anew(child, failure)

    def revive(self) -> None:
        """The parent was restarted and kept its children: those that had failed start afresh."""
        for child, failure in self._take_escalated():
            if failure.phase is Phase.RECEIVE:
                child.post(Restart(failure), child.spec.shutdown_seconds)
            else:
                self._start_anew(child, failure)

    def _take_escalated(self) -> list[tuple[Cell, Failure]]:
        found = [(child, child.failure) for child in self.live() if child.escalated]
        for child, _ in found:
            child.escalated = False
        return [(child, failure) for child, failure in found if failure is not None]

    def _start_anew(self, child: Cell, failure: Failure) -> None:
        """Nothing of the child is there to go on, and siblings may wait for it: restart it as after a decision."""
        # On another thread: the parent's turn is not to wait for its children.
        self.cell.system.pool.put(Job(partial(self.submit, partial(self._restart_anew, child, failure))))

    def _restart_anew(self, child: Cell, failure: Failure) -> None:
        if self._is_moot(child, failure):
            self._go_on_without(failure)
        else:
            self._carry_out(child, failure, Decision(Directive.RESTART), failure.error, None)

    def child_ended(self, child: Cell, reason: StopReason) -> None:
        """Tell the parent's ref; let a significant child's own end end the parent, if it is to."""
        spec = child.spec
        self.cell.ref._child_ended(child, reason)
        if not spec.significant:
            return
        auto = self.cell.auto_shutdown
        by_itself = reason is StopReason.NORMAL or (
            spec.restart is RestartType.TEMPORARY and reason in (StopReason.FAILED, StopReason.ABANDONED)
        )
        if self.closed or not by_itself or auto is AutoShutdown.NEVER:
            return
        left = sum(1 for other in self.live() if other.spec.significant)
        if auto.triggers(left):
            self.cell.post(Stop(StopReason.NORMAL), self.cell.spec.shutdown_seconds)
