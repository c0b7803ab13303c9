"""Is every transition told, once, and is there a scenario for every kind of record?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorSystem
from actors._core.commands import NEXT
from tests.core.clocks import WatchedClock
from tests.core.conftest import clock, dispatcher, log, pytest_generate_tests, spec, system, trace, world
from tests.core.helpers import EventLog
from tests.eventlog.every_step import SCENARIOS, TOLD, Stage, Watch
from tests.properties.seeds import run_seeds

__all__ = ["clock", "dispatcher", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]


@pytest.fixture
def stage(system: ActorSystem, clock: WatchedClock, log: EventLog, spec: Any) -> Stage:
    return Stage(system, clock, log, spec)


def test_every_legal_step_has_a_kind_that_tells_it_and_a_scenario_that_takes_it() -> None:
    legal = {(was, state) for was, states in NEXT.items() for state in states}
    assert set(TOLD) == legal
    assert set().union(*SCENARIOS.values()) == legal


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_no_step_is_silent_and_none_is_told_twice(
    scenario: Callable[[Stage], None], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(monkeypatch)
    watch.hear(stage.system.events)
    scenario(stage)
    stage.system.stop()
    assert watch.told == watch.taken
    assert SCENARIOS[scenario] <= watch.steps
    assert [(step, kind) for step, kind in watch.kinds if kind not in TOLD[step].split(", ")] == []


@pytest.mark.parametrize("where", ["simulated", "threaded"])
def test_no_step_is_silent_in_programs_that_nobody_wrote(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(monkeypatch)
    run_seeds(where, range(60))
    assert len(watch.taken) > 200
    assert watch.told == watch.taken
