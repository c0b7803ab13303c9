"""How is a policy written as JSON, and read again?

An object with a `kind` stands for a policy; an exception class is written as its import path.
"""

from __future__ import annotations

import json

from policies.breaker import CircuitBreaker
from policies.policy import Policy, as_policy


def policy_to_json(policy: Policy) -> str:
    """Write a policy as JSON; ValueError where an exception class could not be found again by its path."""
    return policy.model_dump_json()


def policy_from_json(text: str) -> Policy:
    """Read a policy from JSON; ValueError names an unknown kind, a missing class or a wrong value.

    Reading imports the modules of the classes that the text names: read what you trust only.
    """
    return as_policy(json.loads(text))


def breaker_to_json(breaker: CircuitBreaker) -> str:
    """Write a circuit breaker as JSON; ValueError where an exception class could not be found again by its path."""
    return breaker.model_dump_json()


def breaker_from_json(text: str) -> CircuitBreaker:
    """Read a circuit breaker from JSON; ValueError names another kind, a missing class or a wrong value.

    Reading imports the modules of the classes that the text names: read what you trust only.
    """
    data = json.loads(text)
    if not isinstance(data, dict) or "kind" not in data:
        raise ValueError(f"a circuit breaker needs its kind: {data!r}")
    return CircuitBreaker.model_validate(data)
