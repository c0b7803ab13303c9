"""How much has been used of a model, and what did each tier use?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

TIERS: Mapping[str, str] = MappingProxyType(
    {
        "Tier 1": "gemini-3.1-pro-preview",
        "Tier 2": "gemini-3-flash-preview",
        "Tier 3": "gemini-2.5-flash-lite",
        "Tier 4": "gemini-2.5-flash-lite",
    }
)
"""The tiers that are always counted, from the strongest, each with the label of its model."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer, one attempt or one tier has used; the sum of two is `+`.

    Tokens are whole numbers and `cost` is in dollars; none of them is below zero, else ValueError.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0

    def __post_init__(self) -> None:
        for name in ("input_tokens", "output_tokens"):
            _check_tokens(name, getattr(self, name))
        if not _is_cost(self.cost):
            raise ValueError(f"cost is a finite number of dollars, zero or more, not {self.cost!r}")

    @property
    def total(self) -> int:
        """The tokens in both directions."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        if not isinstance(other, Usage):
            return NotImplemented
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost + other.cost,
        )


class UsageByTier(Mapping[str, Usage]):
    """What each tier has used: an immutable mapping, the sum of two is `+`.

    It begins with the known `tiers` (name to model label), all at zero; a tier it does not know is counted
    apart, behind them. Two are equal where each tier used the same, and they hash alike then.
    """

    __slots__ = ("_tiers", "_used")

    def __init__(self, used: Mapping[str, Usage] | None = None, tiers: Mapping[str, str] = TIERS) -> None:
        self._tiers = MappingProxyType(dict(tiers))
        self._used = {**dict.fromkeys(tiers, Usage()), **(used or {})}
        for tier, usage in self._used.items():
            if not isinstance(tier, str) or not isinstance(usage, Usage):
                raise ValueError(f"a tier's name and its Usage are needed, not {tier!r}: {usage!r}")

    @property
    def total(self) -> Usage:
        """What all tiers together have used."""
        return sum(self._used.values(), Usage())

    @property
    def unknown(self) -> tuple[str, ...]:
        """The tiers that something was booked to, though they are none of the known ones."""
        return tuple(tier for tier in self._used if tier not in self._tiers)

    def model(self, tier: str) -> str:
        """Give the label of the tier's model, "" for a tier that is not known."""
        return self._tiers.get(tier, "")

    def with_usage(self, tier: str, usage: Usage) -> UsageByTier:
        """Give what there is after `tier` has used so much more."""
        return UsageByTier({**self._used, tier: self._used.get(tier, Usage()) + usage}, self._tiers)

    def as_json(self) -> dict[str, dict[str, Any]]:
        """Give plain values: `{tier: {"input": 0, "output": 0, "cost": 0.0, "model": label}}`."""
        return {
            tier: {
                "input": usage.input_tokens,
                "output": usage.output_tokens,
                "cost": usage.cost,
                "model": self.model(tier),
            }
            for tier, usage in self._used.items()
        }

    def __add__(self, other: UsageByTier) -> UsageByTier:
        if not isinstance(other, UsageByTier):
            return NotImplemented
        used = dict(self._used)
        for tier, usage in other._used.items():
            used[tier] = used.get(tier, Usage()) + usage
        return UsageByTier(used, {**self._tiers, **other._tiers, **self._tiers})

    def __getitem__(self, tier: str) -> Usage:
        return self._used[tier]

    def __iter__(self) -> Iterator[str]:
        return iter(self._used)

    def __len__(self) -> int:
        return len(self._used)

    def __hash__(self) -> int:
        return hash(frozenset(self._used.items()))

    def __repr__(self) -> str:
        spent = {tier: usage for tier, usage in self._used.items() if usage != Usage()}
        return f"UsageByTier({spent!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (UsageByTier, (self._used, dict(self._tiers)))


def _check_tokens(name: str, count: object) -> None:
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise ValueError(f"{name} is a whole number, zero or more, not {count!r}")


def _is_cost(cost: object) -> bool:
    return isinstance(cost, int | float) and not isinstance(cost, bool) and math.isfinite(cost) and cost >= 0
