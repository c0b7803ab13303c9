"""Who keeps what is to be approved, has somebody decide it, and tells whoever has asked?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

from loguru import logger

from actors._core.agent import Agent
from actors._core.checks import is_seconds
from actors._core.here import here
from actors._core.messages import FrameworkMessage
from actors._core.ref import Addressed, AgentRef
from actors._core.replies import Reply
from actors._core.spec import ChildSpec
from actors._core.wall import wall_clock
from actors.approvals.approval import Approval, Step
from actors.approvals.deciding import Calling, Decided, Decider, asked, decision_of, withdraw
from actors.approvals.errors import ApprovalClosedError, ApprovalError
from actors.approvals.listening import Listener
from actors.approvals.owner import Owner
from actors.approvals.protocol import Approve, Begin, Consume, Deny, Find, GiveUp, ListApprovals, Withdraw
from actors.approvals.ref import ApproverRef
from actors.approvals.states import ApprovalState
from actors.approvals.store import Store
from actors.eventlog.work_kinds import ApprovalStateChangedRecord
from actors.typed.direction import ApprovalRequest

_S = ApprovalState
_EARLY = 1e-5  # seconds by which a timer may come before the time of day says so, because both are rounded


class Due(FrameworkMessage):
    """Nobody has answered something in time."""


class Rung(FrameworkMessage):
    """Another process may have written to the file."""


class Approver(Agent, Addressed[ApproverRef]):
    """Keeps requests for approval until somebody decides them: a person, a function, an agent, another process.

    - `store`: the path of a file, which outlives the process, or ":memory:". Several processes may use one file.
    - `decider`: asked about every request; None leaves them to people, see `actortree approvals`. An agent that fails
      over a request, or ends, and a function that raises, have said no. A function is called for one request after the
      other: one that hangs holds up the others, which end at their deadlines.
    - `deadline`: seconds after which a request that has none of its own, and no answer, is a no; None is never. A
      deadline is a time of day: it goes on while no process is there.
    - `keep`: so many of the newest are kept, and all that are not over; None keeps all.

    Each step is one transaction of `store`, checked against `LEGAL`, and one `approval_state_changed` among the events.
    A request that is approved is begun once, written down before it is done; what was begun by a program that has ended
    is reported as `interrupted`, and never begun again. What another process has begun is its own to tell.
    """

    ref_class: ClassVar[type[AgentRef[Any]] | None] = ApproverRef

    def __init__(
        self,
        store: str | Path = ":memory:",
        decider: Decider | None = None,
        deadline: float | None = None,
        keep: int | None = 10_000,
    ) -> None:
        if not isinstance(store, str | Path) or not str(store):
            raise ValueError(f"store: a path or ':memory:', not {store!r}")
        if deadline is not None and not is_seconds(deadline, above=0.0):
            raise ValueError(f"deadline: seconds above 0, or None, not {deadline!r}")
        if decider is not None and not isinstance(decider, AgentRef) and not callable(decider):
            raise ValueError(f"decider: an AgentRef, a function or None, not {decider!r}")
        if keep is not None and (type(keep) is not int or keep < 1):
            raise ValueError(f"keep: a whole number of at least 1, or None, not {keep!r}")
        self._place = store
        self._decider = decider
        self._deadline = deadline
        self._keep = keep
        self._waiting: dict[str, list[Reply]] = {}
        self._questions: dict[str, Any] = {}

    # -- its life -----------------------------------------------------------------

    def on_start(self) -> None:
        """Take up what is in the store: what was due meanwhile has expired, what is pending is decided."""
        self._utc = wall_clock(self.context.system.clock)
        self._store = self._open()
        if callable(self._decider):
            self._asked: AgentRef[Any] | None = self.context.spawn(ChildSpec(Calling, "decider", args=(self._decider,)))
        else:
            self._asked = self._decider
        self._store.adopt()
        for approval in self._store.all(_S.EXECUTING):
            if approval.interrupted:
                logger.warning("{}: {} was interrupted: {}", self.context.path, approval.id, approval.action)
        self._store.expire(self._now())
        self._look()
        for approval in self._store.unanswered():
            self._have_decided(approval)
        if self._store.path is not None and here.scheduler is None:
            self._own_ref._listener = Listener(self._store.path, self._ring())

    def _ring(self) -> Callable[[], bool]:
        context, timers = self.context, self.context.timers

        def ring() -> bool:
            # A tick is outside the bound of the mailbox, and takes the place of the one before.
            if context.is_current:
                timers.once("rung", 0.0, Rung())
            return context.is_current

        return ring

    def _open(self) -> Store:
        ref = self._own_ref
        if ref._owner is None:
            path = None if self._place == ":memory:" else Path(self._place).absolute()
            store = Store(self._place, None, self._keep)  # first, so that a wrong file has no company
            ref._owner = Owner(path)
            store.belong_to(ref._owner)
            ref._seen = store.last_step
            ref._store = store
        elif ref._store is None or ref._store.path is not None:
            # One of its own: an incarnation that was abandoned may still be at work with the last one.
            self._close_listener()
            ref._store = Store(self._place, ref._owner, self._keep)
        return ref._store

    def on_stop(self) -> None:
        """Close the store; what is pending is answered by whoever opens it next."""
        self._close_listener()
        ref = self._own_ref
        if ref._store is not None:
            ref._store.close()
            ref._store = None
        if ref._owner is not None:
            ref._owner.close()
            ref._owner = None

    def on_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the file; the next incarnation opens it again. What is in memory alone stays."""
        self._close_listener()
        ref = self._own_ref
        if ref._store is not None and ref._store.path is not None:
            ref._store.close()
            ref._store = None

    def _close_listener(self) -> None:
        ref = self._own_ref
        if ref._listener is not None:
            ref._listener.close()
            ref._listener = None

    # -- its messages -------------------------------------------------------------

    def on_receive(self, message: Any) -> Any:
        """Do what the message says, then tell of every step that has been taken, by whomever."""
        if isinstance(message, Find | ListApprovals):
            return self._show(message)
        act = _ACTS.get(type(message))
        if act is None:
            return self.context.unhandled(message)
        try:
            return act(self, message)
        finally:
            # Also after an error: an answer that comes too late may have shown that the time is over.
            self._look()

    def _show(self, message: Find | ListApprovals) -> Any:
        if isinstance(message, Find):
            return self._store.get(message.approval_id)
        return self._store.all(*message.states)

    def _request(self, message: ApprovalRequest) -> Any:
        approval = self._store.request(message, self._now(), self._deadline)
        if approval.answer is not None:
            return approval.answer
        if self.context.asked:
            waiting = self._waiting.setdefault(approval.id, [])
            waiting[:] = [reply for reply in waiting if not reply.settled]
            waiting.append(self.context.defer())
        return None

    def _approve(self, message: Approve) -> Approval:
        return self._store.approve(message.approval_id, message.payload, message.by, message.reason, self._now())

    def _deny(self, message: Deny) -> Approval:
        outcome = "aborted" if message.abort else "refused"
        return self._store.refuse(message.approval_id, outcome, message.by, message.reason, self._now())

    def _withdraw(self, message: Withdraw) -> tuple[Approval, ...]:
        return self._store.withdraw(message.key, message.task_id, message.mission_id, message.reason, self._now())

    def _begin(self, message: Begin) -> Approval:
        return self._store.begin(message.approval_id, message.digest, self._now())

    def _consume(self, message: Consume) -> Approval:
        return self._store.consume(message.approval_id, message.reason, self._now())

    def _give_up(self, message: GiveUp) -> Approval:
        return self._store.give_up(message.approval_id, message.reason, self._now())

    def _expire(self, message: Due) -> None:
        self._store.expire(self._now() + _EARLY)

    def _rung(self, message: Rung) -> None:
        """Look, which is done after every message."""

    # -- deciders -----------------------------------------------------------------

    def _have_decided(self, approval: Approval) -> None:
        if self._asked is None or approval.id in self._questions:
            return
        own = self._asked.actor_class is Calling
        question = asked(self._asked, approval if own else approval.request)
        self._questions[approval.id] = question
        context, timers = self.context, self.context.timers

        def settled() -> None:
            # A tick is outside the bound of the mailbox, so that no decision is lost.
            if context.is_current:
                timers.once(("decided", approval.id), 0.0, Decided(approval.id, question))

        question.add_done_callback(settled)

    def _decided(self, message: Decided) -> None:
        if self._questions.pop(message.approval_id, None) is None:
            return  # it needed no decision any more
        assert self._asked is not None
        who = self._asked.path
        decision = decision_of(self._store.get(message.approval_id), message, who)
        if decision is None:
            return
        try:
            self._approve(decision) if isinstance(decision, Approve) else self._deny(decision)
        except ApprovalClosedError as error:
            logger.warning("{}: {}", who, error)
        except ApprovalError as error:
            self._deny(Deny(approval_id=message.approval_id, by=who, reason=f"the decider failed: {error}"))

    # -- what has happened --------------------------------------------------------

    def _look(self) -> None:
        """Take notice of all steps since the last look, and see to the next deadline."""
        ref = self._own_ref
        for step, approval, own in self._store.steps_after(ref._seen):
            ref._seen = step.seq
            if own:
                self._tell(step, approval)
            if step.new is _S.PENDING:
                if own and approval.state is _S.PENDING:
                    self._have_decided(approval)
            elif step.old is _S.PENDING:
                self._answer(approval)
        due = self._store.next_deadline
        if due is None:
            self.context.timers.cancel("due")
        else:
            self.context.timers.once("due", max(0.0, due - self._now()), Due())

    def _answer(self, approval: Approval) -> None:
        question = self._questions.pop(approval.id, None)
        if question is not None:
            withdraw(question, approval.id)
        for reply in self._waiting.pop(approval.id, ()):
            if not reply.settled:
                reply.set(approval.answer)

    def _tell(self, step: Step, approval: Approval) -> None:
        said = f"{approval.action}{f': {step.reason}' if step.reason else ''}{f' (by {step.by})' if step.by else ''}"
        self.context.emit(
            ApprovalStateChangedRecord(
                old_state=step.old,
                new_state=step.new,
                correlation_id=approval.id,
                task_id=approval.task_id,
                mission_id=approval.mission_id,
                agent_id=approval.agent_id,
                message=said,
            )
        )

    # -- inside -------------------------------------------------------------------

    def _now(self) -> float:
        return self._utc().timestamp()

    @property
    def _own_ref(self) -> ApproverRef:
        ref = self.context.ref
        assert isinstance(ref, ApproverRef)
        return ref


_ACTS: dict[type, Callable[[Approver, Any], Any]] = {
    ApprovalRequest: Approver._request,
    Approve: Approver._approve,
    Deny: Approver._deny,
    Withdraw: Approver._withdraw,
    Begin: Approver._begin,
    Consume: Approver._consume,
    GiveUp: Approver._give_up,
    Due: Approver._expire,
    Rung: Approver._rung,
    Decided: Approver._decided,
}
