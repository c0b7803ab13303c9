"""Do the invariants of a crew hold, whatever happens to it, in whatever order?"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from tests.conductor.chaos import MISCHIEF, run_seed
from tests.conductor.crowd import KINDS
from tests.conductor.invariants import i8_children_end_first
from tests.properties.seeds import chosen_seeds

case = pytest.mark.system_case

# What somebody outside does, and what has to happen in a suite that can find anything.
HAPPENS = (
    *dict.fromkeys(KINDS), *dict.fromkeys(MISCHIEF), "review", "done", "stopped", "agent_abandoned", "agent_escalated",
    "agent_restarted", "conductor_escalation", "task_killed", "task_lost", "task_exhausted", "mission_work_held",
    "mission_work_reworked", "mission_work_returned", "mission_work_unblocked", "approval_state_changed",
    "reviewer_rejection", "reviewer_approval", "task_delegated",
)  # fmt: skip


def run_all(world: str, seeds: Iterable[int], most: int = 30) -> Counter[str]:
    """Run these seeds, and count what happened in all of them."""
    counts: Counter[str] = Counter()
    for seed in seeds:
        seen = run_seed(world, seed, most)
        counts += seen.happened
        counts.update(str(result.outcome) for result in seen.results)
        counts.update(record.event_type for record in seen.records)
        counts["told"] += len(seen.accepted)
    return counts


@case("T103")
@case("D3.20")
@pytest.mark.timeout(300)
def test_chaos_breaks_nothing_simulated() -> None:
    seeds = chosen_seeds(range(150))
    counts = run_all("simulated", seeds)
    if len(seeds) >= 150:
        assert [what for what in HAPPENS if not counts[what]] == []
        assert counts["told"] > 50


@case("T103")
@case("D3.24")
@pytest.mark.timeout(300)
def test_chaos_breaks_nothing_threaded() -> None:
    run_all("threaded", chosen_seeds(range(1000, 1015)))


@case("T103")
@pytest.mark.stress
@pytest.mark.timeout(1200)
def test_chaos_breaks_nothing_in_a_thousand_simulated_systems() -> None:
    run_all("simulated", chosen_seeds(range(10_000, 11_000)))


@pytest.fixture
def quick_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


@case("T103")
@pytest.mark.stress
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("quick_turns")
def test_chaos_breaks_nothing_in_twenty_threaded_systems_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    for seed in chosen_seeds(range(2000, 2020)):
        seen = run_seed("threaded", seed)
        for thread in set(threading.enumerate()) - before:
            thread.join(5.0)
        seen.threads = [thread.name for thread in threading.enumerate() if thread not in before]
        assert i8_children_end_first(seen) == []
