"""How do the events of a system come into its logs?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from loguru import logger

from actors._core.checks import is_seconds
from actors._core.clock import SystemClock
from actors._core.events import Event, SystemStopped
from actors._core.system import ActorSystem
from actors._core.wall import wall_clock
from actors.eventlog.log import EventLog
from actors.eventlog.samples import Sampler
from actors.eventlog.stamping import StampedLog, Stamping
from actors.eventlog.translate import system_started, translate

_FLUSH_SECONDS = 2.0  # for all logs together, at the end of the system


class Recording:
    """Writes what happens in a system into logs, until the system has ended or `close`.

    Every event has one number, one id and one time, the same in all logs. Agents are delayed by the microseconds that
    it takes to put a record away; a log that fails costs them no more. When the system ends, it waits up to two seconds
    until what it told is where it is kept, but for logs that are down anyway. So a log is made before its system, and
    closed after it: `with SqliteLog(path) as log, ActorSystem() as system: record(system, log)`.
    """

    def __init__(self, system: ActorSystem, logs: tuple[StampedLog, ...], sample: float | None) -> None:
        self.system = system
        self.logs = logs
        self._stamping = _one_stamping(logs)
        if not self._stamping.begin(system):
            raise ValueError(f"logs: what happens in {system.name!r} is recorded in {logs[0]!r} already")
        self._stamping.clock = _clock_of(system)
        for log in logs:
            log._system = system.name
        # Guards whether it is closed; nothing else happens under it.
        self._lock = threading.Lock()
        self._closed = False
        self._stamping.give(system_started(system), True)
        self._unsubscribe = system.events.subscribe(self._on_event)
        self._sampler = None if sample is None else Sampler(system, logs, sample, self._stamping.clock)
        if system.events.recent(1, SystemStopped):
            self._finish()  # It has told its last before.

    @property
    def run(self) -> str:
        """The id of the run in all its logs."""
        return self._stamping.run

    @property
    def failed(self) -> int:
        """How many records a log did not take, because it raised."""
        return sum(self._stamping.failed.values())

    def __repr__(self) -> str:
        return f"<Recording of {self.system.name!r} as {self.run}>"

    def _on_event(self, event: Event) -> None:
        fields, lifecycle = translate(event)
        self._stamping.give(fields, lifecycle)
        if type(event) is SystemStopped:
            self._finish()

    def _finish(self) -> None:
        """The system has told its last: have it written, while the program is still there to wait."""
        if not self._begin_end():
            return
        for log in self.logs:
            self._guarded(log, log._end)
        deadline = time.monotonic() + _FLUSH_SECONDS
        for log in self.logs:
            self._guarded(log, partial(_flush, log, deadline))

    def _begin_end(self) -> bool:
        with self._lock:
            first, self._closed = not self._closed, True
        if first:
            self._unsubscribe()
            self._stamping.end(self.system)
            if self._sampler is not None:
                self._sampler.close()
        return first

    def _guarded(self, log: StampedLog, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:
            logger.opt(exception=error).error("{} was not ended in order", type(log).__name__)

    def close(self) -> None:
        """Record no more; the logs stay open. May be called twice, on any thread."""
        if self._begin_end():
            for log in self.logs:
                self._guarded(log, log._end)


def record(system: ActorSystem, *logs: EventLog, sample: float | None = 1.0) -> Recording:
    """Record what happens in the system from now on, in one log or several.

    Each `sample` seconds, the logs also get the figures of the agents that are not idle, see `Reader.sample`; None is
    never. What agents did before is not recorded, so this is best done before the first is spawned. Raises ValueError
    for what is no system, for no log of this package or a closed one, for a second log that has records of another run,
    and where the system is being recorded in one of them already.
    """
    if not isinstance(system, ActorSystem):
        raise ValueError(f"system: an ActorSystem, not {system!r}")
    if not logs:
        raise ValueError("logs: at least one")
    known: list[StampedLog] = []
    for log in logs:
        if not isinstance(log, StampedLog):
            raise ValueError(f"logs: event logs of actors.eventlog, not {log!r}")
        if log._is_closed:
            raise ValueError(f"logs: {log!r} is closed")
        if log not in known:
            known.append(log)
    if sample is not None and not is_seconds(sample, above=0.0):
        raise ValueError(f"sample: seconds above 0, or None, not {sample!r}")
    return Recording(system, tuple(known), sample)


def _flush(log: StampedLog, deadline: float) -> None:
    if log.stats.up:
        log.flush(max(0.0, deadline - time.monotonic()))


def _one_stamping(logs: tuple[StampedLog, ...]) -> Stamping:
    first = logs[0]._stamping
    for log in logs[1:]:
        if log._stamping is not first and log._stamping.last:
            raise ValueError(f"logs: {log!r} has records of another run than {logs[0]!r}")
    first.join(logs[1:])
    return first


def _clock_of(system: ActorSystem) -> Callable[[], float]:
    """Give the time of day of the system's clock as unix seconds."""
    if isinstance(system.clock, SystemClock) and not hasattr(system.clock, "utc"):
        return time.time
    utc = wall_clock(system.clock)
    return lambda: utc().timestamp()
