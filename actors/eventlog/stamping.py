"""Which number and which time does a record get, and which views is it in?

An entry is what a log keeps: the number, the time (unix seconds), and the fields as on the wire. It is a plain dict on
the way in, because a model would cost more than all else that is done with it.
"""

from __future__ import annotations

import secrets
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from loguru import logger

from actors.eventlog.kinds import KINDS
from actors.eventlog.log import EventLog
from actors.eventlog.records import Record, UnknownRecord

Fields = dict[str, Any]


class Entry(NamedTuple):
    """One record as a log takes it: `seq`, unix seconds, fields as on the wire, whether it must not be dropped."""

    seq: int
    timestamp: float
    fields: Fields
    lifecycle: bool


def new_run() -> str:
    """Give the id of a new run; ids sort by the second in which they were made."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def iso(timestamp: float) -> str:
    """Give unix seconds as ISO text in UTC, to the microsecond."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="microseconds")


def stamped(run: str, seq: int, timestamp: float, fields: Fields) -> Fields:
    """Give the whole record, as on the wire."""
    return {**fields, "seq": seq, "run": run, "event_id": f"{run}-{seq}", "timestamp": iso(timestamp)}


ENDS = frozenset(("agent_stopped", "agent_start_failed"))
"""The last record of an agent."""

SYSTEM_VIEW = ""


def view_name(agent: str | None, mission: str | None) -> str:
    """Give the name of a view: "" is all records. Raises ValueError for both at once, or what is no id."""
    if agent is not None and mission is not None:
        raise ValueError("agent, mission: one view at a time")
    for option, value in (("agent", agent), ("mission", mission)):
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{option}: an id or None, not {value!r}")
        if value is not None and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError(f"{option}: a text that UTF-8 can say, not {value!r}") from None
    return f"a:{agent}" if agent is not None else f"m:{mission}" if mission is not None else SYSTEM_VIEW


def views_of(fields: Fields) -> list[str]:
    """Give the views that the record is in, each once, but that of all records."""
    get = fields.get
    views: list[str] = []
    agent = get("agent_id")
    if agent is not None:
        views.append(f"a:{agent}")
    for role in ("parent_agent_id", "child_agent_id"):
        other = get(role)
        if other is not None and (view := f"a:{other}") not in views:
            views.append(view)
    mission = get("mission_id")
    if mission is not None:
        views.append(f"m:{mission}")
    return views


def is_lifecycle(fields: Fields) -> bool:
    """Whether a log on this machine must not drop the record; so it is with kinds that are not known."""
    return KINDS.get(fields.get("event_type", ""), UnknownRecord).lifecycle


class Stamping:
    """Gives the records of one run their numbers, without gaps, and hands each to all logs of the run, in order.

    A log that raises is told of in the program's log once, counted, and the others go on.
    """

    def __init__(self, logs: Sequence[StampedLog] = (), clock: Callable[[], float] = time.time) -> None:
        self.run = new_run()
        self.last = 0
        self.clock = clock
        self.logs = tuple(logs)
        self.failed: dict[StampedLog, int] = {}
        self._recorded: set[object] = set()  # the systems whose events come here
        self._early: deque[tuple[Fields, bool]] = deque()
        self._busy = False
        # Guards the number and the logs' order. The logs put the entry away under it, and wait for nothing. It is
        # reentrant for signal handlers and finalizers, whose records come after the one that they have interrupted.
        self._lock = threading.RLock()

    def begin(self, system: object) -> bool:
        """Note that the events of a system come here; False if they do so already."""
        with self._lock:
            known = system in self._recorded
            self._recorded.add(system)
            return not known

    def end(self, system: object) -> None:
        """Note that they do not come here any more."""
        with self._lock:
            self._recorded.discard(system)

    def give(self, fields: Fields, lifecycle: bool) -> Entry | None:
        """Stamp the record and hand it to the logs; None if it was made inside another, and is the next then."""
        with self._lock:
            if self._busy:
                self._early.append((fields, lifecycle))
                return None
            self._busy = True
            try:
                seq = self.last = self.last + 1
                now = self.clock()
                broken = None
                for log in self.logs:
                    try:
                        log._take(seq, now, fields, lifecycle)
                    except Exception as error:
                        broken = [*(broken or ()), (log, error)]
            finally:
                self._busy = False
        if broken is not None:
            self._tell(broken)
        while self._early:
            self._give_early()
        return Entry(seq, now, fields, lifecycle)

    def _give_early(self) -> None:
        try:
            early = self._early.popleft()
        except IndexError:
            return  # Another thread gives it.
        self.give(*early)

    def forked(self) -> None:
        """In a process that was forked: whoever was giving a record is not here."""
        self._lock = threading.RLock()
        self._busy = False

    def _tell(self, broken: list[tuple[StampedLog, Exception]]) -> None:
        for log, error in broken:
            count = self.failed[log] = self.failed.get(log, 0) + 1
            if count == 1:
                logger.opt(exception=error).error("a record was lost, because {} does not take it", _named(log))

    def join(self, logs: Sequence[StampedLog]) -> None:
        """Have further logs take the records of this run from now on."""
        with self._lock:
            for log in logs:
                if log not in self.logs:
                    log._join(self)
                    self.logs = (*self.logs, log)


def _named(log: object) -> str:
    try:
        return repr(log)
    except Exception:
        return type(log).__name__


class StampedLog(EventLog):
    """An event log whose records are stamped for it, alone or together with other logs of the same run."""

    _stamping: Stamping
    _system = ""  # the name of the system whose records these are

    @abstractmethod
    def _take(self, seq: int, timestamp: float, fields: Fields, lifecycle: bool) -> None:
        """Put the entry away, in no time, without I/O; called in the order of `seq`, one at a time."""

    @abstractmethod
    def _put_sample(self, sample: dict[str, Any]) -> None:
        """Keep the figures of the live agents in place of those before, without I/O on this thread."""

    @abstractmethod
    def _end(self) -> None:
        """Note that the recording has ended now, without I/O on this thread."""

    def _join(self, stamping: Stamping) -> None:
        """Take the records of another run, before there is one of the log's own; may do I/O."""
        self._stamping = stamping

    @property
    def _is_closed(self) -> bool:
        """Whether it takes no more records."""
        return False

    @property
    def run(self) -> str:
        return self._stamping.run

    def append(self, record: Record) -> Record:
        if not isinstance(record, Record):
            raise ValueError(f"record: a Record, not {record!r}")
        if record.seq is not None:
            raise ValueError(f"record: {record.event_id or record!r} is in a log already")
        entry = self._stamping.give(record.to_fields(), record.lifecycle)
        if entry is None:
            return record
        stamp = {
            "seq": entry.seq,
            "run": self.run,
            "event_id": f"{self.run}-{entry.seq}",
            "timestamp": datetime.fromtimestamp(entry.timestamp, UTC),
        }
        return record.model_copy(update=stamp)
