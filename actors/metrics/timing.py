"""How long do messages take, and how do they end?

An interceptor around every handler, so it is on only where somebody wants to know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors._core.errors import Cancelled, ReplyError
from actors._core.wall import wall_clock
from actors.metrics.counting import Counts
from actors.metrics.histogram import Histogram
from actors.metrics.looking import pool_of
from actors.typed.envelope import Envelope

if TYPE_CHECKING:
    from actors._core.delivery import Delivery
    from actors._core.system import ActorSystem


class Timing:
    """Counts each message that was handled by its outcome, and measures it; an interceptor."""

    def __init__(self, system: ActorSystem, counts: Counts) -> None:
        self._clock = system.clock
        self._utc = wall_clock(system.clock)
        self._counts = counts
        self.processing = Histogram()
        self.waiting = Histogram()
        self.jobs = Histogram()

    def __call__(self, delivery: Delivery) -> None:
        arrival = delivery._arrival
        context = arrival.context
        kind = context.cell.spec.agent.__name__
        if isinstance(arrival.message, Envelope):
            sent = self._utc() - arrival.message.time
            self.waiting.observe(kind, max(0.0, sent.total_seconds()))
        begun = self._clock.now()
        outcome = "error"
        try:
            delivery.proceed()
            outcome = "ok"
        except ReplyError:
            outcome = "ok"  # an answer, not a failure
            raise
        except Cancelled:
            outcome = "cancelled"
            raise
        finally:
            # An incarnation that was abandoned has been counted when it was.
            if not context.fenced:
                self._note(kind, pool_of(context.cell), outcome, self._clock.now() - begun)

    def _note(self, kind: str, pool: str | None, outcome: str, seconds: float) -> None:
        self._counts.add("actor_messages", kind, outcome)
        self.processing.observe(kind, seconds)
        if pool is not None:
            self.jobs.observe(pool, seconds)
