"""Where do the kernel's cases hold? On real threads, and in a simulation: the same tests run in both worlds.

A world gives a test its systems, in virtual time. In the simulation the test itself is one of the simulated threads, so
whatever it waits for it waits for by `here.scheduler`: the helpers of these tests see to that.
"""

from __future__ import annotations

import zlib
from typing import Any

from actors import ActorSystem
from actors._core.report import CrashReports
from actors.testkit import Simulation
from policies import Stop
from tests.core.clocks import WatchedClock, WatchedSimulatedClock, WatchedVirtualClock


class World:
    """Gives systems to one test, and ends them after it."""

    def __init__(self, name: str) -> None:
        self._made: list[ActorSystem] = []
        self._default: ActorSystem | None = None
        self._seed = zlib.crc32(name.encode())

    @property
    def default(self) -> ActorSystem:
        """The system of the test: its root stops what fails, so that a failure that reaches it is seen as an end."""
        if self._default is None:
            self._default = self.system()
        return self._default

    def system(self, name: str = "test", **options: Any) -> ActorSystem:
        """Make a system in virtual time, whose `clock` is a WatchedClock; it is stopped after the test."""
        options.setdefault("policy", Stop())
        system = self._make(name, options)
        self._made.append(system)
        return system

    @property
    def clock(self) -> WatchedClock:
        """The clock of all systems of the test."""
        raise NotImplementedError

    def _make(self, name: str, options: dict[str, Any]) -> ActorSystem:
        raise NotImplementedError

    def end(self) -> None:
        for system in reversed(self._made):
            system.stop()


class Threads(World):
    """Agents on real threads."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._clock = WatchedVirtualClock()

    @property
    def clock(self) -> WatchedClock:
        return self._clock

    def _make(self, name: str, options: dict[str, Any]) -> ActorSystem:
        return ActorSystem(name, clock=self._clock, **options)


class WatchedSimulation(Simulation):
    """A simulation that logs failures as any system does, and whose clock is watched."""

    clock_class = WatchedSimulatedClock

    def _make_reports(self) -> CrashReports:
        return ActorSystem._make_reports(self)


class Simulated(World):
    """Agents one at a time, in an order that follows from the name of the test."""

    @property
    def clock(self) -> Any:
        return (self._made[-1] if self._made else self.default).clock

    def _make(self, name: str, options: dict[str, Any]) -> ActorSystem:
        return WatchedSimulation(**{"name": name, "seed": self._seed, **options})


WORLDS = {"threads": Threads, "simulation": Simulated}
