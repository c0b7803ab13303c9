"""How does anybody speak to an agent?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, overload

from actors._core._pykka import ActorRef, Future
from actors._core.admin import Admin
from actors._core.checks import check_timeout
from actors._core.commands import Drain, State, Stop
from actors._core.errors import AgentStoppedError, AskCycleError, AskTimeout, MailboxFullError
from actors._core.future import AgentFuture, Ask
from actors._core.here import before_acting, fence, here
from actors._core.messages import StopReason
from actors._core.proxies import AgentProxy

if TYPE_CHECKING:
    import threading

    from actors._core.agent import Agent
    from actors._core.cell import Cell

A = TypeVar("A", bound="Agent")
R_co = TypeVar("R_co", covariant=True)

# What a sender finds at an agent's gate: HELD, nothing to do; OPEN, it is idle; CLOSED, it has ended.
HELD, OPEN, CLOSED = 0, 1, 2
_DOWN = frozenset({State.BACKING_OFF, State.HALTED})  # between two incarnations


class AgentRef(Admin, ActorRef[A], Generic[A]):
    """The way to an agent, through all its restarts; safe to share, equal only to itself.

    A ref never reaches another agent, also when one of the same name follows. All methods may be called on any
    thread.
    """

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    # -- who it is ----------------------------------------------------------------

    @property
    def path(self) -> str:
        """The absolute path, such as /crew/fetcher-1."""
        return self._cell.path

    @property
    def name(self) -> str:
        return self._cell.name

    @property
    def incarnation(self) -> int:
        """How many times it has been started."""
        return self._cell.incarnation

    @property
    def actor_class(self) -> type[A]:  # type: ignore[override]
        """The class of the agent."""
        kind: type[A] = self._cell.spec.agent
        return kind

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """Pykka's unique name; made when it is first asked for."""
        return self._cell.urn

    @property
    def actor_stopped(self) -> threading.Event:  # type: ignore[override]
        """An event that is set once the agent takes no more messages."""
        return self._cell.stopped_event

    @property
    def actor_inbox(self) -> Inbox:  # type: ignore[override]
        """Pykka's view of the mailbox: `put` and `empty`."""
        return Inbox(self)

    def _actor_weakref(self) -> A | None:  # type: ignore[override]
        """The present instance: what Pykka's proxies look at."""
        context = self._cell.context
        return None if context is None else cast("A | None", context.agent)

    def is_alive(self) -> bool:
        """Whether the agent takes messages; it does between two incarnations, too."""
        return self._cell.gate != CLOSED

    # -- messages -----------------------------------------------------------------

    def admit(self, message: Any) -> Any:
        """Give what goes into the mailbox for this message, for those who put it there themselves.

        Raises InvalidMessageError where the agent does not accept it.
        """
        return message

    def tell(self, message: Any) -> None:
        """Send a message and go on.

        Never blocks, unless the mailbox is bounded with `overflow="block"`. Raises AgentStoppedError, or
        MailboxFullError where a bounded mailbox says so.
        """
        if fence.raised:
            before_acting()
        cell = self._cell
        queue = cell.queue
        if queue is None:
            queue = cell.open_queue()
        queue.append(message)
        if cell.gate and not cell.knock(queue):
            raise self._gone()

    @overload  # type: ignore[override]
    def ask(self, message: Any, *, block: Literal[True] = True, timeout: float | None = None) -> Any: ...

    @overload
    def ask(self, message: Any, *, block: Literal[False], timeout: float | None = None) -> AgentFuture[Any]: ...

    @overload
    def ask(self, message: Any, *, block: bool, timeout: float | None = None) -> Any | AgentFuture[Any]: ...

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any | AgentFuture[Any]:
        """Send a message and give the answer, or with `block=False` a future of it.

        `timeout` is seconds, by default the system's `ask_timeout`; an ask whose time is over is not executed. Without
        a timeout an idle agent may answer on the calling thread. Raises what the handler raised, AgentStoppedError,
        AskTimeout, AskCycleError, HandlerTimeout or MailboxFullError.
        """
        if fence.raised:
            before_acting()
        cell = self._cell
        if timeout is None:
            timeout = cell.system.ask_timeout
            if block and timeout is None and cell.gate == OPEN and cell.inline:
                try:
                    if cell.lock.acquire(False):  # pragma: no branch - it is free, but for a race
                        return cell.answer(message)
                except BaseException:
                    cell.free_if_taken()
                    raise
        try:
            # Looked at here, where it costs nothing: what cannot be added is no number, and what is not itself is NaN.
            deadline = None if timeout is None else cell.system.clock.now() + timeout
            if deadline != deadline or timeout is True or timeout is False:
                raise TypeError
        except TypeError:
            raise ValueError(f"timeout: seconds, or None, not {timeout!r}") from None
        ask: Ask[Any] = Ask(message, cell, here.context, deadline)
        self._enqueue(ask)
        if not block:
            return ask
        return self._wait_for(ask, timeout)

    def _enqueue(self, ask: Ask[Any]) -> None:
        cell = self._cell
        queue = cell.queue if cell.queue is not None else cell.open_queue()
        try:
            queue.append(ask)
        except MailboxFullError as error:
            ask.resolve(error=error)
            return
        if cell.gate:
            cell.knock(queue)

    def _wait_for(self, ask: Ask[Any], timeout: float | None) -> Any:
        """Wait for the answer; an ask that is given up is not executed any more."""
        try:
            answered = ask.wait_until(ask.deadline)
        except AskCycleError as error:
            self._give_up(ask, error)
            raise
        except KeyboardInterrupt:
            self._give_up(ask, AskTimeout(self.path, 0.0))
            raise
        if not answered:
            self._give_up(ask, AskTimeout(self.path, timeout or 0.0))
        return ask.get()

    @staticmethod
    def _give_up(ask: Ask[Any], error: BaseException) -> None:
        ask.given_up = True
        ask.resolve(error=error)

    # -- the end ------------------------------------------------------------------

    @overload  # type: ignore[override]
    def stop(self, *, block: Literal[True] = True, timeout: float | None = None, drain: bool = True) -> bool: ...

    @overload
    def stop(self, *, block: Literal[False], timeout: float | None = None, drain: bool = True) -> AgentFuture[bool]: ...

    @overload
    def stop(self, *, block: bool, timeout: float | None = None, drain: bool = True) -> bool | AgentFuture[bool]: ...

    def stop(self, *, block: bool = True, timeout: float | None = None, drain: bool = True) -> bool | AgentFuture[bool]:
        """Stop the agent, after the messages that wait already, and say whether it was alive.

        `drain=False` overtakes the messages that wait, makes `context.cancelled` true at once, and gives the code that
        runs its `shutdown` seconds. With `block=False` the answer is a future. Raises AskTimeout when the agent has
        not ended after `timeout` seconds; it ends nevertheless.
        """
        if fence.raised:
            before_acting()
        check_timeout(timeout)
        cell = self._cell
        context = here.context
        own = context is not None and context.cell is cell
        deadline = None if timeout is None else cell.system.clock.now() + timeout
        done: Ask[Any] = Ask("stop", cell, context, deadline)
        stop = Stop(StopReason.NORMAL if own else StopReason.REQUESTED, done=done)
        if cell.state is State.STOPPED:
            done.resolve(False)
        elif cell.gate == CLOSED:
            cell.post(stop)  # it is ending: settled when it has ended
        elif not drain or (cell.state in _DOWN and not cell.queue):
            # Of an agent that is down and has no mail, nothing needs to be waited for.
            self._stop_now(stop)
        elif own or cell.queue or self._has_children or not cell.command_at_once(stop):
            self._queue_stop(stop)
        if not block:
            return done
        if not done.wait_until(deadline):
            raise AskTimeout(self.path, timeout or 0.0)
        return bool(done.get())

    @property
    def _has_children(self) -> bool:
        # Their ends may take long: the caller, who may have given a timeout or not want to wait, does not do that.
        family = self._cell.family
        return family is not None and bool(family.live())

    def _queue_stop(self, stop: Stop) -> None:
        cell = self._cell
        queue = cell.queue if cell.queue is not None else cell.open_queue()
        queue.append(Drain(stop))
        if cell.gate:
            cell.knock(queue)

    def _stop_now(self, stop: Stop) -> None:
        cell = self._cell
        context = cell.context
        if context is not None:
            context.ending = True
        cell.post(stop, cell.spec.shutdown_seconds)

    def proxy(self) -> AgentProxy[A]:
        """Give a proxy that calls methods and reads attributes of whichever incarnation is there at each call."""
        return AgentProxy(actor_ref=self)

    def _gone(self) -> AgentStoppedError:
        return AgentStoppedError(f"{self} not found", path=self.path, cause=self._cell.last_error)

    # -- for refs that know the children -------------------------------------------

    def _closes(self) -> None:
        """The gate has just been closed for good, and the children are about to be ended; called on the turn."""

    def _child_closes(self, child: Cell) -> None:
        """The gate of a child has just been closed, and its mailbox is about to be; called on the child's turn."""

    def _child_ended(self, child: Cell, reason: StopReason) -> None:
        """A child has ended for good, and is not in its parent's books any more; called on the child's turn."""

    def __str__(self) -> str:
        cell = self._cell
        return f"{self.actor_class.__name__} ({cell.urn})" if cell.system.is_default else cell.path

    def __repr__(self) -> str:
        return f"<ActorRef for {self}>" if self._cell.system.is_default else f"<AgentRef {self.path}>"

    def __reduce__(self) -> Any:
        raise TypeError(f"{self!r} cannot be pickled: an agent lives in one process")


class Addressed(Generic[R_co]):
    """Tells type checkers of what class the refs of an agent are: `class Router(Agent, Addressed[RouterRef])`.

    The agent says the same at run time with `ref_class`.
    """

    __slots__ = ()


class Inbox:
    """Pykka's inbox of an agent, for programs that put into it themselves."""

    __slots__ = ("_ref",)

    def __init__(self, ref: AgentRef[Any]) -> None:
        self._ref = ref

    def put(self, envelope: Any, /) -> None:
        """Send what a `pykka` envelope holds; a reply goes to the envelope's future."""
        reply_to: Future[Any] | None = envelope.reply_to
        if reply_to is None:
            self._ref.tell(envelope.message)
            return
        answer = self._ref.ask(envelope.message, block=False)

        def pass_on() -> None:
            try:
                reply_to.set(answer.get())
            except BaseException:
                reply_to.set_exception()

        answer.add_done_callback(pass_on)

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._ref._cell.queue
