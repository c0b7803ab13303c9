"""How does an agent answer an ask later than with what its handler returns?

What is deferred is owed: the incarnation keeps each ask until it is settled, and settles what is left when it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.errors import AgentStoppedError, printed
from actors._core.future import AgentFuture, Ask
from actors._core.here import before_acting, fence
from actors._core.messages import DeadLetterReason, enclosed

if TYPE_CHECKING:
    from actors._core.context import Context
    from actors._core.ref import AgentRef


class Deferred:
    """Stands for the message in hand from the moment on at which its answer was deferred."""

    __slots__ = ("ask", "message")

    def __init__(self, ask: Ask[Any]) -> None:
        self.ask = ask
        self.message = ask.message

    def resolve(self, error: BaseException) -> bool:
        """Settle the ask with an error, unless it is settled already; tells which."""
        return self.ask.resolve(error=error)


class Reply:
    """The answer to one ask, to be given later; made by `Context.defer`.

    May be kept, sent and used on any thread. The ask is settled once: by `set` or `set_exception`, by an asker that
    gives up, or by the end of the incarnation that owes the answer, whichever is first.
    """

    __slots__ = ("_ask", "_context")

    def __init__(self, context: Context, ask: Ask[Any]) -> None:
        self._context = context
        self._ask = ask

    @property
    def message(self) -> Any:
        """The message that was asked."""
        return enclosed(self._ask.message)

    @property
    def asker(self) -> AgentRef[Any] | None:
        """The agent that asked; None where it was no agent."""
        asker = self._ask.asker
        return None if asker is None else asker.ref

    @property
    def settled(self) -> bool:
        """Whether the asker has an answer or an error, from whomever."""
        return self._ask.settled

    @property
    def cancelled(self) -> bool:
        """Whether an answer is not wanted any more.

        True once the ask is settled or its time is over, and when the asker is itself to give up.
        """
        ask = self._ask
        late = ask.deadline is not None and self._context.cell.system.clock.now() >= ask.deadline
        return ask.settled or late or ask.cancelled

    def set(self, value: Any = None) -> bool:
        """Answer with `value` and tell whether that was in time: what comes too late is a dead letter.

        Never blocks. Raises Cancelled on a thread whose incarnation was abandoned.
        """
        return self._settle(value, None)

    def set_exception(self, error: BaseException) -> bool:
        """Answer with an error, which the asker is raised, and tell whether that was in time, as `set` does.

        It is an answer: no failure of the agent, whatever the error.
        """
        if not isinstance(error, BaseException):
            raise ValueError(f"error: an exception, not {error!r}")
        return self._settle(None, error)

    def _settle(self, value: Any, error: BaseException | None) -> bool:
        if fence.raised:
            before_acting()
        ask, context = self._ask, self._context
        if ask.resolve(value, error):
            return True
        late = value if error is None else error
        detail = f"to {printed(ask.message, 80)}"
        letters = context.cell.system.dead_letters
        letters.lose(context.cell, late, DeadLetterReason.LATE_REPLY, error, detail, context.incarnation)
        return False

    def __repr__(self) -> str:
        state = "settled" if self.settled else "cancelled" if self.cancelled else "pending"
        return f"<Reply of {self._context.path} to {printed(self.message, 80)}, {state}>"


def owe(context: Context, ask: Ask[Any]) -> Reply:
    """Note that the incarnation owes an answer, until the ask is settled."""
    if context.owed is None:
        context.owed = {}
    owed = context.owed
    owed[ask] = None

    def forget() -> None:
        owed.pop(ask, None)

    # As of a plain future: that somebody owes the answer does not make the ask end in time.
    AgentFuture.add_done_callback(ask, forget)
    return Reply(context, ask)


def settle_owed(context: Context, cause: BaseException | None) -> None:
    """The incarnation ends, because of `cause` if that is an error: whoever still waits for its answers is told."""
    owed, context.owed = context.owed, None
    for ask in list(owed or ()):
        text = f"{context.path} #{context.incarnation} ended before it replied to {printed(ask.message, 80)}"
        ask.resolve(error=AgentStoppedError(text, path=context.path, cause=cause))
