"""How is a policy written as JSON, and read again?

An object with a `kind` stands for a policy; an exception class is written as its import path.
"""

from __future__ import annotations

import json

from policies.policy import Policy, as_policy


def policy_to_json(policy: Policy) -> str:
    """Write a policy as JSON; ValueError where an exception class could not be found again by its path."""
    return policy.model_dump_json()


def policy_from_json(text: str) -> Policy:
    """Read a policy from JSON; ValueError names an unknown kind, a missing class or a wrong value.

    Reading imports the modules of the classes that the text names: read what you trust only.
    """
    return as_policy(json.loads(text))
