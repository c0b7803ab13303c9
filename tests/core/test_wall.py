"""What time is it for people, and where does that come from?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from actors._core.clock import SystemClock
from actors._core.wall import EPOCH, wall_clock
from actors.testkit import Simulation, VirtualClock


def test_by_the_clock_of_the_machine_it_is_the_time_of_the_machine() -> None:
    before = datetime.now(UTC)
    told = wall_clock(SystemClock("test"))()
    assert before <= told <= datetime.now(UTC)
    assert told.utcoffset() == timedelta(0)


def test_in_virtual_time_it_goes_with_that_and_is_the_same_in_every_run() -> None:
    clock = VirtualClock()
    utc = wall_clock(clock)
    begun = clock.now()
    assert utc() == EPOCH + timedelta(seconds=begun)
    clock.advance(90.0)
    assert utc() == EPOCH + timedelta(seconds=begun + 90.0)
    with Simulation(seed=1) as system:
        assert wall_clock(system.clock)() == EPOCH + timedelta(seconds=system.clock.now())


def test_a_clock_may_know_better() -> None:
    noon = datetime(2030, 5, 6, 12, tzinfo=UTC)

    class Noon(VirtualClock):
        def utc(self) -> Any:
            return noon

    assert wall_clock(Noon())() is noon
