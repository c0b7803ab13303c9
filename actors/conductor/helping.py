"""Who is told that a track is stuck?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from actors._core.errors import AgentStoppedError, MailboxFullError
from actors._core.messages import FrameworkMessage
from actors.conductor.help import Said, Watch
from actors.conductor.protocol import HelpNeeded
from actors.conductor.results import TrackOutcome, TrackResult
from actors.conductor.settings import Settings
from actors.conductor.telling import Teller

if TYPE_CHECKING:
    from actors._core.context import Context

_KEY = "stuck"
_SHOWN = 5  # tickets


class LookWhetherStuck(FrameworkMessage):
    """Look whether anything has moved."""


class Helping:
    """Watches over one run; used on the conductor's turn alone. One timer, and none between two runs."""

    def __init__(self, context: Context, settings: Settings, teller: Teller) -> None:
        self._context = context
        self._settings = settings
        self._teller = teller
        self._said = Said()
        self._watch = Watch(settings.help_after or 0.0)
        self._waits_for: Callable[[], str] | None = None  # while there is a run
        self._is_stuck = False

    @property
    def _now(self) -> float:
        return self._context.system.clock.now()

    def moved(self) -> None:
        """Something has moved: patience begins anew."""
        self._watch = replace(self._watch, moved=self._now)
        if self._is_stuck:
            self._is_stuck = False
            self._look_later()

    def watch(self, waits_for: Callable[[], str]) -> None:
        """Watch over a run, from now on; `waits_for` says what it waits for, if it does."""
        if self._waits_for is None and self._settings.help_after is not None:
            self._waits_for = waits_for
            self._watch = replace(self._watch, moved=self._now)
            self._look_later()

    def look(self) -> None:
        """Say so if nothing has moved for too long, and look again."""
        if self._waits_for is None:
            return
        if self._watch.is_stuck(self._now):
            self._is_stuck = True
            reason = self._waits_for()
            if self._said.is_due(reason, self._now):
                self._teller.watched(f"nothing has moved for {self._watch.patience:g} s")
                self._say(reason)
        self._look_later()

    def end(self, result: TrackResult) -> None:
        """The run has ended; if it is stuck for good, say so."""
        self._waits_for = None
        self._is_stuck = False
        self._context.timers.cancel(_KEY)
        if result.outcome is not TrackOutcome.BLOCKED:
            return
        reasons = [f"{ticket}: {why}" for ticket, why in list(result.reasons.items())[:_SHOWN]]
        more = len(result.reasons) - len(reasons)
        reason = "; ".join([*reasons, *([f"and {more} more"] if more else [])])
        if self._said.is_due(reason, self._now):
            self._say(reason)

    def _say(self, reason: str) -> None:
        self._said = self._said.after(reason, self._now)
        self._teller.help_needed(reason)
        helper = self._settings.helper
        if helper is not None:
            try:
                helper.tell(HelpNeeded(self._settings.track_id, reason, self._context.ref))
            except (AgentStoppedError, MailboxFullError):
                return  # recorded as a dead letter

    def _look_later(self) -> None:
        self._context.timers.once(_KEY, self._watch.look_again(self._said, self._now), LookWhetherStuck())
