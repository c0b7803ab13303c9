"""How does an agent of a pool start, and what becomes of its place and its result when it ends?

One `Starting` to a pool, used on any thread. Nothing is held while an agent starts: that is its own code.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors._core import admin, events
from actors._core.admin import AdminResult, Outcome
from actors._core.dispatcher import Job
from actors._core.errors import (
    ActorError,
    AgentStoppedError,
    Cancelled,
    NameTakenError,
    StartFailedError,
    TooManyChildren,
    printed,
)
from actors._core.future import Ask
from actors._core.spec import ChildSpec
from actors.agentpool.agent import FunctionAgent, PoolAgent
from actors.agentpool.books import Books
from actors.agentpool.entry import Entry, SeatedSpec, entry_of
from actors.agentpool.errors import PoolFullError
from actors.agentpool.seat import nearest_entry
from actors.agentpool.values import PoolResult, SpawnConfig, Status
from actors.eventlog.work_kinds import AgentCompletedRecord
from actors.guard import Exhausted

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.messages import StopReason


class Starting:
    """Starts those that have a place in the books, and sees to their ends."""

    __slots__ = ("_books", "_cell")

    def __init__(self, cell: Cell, books: Books) -> None:
        self._cell = cell
        self._books = books

    # -- starts -------------------------------------------------------------------

    def soon(self, entries: Iterable[Entry]) -> None:
        """Start them on other threads: this one may be an agent's that ends, and a start takes as long as it takes."""
        for entry in entries:
            self._cell.system.pool.put(Job(partial(self.start, entry)))

    def start(self, entry: Entry) -> None:
        """Start it; what goes wrong is its failure, unless it can be started later."""
        cell = self._cell
        begun = cell.incarnation
        if entry.aborted:
            self.leave(entry, Status.CANCELLED, error=self._cancelled(entry))
            return
        try:
            self._start(entry)
        except StartFailedError as error:
            self.leave(entry, _status_of(error.cause), error=error.cause)
        except (AgentStoppedError, TooManyChildren) as error:
            if not self._wait_again(entry, begun):
                self.leave(entry, Status.STOPPED, error=error)
        except BaseException as error:
            self.leave(entry, Status.FAILED, error=error)
            if not isinstance(error, ActorError) or isinstance(error, Cancelled):
                raise  # that of this thread

    def _wait_again(self, entry: Entry, begun: int) -> bool:
        """The pool is being restarted, or has children that its ref did not start: have it wait; False if it ends."""
        cell = self._cell
        if cell.final:
            return False
        if self._books.wait_again(entry):
            family = cell.family
            open_again = family is None or (not family.closed and len(family.live()) < self._books.most)
            # What it waits for may be over since: then nobody else would look.
            if open_again or cell.incarnation != begun:
                self.go_on()
        return True

    def start_or_raise(self, entry: Entry, may_wait: bool) -> None:
        """Start it, or raise why it did not: then it has never been. One that was aborted has a result."""
        begun = self._cell.incarnation
        try:
            self._start(entry)
        except BaseException as error:
            if may_wait and isinstance(error, (AgentStoppedError, TooManyChildren)) and self._wait_again(entry, begun):
                return
            result = _result(entry, Status.FAILED, error=error)
            full = self._books.full()
            now = self._books.withdraw(entry, result, used=isinstance(error, StartFailedError))
            if now is None:
                return
            self.soon(now)
            if isinstance(error, TooManyChildren):
                raise full from None
            raise

    def go_on(self) -> None:
        """Start those that wait, as far as there are places."""
        self.soon(self._books.seat_waiting())

    def _start(self, entry: Entry) -> None:
        config = entry.config
        assert config is not None
        spec = _spec_of(config).of(entry)
        child = self._start_child(entry, spec)
        length = len(config.query) if isinstance(config.query, str) else 0
        logger.trace("{} started agent {} for a query of {} characters", child.path, entry.id, length)
        if self._books.started(entry, child):
            end(child, drain=False)
            self._let_go(child)
        elif not issubclass(spec.agent, PoolAgent):
            self._ask(entry, child, config.query)

    def _start_child(self, entry: Entry, spec: SeatedSpec) -> Cell:
        try:
            return self._cell.start_child(spec, entry.name, kept=False)
        except NameTakenError:
            if spec.name is not None:
                raise
            # A plain child has the name that it was to have.
            return self._cell.start_child(spec, None, kept=False)

    def start_plain(self, spec: ChildSpec[Any], name: str | None) -> AdminResult:
        """Start a child that is none of the pool's work, as `start_child` does, in a place like any other."""
        entry = Entry(None)
        seated = SeatedSpec(
            spec.agent, spec.name, spec.args, spec.kwargs, spec.restart, spec.shutdown, spec.significant, spec.policy,
            spec.mailbox, spec.dispatcher, spec.deadline, spec.keep_children,
        ).of(entry)  # fmt: skip
        path = f"{self._cell.path}/{name or spec.agent.__name__}"
        try:
            self._books.enter([entry], may_wait=False)
        except PoolFullError as full:
            return AdminResult(Outcome.MAX_CHILDREN, error=StartFailedError(path, full))
        result = AdminResult(Outcome.START_FAILED)
        try:
            result = admin._start(self._cell, seated, name)
        finally:
            if not result:
                self.soon(self._books.leave(entry, None))
        if result.outcome is Outcome.MAX_CHILDREN:
            # Of a pool that has children of its own, beside those in the books.
            return AdminResult(Outcome.MAX_CHILDREN, error=StartFailedError(path, self._books.full()))
        return result

    # -- answers ------------------------------------------------------------------

    def _ask(self, entry: Entry, child: Cell, query: Any) -> None:
        """Ask an agent that knows nothing of pools: its first answer is its result."""
        try:
            # Nobody's ask: that who spawned it has ended is no reason for it to give up.
            ask: Ask[Any] = Ask(child.ref.admit(query), child, None, None)
        except ActorError as error:
            self._books.answered(entry, None, error)
            end(child, drain=False)
            return
        ask.add_done_callback(partial(self._asked, entry, child, ask))
        child.ref._enqueue(ask)

    def _asked(self, entry: Entry, child: Cell, ask: Ask[Any]) -> None:
        value, failed = None, None
        try:
            value = ask.get()
        except BaseException as error:
            if isinstance(error, AgentStoppedError) and child.final:
                return  # its end says how it ended
            failed = error
        if self.note_answer(entry, child, value, failed):
            end(child, drain=failed is None)

    def note_answer(self, entry: Entry, child: Cell, value: Any, error: BaseException | None) -> bool:
        """It has done its work, or given it up; False if it was aborted before that."""
        if not self._books.answered(entry, value, error):
            return False
        if error is None:
            self._tell_completed(entry, child, value)
        return True

    def _tell_completed(self, entry: Entry, child: Cell, value: Any) -> None:
        key = None if entry.config is None or entry.config.key is None else str(entry.config.key)
        record = AgentCompletedRecord(
            path=child.path, agent_id=child.path, incarnation=child.incarnation, task_id=key,
            message=printed(value, 200),
        )  # fmt: skip
        now = child.system.clock.now()
        child.system.events.report(events.Emitted, child.path, child.incarnation, now, record)

    # -- ends ---------------------------------------------------------------------

    def abort(self, id: int) -> bool:
        entry, waited = self._books.abort(id)
        if entry is not None and waited:
            self.leave(entry, Status.CANCELLED, error=self._cancelled(entry))
        elif entry is not None:
            if entry.cell is not None:
                end(entry.cell, drain=False)
                self._let_go(entry.cell)
            # Last: what it waits for ends with this, and by then it is told to end itself.
            entry.token.cancel(f"agent {entry.id} of {self._cell.path} was aborted")
        return entry is not None

    def look_up(self, ask: Ask[Any]) -> None:
        """Have an ask that is in the books give up, if the agent that asks has been aborted meanwhile."""
        asker = None if ask.asker is None else ask.asker.cell
        entry = None if asker is None else nearest_entry(asker)
        if asker is not None and entry is not None and entry.aborted:
            self._books.let_go(asker)

    def _let_go(self, child: Cell) -> None:
        """Have it wait no longer for other agents of this pool, or of its own: it looks up only when that is over."""
        self._books.let_go(child)
        for below in () if child.family is None else child.family.live():
            books = getattr(below.ref, "books", None)
            if isinstance(books, Books):
                books.let_go(child)

    def child_ended(self, child: Cell, reason: StopReason) -> None:
        """A child has ended for good: on its turn, and it is not in the kernel's books any more."""
        entry = entry_of(child)
        if entry is None:
            self.go_on()  # it was in somebody's way, but in nobody's place
            return
        error = None if child.ended is None else child.ended.error
        if entry.config is None:
            self.soon(self._books.leave(entry, None))
        elif entry.aborted:
            self.leave(entry, Status.CANCELLED, error=self._cancelled(entry), cell=child)
        elif entry.answer is not None:
            value, failed = entry.answer
            self.leave(entry, Status.COMPLETED if failed is None else _status_of(failed), value, failed, child)
        elif error is not None:
            self.leave(entry, _status_of(error), error=error, cell=child)
        else:
            stopped = AgentStoppedError(f"{child.path} was stopped ({reason}) before it gave a value", path=child.path)
            self.leave(entry, Status.STOPPED, error=stopped, cell=child)

    def leave(
        self,
        entry: Entry,
        status: Status,
        value: Any = None,
        error: BaseException | None = None,
        cell: Cell | None = None,
    ) -> None:
        """Free its place, and hand its result out."""
        self.soon(self._books.leave(entry, _result(entry, status, value, error, cell)))

    def pool_closes(self) -> None:
        """The pool is about to end those that run: what they wait for is not worth the wait any more."""
        for id in self._books.ids():
            entry = self._books.find(id)
            if entry is not None:
                entry.token.cancel(f"{self._cell.path} is about to end")

    def pool_ended(self) -> None:
        """The pool has ended, and all its children with it: nobody is started any more."""
        stopped = AgentStoppedError(f"{self._cell.path} has stopped", path=self._cell.path)
        for entry in self._books.close():
            self.leave(entry, Status.STOPPED, error=stopped, cell=entry.cell)

    def _cancelled(self, entry: Entry) -> Cancelled:
        return Cancelled(f"agent {entry.id} of {self._cell.path} was aborted")


def end(child: Cell, drain: bool) -> None:
    """Have it end, after the messages that wait or at once; never blocks."""
    child.ref.stop(block=False, drain=drain)


def _spec_of(config: SpawnConfig) -> SeatedSpec:
    kind, args, kwargs = config.agent, config.args, config.kwargs
    if not isinstance(kind, type):
        kind, args, kwargs = FunctionAgent, (config.agent, args, dict(kwargs)), {}
    return SeatedSpec(
        kind, config.name, args, kwargs, policy=config.policy, shutdown=config.shutdown, mailbox=config.mailbox,
        dispatcher=config.dispatcher, deadline=config.deadline,
    )  # fmt: skip


def _status_of(error: BaseException) -> Status:
    if isinstance(error, Exhausted):
        return Status.EXHAUSTED
    return Status.CANCELLED if isinstance(error, Cancelled) else Status.FAILED


def _result(
    entry: Entry,
    status: Status,
    value: Any = None,
    error: BaseException | None = None,
    cell: Cell | None = None,
) -> PoolResult:
    key = None if entry.config is None else entry.config.key
    incarnations = 0 if cell is None else cell.incarnation
    usage = getattr(value, "usage", None) if entry.usage is None else entry.usage
    return PoolResult(entry.id, entry.name, status, value, error, usage, key, incarnations)
