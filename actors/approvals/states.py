"""In which states may an approval be, and which steps lead from one to another?"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class ApprovalState(StrEnum):
    """Where an approval stands."""

    PENDING = "pending"  # nobody has answered yet
    APPROVED = "approved"  # it may be done, once
    DENIED = "denied"  # somebody said no
    EXPIRED = "expired"  # nobody answered in time, which is a no
    CANCELLED = "cancelled"  # it was withdrawn, or given up together with what it was for
    EXECUTING = "executing"  # it is being done: written before that is begun
    CONSUMED = "consumed"  # it was done, and allows nothing more


_S = ApprovalState
LEGAL: Mapping[ApprovalState, frozenset[ApprovalState]] = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.APPROVED, _S.DENIED, _S.EXPIRED, _S.CANCELLED}),
        _S.APPROVED: frozenset({_S.EXECUTING, _S.CANCELLED}),
        _S.EXECUTING: frozenset({_S.CONSUMED, _S.CANCELLED}),
        _S.DENIED: frozenset(),
        _S.EXPIRED: frozenset(),
        _S.CANCELLED: frozenset(),
        _S.CONSUMED: frozenset(),
    }
)
"""From each state, those that may follow."""
