"""How are goals, tasks, edges, packages and workers named?

A goal is ra-a3f8, its tasks ra-a3f8.1, ra-a3f8.2, theirs ra-a3f8.1.1; an edge is e- and a package wp- and a worker
worker- with eight digits. Digits are hexadecimal and random: drawn from `random`, by default the machine's, so that a
simulation that gives its own makes the same names in every run.
"""

from __future__ import annotations

from random import Random, SystemRandom

_machine = SystemRandom()


def new_goal_id(random: Random | None = None) -> str:
    """Give a new id of a goal, such as ra-a3f8."""
    return _new("ra", 4, random)


def child_id(parent: str, number: int) -> str:
    """Give the id of a child of a goal or task: the first is number 1."""
    if not isinstance(parent, str):
        raise ValueError(f"parent: text, not {parent!r}")
    if type(number) is not int or number < 1:
        raise ValueError(f"number: a whole number, 1 or more, not {number!r}")
    return f"{parent}.{number}"


def parent_id(identity: str) -> str | None:
    """Give the id of the parent; None for a goal."""
    if not isinstance(identity, str):
        raise ValueError(f"identity: text, not {identity!r}")
    return identity.rpartition(".")[0] or None


def new_edge_id(random: Random | None = None) -> str:
    """Give a new id of an edge, such as e-1b2c3d4e."""
    return _new("e", 8, random)


def new_package_id(random: Random | None = None) -> str:
    """Give a new id of a work package, such as wp-1b2c3d4e."""
    return _new("wp", 8, random)


def new_worker_id(random: Random | None = None) -> str:
    """Give a new id of a worker, such as worker-1b2c3d4e."""
    return _new("worker", 8, random)


def _new(prefix: str, digits: int, random: Random | None) -> str:
    return f"{prefix}-{(random or _machine).getrandbits(4 * digits):0{digits}x}"
