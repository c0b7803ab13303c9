"""Who has a place in a pool, who waits for one, and whose result has nobody collected?

A place is taken before an agent is started, and given up when it has ended, whatever way: both under the one lock, with
what follows from them. So there are never more than the pool may have, no place is lost, and whoever has a result finds
its place free.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors._core.errors import AgentNotFoundError, AgentStoppedError, Cancelled, NameTakenError
from actors._core.future import Ask
from actors.agentpool.entry import Entry
from actors.agentpool.errors import KeyTakenError, PoolFullError
from actors.agentpool.values import KEPT, PoolResult

if TYPE_CHECKING:
    from actors._core.cell import Cell


class Books:
    """The places of one pool; may be used on any thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._most = 0
        self._closed = False
        self._queue: int | None = None
        self._last = 0
        self._seated: dict[Entry, None] = {}
        self._waiting: OrderedDict[Entry, None] = OrderedDict()
        self._dropped: set[Entry] = set()  # aborted while they waited, and not handed out yet
        self._open: dict[int, Entry] = {}  # by id: who waits or has a place, until the result was handed out
        self._keys: set[Any] = set()  # of those that are open
        self._names: set[str] = set()  # likewise, where they were given one
        self._ends: OrderedDict[int, PoolResult] = OrderedDict()  # by id: not collected; the first to end first
        self._keep = KEPT
        self._lost = 0
        self._nexts: deque[tuple[Ask[Any], Entry | None]] = deque()  # who waits for whichever ends next
        # Guards all of these, and the claims, answers and aborts of the entries. Nothing is started or settled, and no
        # other lock is taken under it.
        self._lock = threading.Lock()

    # -- the bound ----------------------------------------------------------------

    @property
    def most(self) -> int:
        return self._most

    @property
    def running(self) -> int:
        return len(self._seated)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def lost(self) -> int:
        return self._lost

    def limit(self, most: int, queue: int | None, keep: int) -> None:
        """Set how many may have a place, may wait for one (None: without limit), and how many results are kept."""
        with self._lock:
            self._most = most
            self._queue = queue
            self._keep = keep

    def resize(self, most: int) -> list[Entry]:
        """Set how many may have a place; gives those that have one now, and are to be started."""
        with self._lock:
            self._most = most
            return self._seat_waiting()

    def full(self) -> PoolFullError:
        return PoolFullError(self._path, len(self._seated), self._most)

    # -- in -----------------------------------------------------------------------

    def enter(self, entries: Sequence[Entry], may_wait: bool) -> list[Entry]:
        """Give all of them a place, or have the rest wait if they may, or raise: then nothing has changed.

        Gives those that have a place, and are to be started. Raises PoolFullError, KeyTakenError, NameTakenError, or
        AgentStoppedError once the books are closed.
        """
        with self._lock:
            if self._closed:
                raise AgentStoppedError(f"{self._path} has stopped", path=self._path)
            self._check_apart(entries)
            room = 0 if self._waiting else max(0, self._most - len(self._seated))
            behind = max(0, len(entries) - room)
            if behind and not may_wait:
                raise PoolFullError(self._path, len(self._seated), self._most)
            if behind and self._queue is not None and len(self._waiting) + behind > self._queue:
                raise PoolFullError(self._path, len(self._seated), self._most, len(self._waiting))
            for entry in entries:
                self._number(entry)
            now = list(entries[:room])
            self._seated.update(dict.fromkeys(now))
            self._waiting.update(dict.fromkeys(entries[room:]))
            return now

    def _check_apart(self, entries: Iterable[Entry]) -> None:
        keys: set[Any] = set()
        names: set[str] = set()
        for entry in entries:
            config = entry.config
            if config is None:
                continue
            if config.key is not None and (config.key in keys or config.key in self._keys):
                raise KeyTakenError(self._path, config.key)
            if config.name is not None and (config.name in names or config.name in self._names):
                raise NameTakenError(f"{self._path}/{config.name}")
            keys.add(config.key)
            if config.name is not None:
                names.add(config.name)

    def _number(self, entry: Entry) -> None:
        if entry.config is not None:
            self._last += 1
            entry.id = self._last
            self._open[entry.id] = entry
            self._keys.add(entry.config.key)
            if entry.config.name is not None:
                self._names.add(entry.config.name)

    def _forget(self, entry: Entry) -> None:
        del self._open[entry.id]
        assert entry.config is not None
        self._keys.discard(entry.config.key)
        self._names.discard(entry.config.name or "")

    def withdraw(self, entry: Entry, result: PoolResult, used: bool) -> list[Entry] | None:
        """It did not start, which whoever wanted it is told; unless its id has been `used`, the last is given again.

        Gives those that have a place now, and are to be started; None if it has left already, with a result. The
        result here is for those who wait for all that there is, and have found it meanwhile.
        """
        with self._lock:
            if entry not in self._seated:
                return None
            del self._seated[entry]
            self._forget(entry)
            if not used and entry.id == self._last:
                self._last -= 1
            now = self._seat_waiting()
            asks, entry.claims = entry.claims, []
            idle = self._take_idle()
        for ask in asks:
            ask.resolve(result)
        for ask in idle:
            ask.resolve(None)
        return now

    def wait_again(self, entry: Entry) -> bool:
        """It could not be started at present: it waits again, ahead of the others; False if it has left."""
        with self._lock:
            if entry not in self._seated:
                return False
            del self._seated[entry]
            self._waiting[entry] = None
            self._waiting.move_to_end(entry, last=False)
            return True

    def seat_waiting(self) -> list[Entry]:
        """Give places to those who wait, as far as there are some; they are to be started."""
        with self._lock:
            return self._seat_waiting()

    def _seat_waiting(self) -> list[Entry]:
        now = []
        while self._waiting and len(self._seated) < self._most and not self._closed:
            entry, _ = self._waiting.popitem(last=False)
            self._seated[entry] = None
            now.append(entry)
        return now

    # -- at work ------------------------------------------------------------------

    def started(self, entry: Entry, cell: Cell) -> bool:
        """Note who it is; True if it was aborted while it started."""
        with self._lock:
            entry.cell = cell
            return entry.aborted

    def answered(self, entry: Entry, value: Any, error: BaseException | None) -> bool:
        """Note its answer; False if it has one, or was aborted."""
        with self._lock:
            if entry.answer is not None or entry.aborted:
                return False
            entry.answer = (value, error)
            return True

    def spend(self, entry: Entry, usage: Any) -> None:
        """Add to what it has used."""
        with self._lock:
            entry.usage = usage if entry.usage is None else entry.usage + usage

    def abort(self, number: int) -> tuple[Entry | None, bool]:
        """Note that it is to be aborted; gives the entry if that is news, and whether it waited and has left."""
        with self._lock:
            entry = self._open.get(number)
            if entry is None or entry.aborted or entry.answer is not None:
                return None, False
            entry.aborted = True
            if entry in self._waiting:
                del self._waiting[entry]
                self._dropped.add(entry)
                return entry, True
            return (entry, False) if entry in self._seated else (None, False)

    def let_go(self, asker: Cell) -> None:
        """An agent is aborted: what it waits for here is not worth the wait any more."""
        with self._lock:
            asks = [ask for entry in self._open.values() for ask in entry.claims]
            asks += [ask for ask, _ in self._nexts]
        for ask in asks:
            if ask.asker is not None and ask.asker.cell is asker:
                ask.resolve(error=Cancelled(f"{asker.path} was aborted while it waited for {self._path}"))

    def find(self, number: int) -> Entry | None:
        return self._open.get(number)

    def was_given(self, number: int) -> bool:
        return 0 < number <= self._last

    def ids(self) -> list[int]:
        """Give the ids of those who wait or have a place, in order."""
        with self._lock:
            return sorted(self._open)

    # -- out ----------------------------------------------------------------------

    def leave(self, entry: Entry, result: PoolResult | None) -> list[Entry]:
        """It has ended: hand its result out, if it has one, and give its place to the next. No-op for the second time.

        Gives those that have a place now, and are to be started.
        """
        with self._lock:
            if entry in self._seated:
                del self._seated[entry]
            elif entry in self._waiting:
                del self._waiting[entry]
            elif entry in self._dropped:
                self._dropped.remove(entry)
            else:
                return []
            now = self._seat_waiting()
        if result is not None:
            self._hand_out(entry, result)
        return now

    def _hand_out(self, entry: Entry, result: PoolResult) -> None:
        """Give it to all who claim it, else to the first who wants the next one, else keep it."""
        taken = first_lost = False
        while True:
            with self._lock:
                asks, entry.claims = entry.claims, []
                nexts = not asks and not taken and bool(self._nexts)
                if nexts:
                    asks = [self._nexts.popleft()[0]]
                if not asks:
                    self._forget(entry)
                    if not taken:
                        self._ends[entry.id] = result
                        first_lost = self._drop_oldest()
                    idle = self._take_idle()
                    break
            for ask in asks:
                # False where nobody waits for it any more.
                taken = ask.resolve(result) or taken
            if nexts and taken:
                with self._lock:
                    self._forget(entry)
                    late, entry.claims = entry.claims, []
                    idle = self._take_idle()
                for ask in late:
                    # It came when the result had been promised to somebody else.
                    ask.resolve(error=self._not_there(entry.id))
                break
        for ask in idle:
            ask.resolve(None)
        if first_lost:
            text = "{} keeps {} results that nobody has collected: from now on the oldest are lost"
            logger.warning(text, self._path, self._keep)

    def _drop_oldest(self) -> bool:
        """Forget results beyond those that are kept; tells whether these are the first. The lock is held."""
        lost_before = self._lost
        while len(self._ends) > self._keep:
            self._ends.popitem(last=False)
            self._lost += 1
        return self._lost > 0 and lost_before == 0

    def _not_there(self, number: int) -> AgentNotFoundError:
        return AgentNotFoundError(self._path, f"{self._path} has no agent {number}, nor its result")

    def _take_idle(self) -> list[Ask[Any]]:
        """Those who wait for the next end, where there is none to come."""
        idle = [each for each in self._nexts if not self._has_open(each[1])]
        for each in idle:
            self._nexts.remove(each)
        return [ask for ask, _ in idle]

    def _has_open(self, apart: Entry | None) -> bool:
        return any(entry is not apart and not _is_claimed(entry) for entry in self._open.values())

    def close(self) -> list[Entry]:
        """Nobody gets a place any more. Gives all that have not left, though nothing of them is there by now."""
        with self._lock:
            self._closed = True
            return [*self._seated, *self._waiting]

    # -- collecting ---------------------------------------------------------------

    def claim(self, number: int, ask: Ask[Any]) -> None:
        """Have the ask settled with the result of that agent, at once if it is there; raises AgentNotFoundError."""
        with self._lock:
            result = self._ends.pop(number, None)
            if result is None:
                entry = self._open.get(number)
                if entry is None:
                    raise self._not_there(number)
                if entry.cell is not None:
                    ask.cell = entry.cell  # whom it waits for, should that one wait for the asker
                entry.claims.append(ask)
        if result is not None:
            ask.resolve(result)

    def claim_next(self, ask: Ask[Any], apart: Entry | None) -> None:
        """Have the ask settled with the next result that nobody claims, or None if there is none to come."""
        result: PoolResult | None = None
        with self._lock:
            if self._ends:
                _, result = self._ends.popitem(last=False)
            elif self._has_open(apart):
                self._nexts = deque(each for each in self._nexts if not each[0].settled)
                self._nexts.append((ask, apart))
                return
        ask.resolve(result)

    def claim_all(self, make: Callable[[Entry], Ask[Any]], apart: Entry | None) -> list[tuple[Entry, Ask[Any]]]:
        """Claim all that are open and that nobody claims, but one; in the order of the ids."""
        with self._lock:
            found = [entry for entry in self._open.values() if entry is not apart and not _is_claimed(entry)]
            claimed = [(entry, make(entry)) for entry in sorted(found, key=lambda entry: entry.id)]
            for entry, ask in claimed:
                entry.claims.append(ask)
            return claimed

    def collect(self, number: int | None = None) -> dict[int, PoolResult]:
        """Take out the result of that agent, or all, which nobody has collected."""
        with self._lock:
            if number is None:
                ends, self._ends = self._ends, OrderedDict()
                return ends
            return {} if number not in self._ends else {number: self._ends.pop(number)}

    def put_back(self, results: dict[int, PoolResult]) -> None:
        """Keep what was collected for whoever collects next."""
        with self._lock:
            self._ends = OrderedDict({**results, **self._ends})
            self._drop_oldest()


def _is_claimed(entry: Entry) -> bool:
    return any(not ask.settled for ask in entry.claims)
