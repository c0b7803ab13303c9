"""What is needed of Hypothesis, and what is said where it is not installed?"""

from __future__ import annotations

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
    from hypothesis.strategies import SearchStrategy
except ImportError as error:
    raise ImportError(
        "the strategies and the SupervisorMachine of actors.testkit need Hypothesis: pip install hypothesis"
    ) from error

__all__ = ["RuleBasedStateMachine", "SearchStrategy", "initialize", "invariant", "precondition", "rule", "st"]
