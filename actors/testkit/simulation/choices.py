"""Of all that could go on, what does?

A simulation asks its strategy at each step at which more than one thing could go on. What it was told, and in how many
ways, is the run's schedule: the same schedule gives the same run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from random import Random as Numbers
from typing import Protocol

_SCHEDULE = re.compile(r"(\d+(x\d+)?(\.\d+(x\d+)?)*)?", re.ASCII)


class Chooser(Protocol):
    """One run's choices; asked by the thread that has the run, so by one at a time."""

    def choose(self, who: Sequence[str], stays: bool) -> int:
        """Give the index of who goes on; with `stays` the first is the one that is at it already."""
        ...


class Strategy(Protocol):
    """How runs are chosen; a strategy is a value and may be used for any number of runs."""

    def chooser(self, seed: int) -> Chooser:
        """Give the choices of the run of this seed."""
        ...


# `random.random()` gives the same numbers on every Python; what picks from a sequence need not.
def _below(numbers: Numbers, count: int) -> int:
    return int(numbers.random() * count)


@dataclass(frozen=True, slots=True)
class RandomWalk:
    """Each step is drawn at random; whoever is at it stays with the probability `stay`."""

    stay: float = 0.5

    def __post_init__(self) -> None:
        if not isinstance(self.stay, (int, float)) or not 0 <= self.stay < 1:
            raise ValueError(f"stay: a probability below 1, not {self.stay!r}")

    def chooser(self, seed: int) -> Chooser:
        return _Walk(self.stay, Numbers(seed))


@dataclass(slots=True)
class _Walk:
    stay: float
    numbers: Numbers

    def choose(self, who: Sequence[str], stays: bool) -> int:
        if not stays:
            return _below(self.numbers, len(who))
        if self.numbers.random() < self.stay:
            return 0
        return 1 + _below(self.numbers, len(who) - 1)


@dataclass(frozen=True, slots=True)
class Priorities:
    """Each agent has a random priority and the highest goes on; at `depth` - 1 random moments it becomes the lowest.

    A run of `steps` choices among n agents finds a bug that takes `depth` orderings to show with a probability of at
    least 1 / (n * steps ** (depth - 1)): probabilistic concurrency testing (Burckhardt and others, 2010).
    """

    depth: int = 3
    steps: int = 200

    def __post_init__(self) -> None:
        _check_count("depth", self.depth)
        _check_count("steps", self.steps)

    def chooser(self, seed: int) -> Chooser:
        numbers = Numbers(seed)
        return _Ranks(numbers, {_below(numbers, self.steps): -rank for rank in range(1, self.depth)})


@dataclass(slots=True)
class _Ranks:
    numbers: Numbers
    changes: dict[int, int]
    ranks: dict[str, float] = field(default_factory=dict)
    step: int = 0

    def choose(self, who: Sequence[str], stays: bool) -> int:
        for name in who:
            if name not in self.ranks:
                self.ranks[name] = self.numbers.random()
        best = self._highest(who)
        change = self.changes.get(self.step)
        self.step += 1
        if change is not None:
            self.ranks[who[best]] = change
            best = self._highest(who)
        return best

    def _highest(self, who: Sequence[str]) -> int:
        return max(range(len(who)), key=lambda index: (self.ranks[who[index]], -index))


@dataclass(frozen=True, slots=True)
class Schedule:
    """The choices of one run, as it printed them; beyond them whoever is at it goes on.

    The text has a number for each choice, with dots between them; `0x12` is twelve times 0.
    """

    text: str

    def __post_init__(self) -> None:
        if not isinstance(self.text, str) or not _SCHEDULE.fullmatch(self.text):
            raise ValueError(f"schedule: numbers with dots between them, as a run prints them, not {self.text!r}")

    @classmethod
    def of(cls, choices: Sequence[int]) -> Schedule:
        """Write the choices down."""
        runs = [(choice, len(list(same))) for choice, same in groupby(choices)]
        return cls(".".join(f"{choice}x{count}" if count > 1 else str(choice) for choice, count in runs))

    @property
    def choices(self) -> list[int]:
        """The choices, one after the other."""
        found: list[int] = []
        for part in self.text.split(".") if self.text else ():
            choice, _, count = part.partition("x")
            found += [int(choice)] * int(count or 1)
        return found

    def chooser(self, seed: int) -> Chooser:
        return Following(self.choices)


class Following:
    """Follows a list of choices as far as it goes, then whoever is at it goes on."""

    def __init__(self, choices: Iterable[int]) -> None:
        self._choices = iter(choices)

    def choose(self, who: Sequence[str], stays: bool) -> int:
        choice = next(self._choices, 0)
        if choice >= len(who):
            raise ReplayError(f"the schedule says {choice}, but only {', '.join(who)} could go on: another program?")
        return choice


class ReplayError(AssertionError):
    """A schedule does not fit: it is not this program's, or the program does not do the same when run again."""


@dataclass(frozen=True, slots=True)
class Exhaustive:
    """All runs, one after the other, with a bound on what is varied.

    Only the first `depth` steps are varied, and at most `preemptions` times in a run somebody is interrupted who could
    have gone on: most races show with two. Made for `explore`; a single simulation of it is its first run.
    """

    depth: int = 1000
    preemptions: int | None = 2

    def __post_init__(self) -> None:
        _check_count("depth", self.depth)
        if self.preemptions is not None and (type(self.preemptions) is not int or self.preemptions < 0):
            raise ValueError(f"preemptions: a whole number, 0 or more, or None, not {self.preemptions!r}")

    def chooser(self, seed: int) -> Chooser:
        return self.search().next_run()

    def search(self) -> Search:
        """Begin at the first run."""
        return Search(self.depth, self.preemptions)


class Search:
    """A depth-first walk through all runs of one program: each run repeats a beginning and then departs from it."""

    def __init__(self, depth: int, preemptions: int | None) -> None:
        self._depth = depth
        self._preemptions = preemptions
        self._beginning: list[int] = []
        self._counts: list[int] = []  # of those who could go on at each step of it
        self._last: _Branching | None = None

    @property
    def over(self) -> bool:
        """Whether the last run was the last there is; call `next_run` only while it is not."""
        return self._last is not None and not self._find_next(self._last)

    def next_run(self) -> Chooser:
        self._last = _Branching(self._beginning, self._counts, self._depth, self._preemptions)
        return self._last

    def _find_next(self, last: _Branching) -> bool:
        """Set the beginning to the deepest choice that has another way; False if none has."""
        if len(last.taken) < len(self._beginning):
            raise ReplayError(f"an earlier run went on after step {len(last.taken)}: {_UNSTEADY}")
        for index in range(len(last.taken) - 1, -1, -1):
            if last.taken[index] + 1 < last.ways[index]:
                self._beginning = [*last.taken[:index], last.taken[index] + 1]
                self._counts = last.counts[: index + 1]
                return True
        return False


class _Branching:
    """Follows the beginning, then takes the first way at each step, and notes how many ways there were."""

    def __init__(self, beginning: list[int], counts: list[int], depth: int, preemptions: int | None) -> None:
        self._beginning = beginning
        self._expected = counts
        self._depth = depth
        self._left = preemptions
        self.counts: list[int] = []
        self.ways: list[int] = []  # of these, those that are to be tried
        self.taken: list[int] = []

    def choose(self, who: Sequence[str], stays: bool) -> int:
        step = len(self.taken)
        if step >= self._depth:
            return 0
        count = len(who)
        choice = 0
        if step < len(self._beginning):
            choice = self._beginning[step]
            expected = self._expected[step]
            if count != expected:
                raise ReplayError(
                    f"step {step} had {expected} ways in an earlier run, not {', '.join(who)}: {_UNSTEADY}"
                )
        self.counts.append(count)
        self.ways.append(1 if stays and self._left == 0 else count)
        self.taken.append(choice)
        if stays and choice and self._left:
            self._left -= 1
        return choice


_UNSTEADY = "the program does not do the same when run again"


def _check_count(name: str, value: object) -> None:
    if type(value) is not int or value < 1:
        raise ValueError(f"{name}: a whole number of at least 1, not {value!r}")


NAMED: dict[str, Strategy] = {"random": RandomWalk(), "pct": Priorities(), "exhaustive": Exhaustive()}


def strategy_of(value: object) -> Strategy:
    """Give the strategy of that name, or the strategy that it is."""
    if isinstance(value, str) and value in NAMED:
        return NAMED[value]
    if not isinstance(value, str) and not isinstance(value, type) and hasattr(value, "chooser"):
        return value
    raise ValueError(f"strategy: {', '.join(NAMED)}, or a Strategy, not {value!r}")
