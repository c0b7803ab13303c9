"""Is a model asked again that gave no answer, and when?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from actors._core.checks import is_seconds
from actors._core.clock import Clock
from actors.models.driver import ModelDriver, check_driver
from actors.models.errors import ModelError
from actors.models.pausing import now_by, pause
from actors.models.stream import DriverEvent, StreamRestarted
from actors.models.talk import Completion, Request


class Retrying:
    """A driver that asks another again after errors that are `retryable`, at once never, and never without end.

    At most `attempts` in all. Before attempt n + 1 it waits `delays[n - 1]` seconds, the last of them where there are
    not as many, and longer where the error has a `retry_after`. An attempt that could only begin more than `longest`
    seconds after the first began is not made: the error is raised at once, instead of after a wait for nothing. An
    attempt that has begun is not cut short; it has the time that the driver gives it. The waits go by `clock`, or
    by the clock of the agent that waits, and end with `Cancelled` when the request's caller gives up.
    """

    def __init__(
        self,
        driver: ModelDriver,
        *,
        attempts: int = 4,
        delays: Sequence[float] = (1.0, 2.0, 4.0),
        longest: float = 120.0,
        clock: Clock | None = None,
    ) -> None:
        check_driver(driver)
        if not isinstance(attempts, int) or isinstance(attempts, bool) or attempts < 1:
            raise ValueError(f"attempts: a whole number, 1 or more, not {attempts!r}")
        if not delays or not all(is_seconds(delay) for delay in delays):
            raise ValueError(f"delays: one or more, seconds, 0 or more, not {delays!r}")
        if not is_seconds(longest):
            raise ValueError(f"longest: seconds, 0 or more, not {longest!r}")
        self.driver = driver
        self.attempts = attempts
        self.delays = tuple(delays)
        self.longest = longest
        self.clock = clock

    def complete(self, request: Request) -> Completion:
        """Ask until there is an answer; raises the last error when there is none. Blocks, see the class."""
        tries = _Tries(self, request)
        while True:
            try:
                return self.driver.complete(request)
            except ModelError as error:
                tries.wait_after(error)

    def stream(self, request: Request) -> Iterator[DriverEvent]:
        """As `complete`; a `StreamRestarted` comes before the next try where pieces of the last were given already."""
        tries = _Tries(self, request)
        while True:
            given = False
            try:
                for event in self.driver.stream(request):
                    given = True
                    yield event
                return
            except ModelError as error:
                tries.wait_after(error)
                if given:
                    yield StreamRestarted(str(error))

    def __repr__(self) -> str:
        return f"<Retrying {self.driver!r}, {self.attempts} attempts>"


class _Tries:
    """The attempts of one request."""

    def __init__(self, rule: Retrying, request: Request) -> None:
        self._rule = rule
        self._caller = request.caller
        self._made = 0
        self._now: Callable[[], float] = lambda: now_by(rule.clock)
        self._began = self._now()
        self._caller.check()

    def wait_after(self, error: ModelError) -> None:
        """Wait until it is time for the next attempt; raises `error` where there is to be none."""
        rule = self._rule
        self._made += 1
        if not error.retryable or self._made >= rule.attempts:
            raise error
        delay = max(rule.delays[min(self._made, len(rule.delays)) - 1], error.retry_after or 0.0)
        if self._now() + delay - self._began > rule.longest:
            raise error
        pause(delay, self._caller, rule.clock)
