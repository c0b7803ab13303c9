"""Is a decision cheap enough to be made beside everything else?"""

import statistics
import time

import pytest

from policies import ByError, Failure, Policy, Restart, simulate

BOUND = 50e-6
"""Seconds; about ten times what it takes, so that a busy machine does not fail the test."""


@pytest.mark.parametrize("policy", [Restart(), ByError({OSError: Restart()})], ids=["restart", "by error"])
def test_a_decision_takes_microseconds(policy: Policy) -> None:
    history = simulate(policy, [(0.0, TimeoutError()), (1.0, TimeoutError()), (2.0, TimeoutError())])[-1].history
    failure = Failure("/agent", TimeoutError(), at=5.5)
    taken = []
    for _ in range(2000):
        before = time.perf_counter()
        decision = policy.decide(failure, history)
        taken.append(time.perf_counter() - before)

    assert decision.history.restarts() == 3
    assert statistics.median(taken) < BOUND
