"""When is a track stuck, and how often is that said?

The same reason is said again only after a while that doubles; another reason at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FIRST_WAIT = 1800.0  # seconds
MOST_WAITS = 8  # times the first


@dataclass(frozen=True, slots=True)
class Said:
    """What was said last, how often, and when: a value, time passed in, in seconds."""

    reason: str | None = None
    times: int = 0
    at: float = 0.0

    @property
    def wait(self) -> float:
        """Seconds after which the same reason may be said again."""
        return FIRST_WAIT * min(1 << max(0, self.times - 1), MOST_WAITS)

    def is_due(self, reason: str, now: float) -> bool:
        """Whether this reason is to be said now."""
        return reason != self.reason or now - self.at >= self.wait

    def after(self, reason: str, now: float) -> Said:
        """Give what is known once the reason was said."""
        return replace(self, reason=reason, times=self.times + 1 if reason == self.reason else 1, at=now)


@dataclass(frozen=True, slots=True)
class Watch:
    """How long nothing has moved, and when to look again."""

    patience: float  # seconds without a step after which the track is stuck
    moved: float = 0.0

    def is_stuck(self, now: float) -> bool:
        return now - self.moved >= self.patience

    def look_again(self, said: Said, now: float) -> float:
        """Give the seconds until the next look: when patience ends, or when what was said may be said again."""
        if not self.is_stuck(now):
            return self.moved + self.patience - now
        return max(said.at + said.wait - now, 0.001)
