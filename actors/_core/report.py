"""What does the log say of a failure?

One crash report a failure, through loguru: path, incarnation, message, cause, decision, restarts so far. A failure
that repeats (same agent, same error, same line) is summed up every few seconds; none is silent.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loguru import logger

from actors._core.errors import printed
from policies import Decision, Failure

if TYPE_CHECKING:
    from actors._core.clock import Clock, Timer
    from actors._core.ref import AgentRef

_WINDOW = 5.0


@dataclass(slots=True)
class _Repeats:
    text: str
    timer: Timer | None = None
    count: int = 0


class CrashReports:
    """Writes the crash reports of one system; adds no sink and removes none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._repeats: dict[tuple[Any, ...], _Repeats] = {}
        # Guards the counts; nothing is logged and no timer made under it.
        self._lock = threading.Lock()

    def failed(self, ref: AgentRef[Any], failure: Failure, decision: Decision, message: str, restarts: int) -> None:
        """Report one failure and what was decided; may be called on any thread."""
        where = _place(failure.error)
        key = (failure.path, type(failure.error), where, decision.directive)
        with self._lock:
            repeats = self._repeats.get(key)
            if repeats is not None:
                repeats.count += 1
                return
            repeats = _Repeats(f"{failure.path}: {type(failure.error).__name__} at {where}")
            self._repeats[key] = repeats
        repeats.timer = self._clock.call_at(self._clock.now() + _WINDOW, lambda: self._sum_up(key))
        repeats.timer.moot = _always  # it writes a line
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

    def close(self) -> None:
        """Sum up what was not yet."""
        for key in list(self._repeats):
            self._sum_up(key)

    def _sum_up(self, key: tuple[Any, ...]) -> None:
        with self._lock:
            repeats = self._repeats.pop(key, None)
        if repeats is None:
            return
        if repeats.timer is not None:
            repeats.timer.cancel()
        if repeats.count:
            times = "once more" if repeats.count == 1 else f"{repeats.count} more times"
            logger.error("{} happened {} within {:g} s", repeats.text, times, _WINDOW)


def _always() -> bool:
    return True


def _place(error: BaseException) -> str:
    traceback = error.__traceback__
    if traceback is None:
        return "?"
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
