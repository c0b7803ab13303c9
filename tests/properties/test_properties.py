"""Do the invariants hold in the programs of these seeds, in a simulation and on real threads?"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.properties.seeds import chosen_seeds, run_seeds

# What has to happen in a suite that can find anything.
HAPPENS = (
    "handler",
    "on_stop",
    "on_failure",
    "AgentFailed",
    "AgentRestarted",
    "AgentResumed",
    "AgentBackingOff",
    "AgentAbandoned",
    "OrphanReturned",
    "Escalated",
    "HookFailed",
    "StartFailed",
    "DeadLetter",
    "looked at bounds",
    "told one that has ended",
)


@pytest.fixture(params=[None, 1e-4], ids=["as ever", "every 0.1 ms"])
def switch_interval(request: pytest.FixtureRequest) -> Iterator[None]:
    before = sys.getswitchinterval()
    if request.param is not None:
        sys.setswitchinterval(request.param)
    yield
    sys.setswitchinterval(before)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("world", ["simulated", "threaded"])
def test_the_invariants_hold(world: str) -> None:
    seeds = chosen_seeds(range(400) if world == "simulated" else range(300))

    counts = run_seeds(world, seeds)

    if len(seeds) >= 100:
        assert [what for what in HAPPENS if not counts[what]] == []


@pytest.mark.stress
@pytest.mark.timeout(600)
def test_the_invariants_hold_in_ten_thousand_simulated_programs() -> None:
    run_seeds("simulated", chosen_seeds(range(10_000)))


@pytest.mark.stress
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("switch_interval")
def test_the_invariants_hold_on_threads_however_often_they_take_turns() -> None:
    run_seeds("threaded", chosen_seeds(range(1000, 1300)))
