"""What do the agents have in hand right now, for those who look from outside?

Depths and times change with every message, so they are no records: a recording looks once a second or so, and the log
keeps the newest look alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors.eventlog.stamping import StampedLog, iso

if TYPE_CHECKING:
    from actors._core.system import ActorSystem

_SHARE = 20  # a look may cost one part in so many of the time

Figures = dict[str, dict[str, Any]]
"""`{path: figures}`, named as in `AgentSnapshot`."""


def figures_of(system: ActorSystem) -> Figures:
    """Give the figures of the agents that are not idle: what they handle, for how long, how much waits for them."""
    return {
        agent.path: {
            "state": agent.state,
            "incarnation": agent.incarnation,
            "mailbox": agent.mailbox,
            "capacity": agent.capacity,
            "message": agent.message,
            "seconds": round(agent.seconds, 3),
            "waits_for": agent.waits_for,
        }
        for agent in system.tree()
        if agent.mailbox or agent.message or agent.waits_for
    }


class Sampler:
    """Gives the logs a sample each `every` seconds, unless nothing has changed; has a thread of its own.

    In a tree so large that a look takes more than a twentieth of that, it looks as much less often.
    """

    def __init__(
        self, system: ActorSystem, logs: Sequence[StampedLog], every: float, clock: Callable[[], float]
    ) -> None:
        self._system = system
        self._logs = logs
        self._every = every
        self._clock = clock  # unix seconds, as those of the records
        self._last: Figures | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = threading.Thread(
            target=self._run, name=f"{system.name}-sampler", daemon=True
        )
        self._thread.start()

    def _run(self) -> None:
        pause = self._every
        while not self._over.wait(pause):
            begun = time.monotonic()
            try:
                self.look()
            except Exception as error:
                logger.opt(exception=error).error("{!r} is not sampled any more", self._system.name)
                return
            pause = max(self._every, _SHARE * (time.monotonic() - begun))

    def look(self) -> None:
        """Take a sample now."""
        at = self._clock()  # Before the look: what is seen is not older than that.
        figures = figures_of(self._system)
        if figures == self._last:
            return
        self._last = figures
        sample = {"at": iso(at), "agents": figures}
        for log in self._logs:
            log._put_sample(sample)

    def close(self) -> None:
        """End it, and wait for a look that is under way."""
        self._over.set()
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            thread.join()
