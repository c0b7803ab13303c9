"""How does anybody ask an approver, and answer what others have asked it?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, overload
from uuid import uuid4

from actors._core.errors import AgentStoppedError, said
from actors._core.future import AgentFuture
from actors._core.here import here
from actors._core.ref import AgentRef
from actors.approvals.approval import Approval, digest_of
from actors.approvals.listening import Listener
from actors.approvals.owner import Owner
from actors.approvals.protocol import Approve, Begin, Consume, Deny, Find, GiveUp, ListApprovals, Withdraw
from actors.approvals.states import ApprovalState
from actors.approvals.store import Store
from actors.typed.direction import ApprovalAnswer, ApprovalRequest
from actors.typed.values import FrozenDict

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors.approvals.approver import Approver  # noqa: F401 - named as text below


class ApproverRef(AgentRef["Approver"]):
    """The way to an approver; safe to share. Its methods ask the agent, and may be called on any thread.

    They block until it has written down what they say, which takes the time of a write to the file; only `request`
    does not. What cannot be done raises an ApprovalError, which is no failure of the approver: UnknownApprovalError,
    ApprovalClosedError for what comes too late or a second time, DigestError, NotEditableError, KeyTakenError.
    """

    __slots__ = ("_listener", "_owner", "_seen", "_store")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        # Used by the agent on its turn alone; here, because they live through its restarts.
        self._store: Store | None = None
        self._owner: Owner | None = None
        self._listener: Listener | None = None
        self._seen = 0

    # -- asking -------------------------------------------------------------------

    def request(self, request: ApprovalRequest) -> AgentFuture[ApprovalAnswer]:
        """Ask whether something may be done, and give a future of the answer; never blocks.

        The future lives through restarts of the approver. It ends with AgentStoppedError where that ends for good: then
        the same `key` asks again, of another approver with the same file.
        """
        own: dict[str, str] = {"key": request.key or f"~{uuid4().hex}"}
        if request.agent_id is None and here.context is not None:
            own["agent_id"] = here.context.path
        answer: AgentFuture[ApprovalAnswer] = AgentFuture()
        self._ask_for(request.model_copy(update=own), answer)
        return answer

    def _ask_for(self, request: ApprovalRequest, answer: AgentFuture[ApprovalAnswer]) -> None:
        asked = self.ask(request, block=False)

        def settled() -> None:
            try:
                value = asked.get()
            except AgentStoppedError as error:
                # An incarnation that ends owes no answer any more; the next one has the request in its store.
                if self.is_alive() and not answer.settled:
                    self._ask_again(request, answer)
                else:
                    answer.resolve(error=error)
            except BaseException as error:
                answer.resolve(error=error)
            else:
                answer.resolve(value)

        asked.add_done_callback(settled)

    def _ask_again(self, request: ApprovalRequest, answer: AgentFuture[ApprovalAnswer]) -> None:
        try:
            self._ask_for(request, answer)
        except BaseException as error:
            # There is no caller any more: this is the thread that ended the approver's incarnation, or was abandoned.
            answer.resolve(error=error)

    # -- answering ----------------------------------------------------------------

    def approve(
        self, approval_id: str, payload: Mapping[str, str] | None = None, *, by: str = "", reason: str = ""
    ) -> Approval:
        """Say yes to what was asked, or to the `payload` that takes its place where the request is editable."""
        edited = None if payload is None else FrozenDict(payload)
        return self._get(Approve(approval_id=approval_id, payload=edited, by=by, reason=reason))

    def deny(self, approval_id: str, reason: str = "", *, by: str = "") -> Approval:
        """Say no."""
        return self._get(Deny(approval_id=approval_id, reason=reason, by=by))

    def abort(self, approval_id: str, reason: str = "", *, by: str = "") -> Approval:
        """Say no, and that all it was for is to be given up."""
        return self._get(Deny(approval_id=approval_id, reason=reason, by=by, abort=True))

    @overload
    def withdraw(
        self, reason: str = "", *, key: str | None = ..., task_id: str | None = ..., mission_id: str | None = ...,
        block: Literal[True] = True,
    ) -> tuple[Approval, ...]: ...  # fmt: skip

    @overload
    def withdraw(
        self, reason: str = "", *, key: str | None = ..., task_id: str | None = ..., mission_id: str | None = ...,
        block: Literal[False],
    ) -> AgentFuture[tuple[Approval, ...]]: ...  # fmt: skip

    def withdraw(
        self,
        reason: str = "",
        *,
        key: str | None = None,
        task_id: str | None = None,
        mission_id: str | None = None,
        block: bool = True,
    ) -> Any:
        """Take back what fits all that is given, unless it is begun or over; gives what was taken back.

        Whoever waits for one of them is told so: "withdrawn". With `block=False` a future of it.
        """
        return self.ask(Withdraw(key=key, task_id=task_id, mission_id=mission_id, reason=reason), block=block)

    # -- doing --------------------------------------------------------------------

    def begin(self, approval_id: str, digest: str) -> Approval:
        """Note that what has this digest is about to be done, once; what may be done is its `payload`."""
        return self._get(Begin(approval_id=approval_id, digest=digest))

    def consume(self, approval_id: str, reason: str = "") -> Approval:
        """Note that what was begun was done."""
        return self._get(Consume(approval_id=approval_id, reason=reason))

    def give_up(self, approval_id: str, reason: str = "") -> Approval:
        """Note that what was begun will not be finished, as for what was interrupted."""
        return self._get(GiveUp(approval_id=approval_id, reason=reason))

    @contextmanager
    def executing(self, approved: ApprovalAnswer | str, action: str, payload: Mapping[str, str]) -> Iterator[Approval]:
        """Do what was approved in a `with` block: begun before it, consumed after it, also where it raises.

        `approved` is the answer, or its `approval_id`. An action that raises may have done half of what it does: it
        needs another approval to be tried again.
        """
        approval_id = approved if isinstance(approved, str) else approved.approval_id
        approval = self.begin(approval_id or "none", digest_of(action, payload))
        try:
            yield approval
        except BaseException as error:
            self.consume(approval.id, f"failed: {said(error)}")
            raise
        self.consume(approval.id)

    # -- looking ------------------------------------------------------------------

    def get(self, approval_id: str) -> Approval:
        """Give one approval as it is now; raises UnknownApprovalError."""
        return self._get(Find(approval_id=approval_id))

    def all(self, *states: ApprovalState) -> tuple[Approval, ...]:
        """Give those in these states, or all, oldest first."""
        found: tuple[Approval, ...] = self.ask(ListApprovals(states=states))
        return found

    def pending(self) -> tuple[Approval, ...]:
        """Give those that nobody has answered, oldest first."""
        return self.all(ApprovalState.PENDING)

    def interrupted(self) -> tuple[Approval, ...]:
        """Give those that were begun by a program that has ended: only a person can know how far it came.

        `consume` or `give_up` says what is so; nothing ever begins them again.
        """
        return tuple(each for each in self.all(ApprovalState.EXECUTING) if each.interrupted)

    def _get(self, message: Any) -> Approval:
        approval: Approval = self.ask(message)
        return approval
