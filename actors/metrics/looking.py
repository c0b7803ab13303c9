"""Which class, policy and pool belongs to a path?

A name is taken until all subscribers have been told of its end, so each event's agent is still found in the tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._core.path import split
from actors._core.supervision import Down
from actors.routing.pool_ref import PoolRef

if TYPE_CHECKING:
    from actors._core.cell import Cell
    from actors._core.system import ActorSystem

UNKNOWN = "unknown"


def entry_at(system: ActorSystem, path: str) -> Cell | Down | None:
    """Give what is in the tree at that path, also what has just ended."""
    found: Cell | Down | None = system.guardian
    for name in split(path):
        if found is None or isinstance(found, Down) or found.family is None:
            return None
        found = found.family.get(name)
    return found


def class_at(system: ActorSystem, path: str) -> str:
    entry = entry_at(system, path)
    return UNKNOWN if entry is None else entry.spec.agent.__name__


def policy_at(system: ActorSystem, path: str) -> str:
    """Give the name of the class of the policy that decides about failures of the agent there."""
    entry = entry_at(system, path)
    if entry is None:
        return UNKNOWN
    policy: Any = entry.spec.policy
    if policy is None and not isinstance(entry, Down) and entry.parent is not None:
        policy = entry.parent.family_policy
    return UNKNOWN if policy is None else type(policy).__name__


def pool_of(cell: Cell) -> str | None:
    """Give the name of the pool of which the agent is a routee, if it is one."""
    parent = cell.parent
    return parent.name if parent is not None and isinstance(parent.ref, PoolRef) else None
