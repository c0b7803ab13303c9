"""What does the code of a worker see of the attempt that it is at, and whom can it ask?"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from actors._core.errors import ActorError, AgentNotFoundError, said
from actors._core.future import AgentFuture
from actors._core.wall import wall_clock
from actors.approvals import ApproverRef, Withdraw
from actors.eventlog.work_kinds import TaskDelegatedRecord
from actors.tickets.loading import parse_tickets
from actors.typed import (
    ApprovalAnswer,
    ApprovalRequest,
    Decision,
    GraphNode,
    NeedsDecision,
    NodeStatus,
    NodeType,
    ReviewFeedback,
    ReviewRequest,
    child_id,
)
from actors.work.attempt import Attempt
from actors.work.context_files import ContextText, read_context
from actors.work.telling import AddTickets
from actors.work.tools import ToolCall
from actors.work.waits import Question, Rest, settled

if TYPE_CHECKING:
    from os import PathLike

    from actors._core.ref import AgentRef
    from actors.tickets import Ticket

T = TypeVar("T")


class Job(Attempt):
    """One attempt, for the code that does it: what is to be done, and whom to ask; used on the worker's turn.

    Methods that ask others give a future. A plain function waits for it, `job.approve("deploy").get()`, a generator
    yields it, `answer = yield job.approve("deploy")`. Such a wait ends with `Cancelled` when the attempt is given up,
    and does not count against the worker's deadline.

    `feedback` is what the reviewer said of the last round, None in the first; `guard` counts what the attempt does.
    """

    # -- those who decide --------------------------------------------------------------

    def decide(self, question: str | GraphNode, timeout: float = 300.0) -> AgentFuture[Decision]:
        """Ask the conductor; there is always a Decision, within `timeout` seconds.

        Where nobody answers in time, or there is nobody to answer, it is a refusal that says so.
        """
        number = next(self._numbers)
        node = question if isinstance(question, GraphNode) else self._node(question, number)
        message = NeedsDecision(agent_id=self.path, task_id=self.ticket.id, decision=node)
        conductor = self.assignment.conductor
        if conductor is None:
            return settled(self._undecided("there is nobody to decide"))
        return self._ask(conductor, message, lambda error: self._undecided(said(error)), timeout)

    def _node(self, question: str, number: int) -> GraphNode:
        return GraphNode(
            id=f"{self.key}/{number}",
            project_id=self.assignment.track,
            node_type=NodeType.DECISION,
            title=question,
            status=NodeStatus.PENDING,
            created_at=wall_clock(self.agent_context.system.clock)(),
            created_by=self.path,
        )

    def _undecided(self, why: str) -> Decision:
        return Decision(task_id=self.ticket.id, granted=False, reason=f"not decided: {why}")

    def approve(
        self,
        action: str,
        payload: Mapping[str, str] | None = None,
        *,
        editable: bool = False,
        key: str | None = None,
        deadline: float | None = None,
    ) -> AgentFuture[ApprovalAnswer]:
        """Ask the approver whether this may be done; without an approver all is approved.

        `key` names what is asked for, by default the next approval of this attempt; see `ApprovalRequest`. An approver
        that has gone, or fails, has not approved. Raises nothing but `Cancelled`.
        """
        number = next(self._numbers)
        approver = self.assignment.approver
        if approver is None:
            return settled(ApprovalAnswer(task_id=self.ticket.id, outcome="approved", payload=payload))
        message = ApprovalRequest(
            task_id=self.ticket.id,
            action=action,
            payload=dict(payload or {}),
            editable=editable,
            key=key or f"{self.key}/{action}/{number}",
            deadline=deadline,
            mission_id=self.assignment.track or None,
            agent_id=self.path,
        )
        answer = self._ask(approver, message, self._not_approved)
        if key is None and isinstance(approver, ApproverRef):
            # Nobody but this attempt can make use of it.
            self._withdraw_with(answer, approver, Withdraw(key=message.key, reason=f"{self.key} has ended"))
        return answer

    def _not_approved(self, error: BaseException) -> ApprovalAnswer:
        return ApprovalAnswer(task_id=self.ticket.id, outcome="refused", reason=f"no answer: {said(error)}")

    def _withdraw_with(self, answer: AgentFuture[ApprovalAnswer], approver: AgentRef[Any], message: Withdraw) -> None:
        def withdraw() -> None:
            # Whoever gives the work up does not wait for room at the approver.
            with contextlib.suppress(ActorError):
                approver._cell.offer(message)

        forget = self.token.on_cancel(withdraw)

        def done() -> None:
            # A yes that the attempt has made no use of ends with it, too.
            if not self.token.cancelled and not _is_yes(answer):
                forget()

        answer.add_done_callback(done)

    def sleep(self, seconds: float) -> AgentFuture[None]:
        """Give a future that is settled in so many seconds, by the system's clock."""
        return Rest(self.agent_context.system, seconds, self.token)

    # -- tools -------------------------------------------------------------------------

    def tool(self, name: str, function: Callable[..., T], /, **input: Any) -> AgentFuture[Any]:
        """Call a tool: gives a future of what `function(**input)` returns, or of `ToolRefused` where it may not run.

        It runs when the future is got or yielded, on the worker's turn; in step mode once it is approved, with the
        input as approved. The guard counts it: a call that it blocks is refused, the end of a quota raises `Exhausted`
        here. What the tool raises is raised there.
        """
        return ToolCall.of(self, name, function, input, self.assignment.step_mode is True)

    def act(self, action: str, function: Callable[..., T], /, **input: Any) -> AgentFuture[Any]:
        """Do what needs an approval in any mode, once; else as `tool`."""
        return ToolCall.of(self, action, function, input, True)

    # -- review ------------------------------------------------------------------------

    def review(self, files: tuple[str, ...] = ()) -> AgentFuture[ReviewFeedback]:
        """Ask the reviewer, directly, to look at these files; without a reviewer all is approved.

        Raises what came instead of feedback: AgentStoppedError where there is no reviewer any more.
        """
        reviewer = self.assignment.reviewer
        if reviewer is None:
            return settled(ReviewFeedback(work_package_id=self.key, approved=True))
        return self._ask(reviewer, ReviewRequest(work_package_id=self.key, changed_files=files), _raise)

    # -- more work ---------------------------------------------------------------------

    def add_tickets(self, tickets: list[Ticket], known_too: bool = False) -> AgentFuture[tuple[str, ...]]:
        """Have tickets added to the track, all or none; gives the ids of those that are new.

        With `known_too` those whose id is there already are left out. Raises what is wrong with them, or
        AgentNotFoundError where nobody conducts the track.
        """
        conductor = self.assignment.conductor
        if conductor is None:
            future: AgentFuture[tuple[str, ...]] = AgentFuture()
            future.resolve(error=AgentNotFoundError("", f"nobody conducts {self.key}: there is nowhere to add tickets"))
            return future
        return self._ask(conductor, AddTickets(*self.which, tuple(parse_tickets(tickets)), known_too), _raise)

    def delegate(self, description: str, *, profile: str = "coder", **fields: Any) -> AgentFuture[str]:
        """Have a part of the work done as a ticket of its own, a child of this one; gives its id.

        The first is T1.1, and so on, the same in each attempt, so that a further attempt adds none twice. `profile`
        and who has delegated it are in its metadata; `fields` are further ones of a Ticket. Raises as `add_tickets`.
        """
        self._delegated += 1
        identity = child_id(self.ticket.id, self._delegated)
        metadata = {"profile": profile, "spawned_by": self.path, **fields.pop("metadata", {})}
        ticket = type(self.ticket)(id=identity, description=description, metadata=metadata, **fields)

        def added(new: tuple[str, ...]) -> str:
            if new:
                record = TaskDelegatedRecord(scope=identity, message=f"{self.ticket.id} -> {identity}: {description}")
                self.emit(record)
            return identity

        return self.add_tickets([ticket], known_too=True).map(added)

    # -- what it needs to know -----------------------------------------------------------

    def context(self, root: str | PathLike[str] = ".") -> ContextText:
        """Read the ticket's context files, below `root`, as much of each as the work needs; see `read_context`."""
        text = read_context(self.ticket, root)
        self.log.debug("context of {}: {} of {} tokens", self.ticket.id, text.tokens, text.full_tokens)
        return text

    # -- anybody else ----------------------------------------------------------------------

    def ask_of(self, ref: AgentRef[Any], message: Any, timeout: float | None = None) -> AgentFuture[Any]:
        """Ask any agent; the wait ends when the attempt is given up. Asked again where that agent was restarted."""
        return self._ask(ref, message, _raise, timeout)

    # -- inside --------------------------------------------------------------------------

    def _ask(
        self, ref: AgentRef[Any], message: Any, without: Callable[[BaseException], T], timeout: float | None = None
    ) -> Question[T]:
        return Question(ref, message, self.token, without, timeout)


def _is_yes(answer: AgentFuture[ApprovalAnswer]) -> bool:
    with contextlib.suppress(Exception):
        return answer.get().approved
    return False


def _raise(error: BaseException) -> Any:
    raise error
