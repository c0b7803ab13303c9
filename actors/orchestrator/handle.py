"""How is a running agent spoken to, waited for and ended?"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, overload

from actors._core.errors import AgentStoppedError, Cancelled
from actors._core.messages import StopReason, Terminated
from actors.orchestrator.seat import request_of

if TYPE_CHECKING:
    from actors._core.future import AgentFuture
    from actors._core.ref import AgentRef


class AgentStatus(StrEnum):
    """Where an agent is in its life; each but RUNNING is final."""

    RUNNING = "running"
    COMPLETED = "completed"
    """It has worked off what it was sent, or stopped itself."""
    FAILED = "failed"
    """It failed, and was stopped for that, or could not be ended in time."""
    CANCELLED = "cancelled"
    """It was cancelled, or ended with its parent, the orchestrator or the system."""


class AgentHandle:
    """The way to one agent, from its start to its end, through all its restarts; may be used on any thread.

    Requests are handled one at a time, in the order in which they came. A handle never reaches another agent, also
    when one of the same name is started after this one has ended.
    """

    __slots__ = ("_cancelled", "_final", "_lock", "_name", "_ref")

    def __init__(self, name: str, ref: AgentRef[Any]) -> None:
        self._name = name
        self._ref = ref
        # Guards the two below, so that a status that was seen never becomes another. Nothing else under it.
        self._lock = threading.Lock()
        self._cancelled = False
        self._final: AgentStatus | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def ref(self) -> AgentRef[Any]:
        """The agent's ref."""
        return self._ref

    # -- requests -----------------------------------------------------------------

    @overload
    def send_message(self, text: Any, *, block: Literal[True] = True, timeout: float | None = None) -> Any: ...

    @overload
    def send_message(self, text: Any, *, block: Literal[False], timeout: float | None = None) -> AgentFuture[Any]: ...

    def send_message(self, text: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Send one message, a text or any other, and give the reply: as `send_messages` with that one."""
        return self._ask((text,), block, timeout)

    @overload
    def send_messages(
        self, messages: Iterable[Any], *, block: Literal[True] = True, timeout: float | None = None
    ) -> Any: ...

    @overload
    def send_messages(
        self, messages: Iterable[Any], *, block: Literal[False], timeout: float | None = None
    ) -> AgentFuture[Any]: ...

    def send_messages(self, messages: Iterable[Any], *, block: bool = True, timeout: float | None = None) -> Any:
        """Send messages that make up one request, and give the reply, or with `block=False` a future of it.

        A text becomes a `UserMessage`. The sender waits for room, also with `block=False`, where the mailbox is full
        and has `overflow="block"`. `timeout` is seconds. Raises what the handler raised, whatever the supervisor does
        about that; AgentStoppedError naming the agent where it has ended, or ends before it comes to the request;
        AskTimeout, AskCycleError, HandlerTimeout or MailboxFullError.
        """
        return self._ask(messages, block, timeout)

    def _ask(self, messages: Iterable[Any], block: bool, timeout: float | None) -> Any:
        return self._ref.ask(request_of(messages), block=block, timeout=timeout)

    # -- the end ------------------------------------------------------------------

    def cancel(self) -> None:
        """End the agent at once, ahead of the requests that wait, which end with AgentStoppedError. Never blocks.

        The request in hand finds `context.cancelled`, and has the agent's `shutdown` seconds. Another call, or one
        after the end, changes nothing.
        """
        with self._lock:
            if self._ended is None:
                self._cancelled = True
        self._ref.stop(block=False, drain=False)

    def await_result(self, *, timeout: float | None = None) -> None:
        """Have the agent work off what waits, and end; returns once it has completed. Uses the handle up.

        Blocks, at most `timeout` seconds, then raises AskTimeout; the agent ends nevertheless. Raises
        AgentStoppedError, with the failure as its cause, where the agent was stopped by its supervisor, and Cancelled
        where it was cancelled.
        """
        self._ref.stop(timeout=timeout)
        status = self.status
        if status is AgentStatus.CANCELLED:
            raise Cancelled(f"agent '{self._name}' was cancelled")
        if status is AgentStatus.FAILED:
            ended = self._ended
            cause = None if ended is None else ended.error
            text = f"agent '{self._name}' stopped by supervisor"
            raise AgentStoppedError(text, path=self._ref.path, cause=cause) from cause

    @property
    def status(self) -> AgentStatus:
        """Where the agent is in its life. It is RUNNING while it is restarted, too. Never blocks."""
        with self._lock:
            ended = self._ended
            if self._final is None and ended is not None:
                self._final = self._judge(ended)
            return self._final or AgentStatus.RUNNING

    @property
    def is_done(self) -> bool:
        """Whether it has ended, however."""
        return self.status is not AgentStatus.RUNNING

    @property
    def _ended(self) -> Terminated | None:
        return self._ref._cell.ended

    def _judge(self, ended: Terminated) -> AgentStatus:
        if ended.reason is StopReason.FAILED:
            return AgentStatus.FAILED
        if self._cancelled or ended.reason is StopReason.SHUTDOWN:
            return AgentStatus.CANCELLED
        return AgentStatus.FAILED if ended.reason is StopReason.ABANDONED else AgentStatus.COMPLETED

    def __repr__(self) -> str:
        return f"<AgentHandle {self._name!r} {self.status}>"
