"""What time is it in a simulation?"""

from __future__ import annotations

from collections.abc import Callable

from actors._core.checks import is_seconds
from actors._core.clock import Timer, Waited
from actors.testkit.clock import DAY
from actors.testkit.simulation.scheduler import Scheduler
from actors.testkit.waiting import check_within


class SimulatedClock:
    """The virtual time of a simulation: it stands while anybody can go on, and then jumps to what is due next.

    Has the methods of `VirtualClock`, so that the same test runs with either. Here time never passes before the agents
    have done all they can, so `settle` makes no difference; and no real time is waited for, so `within` makes none.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def now(self) -> float:
        """Give the virtual time, in seconds."""
        return self._scheduler.now()

    @property
    def next_due(self) -> float | None:
        """When the next timer falls due, or a wait is given up, in virtual seconds; None if nothing of that stands."""
        return self._scheduler.next_due

    def advance(self, seconds: float, settle: bool = True, within: float | None = None) -> None:
        """Let the agents run until `seconds` have passed and they have nothing left to do.

        Raises RuntimeError where an agent calls it.
        """
        if not is_seconds(seconds):
            raise ValueError(f"seconds: 0 or more, not {seconds!r}")
        check_within(within)
        self._scheduler.wait_idly(self._scheduler.time + seconds)

    def settle(self, within: float | None = None) -> None:
        """Let the agents run until they have nothing left to do at the present time.

        An agent that waits has nothing left to do until that is over. Raises RuntimeError where an agent calls it.
        """
        check_within(within)
        self._scheduler.wait_idly(self._scheduler.time)

    def run_until_idle(self, limit: float = DAY, within: float | None = None) -> float:
        """Let the agents do what they can, then go on to the next timer, and so on until none stands.

        Gives the virtual seconds that have passed. A timer that repeats never ends: then this stops `limit` virtual
        seconds from now. Timers that would find nothing to do, such as the one over a deadline that was kept, are not
        waited for. Raises RuntimeError where an agent calls it.
        """
        if not is_seconds(limit):
            raise ValueError(f"limit: seconds, 0 or more, not {limit!r}")
        check_within(within)
        scheduler = self._scheduler
        begun = scheduler.time
        until = begun + limit
        scheduler.wait_idly(begun)
        while scheduler.has_more and (due := scheduler.next_due) is not None and due <= until:
            scheduler.wait_idly(max(due, scheduler.time))
        if scheduler.has_more:
            scheduler.wait_idly(until)
        return scheduler.time - begun

    # -- for a system -------------------------------------------------------------

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at that time, as a step of its own."""
        return self._scheduler.call_at(when, callback)

    def wait(self, future: Waited, deadline: float | None) -> bool:
        """Let others run until `future` is settled; gives False if that is not so at `deadline`."""
        if future.settled:
            return True
        scheduler = self._scheduler
        seconds = None if deadline is None else deadline - scheduler.time
        return scheduler.wait(lambda: future.settled, seconds, future)

    def close(self) -> None:
        """Forget all timers."""
        self._scheduler.agenda.clear()

    def __repr__(self) -> str:
        return f"<SimulatedClock {self._scheduler.time:g} s>"
