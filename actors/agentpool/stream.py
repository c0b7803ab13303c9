"""How does what agents say while they work reach one reader, without any of them waiting for it?"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors._core.errors import said
from actors._core.mailbox import Late
from actors._core.messages import FrameworkMessage

if TYPE_CHECKING:
    from actors._core.cell import Cell

ROOM = 1000
"""How many events wait for the reader; then the oldest are lost."""


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """Something an agent said while it worked: `event`, as it said it.

    The rest is stamped by the pool: who it is, and `at`, the system's clock in seconds.
    """

    id: int
    path: str
    incarnation: int
    at: float
    event: Any


@dataclass(frozen=True, slots=True)
class StreamLagged:
    """The reader was too slow: `count` events of `path`, a pool's, were lost at this place."""

    path: str
    count: int


class Flush(FrameworkMessage):
    """Tells a pool that there is something to hand to its reader."""

    __slots__ = ()


class Stream:
    """What waits for one pool's reader; put there on any thread, handed over on the pool's own turn."""

    def __init__(self, cell: Cell, room: int = ROOM) -> None:
        self._cell = cell
        self._room = room
        self._events: deque[StreamEvent] = deque()
        self._lost = 0
        self._told = False  # the pool knows that there is something
        self._failed = False  # the reader has raised, which is in the log
        # Guards all of these but the last. No reader is called, and nothing is told, under it.
        self._lock = threading.Lock()

    def put(self, event: StreamEvent) -> None:
        """Keep an event for the reader. Never blocks: where there is no room, the oldest is lost."""
        with self._lock:
            if len(self._events) >= self._room:
                self._events.popleft()
                self._lost += 1
            self._events.append(event)
            told, self._told = self._told, True
        if not told:
            self._cell.queue_tick(Late(Flush))

    def hand_over(self, reader: Callable[[Any], object]) -> None:
        """Call the reader with all that waits, on this thread; what it raises is a line in the log, the first time."""
        with self._lock:
            events, self._events = self._events, deque()
            lost, self._lost = self._lost, 0
            self._told = False
        if lost:
            self._call(reader, StreamLagged(self._cell.path, lost))
        for event in events:
            self._call(reader, event)

    def _call(self, reader: Callable[[Any], object], event: Any) -> None:
        try:
            reader(event)
        except Exception as error:
            if not self._failed:
                self._failed = True
                logger.warning("the stream of {} has a reader that fails: {}", self._cell.path, said(error))
