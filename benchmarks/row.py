"""What does one row of the table ask, and when is its goal met?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

Sample = Mapping[str, float]
"""What one subprocess measured: `{metric key: value}`, in the units of the row's metrics."""


class Kit(Protocol):
    """A library that speaks Pykka's API, so that one program can measure it and actortree alike."""

    Agent: type[Any]

    def system(self) -> AbstractContextManager[Callable[..., Any]]:
        """Give `spawn(agent class, *args) -> ref` for the length of the block, then stop every agent."""


@dataclass(frozen=True)
class Goal:
    """A bound on actortree's median: absolute, or a multiple of what a peer reached in the same run."""

    at_least: float | None = None
    at_most: float | None = None
    peer: str | None = None

    def __str__(self) -> str:
        sign, bound = (">=", self.at_least) if self.at_most is None else ("<=", self.at_most)
        return f"{sign} {bound:g}x {self.peer}" if self.peer else f"{sign} {bound:,g}"

    def met(self, ours: float | None, theirs: float | None) -> bool | None:
        """Say whether `ours` keeps the goal; None where either side was not measured."""
        if ours is None or (self.peer and theirs is None):
            return None
        scale = theirs if self.peer and theirs is not None else 1.0
        if self.at_least is not None and ours < self.at_least * scale:
            return False
        return self.at_most is None or ours <= self.at_most * scale


@dataclass(frozen=True)
class Metric:
    """One number of a row: its key in a sample, its unit, and whether more or less of it is better."""

    key: str
    label: str
    unit: str
    better: str = "higher"
    goals: tuple[Goal, ...] = ()

    def ratio(self, ours: float | None, theirs: float | None) -> float | None:
        """How many times better ours is than theirs; None where either is missing or zero."""
        if not ours or not theirs:
            return None
        return ours / theirs if self.better == "higher" else theirs / ours


@dataclass(frozen=True)
class Row:
    """One question: its metrics, and how many times each peer does the work, `{peer: size}`.

    A peer that `sizes` leaves out cannot do the work, and `method` says why.
    """

    key: str
    method: str
    metrics: tuple[Metric, ...]
    sizes: Mapping[str, int]
    quick: int = 20
    measure: Callable[[Kit, int], Sample] | None = field(default=None, compare=False)

    def size(self, peer: str, quick: bool) -> int | None:
        """The repetitions for `peer`: all, or one in `self.quick` of them."""
        full = self.sizes.get(peer)
        return max(full // self.quick, 1) if full and quick else full

    def __iter__(self) -> Iterator[Metric]:
        return iter(self.metrics)
