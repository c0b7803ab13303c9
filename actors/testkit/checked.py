"""What does a system look like that fails its test for whatever goes wrong unannounced?"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any

from actors._core.here import here
from actors._core.report import CrashReports
from actors._core.system import ActorSystem, StopReport
from actors.testkit.clock import SystemShare
from actors.testkit.ending import stop_in_virtual_time
from actors.testkit.expectations import Expectations, Expected, Kind
from actors.testkit.quiet import Unlogged
from actors.testkit.simulation import Simulation


class Checked:
    """The methods that a system gets which is to be checked; a mixin for a class that sets `expectations`."""

    expectations: Expectations

    def expect_failure(
        self,
        kind: Kind,
        path: str | None = None,
        times: int | None = 1,
    ) -> Expected:
        """Announce a failure; see `Expectations.expect_failure`."""
        return self.expectations.expect_failure(kind, path, times)

    def expect_dead_letter(
        self, what: Any = object, path: str | None = None, reason: str | None = None, times: int | None = 1
    ) -> Expected:
        """Announce a dead letter; see `Expectations.expect_dead_letter`."""
        return self.expectations.expect_dead_letter(what, path, reason, times)

    def allow_orphans(self) -> None:
        """Let handlers pass that were abandoned and have not returned."""
        self.expectations.allow_orphans()

    def verify(self, within: float | None = None) -> None:
        """Raise AssertionError with all that is not as announced; see `Expectations.verify`."""
        self.expectations.verify(within)


class CheckedSystem(Checked, ActorSystem):
    """A system that fails its test for whatever goes wrong unannounced; takes what `ActorSystem` takes.

    Leaving its `with` block waits for what was announced, at most `PATIENCE` seconds, stops the system, and verifies.
    If the block raised, its error gets a note instead. Failures are logged nowhere: what was not announced is reported.
    Under a VirtualClock the stop does not wait for the test to let time pass, see `stop`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expectations = Expectations(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.expectations.wait_for_announced()
        self.stop()
        if error is None:
            self.verify()
        elif text := self.expectations.report(missing=False):
            error.add_note(text)
        super().__exit__(kind, error, traceback)

    def stop(self, timeout: float | None = None) -> StopReport:
        """Stop the tree; as `ActorSystem.stop`.

        Under a VirtualClock time passes for the end, once the agents have nothing else left to do, or have been busy
        for `PATIENCE` real seconds: so who hangs is left behind when its virtual time is over. Raises AssertionError,
        with the stacks, where that does not end the system, as an agent hangs for which `shutdown` is "infinity".
        """
        clock = self.clock
        inside = here.context is not None or here.serving
        if inside or self._report is not None or not isinstance(clock, SystemShare):
            return super().stop(timeout)
        return stop_in_virtual_time(self, clock.clock, partial(super().stop, timeout))

    def _make_reports(self) -> CrashReports:
        return Unlogged(self.clock)


class CheckedSimulation(Checked, Simulation):
    """A simulation that fails its test for whatever goes wrong unannounced; takes what `Simulation` takes.

    Leaving its `with` block waits for what was announced, at most `PATIENCE` virtual seconds, ends the simulation, and
    verifies. What that raises says how to repeat the run.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expectations = Expectations(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            try:
                self.expectations.wait_for_announced()
                self.stop()
                self.verify()
            except BaseException as unexpected:
                self._explain(unexpected)
                with suppress(Exception):
                    self.stop()
                raise
        super().__exit__(kind, error, traceback)
