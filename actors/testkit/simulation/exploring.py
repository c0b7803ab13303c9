"""Does a scenario hold in every order, or in how many was it tried?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.testkit.simulation.choices import Chooser, Exhaustive, Strategy, strategy_of
from actors.testkit.simulation.system import Simulation


@dataclass(frozen=True, slots=True)
class Exploration:
    """What was tried: `complete` says that no run is left within the strategy's bounds; `steps` are of all runs."""

    runs: int
    steps: int
    complete: bool


def explore(
    scenario: Callable[[Simulation], object],
    strategy: Strategy | str = "exhaustive",
    *,
    runs: int | None = None,
    seed: int = 0,
    **options: Any,
) -> Exploration:
    """Run a scenario again and again, each time in another order, and raise what goes wrong in the first that fails.

    The scenario is called with a fresh `Simulation`, made with the options, and asserts what is to hold; it must do the
    same when it is run again in the same order. The exhaustive strategy ends by itself, or after `runs` runs, all of
    them with the one `seed`; any other makes `runs` runs (100 unless told), of the seeds from `seed` on. Blocks; all
    runs are on this thread. Raises ReplayError where a run shows that the scenario does not do the same again.
    """
    if runs is not None and (type(runs) is not int or runs < 1):
        raise ValueError(f"runs: a whole number of at least 1, or None, not {runs!r}")
    if "schedule" in options:
        raise ValueError("schedule: an exploration has many; replay repeats one")
    chosen = strategy_of(strategy)
    if isinstance(chosen, Exhaustive):
        return _explore_all(scenario, chosen, runs, seed, options)
    steps = 0
    count = runs or 100
    for number in range(seed, seed + count):
        steps += _run(scenario, Simulation(number, chosen, **options))
    return Exploration(count, steps, False)


def _explore_all(
    scenario: Callable[[Simulation], object], strategy: Exhaustive, most: int | None, seed: int, options: dict[str, Any]
) -> Exploration:
    search = strategy.search()
    runs = steps = 0
    while not search.over:
        if runs == most:
            return Exploration(runs, steps, False)
        steps += _run(scenario, Simulation(seed, _Next(search.next_run()), **options))
        runs += 1
    return Exploration(runs, steps, True)


def _run(scenario: Callable[[Simulation], object], simulation: Simulation) -> int:
    with simulation:
        scenario(simulation)
    return simulation.steps


@dataclass(frozen=True, slots=True)
class _Next:
    """One run of a search, as a strategy."""

    run: Chooser

    def chooser(self, seed: int) -> Chooser:
        return self.run


def replay(scenario: Callable[[Simulation], object], schedule: str, **options: Any) -> Simulation:
    """Run a scenario once more in the order of a schedule that a failed run printed; gives the ended simulation."""
    simulation = Simulation(schedule=schedule, **options)
    _run(scenario, simulation)
    return simulation
