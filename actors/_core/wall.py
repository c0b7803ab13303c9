"""What time is it for people, and for other machines?

Only to tell when something was: whatever waits or measures goes by the system's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from actors._core.clock import SystemClock

if TYPE_CHECKING:
    from actors._core.clock import Clock

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""When a clock that is not the machine's was at 0."""


def wall_clock(clock: Clock) -> Callable[[], datetime]:
    """Give the function that tells the time of day, in UTC, where this is the clock.

    It is the clock's own `utc`, if it has one; the machine's time for the machine's clock; for any other `EPOCH` and
    its seconds, so that in virtual time and in a simulation the times are the same in every run.
    """
    own: Callable[[], datetime] | None = getattr(clock, "utc", None)
    if own is not None:
        return own
    if isinstance(clock, SystemClock):
        return _machine
    return lambda: EPOCH + timedelta(seconds=clock.now())


def _machine() -> datetime:
    return datetime.now(UTC)
