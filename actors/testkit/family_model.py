"""What does a supervisor do about its children's failures, and its own parent about those of the supervisor?

Decisions, strategies, escalation and automatic shutdown, as `docs/semantics.md` promises them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actors._core.errors import AgentStoppedError, RestartLimitExceeded, StartFailedError
from actors._core.messages import StopReason
from actors._core.spec import ChildSpec
from actors.testkit.ledger_model import Ledger, Verdict, restart_inside
from actors.testkit.lives_model import Lives, Member, Status
from policies import AutoShutdown, Directive, Failure, Phase, Policy, Restart, RestartType, Strategy


class FamilyModel(Lives):
    """One supervisor with its children, and the policy of its own parent, which is `spec.policy`."""

    def __init__(
        self,
        spec: ChildSpec[Any],
        children: Sequence[ChildSpec[Any]] = (),
        policy: Policy | None = None,
        strategy: Strategy | str = Strategy.ONE_FOR_ONE,
        auto_shutdown: AutoShutdown | str = AutoShutdown.NEVER,
        max_children: int | None = None,
        now: float = 0.0,
        draw: float = 0.5,
    ) -> None:
        super().__init__(now)
        self.declared = tuple(children)
        self.policy = policy or Restart()
        self.strategy = Strategy(strategy)
        self.auto_shutdown = AutoShutdown(auto_shutdown)
        self.max_children = max_children
        self.draw = draw
        self.supervisor = Member(f"/{spec.name}", spec)
        self.children: dict[str, Member] = {}
        self.over = False
        self.failed: BaseException | None = None
        self.ledger = Ledger()
        self._ending = False
        self._bring_up_supervisor()

    # -- a failure is judged ------------------------------------------------------

    def _decide(self, member: Member, policy: Policy, ledger: Ledger, error: BaseException, phase: Phase) -> Verdict:
        failure = Failure(
            member.path, error, member.incarnation, phase, at=self.now, handled=member.handled, draw=self.draw
        )
        comes_back = member.restart is not RestartType.TEMPORARY
        verdict = ledger.decide(restart_inside(policy) if phase is Phase.EXIT else policy, failure, comes_back)
        if verdict.directive is Directive.RESUME and phase is not Phase.RECEIVE:
            # There is nothing that could go on.
            verdict = ledger.decide(restart_inside(policy), failure, comes_back)
        if not comes_back and (verdict.exceeded or verdict.directive is Directive.RESTART):
            return Verdict(Directive.STOP)
        return verdict

    def _judge(self, child: Member, error: BaseException, phase: Phase) -> None:
        """The supervisor decides about a child, and the decision is carried out."""
        child.status, child.phase = (Status.FAILED if phase is Phase.RECEIVE else Status.OVER), phase
        own = child.spec.policy
        ledger = self.ledger if own is None else child.ledger
        verdict = self._decide(child, self.policy if own is None else own, ledger, error, phase)
        if phase is not Phase.EXIT:
            self._note("failed", child, verdict.directive)
        match verdict.directive:
            case Directive.RESUME:
                self._resume(child)
            case Directive.RESTART if self.strategy is Strategy.ONE_FOR_ONE:
                self._hook(child)
                if verdict.delay:
                    self._back_off(child, verdict.delay)
                else:
                    self._bring_up(child)
            case Directive.RESTART:
                self._restart_group(child, verdict.delay)
            case Directive.STOP:
                self._finish(child, StopReason.REQUESTED if phase is Phase.EXIT else StopReason.FAILED)
                if phase is Phase.START:
                    self._start_group(None)
            case Directive.ESCALATE:
                child.escalated = True
                self._escalate(child, verdict, error)

    def _escalate(self, child: Member, verdict: Verdict, error: BaseException) -> None:
        if verdict.exceeded:
            error = RestartLimitExceeded(self.supervisor.path, child.path, error)
        self._note("escalated", child, type(error).__name__)
        self._judge_supervisor(error, Phase.RECEIVE)

    # -- the supervisor fails: its own parent decides -----------------------------

    def _judge_supervisor(self, error: BaseException, phase: Phase) -> None:
        me = self.supervisor
        me.status, me.phase = (Status.FAILED if phase is Phase.RECEIVE else Status.OVER), phase
        verdict = self._decide(me, me.spec.policy or Restart(), me.ledger, error, phase)
        if phase is not Phase.EXIT:
            self._note("failed", me, verdict.directive)
        match verdict.directive:
            case Directive.RESUME:
                self._resume(me)
                self._go_on_after_escalation()
            case Directive.RESTART:
                self._end_children()
                self._hook(me)
                if verdict.delay:
                    self._back_off(me, verdict.delay)
                else:
                    self._bring_up_supervisor()
            case Directive.STOP:
                self._finish_supervisor(StopReason.REQUESTED if phase is Phase.EXIT else StopReason.FAILED)
            case Directive.ESCALATE:
                if verdict.exceeded:
                    error = RestartLimitExceeded("/", me.path, error)
                self._note("escalated", me, type(error).__name__)
                self.failed = error
                self.end_system()

    def _go_on_after_escalation(self) -> None:
        """The supervisor resumes: so does the child whose failure it was, or it starts afresh with who waits for it."""
        for child in self._live():
            if not child.escalated:
                continue
            child.escalated = False
            if child.status is Status.FAILED:
                self._resume(child)
            elif self.strategy is Strategy.ONE_FOR_ONE:
                self._bring_up(child)
            else:
                self._restart_group(child, 0.0)

    def _bring_up_supervisor(self) -> None:
        """Start the supervisor and its declared children, in order; if one does not start, none stays."""
        me = self.supervisor
        self.ledger = Ledger()
        error = self._start(me, up=False)
        for spec in self.declared:
            if error is not None:
                break
            child = Member(f"{me.path}/{spec.name}", spec)
            cause = self._start(child)
            if cause is not None:
                self._note("start_failed", child)
                error = StartFailedError(child.path, cause)
            else:
                self.children[str(spec.name)] = child
        if error is None:
            self._is_up(me)
        else:
            self._end_children()
            self._judge_supervisor(error, Phase.START)

    def _end_children(self) -> None:
        """The last one first."""
        self._ending = True
        for child in reversed(self._live()):
            self._finish(child, StopReason.SHUTDOWN)
        self._ending = False
        self.children.clear()
        self.waits.clear()

    def end_system(self) -> None:
        """The whole system is stopped."""
        self.over = True
        if self.supervisor.status is not Status.DOWN:
            self._finish_supervisor(StopReason.SHUTDOWN)

    def _finish_supervisor(self, reason: StopReason) -> None:
        self._end_children()
        self._end(self.supervisor, reason)

    # -- strategies ---------------------------------------------------------------

    def _restart_group(self, failed: Member, delay: float) -> None:
        """Whoever is affected ends, from the last to the first; then they start, from the first to the last."""
        live = self._live()
        affected = live if self.strategy is Strategy.ONE_FOR_ALL else live[live.index(failed) :]
        for child in reversed(affected):
            if child is not failed and child.restart is RestartType.TEMPORARY:
                self._finish(child, StopReason.SHUTDOWN)
                continue
            self._hook(child, killed=child is not failed and child.spec.shutdown == "brutal")
            child.status = Status.HALTED
            if child is failed and delay:
                self._back_off(child, delay)
        if not delay:
            self._start_group(None)

    def _start_group(self, due: Member | None) -> None:
        """Start whoever waits, and the one whose time has come; nobody whose sibling's time is yet to come."""
        waits = [child for child in self._live() if child.status is Status.BACKING_OFF and child is not due]
        for child in self._live():
            if waits and (self.strategy is Strategy.ONE_FOR_ALL or child is waits[0]):
                return
            if child.between and not self._bring_up(child):
                return  # what came of that start has decided about the rest, too

    # -- one life -----------------------------------------------------------------

    def _bring_up(self, child: Member) -> bool:
        """Start the next incarnation; a start that fails is one more failure."""
        error = self._start(child)
        if error is not None:
            self._judge(child, error, Phase.START)
        return error is None

    def _time_is_up(self, member: Member, incident: int) -> None:
        present = member.status is Status.BACKING_OFF and member.incident == incident
        if member is self.supervisor:
            self._bring_up_supervisor()
        elif self.strategy is not Strategy.ONE_FOR_ONE:
            self._start_group(member if present else None)
        elif present:
            self._bring_up(member)

    def _finish(self, child: Member, reason: StopReason) -> None:
        """A child ends for good; its spec is kept unless it is temporary."""
        reason = self._end(child, reason)
        if child.restart is RestartType.TEMPORARY:
            del self.children[str(child.spec.name)]
        self.ledger.forget(child.path)
        child.ledger = Ledger()
        temporary_failed = child.restart is RestartType.TEMPORARY and reason is StopReason.FAILED
        if child.spec.significant and not self._ending and (reason is StopReason.NORMAL or temporary_failed):
            self._significant_child_ended()

    def _significant_child_ended(self) -> None:
        left = [child for child in self._live() if child.spec.significant]
        if self.auto_shutdown is AutoShutdown.NEVER or (self.auto_shutdown is AutoShutdown.ALL_SIGNIFICANT and left):
            return
        if self.supervisor.restart is not RestartType.PERMANENT:
            self._finish_supervisor(StopReason.NORMAL)
            return
        self._end_children()
        self._hook(self.supervisor)
        self._judge_supervisor(AgentStoppedError("ended normally", path=self.supervisor.path), Phase.EXIT)

    def _live(self) -> list[Member]:
        return [child for child in self.children.values() if child.status is not Status.DOWN]
