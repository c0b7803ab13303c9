"""How does anybody have a pool of agents do something?

Everything here is done on the calling thread, beside the pool's own turn, so also while that is busy. No lock is held
while an agent starts, ends or is waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, overload

from loguru import logger

from actors._core import admin, events
from actors._core.admin import AdminResult, Outcome
from actors._core.checks import check_timeout
from actors._core.dispatcher import Job
from actors._core.errors import (
    ActorError,
    AgentNotFoundError,
    AgentStoppedError,
    AskTimeout,
    Cancelled,
    NameTakenError,
    StartFailedError,
    TooManyChildren,
)
from actors._core.future import AgentFuture, Ask
from actors._core.here import before_acting, fence, here
from actors._core.messages import StopReason
from actors._core.ref import AgentRef
from actors._core.replies import owe
from actors._core.spec import ChildSpec
from actors._core.supervision import Down
from actors.agentpool.agent import FunctionAgent, PoolAgent
from actors.agentpool.books import Books, Entry, SeatedSpec, entry_of
from actors.agentpool.errors import PoolFullError, SpawnDepthError
from actors.agentpool.seat import Seat, nearest_entry
from actors.agentpool.settings import Reader, Settings, check_count
from actors.agentpool.stream import Stream, StreamEvent
from actors.agentpool.values import Joined, PoolResult, SpawnConfig, Status
from actors.eventlog.work_kinds import AgentCompletedRecord

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.context import Context
    from actors.agentpool.pool import AgentPool  # noqa: F401 - named as text below


class AgentPoolRef(AgentRef["AgentPool"]):
    """The way to a pool of agents; all methods may be called on any thread, also by agents of the pool.

    A place is taken before an agent starts, and is free once it has ended for good, however: it need not be joined, and
    one that was abandoned is an orphan, which has none. A result is there when the place is free, and is kept until it
    is collected, by one of those who ask for it.
    """

    __slots__ = ("_stream", "books", "settings")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.books = Books(self.path)
        self.settings = Settings()
        self._stream = Stream(cell)

    # -- how many -----------------------------------------------------------------

    @property
    def max_agents(self) -> int:
        """How many may run."""
        return self.books.most

    @property
    def active_count(self) -> int:
        """How many run: those that have ended do not, whether they were joined or not."""
        return self.books.running

    @property
    def queued_count(self) -> int:
        """How many wait for a place."""
        return self.books.waiting

    def resize(self, max_agents: int) -> None:
        """Let so many run. Those that run go on, also where there are more; those that wait get what is free."""
        check_count("max_agents", max_agents)
        self._administered()
        self._start_soon(self.books.resize(max_agents))

    # -- in -----------------------------------------------------------------------

    def spawn(self, config: SpawnConfig) -> int:
        """Start an agent, or have it wait, and give its id: a whole number, from 1 on, higher than all before it.

        Returns once its `on_start` has succeeded; that of one that has to wait runs later, on another thread, and is
        its failure where it raises. Raises PoolFullError, KeyTakenError, NameTakenError, SpawnDepthError,
        StartFailedError or AgentStoppedError; what is refused uses no id.
        """
        entry = self._entry(config)
        self._administered()
        for each in self._enter([entry]):
            self._start_or_raise(each)
        return entry.id

    def fan_out(self, configs: Iterable[SpawnConfig]) -> list[int]:
        """Start all of them, or have the rest wait, and give their ids in order; or raise, and start none.

        As `spawn`, but that a start that raises is the failure of that one, and the others go on.
        """
        entries = [self._entry(config) for config in configs]
        self._administered()
        for entry in self._enter(entries):
            self._start(entry)
        return [entry.id for entry in entries]

    def _entry(self, config: SpawnConfig) -> Entry:
        if not isinstance(config, SpawnConfig):
            raise ValueError(f"config: a SpawnConfig, not {config!r}")
        asker = None if here.context is None else here.context.cell
        # By who spawns it, and by where it is: neither alone sees an agent's thread, or a pool beside its own.
        above = [entry.depth + 1 for entry in (nearest_entry(asker), nearest_entry(self._cell)) if entry is not None]
        depth = max(above, default=0)
        most = self.settings.max_depth
        if most is not None and depth > most:
            raise SpawnDepthError(self.path, depth - 1, most)
        return Entry(config, depth)

    def _enter(self, entries: list[Entry]) -> list[Entry]:
        return self.books.enter(entries, self.settings.when_full == "queue" and self._own_entry() is None)

    def _own_entry(self) -> Entry | None:
        """The entry, in these books, of the agent that calls, or of the one above it."""
        cell = None if here.context is None else here.context.cell
        while cell is not None:
            if cell.parent is self._cell:
                return entry_of(cell)
            cell = cell.parent
        return None

    # -- starting -----------------------------------------------------------------

    def _start_soon(self, entries: Iterable[Entry]) -> None:
        # On another thread: this one may be an agent's that ends, and a start takes as long as it takes.
        for entry in entries:
            self._cell.system.pool.put(Job(partial(self._start, entry)))

    def _start(self, entry: Entry) -> None:
        """Start it; what goes wrong is its failure, unless it can be started later."""
        cell = self._cell
        begun = cell.incarnation
        if entry.aborted:
            self._leave(entry, Status.CANCELLED, error=self._cancelled(entry))
            return
        try:
            self._start_now(entry)
        except StartFailedError as error:
            self._leave(entry, Status.FAILED, error=error.cause)
        except NameTakenError as error:
            self._leave(entry, Status.FAILED, error=error)
        except (AgentStoppedError, TooManyChildren) as error:
            # The pool ends or is restarted, or has children that are none of its own.
            if cell.final:
                self._leave(entry, Status.STOPPED, error=error)
            elif self.books.wait_again(entry) and cell.incarnation != begun:
                self.go_on()

    def _start_or_raise(self, entry: Entry) -> None:
        try:
            self._start_now(entry)
        except TooManyChildren:
            full = self.books.full()
            self._start_soon(self.books.withdraw(entry))
            raise full from None
        except ActorError:
            self._start_soon(self.books.withdraw(entry))
            raise

    def _start_now(self, entry: Entry) -> None:
        config = entry.config
        assert config is not None
        kind, args, kwargs = config.agent, config.args, config.kwargs
        if not isinstance(kind, type):
            kind, args, kwargs = FunctionAgent, (config.agent, args, dict(kwargs)), {}
        spec = SeatedSpec(
            kind, entry.name, args, kwargs, policy=config.policy, shutdown=config.shutdown, mailbox=config.mailbox,
            dispatcher=config.dispatcher, deadline=config.deadline,
        ).of(entry)  # fmt: skip
        child = self._cell.start_child(spec, entry.name, kept=False)
        length = len(config.query) if isinstance(config.query, str) else 0
        logger.trace("{} spawned agent {}, {}, for a query of {} characters", self.path, entry.id, entry.name, length)
        if self.books.started(entry, child):
            _end(child, drain=False)
        elif not issubclass(kind, PoolAgent):
            self._ask(entry, child, config.query)

    def _ask(self, entry: Entry, child: Cell, query: Any) -> None:
        """Ask an agent that knows nothing of pools: its first answer is its result."""
        try:
            # Nobody's ask: that who spawned it has ended is no reason for it to give up.
            ask: Ask[Any] = Ask(child.ref.admit(query), child, None, None)
        except ActorError as error:
            self.books.answered(entry, None, error)
            _end(child, drain=False)
            return
        ask.add_done_callback(partial(self._asked, entry, child, ask))
        child.ref._enqueue(ask)

    def _asked(self, entry: Entry, child: Cell, ask: Ask[Any]) -> None:
        try:
            value = ask.get()
        except BaseException as error:
            if isinstance(error, AgentStoppedError) and child.final:
                return  # its end says how it ended
            if self.books.answered(entry, None, error):
                _end(child, drain=False)
        else:
            if self._note_value(entry, child, value):
                _end(child, drain=True)

    # -- for its agents -----------------------------------------------------------

    def has_answer(self, seat: Seat) -> bool:
        return seat._entry.answer is not None

    def note_value(self, seat: Seat, value: Any) -> bool:
        """The agent has done its work; False if it was aborted before that."""
        return self._note_value(seat._entry, seat.context.cell, value)

    def _note_value(self, entry: Entry, child: Cell, value: Any) -> bool:
        if not self.books.answered(entry, value, None):
            return False
        key = None if entry.config is None or entry.config.key is None else str(entry.config.key)
        record = AgentCompletedRecord(
            path=child.path, agent_id=child.path, incarnation=child.incarnation, task_id=key, message=f"{value!r:.200}"
        )
        now = child.system.clock.now()
        child.system.events.report(events.Emitted, child.path, child.incarnation, now, record)
        return True

    def stream(self, event: StreamEvent) -> None:
        if self.settings.on_stream is not None:
            self._stream.put(event)

    def make_below(self, context: Context, max_agents: int | None) -> AgentPoolRef:
        """Start a pool like this one as a child of one of its agents."""
        settings, kind = self.settings, self.actor_class
        most = self.max_agents if max_agents is None else max_agents
        return context.spawn(
            kind, most, settings.when_full, settings.queue, settings.memory, settings.tool_builder,
            settings.on_stream, settings.max_depth, name="pool",
        )  # fmt: skip

    # -- plain children -----------------------------------------------------------

    def start_child(self, spec: ChildSpec[Any]) -> AdminResult:
        """Start a child of any kind, as on any ref; it has a place like all others, and nobody collects its result.

        Where there is none the outcome is MAX_CHILDREN, and `error.cause` the PoolFullError.
        """
        cell = self._administered()
        present = None if cell.family is None or not isinstance(spec, ChildSpec) else cell.family.get(spec.name or "")
        if not isinstance(spec, ChildSpec) or (present is not None and not isinstance(present, Down)):
            return super().start_child(spec)
        return self._start_plain(spec, spec.name)

    def restart_child(self, name: str) -> AdminResult:
        cell = self._administered()
        present = None if cell.family is None else cell.family.get(name)
        if isinstance(present, Down):
            return self._start_plain(present.spec, name)
        return super().restart_child(name)

    def _start_plain(self, spec: ChildSpec[Any], name: str | None) -> AdminResult:
        entry = Entry(None)
        seated = SeatedSpec(
            spec.agent, spec.name, spec.args, spec.kwargs, spec.restart, spec.shutdown, spec.significant, spec.policy,
            spec.mailbox, spec.dispatcher, spec.deadline, spec.keep_children,
        ).of(entry)  # fmt: skip
        path = f"{self.path}/{name or spec.agent.__name__}"
        try:
            self.books.enter([entry], may_wait=False)
        except PoolFullError as full:
            return AdminResult(Outcome.MAX_CHILDREN, error=StartFailedError(path, full))
        result = AdminResult(Outcome.START_FAILED)
        try:
            result = admin._start(self._cell, seated, name)
        finally:
            if not result:
                self._start_soon(self.books.leave(entry, None))
        if result.outcome is Outcome.MAX_CHILDREN:
            return AdminResult(Outcome.MAX_CHILDREN, error=StartFailedError(path, self.books.full()))
        return result

    # -- at work ------------------------------------------------------------------

    def ref_of(self, id: int) -> AgentRef[Any] | None:
        """Give the ref of an agent that runs; None for one that waits, has ended, or never was."""
        entry = self.books.find(id)
        return None if entry is None or entry.cell is None else entry.cell.ref

    def send(self, id: int, message: Any) -> None:
        """Tell a message to an agent that runs; never blocks, unless its mailbox does.

        Raises AgentNotFoundError for an id that was never given, or waits; AgentStoppedError for one that has ended;
        MailboxFullError, as `tell` does.
        """
        ref = self.ref_of(id)
        if ref is not None:
            ref.tell(message)
        elif self.books.find(id) is not None:
            raise AgentNotFoundError(self.path, f"agent {id} of {self.path} has not started yet")
        elif self.books.was_given(id):
            raise AgentStoppedError(f"agent {id} of {self.path} has ended", path=self.path)
        else:
            raise AgentNotFoundError(self.path, f"{self.path} has no agent {id}")

    def abort(self, id: int) -> bool:
        """Have an agent give up: one that waits leaves, for one that runs `context.cancelled` is true from now on.

        Never blocks; the agent ends once its code returns, or is abandoned after its `shutdown` seconds. From now on
        its result is CANCELLED, whatever it still gives. False if it has given a value, has ended, or never was.
        """
        if fence.raised:
            before_acting()
        entry, waited = self.books.abort(id)
        if entry is not None and waited:
            self._leave(entry, Status.CANCELLED, error=self._cancelled(entry))
        elif entry is not None and entry.cell is not None:
            _end(entry.cell, drain=False)
        return entry is not None

    def abort_all(self) -> list[int]:
        """Abort all that were spawned; gives the ids of those for which that is news. Plain children go on."""
        # Those that wait first: a place that becomes free is not to be given to one of them. The latest waits longest.
        return sorted(id for id in reversed(self.books.ids()) if self.abort(id))

    # -- out ----------------------------------------------------------------------

    @overload
    def join(self, id: int, timeout: float | None = None, *, block: Literal[True] = True) -> PoolResult: ...

    @overload
    def join(self, id: int, timeout: float | None = None, *, block: Literal[False]) -> AgentFuture[PoolResult]: ...

    def join(self, id: int, timeout: float | None = None, *, block: bool = True) -> Any:
        """Collect the result of that agent, whoever ends before it; blocks until it is there, or gives a future.

        Raises AskTimeout after `timeout` seconds; AgentNotFoundError for an id that was never given, or whose result
        was collected; AskCycleError where the two would wait for each other. It is collected for one that gave up
        waiting by somebody else.
        """
        ask = self._make_ask("join", timeout)
        self.books.claim(id, ask)
        return self._wait_for(ask, timeout) if block else ask

    @overload
    def join_next(self, timeout: float | None = None, *, block: Literal[True] = True) -> PoolResult | None: ...

    @overload
    def join_next(self, timeout: float | None = None, *, block: Literal[False]) -> AgentFuture[PoolResult | None]: ...

    def join_next(self, timeout: float | None = None, *, block: bool = True) -> Any:
        """Collect the result of whichever ends next; None when all were collected and none runs or waits.

        An agent of the pool does not wait for itself. Results that somebody waits for with `join` are left to them.
        Raises AskTimeout after `timeout` seconds.
        """
        ask = self._make_ask("join_next", timeout)
        self.books.claim_next(ask, self._own_entry())
        return self._wait_for(ask, timeout) if block else ask

    def join_all(self, timeout: float | None = None) -> Joined:
        """Collect the results of all that were spawned before this, however they ended; blocks.

        `timeout` seconds are for all together: then `running` names those that are not done, which go on and can be
        joined again. Others may be spawned meanwhile. An agent of the pool does not wait for itself.
        """
        ask = self._make_ask("join_all", timeout)
        claimed = self.books.claim_all(lambda entry: self._ask_like(ask, entry), self._own_entry())
        results = self.books.collect()
        running: dict[int, str] = {}
        try:
            for entry, each in claimed:
                try:
                    results[entry.id] = self._wait_for(each, timeout)
                except AskTimeout:
                    late = self.books.collect(entry.id)  # it has ended just now
                    results.update(late)
                    if not late:
                        running[entry.id] = entry.name
        except BaseException as error:
            for _, each in claimed:
                each.resolve(error=error)
            self.books.put_back(results)
            raise
        return Joined(dict(sorted(results.items())), running)

    def _make_ask(self, what: str, timeout: float | None) -> Ask[Any]:
        check_timeout(timeout)
        if fence.raised:
            before_acting()
        cell = self._cell
        return Ask(what, cell, here.context, None if timeout is None else cell.system.clock.now() + timeout)

    @staticmethod
    def _ask_like(ask: Ask[Any], entry: Entry) -> Ask[Any]:
        return Ask(ask.message, entry.cell or ask.cell, ask.asker, ask.deadline)

    # -- ends ---------------------------------------------------------------------

    def _child_ended(self, child: Cell, reason: StopReason) -> None:
        entry = entry_of(child)
        if entry is None:
            return
        error = None if child.ended is None else child.ended.error
        if entry.config is None:
            self._start_soon(self.books.leave(entry, None))
        elif entry.aborted:
            self._leave(entry, Status.CANCELLED, error=self._cancelled(entry), cell=child)
        elif entry.answer is not None:
            value, failed = entry.answer
            self._leave(entry, Status.COMPLETED if failed is None else _failed(failed), value, failed, child)
        elif error is not None:
            self._leave(entry, _failed(error), error=error, cell=child)
        else:
            stopped = AgentStoppedError(f"{child.path} was stopped ({reason}) before it gave a value", path=child.path)
            self._leave(entry, Status.STOPPED, error=stopped, cell=child)

    def _leave(
        self,
        entry: Entry,
        status: Status,
        value: Any = None,
        error: BaseException | None = None,
        cell: Cell | None = None,
    ) -> None:
        key = None if entry.config is None else entry.config.key
        incarnations = 0 if cell is None else cell.incarnation
        result = PoolResult(entry.id, entry.name, status, value, error, entry.usage, key, incarnations)
        self._start_soon(self.books.leave(entry, result))

    def _cancelled(self, entry: Entry) -> Cancelled:
        return Cancelled(f"agent {entry.id} of {self.path} was aborted")

    # -- for the pool -------------------------------------------------------------

    def begin(self, context: Context, settings: Settings) -> None:
        """An incarnation of the pool starts."""
        if context.incarnation == 1:
            self.books.limit(settings.max_agents, settings.queue)
        self.settings = settings
        # What it owes is settled when it ends, however that comes about.
        until: Ask[Any] = Ask("tell me when you end", self._cell, None, None)
        until.add_done_callback(self._incarnation_ended)
        owe(context, until)

    def go_on(self) -> None:
        """Start those that wait, as far as there are places."""
        self._start_soon(self.books.seat_waiting())

    def hand_over(self, reader: Reader) -> None:
        self._stream.hand_over(reader)

    def _incarnation_ended(self) -> None:
        """On the pool's turn, when its children have ended: if it was the last one, nobody is started any more."""
        if not self._cell.final:
            return
        stopped = AgentStoppedError(f"{self.path} has stopped", path=self.path)
        self.books.limit(0, None)
        for entry in self.books.left_behind():
            self._leave(entry, Status.STOPPED, error=stopped, cell=entry.cell)


def _end(child: Cell, drain: bool) -> None:
    child.ref.stop(block=False, drain=drain)


def _failed(error: BaseException) -> Status:
    return Status.CANCELLED if isinstance(error, Cancelled) else Status.FAILED

