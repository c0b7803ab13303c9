"""How does anybody have a pool of agents do something?

Everything here is done on the calling thread, beside the pool's own turn, so also while that is busy. No lock is held
while an agent starts, ends or is waited for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Literal, overload
from uuid import uuid4

from actors._core.admin import AdminResult
from actors._core.checks import check_timeout
from actors._core.errors import AgentNotFoundError, AgentStoppedError, AskTimeout
from actors._core.future import AgentFuture, Ask
from actors._core.here import before_acting, fence, here
from actors._core.messages import StopReason
from actors._core.ref import AgentRef
from actors._core.replies import owe
from actors._core.spec import ChildSpec
from actors._core.supervision import Down
from actors.agentpool.books import Books
from actors.agentpool.entry import Entry, entry_of
from actors.agentpool.errors import SpawnDepthError
from actors.agentpool.seat import Seat, nearest_entry
from actors.agentpool.settings import Reader, Settings, check_count
from actors.agentpool.starting import Starting
from actors.agentpool.stream import Stream, StreamEvent
from actors.agentpool.values import Joined, PoolResult, SpawnConfig
from actors.guard.cancel import CancelToken

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.context import Context
    from actors.agentpool.pool import AgentPool  # noqa: F401 - named as text below


class AgentPoolRef(AgentRef["AgentPool"]):
    """The way to a pool of agents; all methods may be called on any thread, also by agents of the pool.

    A place is taken before an agent starts, and is free once it has ended for good, however: it need not be joined, and
    one that was abandoned is an orphan, which has none. A result is there when the place is free, and is kept until it
    is collected, by one of those who ask for it; the pool's `keep_results` bounds how many are.
    """

    __slots__ = ("_starting", "_stream", "books", "run", "settings")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.books = Books(self.path)
        self.settings = Settings()
        self.run = uuid4().hex  # of the ids that it gives: another pool at this path gives the same ones
        self._starting = Starting(cell, self.books)
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

    @property
    def lost_results(self) -> int:
        """How many results are gone that nobody had collected, because the pool keeps no more of them."""
        return self.books.lost

    def resize(self, max_agents: int) -> None:
        """Let so many run. Those that run go on, also where there are more; those that wait get what is free."""
        check_count("max_agents", max_agents)
        self._administered()
        self._starting.soon(self.books.resize(max_agents))

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
            self._starting.start_or_raise(each, self._may_wait)
        return entry.id

    def fan_out(self, configs: Iterable[SpawnConfig]) -> list[int]:
        """Start all of them, or have the rest wait, and give their ids in order; or raise, and start none.

        As `spawn`, but that a start that raises is the failure of that one, and the others go on.
        """
        if isinstance(configs, SpawnConfig):
            raise ValueError("configs: any number of SpawnConfigs, not one alone")
        entries = [self._entry(config) for config in configs]
        self._administered()
        now = self._enter(entries)
        try:
            while now:
                self._starting.start(now.pop(0))
        finally:
            self._starting.soon(now)  # should this thread be interrupted, or its agent abandoned
        return [entry.id for entry in entries]

    def _entry(self, config: SpawnConfig) -> Entry:
        if not isinstance(config, SpawnConfig):
            raise ValueError(f"config: a SpawnConfig, not {config!r}")
        asker = None if here.context is None else here.context.cell
        # By who spawns it, and by where it is: neither alone sees an agent's thread, or a pool beside its own.
        above_it = nearest_entry(self._cell)
        above = [entry.depth + 1 for entry in (nearest_entry(asker), above_it) if entry is not None]
        depth = max(above, default=0)
        most = self.settings.max_depth
        if most is not None and depth > most:
            raise SpawnDepthError(self.path, depth - 1, most)
        return Entry(config, depth, token=CancelToken(None if above_it is None else above_it.token))

    def _enter(self, entries: list[Entry]) -> list[Entry]:
        return self.books.enter(entries, self._may_wait)

    @property
    def _may_wait(self) -> bool:
        return self.settings.when_full == "queue" and self._own_entry() is None

    def _own_entry(self) -> Entry | None:
        """The entry, in these books, of the agent that calls, or of the one above it."""
        cell = None if here.context is None else here.context.cell
        while cell is not None:
            if cell.parent is self._cell:
                return entry_of(cell)
            cell = cell.parent
        return None

    # -- for its agents -----------------------------------------------------------

    def has_answer(self, seat: Seat) -> bool:
        return seat._entry.answer is not None

    def note_answer(self, seat: Seat, value: Any, error: BaseException | None) -> bool:
        """The agent has done its work, or given it up; False if it was aborted before that."""
        return self._starting.note_answer(seat._entry, seat.context.cell, value, error)

    def stream(self, event: StreamEvent) -> None:
        if self.settings.on_stream is not None:
            self._stream.put(event)

    def make_below(self, context: Context, max_agents: int | None) -> AgentPoolRef:
        """Start a pool like this one as a child of one of its agents."""
        most = self.max_agents if max_agents is None else max_agents
        settings = {each.name: getattr(self.settings, each.name) for each in fields(self.settings)}
        return context.spawn(self.actor_class, **{**settings, "max_agents": most}, name="pool")

    # -- plain children -----------------------------------------------------------

    def start_child(self, spec: ChildSpec[Any]) -> AdminResult:
        """Start a child of any kind, as on any ref; it has a place like all others, and nobody collects its result.

        Where there is none the outcome is MAX_CHILDREN, and `error.cause` the PoolFullError.
        """
        cell = self._administered()
        present = None if cell.family is None or not isinstance(spec, ChildSpec) else cell.family.get(spec.name or "")
        if not isinstance(spec, ChildSpec) or (present is not None and not isinstance(present, Down)):
            return super().start_child(spec)
        return self._starting.start_plain(spec, spec.name)

    def restart_child(self, name: str) -> AdminResult:
        cell = self._administered()
        present = None if cell.family is None or not isinstance(name, str) else cell.family.get(name)
        if isinstance(present, Down):
            return self._starting.start_plain(present.spec, name)
        return super().restart_child(name)

    # -- at work ------------------------------------------------------------------

    def ref_of(self, id: int) -> AgentRef[Any] | None:
        """Give the ref of an agent that runs; None for one that waits, has ended, or never was."""
        _check_id(id)
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

        Never blocks; the agent ends once its code returns, or is abandoned after its `shutdown` seconds. What it holds
        with its `seat.token` ends at once, such as its wait for another try at a model. From now on its result is
        CANCELLED, whatever it still gives. False if it has given a value, has ended, or never was.
        """
        _check_id(id)
        if fence.raised:
            before_acting()
        return self._starting.abort(id)

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
        _check_id(id)
        ask = self._make_ask("join", timeout)
        self.books.claim(id, ask)
        return self._wait_or_give(ask, timeout, block)

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
        return self._wait_or_give(ask, timeout, block)

    def _wait_or_give(self, ask: Ask[Any], timeout: float | None, block: bool) -> Any:
        self._starting.look_up(ask)
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
                self._starting.look_up(each)
                try:
                    results[entry.id] = self._wait_for(each, timeout)
                except AgentNotFoundError:
                    continue  # somebody else has it, who asked for the next one just before
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

    def _closes(self) -> None:
        self._starting.pool_closes()

    def _child_ended(self, child: Cell, reason: StopReason) -> None:
        self._starting.child_ended(child, reason)

    # -- for the pool -------------------------------------------------------------

    def begin(self, context: Context, settings: Settings) -> None:
        """An incarnation of the pool starts."""
        if context.incarnation == 1:
            self.books.limit(settings.max_agents, settings.queue, settings.keep_results)
        self.settings = settings
        # What it owes is settled when it ends, however that comes about.
        until: Ask[Any] = Ask("tell me when you end", self._cell, None, None)
        until.add_done_callback(self._incarnation_ended)
        owe(context, until)

    def go_on(self) -> None:
        self._starting.go_on()

    def hand_over(self, reader: Reader) -> None:
        self._stream.hand_over(reader)

    def _incarnation_ended(self) -> None:
        """On the pool's turn, when its children have ended: if it was the last one, nobody is started any more."""
        if self._cell.final:
            self._starting.pool_ended()


def _check_id(id: object) -> None:
    if not isinstance(id, int) or isinstance(id, bool):
        raise ValueError(f"id: the number that spawn gave, not {id!r}")
