"""What can an agent do and know about itself?

A `Context` is one incarnation. It is replaced at a restart, so what an earlier incarnation still does is recognised
by the context that it does it with.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from actors._core import events, watch
from actors._core.errors import (
    ActorError,
    AgentStoppedError,
    Cancelled,
    DeferError,
    InvalidMessageError,
    MailboxFullError,
    StashError,
    printed,
)
from actors._core.future import Ask
from actors._core.here import before_acting, fence, here
from actors._core.messages import DeadLetterReason, PipeFailed, enclosed
from actors._core.replies import Deferred, Reply, owe, settle_owed
from actors._core.timers import TICKS, Idle, Timers

if TYPE_CHECKING:
    from actors._core.agent import Agent
    from actors._core.cell import Cell
    from actors._core.delivery import Returned
    from actors._core.ref import Addressed, AgentRef
    from actors._core.spec import ChildSpec
    from actors._core.system import ActorSystem
    from policies import Failure

A = TypeVar("A", bound="Agent")
R = TypeVar("R")
Handler = Callable[[Any], Any]


class Hook:
    """Stands for the message while a hook runs, or none does; no user message is one."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


NOTHING = Hook("nothing")
STASHED = Hook("stashed")


class _Outside:
    """Stands for an asker that is no agent: nothing tells it to give up."""

    is_to_end = False
    in_hand = None


OUTSIDE = _Outside()
WRAPPERS: tuple[type, ...] = (Ask, Deferred, *TICKS)


class Context:
    """One incarnation of an agent; used by the agent on its own turn, `cancelled` and `check` also by others.

    An incarnation that was abandoned gets `Cancelled` from whatever it still tries to do.
    """

    __slots__ = (
        "_behaviours",
        "_idle",
        "_stash",
        "_timers",
        "agent",
        "ask",
        "asker",
        "baton",
        "cell",
        "ending",
        "fenced",
        "handled",
        "incarnation",
        "item",
        "last_failure",
        "over",
        "owed",
        "receive",
        "returned",
        "thread",
    )

    def __init__(self, cell: Cell, incarnation: int, last_failure: Failure | None) -> None:
        self.cell = cell
        self.incarnation = incarnation
        self.last_failure = last_failure
        self.agent: Agent | None = None
        self.receive: Handler = _not_started
        self.returned: Returned | None = None  # what the message in hand came back as, until an interceptor takes it
        # While the agent's own code runs, the baton holds the time it began; whoever pops that owns the turn. The
        # thread pops it when the code returns, a watcher when it has taken too long: pop is atomic, so one of them.
        self.baton: list[float] | None = None
        self.item: Any = NOTHING
        self.thread = 0  # the ident of the thread that runs its code, while the baton is there
        self.ask: Ask[Any] | None = None
        self.asker: Context | _Outside | None = None  # who asks, while an ask runs on the asker's thread
        self.handled = 0
        self.fenced = False  # abandoned: may not act any more
        self.ending = False  # told to end: `cancelled` says so
        self.over = False  # its last hook has run
        self.owed: dict[Ask[Any], None] | None = None  # whose answers it has deferred, oldest first
        self._behaviours: list[Handler] | None = None
        self._stash: list[Any] | None = None
        self._timers: Timers | None = None
        self._idle: Idle | None = None

    # -- who am I -----------------------------------------------------------------

    @property
    def path(self) -> str:
        """The absolute path, such as /crew/fetcher-1; the same for every incarnation."""
        return self.cell.path

    @property
    def name(self) -> str:
        return self.cell.name

    @property
    def ref(self) -> AgentRef[Any]:
        """The agent's own ref; valid through restarts."""
        return self.cell.ref

    @property
    def system(self) -> ActorSystem:
        return self.cell.system

    @property
    def parent(self) -> AgentRef[Any] | None:
        """The ref of the parent; None for a top-level agent."""
        parent = self.cell.parent
        return None if parent is None or parent.parent is None else parent.ref

    @property
    def children(self) -> MappingProxyType[str, AgentRef[Any]]:
        """The living children by name, in start order; a snapshot."""
        family = self.cell.family
        return MappingProxyType({} if family is None else {cell.name: cell.ref for cell in family.live()})

    # -- children and watching ----------------------------------------------------

    @overload
    def spawn(self, agent: type[Addressed[R]], *args: Any, name: str | None = None, **kwargs: Any) -> R: ...

    @overload
    def spawn(self, agent: type[A], *args: Any, name: str | None = None, **kwargs: Any) -> AgentRef[A]: ...

    @overload
    def spawn(self, agent: ChildSpec[A]) -> AgentRef[A]: ...

    def spawn(self, agent: Any, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
        """Start a child, from a class and its arguments or one ChildSpec; returns once its `on_start` has succeeded.

        Runs the child's start on this thread, unless the child has a thread or a deadline of its own. Raises
        StartFailedError, NameTakenError, TooManyChildren, or ValueError for a bad name.
        """
        self._may_act()
        return self.cell.spawn(agent, args, name, kwargs)

    def watch(self, ref: AgentRef[Any]) -> None:
        """Have `Terminated(ref, reason)` delivered once `ref` has ended for good; at once if it has already."""
        self._may_act()
        if fence.raised:
            before_acting()
        watch.watch(self.cell, _cell_of(ref))

    def unwatch(self, ref: AgentRef[Any]) -> None:
        """Take the watch back; a notice that waits already is not delivered."""
        self._may_act()
        if fence.raised:
            before_acting()
        watch.unwatch(self.cell, _cell_of(ref))

    # -- stash --------------------------------------------------------------------

    def stash(self) -> None:
        """Put the message in hand aside, unanswered; raises StashError if it is there already or there is no room.

        The room is the class attribute `stash_capacity`, by default without limit.
        """
        self._may_act()
        capacity = self.agent.stash_capacity if self.agent is not None else None
        with self._undisturbed():
            if self.item is STASHED:
                raise StashError(self.path, "the message in hand is stashed already")
            if isinstance(self.item, Deferred):
                raise StashError(self.path, "the answer to the message in hand is deferred")
            if isinstance(self.item, Hook):
                raise StashError(self.path, "there is no message in hand to stash")
            if self._stash is None:
                self._stash = []
            if capacity is not None and len(self._stash) >= capacity:
                raise StashError(self.path, f"the stash is full ({capacity} messages)")
            self._stash.append(self._let_go())

    def unstash_all(self) -> None:
        """Put what is stashed back to the head of the mailbox, in the order it arrived."""
        self._may_act()
        with self._undisturbed():
            self.return_stash()

    # -- answers that come later --------------------------------------------------

    @property
    def asked(self) -> bool:
        """Whether the message in hand was asked, not told: `defer` can tell its asker later."""
        return self.ask is not None or self.asker is not None

    def defer(self) -> Reply:
        """Take the answer to the ask in hand upon oneself: give it later, on any thread, with the Reply given back.

        What the handler returns is no answer then; what it raises is. This incarnation owes the answer: what it still
        owes when it ends, is restarted or abandoned, is settled with AgentStoppedError. An agent that waits for an
        answer of this one counts as waiting for it, see AskCycleError, also while this one does other things. Raises
        DeferError for a message that was told, is stashed, or is deferred already.
        """
        self._may_act()
        why = self._not_deferrable()
        if why:
            raise DeferError(self.path, why)
        with self._undisturbed():
            ask = self.ask
            if ask is None:
                ask = self._make_ask()
            self.item = Deferred(ask)
        return owe(self, ask)

    def _not_deferrable(self) -> str | None:
        if self.item is STASHED:
            return "the message in hand is stashed"
        if isinstance(self.item, Deferred):
            return "the answer to the message in hand is deferred already"
        if isinstance(self.item, Hook):
            return "there is no message in hand to answer"
        return None if self.asked else f"{printed(self.message, 80)} was told: nobody waits for an answer"

    # -- messages that it does not know -------------------------------------------

    def unhandled(self, message: Any) -> None:
        """Say that the agent does not know this message: it is a dead letter, and an asker gets InvalidMessageError.

        Returns; what the handler gives after that is no answer. It is no failure. Raises DeferError where the message
        in hand is stashed, or its answer deferred.
        """
        self._may_act()
        if self.item is STASHED or isinstance(self.item, Deferred):
            raise DeferError(self.path, self._not_deferrable() or "")
        self.lose_unhandled(message)
        if self.asked:
            self.defer().set_exception(InvalidMessageError(self.path, message, "it has no handler for that"))

    # -- behaviour ----------------------------------------------------------------

    def become(self, handler: Handler) -> None:
        """Handle messages with `handler` from the next one on, until `unbecome` or a restart."""
        self._may_act()
        if not callable(handler):
            raise ValueError(f"handler: a callable that takes a message, not {handler!r}")
        if self._behaviours is None:
            self._behaviours = []
        self._behaviours.append(handler)
        self.bind()

    def unbecome(self) -> None:
        """Go back to the handler before the last `become`; without one, nothing happens."""
        self._may_act()
        if self._behaviours:
            self._behaviours.pop()
            self.bind()

    # -- time ---------------------------------------------------------------------

    @property
    def timers(self) -> Timers:
        """Keyed timers that end with this incarnation: `once`, `every`, `cancel`."""
        self._may_act()
        if self._timers is None:
            self._timers = Timers(self)
        return self._timers

    def set_receive_timeout(self, seconds: float | None, ignore: Collection[type] = ()) -> None:
        """Deliver `ReceiveTimeout` whenever no message came for `seconds`; None ends it.

        Messages of the types in `ignore` do not count as a message.
        """
        self._may_act()
        idle = None if seconds is None else Idle(self, seconds, ignore)
        if self._idle is not None:
            self._idle.cancel()
        self._idle = idle
        self.bind()

    def heartbeat(self) -> None:
        """Say that the handler makes progress: its deadline counts anew from now."""
        self._may_act()
        baton = self.baton
        if baton:
            try:
                baton[0] = self.cell.system.clock.now()
            except IndexError:
                self._may_act()

    def pipe_to_self(self, future: Any, convert: Callable[[Any], Any] | None = None) -> None:
        """Deliver the result of `future` as a message: its value, or `PipeFailed(error)`.

        `future` is any future with `add_done_callback`, such as that of `ask(block=False)` or of an executor.
        `convert(value)` may turn the value into the message, on the thread that settles the future. A result that
        arrives after a restart, or for which the mailbox has no room, is a dead letter; nobody waits for that room.
        """
        self._may_act()
        if not hasattr(future, "add_done_callback"):
            raise ValueError(f"future: a future with add_done_callback, not {future!r}")
        if convert is not None and not callable(convert):
            raise ValueError(f"convert: a callable that takes the value, or None, not {convert!r}")
        future.add_done_callback(lambda *_: self._deliver_result(future, convert))

    def _deliver_result(self, future: Any, convert: Callable[[Any], Any] | None) -> None:
        try:
            value = future.get() if hasattr(future, "get") else future.result()
            message = value if convert is None else convert(value)
        except BaseException as error:
            message = PipeFailed(error)
        if self.is_current:
            # A message of the agent to itself, which never waits for room: this thread may be the one to make it.
            outer, here.context = here.context, self
            try:
                self.cell.ref.tell(message)
            except (AgentStoppedError, MailboxFullError):
                # Recorded as a dead letter; the thread that settles the future has no use for the error.
                return
            except ActorError as error:
                self.cell.dead_letter(message, DeadLetterReason.REFUSED, error)
            finally:
                here.context = outer
        else:
            self.cell.dead_letter(message, DeadLetterReason.STALE)

    # -- what the program tells of itself -----------------------------------------

    def emit(self, record: Any) -> None:
        """Have something of the program's own told among the events, as `Emitted(record)`; a log takes a `Record`."""
        self._may_act()
        system = self.cell.system
        system.events.report(events.Emitted, self.cell.path, self.incarnation, system.clock.now(), record)

    # -- cancellation -------------------------------------------------------------

    @property
    def cancelled(self) -> bool:
        """Whether the work in hand should be given up.

        True when this incarnation or one of its ancestors is to end, when it was abandoned, and while it handles an
        ask whose asker no longer waits or is itself cancelled.
        """
        if self.is_to_end:
            return True
        ask = self.in_hand
        return ask is not None and ask.cancelled

    @property
    def is_to_end(self) -> bool:
        """Whether this incarnation is to end, or who waits for it with the thread, whatever either has in hand."""
        if self.fenced or self.ending or (self.asker is not None and self.asker.is_to_end):
            return True
        return self.cell.parent is not None and self.cell.parent.ends_children

    @property
    def in_hand(self) -> Ask[Any] | None:
        """The ask that is handled now, by this one or by whoever waits for it with the thread."""
        if self.ask is not None:
            return self.ask
        return None if self.asker is None else self.asker.in_hand

    def check(self) -> None:
        """Raise `Cancelled` if `cancelled`."""
        if self.cancelled:
            raise Cancelled(f"{self.path} #{self.incarnation} was told to give up")

    # -- for the kernel -----------------------------------------------------------

    def lose_unhandled(self, message: Any) -> None:
        self.cell.system.dead_letters.lose(self.cell, message, DeadLetterReason.UNHANDLED)

    @property
    def is_current(self) -> bool:
        return not self.fenced and not self.over and self.cell.context is self

    def bind(self) -> None:
        """Set `receive` to what handles a message now."""
        self.receive = self.handler()
        # Looked at after the handler was written, see `Interceptors.attach`.
        interceptors = self.cell.system.interceptors
        if interceptors is not None and interceptors.concern(self.cell):
            self.receive = interceptors.receive

    def handler(self) -> Handler:
        """Give what handles a message now, interceptors aside."""
        agent = self.agent
        assert agent is not None
        handler = self._behaviours[-1] if self._behaviours else agent.on_receive
        if self._idle is not None:
            handler = self._idle.around(handler)
        return agent._around(handler)

    def call_proxied(self, handler: Callable[[Any, Any], Any], message: Any) -> Any:
        """Handle a message of a proxy."""
        interceptors = self.cell.system.interceptors
        return handler(self.agent, message) if interceptors is None else interceptors.call(self, handler, message)

    def set_aside(self, keep: Callable[[Any], object]) -> None:
        """Take the message in hand from its handler, unanswered; `keep(item)` gets it, with its ask if it has one."""
        with self._undisturbed():
            keep(self._let_go())

    def _let_go(self) -> Any:
        """Give the message in hand, or its ask; from here on nobody answers it."""
        item = self.item
        if self.asker is not None:
            item = self._make_ask()
        self.item = STASHED
        return item

    def _make_ask(self) -> Ask[Any]:
        """Make what an ask that runs on the asker's thread has had no need of so far."""
        asker = self.asker if isinstance(self.asker, Context) else None
        self.ask = Ask(self.item, self.cell, asker, None)
        return self.ask

    def return_stash(self) -> None:
        stash, self._stash = self._stash, None
        if stash:
            self.cell.open_queue().extendleft(reversed(stash))

    @property
    def message(self) -> Any:
        """The message in hand; `NOTHING` between messages."""
        item = self.item
        return enclosed(item.message if isinstance(item, WRAPPERS) else item)  # type: ignore[attr-defined]

    def end(self, cause: BaseException | None = None) -> None:
        """Let go of everything this incarnation holds; its stash goes back to the mailbox, what it owes is settled."""
        self.over = True
        settle_owed(self, cause)
        if self._timers is not None:
            self._timers.cancel_all()
        if self._idle is not None:
            self._idle.cancel()
        self.return_stash()
        if self.agent is not None and self.cell.family is not None:
            self.cell.family.keep_rules(self.agent)
        # The agent, its bound methods and this context refer to one another: cut here, so that the instance goes now.
        self.agent = None
        self.receive = _not_started
        self._behaviours = self._timers = self._idle = None
        self.item = NOTHING
        self.asker = None
        if not self.fenced:
            # The thread that still runs it settles the ask that it is in, if that is its asker's.
            self.ask = None

    @contextlib.contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Have the incarnation abandoned before this or after it, so that each message is in one place."""
        baton = self.baton or []
        try:
            since = baton.pop()
        except IndexError:
            raise Cancelled(f"{self.path} #{self.incarnation} was abandoned: it can no longer act") from None
        try:
            yield
        finally:
            baton.append(since)
            # Whoever looked meanwhile has found that nothing runs.
            self.cell.guard_deadline(self)

    def _may_act(self) -> None:
        if self.fenced or self.over:
            raise Cancelled(f"{self.path} #{self.incarnation} has ended: it can no longer act")

    def __repr__(self) -> str:
        return f"<Context {self.path} #{self.incarnation}>"


def _cell_of(ref: AgentRef[Any]) -> Cell:
    cell: Cell | None = getattr(ref, "_cell", None)
    if cell is None:
        raise ValueError(f"ref: an AgentRef, not {ref!r}")
    return cell


def _not_started(message: Any) -> Any:
    raise AssertionError(f"no incarnation is there to handle {message!r}")


def describe(item: Any) -> str:
    """Give one line for what an agent has in hand."""
    if item is NOTHING or item is STASHED:
        return ""
    if isinstance(item, Hook):
        return repr(item)
    message = enclosed(item.message if isinstance(item, (Ask, Deferred)) else item)
    with contextlib.suppress(Exception):
        return " ".join(f"{message!r:.80}".split())
    return type(message).__name__
