"""What has happened so far, by class and by reason?"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from actors._core.events import (
    AgentFailed,
    AgentRestarted,
    AgentStarted,
    AgentStopped,
    DeadLetter,
    Escalated,
    Event,
    StartFailed,
)
from actors._core.messages import DeadLetterReason
from actors._core.path import split
from actors.metrics.looking import class_at, entry_at, policy_at
from actors.routing.pool_ref import PoolRef
from policies import Phase

if TYPE_CHECKING:
    from actors._core.system import ActorSystem

MOST_ERRORS = 50
"""So many types of errors have a label of their own; all others are `other`."""
_OVERFLOW = {
    DeadLetterReason.FULL: "reject",
    DeadLetterReason.DROPPED_NEWEST: "drop_newest",
    DeadLetterReason.DROPPED_OLDEST: "drop_oldest",
}
_BY_POOL = (DeadLetterReason.FULL, DeadLetterReason.NO_ROUTEES)


class Counts:
    """Counts of events by name of the metric and values of its labels; a subscriber of the system's events."""

    def __init__(self, system: ActorSystem, timed: bool) -> None:
        self._system = system
        self._timed = timed
        self._errors: set[str] = set()
        self._counts: dict[str, Counter[tuple[str, ...]]] = {}
        # Guards both of those. Nothing foreign is called under it.
        self._lock = threading.Lock()
        self._hear = {
            AgentStarted: self._started,
            AgentRestarted: self._restarted,
            StartFailed: self._start_failed,
            AgentFailed: self._failed,
            AgentStopped: self._stopped,
            Escalated: self._escalated,
            DeadLetter: self._dead_letter,
        }
        self.kinds: tuple[type[Event], ...] = tuple(self._hear)

    def __call__(self, event: Event) -> None:
        hear: Any = self._hear.get(type(event))
        if hear is not None:
            hear(event)

    def add(self, metric: str, *labels: str) -> None:
        """Count one more; on any thread."""
        with self._lock:
            self._counts.setdefault(metric, Counter())[labels] += 1

    def read(self, metric: str) -> list[tuple[tuple[str, ...], int]]:
        """Give the values of the labels with the count of each."""
        with self._lock:
            return [*self._counts.get(metric, Counter()).items()]

    # -- what is heard ------------------------------------------------------------

    def _started(self, event: AgentStarted) -> None:
        self.add("actor_starts", class_at(self._system, event.path), "spawned")

    def _restarted(self, event: AgentRestarted) -> None:
        kind = class_at(self._system, event.path)
        self.add("actor_starts", kind, "restarted")
        self.add("actor_restarts", kind, policy_at(self._system, event.path))

    def _start_failed(self, event: StartFailed) -> None:
        self.add("actor_failures", class_at(self._system, event.path), self._error_type(event.error))

    def _failed(self, event: AgentFailed) -> None:
        kind = class_at(self._system, event.path)
        self.add("actor_failures", kind, self._error_type(event.error))
        if self._timed and event.phase is Phase.DEADLINE:
            self.add("actor_messages", kind, "expired")

    def _stopped(self, event: AgentStopped) -> None:
        self.add("actor_stops", class_at(self._system, event.path), str(event.reason))

    def _escalated(self, event: Escalated) -> None:
        kind = class_at(self._system, event.path)
        self.add("actor_escalations", kind, policy_at(self._system, event.path))

    def _dead_letter(self, event: DeadLetter) -> None:
        self.add("dead_letters", str(event.reason))
        overflow = _OVERFLOW.get(event.reason)
        if overflow is not None:
            self.add("actor_messages_dropped", class_at(self._system, event.path), overflow)
        if self._timed and event.reason is DeadLetterReason.EXPIRED:
            self.add("actor_messages", class_at(self._system, event.path), "expired")
        if event.reason in _BY_POOL:
            entry = entry_at(self._system, event.path)
            if isinstance(getattr(entry, "ref", None), PoolRef):
                self.add("pool_rejected", split(event.path)[-1], str(event.reason))

    def _error_type(self, error: BaseException) -> str:
        name = type(error).__name__
        with self._lock:
            if name not in self._errors and len(self._errors) >= MOST_ERRORS:
                return "other"
            self._errors.add(name)
        return name
