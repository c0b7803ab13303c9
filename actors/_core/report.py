"""What does the log say of a failure, and of a message that nobody handled?

One crash report a failure, through loguru: path, incarnation, message, cause, decision, restarts so far. A failure
that repeats (same agent, same error, same line) is summed up every few seconds; none is silent. So are dead letters
of one reason.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors._core.errors import printed
from actors._core.events import DeadLetter
from actors._core.messages import DeadLetterReason
from policies import Decision, Failure

if TYPE_CHECKING:
    from actors._core.clock import Clock, Timer
    from actors._core.ref import AgentRef

_WINDOW = 5.0
_NAMED = 3  # recipients that a sum of dead letters names


@dataclass(slots=True)
class _Repeats:
    """What has been said once: how often it has come since, and to whom, and how that is said."""

    level: str
    say: Callable[[Counter[str]], str]
    timer: Timer | None = None
    more: Counter[str] = field(default_factory=Counter)


class CrashReports:
    """Writes the crash reports of one system, and its lines about dead letters; adds no sink and removes none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._repeats: dict[Hashable, _Repeats] = {}
        # Guards the counts; nothing is logged and no timer made under it.
        self._lock = threading.Lock()

    def failed(self, ref: AgentRef[Any], failure: Failure, decision: Decision, message: str, restarts: int) -> None:
        """Report one failure and what was decided; may be called on any thread."""
        where = _place(failure.error)
        key = (failure.path, type(failure.error), where, decision.directive)
        what = f"{failure.path}: {type(failure.error).__name__} at {where}"
        if not self._is_first(key, failure.path, "ERROR", lambda more: _failures(what, more)):
            return
        delay = f" in {decision.delay:.3g} s" if decision.delay else ""
        limit = " (limit exceeded)" if decision.exceeded else ""
        logger.opt(exception=failure.error).error(
            "{} #{} failed in {}{}: {} -> {}{}{}, restarts so far: {}",
            failure.path,
            failure.incarnation,
            failure.phase.value,
            f" over {message}" if message else "",
            printed(failure.error),
            decision.directive.value,
            delay,
            limit,
            restarts,
        )

    def hook_failed(self, ref: AgentRef[Any], incarnation: int, error: BaseException) -> None:
        """Report what a last hook raised; the agent's end went on."""
        logger.opt(exception=error).error("{} #{} failed in a last hook: {}", ref.path, incarnation, printed(error))

    def dead_letter(self, letter: DeadLetter) -> None:
        """Report a message that nobody handled, unless it is that of a failure, which has a report of its own."""
        reason = letter.reason
        if reason is DeadLetterReason.FAILED:
            return
        if self._is_first(reason, letter.path, "WARNING", lambda more: _letters(reason, more)):
            message = printed(letter.message, 200)
            logger.warning("dead letter to {} #{}: {} ({})", letter.path, letter.incarnation, message, letter.why)

    def close(self) -> None:
        """Sum up what was not yet."""
        for key in list(self._repeats):
            self._sum_up(key)

    def _is_first(self, key: Hashable, path: str, level: str, say: Callable[[Counter[str]], str]) -> bool:
        """Tell whether it is to be said now; if not, it is counted, and summed up at the end of the window."""
        with self._lock:
            repeats = self._repeats.get(key)
            if repeats is not None:
                repeats.more[path] += 1
                return False
            repeats = self._repeats[key] = _Repeats(level, say)
        repeats.timer = self._clock.call_at(self._clock.now() + _WINDOW, lambda: self._sum_up(key))
        repeats.timer.moot = _always  # it writes a line
        return True

    def _sum_up(self, key: Hashable) -> None:
        with self._lock:
            repeats = self._repeats.pop(key, None)
        if repeats is None:
            return
        if repeats.timer is not None:
            repeats.timer.cancel()
        if repeats.more:
            logger.log(repeats.level, "{} within {:g} s", repeats.say(repeats.more), _WINDOW)


def _failures(what: str, more: Counter[str]) -> str:
    count = more.total()
    return f"{what} happened {'once more' if count == 1 else f'{count} more times'}"


def _letters(reason: DeadLetterReason, more: Counter[str]) -> str:
    named = more.most_common(_NAMED)
    others = len(more) - len(named)
    to = [f"{count} to {path}" for path, count in named]
    if others:
        to.append(f"{more.total() - sum(count for _, count in named)} to {others} others")
    return f"{more.total()} more dead {'letter' if more.total() == 1 else 'letters'} ({reason}): {', '.join(to)}"


def _always() -> bool:
    return True


def _place(error: BaseException) -> str:
    traceback = error.__traceback__
    if traceback is None:
        return "?"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
