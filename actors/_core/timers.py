"""What does an agent have delivered to itself later?

A tick is a message like any other, but it is only delivered if its timer still stands: a tick that waits in the
mailbox while its timer is cancelled, replaced or restarted away is discarded.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable
from typing import TYPE_CHECKING, Any

from actors._core.checks import is_seconds
from actors._core.clock import Timer
from actors._core.mailbox import Uncounted
from actors._core.messages import ReceiveTimeout

if TYPE_CHECKING:
    from actors._core.context import Context


class Tick(Uncounted):
    """One timer of one incarnation; it is itself what waits in the mailbox when it is due."""

    __slots__ = ("_interval", "_timer", "_timers", "key", "message", "queued")

    def __init__(self, timers: Timers, key: Hashable, message: Any, interval: float | None) -> None:
        self._timers = timers
        self._interval = interval
        self._timer: Timer | None = None
        self.key = key
        self.message = message
        self.queued = False

    def arm(self, delay: float) -> None:
        """Have the tick queued in `delay` seconds; it must be known under its key already."""
        clock = self._timers.context.cell.system.clock
        self._timer = clock.call_at(clock.now() + delay, self._due)

    def _due(self) -> None:
        if not self._timers.stands(self):
            return
        if self._interval is not None:
            self.arm(self._interval)
        if not self.queued:
            # An agent that is slower than its timer finds one tick waiting, not many.
            self.queued = True
            self._timers.context.cell.queue_tick(self)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def take(self) -> bool:
        """Tell, on the agent's turn, whether this tick is still to be delivered."""
        self.queued = False
        stands = self._timers.stands(self)
        if stands and self._interval is None:
            self._timers.forget(self)
        return stands


class Timers:
    """The keyed timers of one incarnation. A key names one timer: starting another under it replaces the first."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._ticks: dict[Hashable, Tick] = {}
        # Guards the keys; timers are made outside it.
        self._lock = threading.Lock()

    def once(self, key: Hashable, delay: float, message: Any) -> None:
        """Deliver `message` once, in `delay` seconds."""
        self._start(key, delay, message, None)

    def every(self, key: Hashable, interval: float, message: Any) -> None:
        """Deliver `message` every `interval` seconds, first after one; ticks that pile up are delivered as one."""
        if not is_seconds(interval, above=0.0):
            raise ValueError(f"interval: seconds above 0, not {interval!r}")
        self._start(key, interval, message, interval)

    def cancel(self, key: Hashable) -> bool:
        """End the timer of that key, also if its tick waits in the mailbox; tells whether there was one."""
        with self._lock:
            tick = self._ticks.pop(key, None)
        if tick is not None:
            tick.cancel()
        return tick is not None

    def is_active(self, key: Hashable) -> bool:
        """Whether a timer of that key stands."""
        return key in self._ticks

    def cancel_all(self) -> None:
        """End all timers."""
        for key in list(self._ticks):
            self.cancel(key)

    def _start(self, key: Hashable, delay: float, message: Any, interval: float | None) -> None:
        if not is_seconds(delay):
            raise ValueError(f"delay: seconds, 0 or more, not {delay!r}")
        if not isinstance(key, Hashable):
            raise ValueError(f"key: a hashable value, not {key!r}")
        self.cancel(key)
        tick = Tick(self, key, message, interval)
        with self._lock:
            self._ticks[key] = tick
        # Known first, armed after: a short delay may be over at once.
        if delay:
            tick.arm(delay)
        else:
            tick._due()

    def stands(self, tick: Tick) -> bool:
        return self._ticks.get(tick.key) is tick and self.context.is_current

    def forget(self, tick: Tick) -> None:
        with self._lock:
            if self._ticks.get(tick.key) is tick:
                del self._ticks[tick.key]


class Idle:
    """Delivers `ReceiveTimeout` when the agent has had no message for a while; costs others nothing."""

    def __init__(self, context: Context, seconds: float, ignore: Collection[type]) -> None:
        if not is_seconds(seconds, above=0.0):
            raise ValueError(f"seconds: above 0, or None, not {seconds!r}")
        if not isinstance(ignore, Collection) or not all(isinstance(kind, type) for kind in ignore):
            raise ValueError(f"ignore: types of messages, not {ignore!r}")
        self._context = context
        self._seconds = seconds
        self._ignore = (*ignore, ReceiveTimeout)
        self._now = context.cell.system.clock.now
        self._last = self._now()
        self._tick = _IdleTick(self)
        self._cancelled = False
        self._timer = self._arm(self._last + seconds)

    def around(self, handler: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Give a handler that notes when it has handled a message."""

        def receive(message: Any) -> Any:
            try:
                return handler(message)
            finally:
                if not isinstance(message, self._ignore):
                    self._last = self._now()

        return receive

    def cancel(self) -> None:
        # Noted first: the clock's thread may be about to set the next timer.
        self._cancelled = True
        self._timer.cancel()

    def _arm(self, when: float) -> Timer:
        return self._context.cell.system.clock.call_at(when, self._due)

    def _due(self) -> None:
        if not self.stands:
            return
        now = self._now()
        cell = self._context.cell
        if self._context.baton or cell.queue:
            self._timer = self._arm(now + self._seconds)
        elif now < self._last + self._seconds:
            self._timer = self._arm(self._last + self._seconds)
        else:
            self._last = now
            self._timer = self._arm(now + self._seconds)
            cell.queue_tick(self._tick)

    @property
    def stands(self) -> bool:
        return not self._cancelled and self._context.is_current

    @property
    def seconds(self) -> float:
        return self._seconds


class _IdleTick(Uncounted):
    """The receive timeout as it waits in the mailbox."""

    __slots__ = ("_idle",)

    def __init__(self, idle: Idle) -> None:
        self._idle = idle

    @property
    def message(self) -> ReceiveTimeout:
        return ReceiveTimeout(self._idle.seconds)

    def take(self) -> bool:
        return self._idle.stands


TICKS: tuple[type, ...] = (Tick, _IdleTick)
