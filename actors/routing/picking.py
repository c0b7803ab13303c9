"""Which routee of a pool gets a message?

A strategy is a frozen value. Each time the routees of a pool change it makes a chooser for those that are there now,
from the chooser before: what has to go on, such as whose turn it is, is carried over there and nowhere else.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import struct
from abc import ABC, abstractmethod
from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol

from actors._core.checks import is_seconds
from actors._core.ref import OPEN
from actors.routing.routees import Routee


class Chooser(Protocol):
    """Chooses among the routees that it was made for; asked by many threads at once."""

    def choose(self, message: Any, /) -> Routee:
        """Give the routee for this message; never waits and sends nothing."""
        ...


class Pick(ABC):
    """How a pool picks; the base of all strategies, also of your own.

    `any_will_do`: where the routee that was picked has no room, the next that has some gets the message.
    """

    __slots__ = ()

    to_all: ClassVar[bool] = False
    any_will_do: ClassVar[bool] = True

    @abstractmethod
    def chooser(self, routees: Sequence[Routee], before: Chooser | None, numbers: random.Random) -> Chooser:
        """Make the chooser for these routees, at least one, in start order; `before` chose among the ones before.

        Called under the pool's lock: it computes, and sends nothing. `numbers` are the system's random numbers.
        """


# -- one after the other --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoundRobin(Pick):
    """One after the other, in start order: ten rounds over ten routees give each exactly ten messages.

    Whoever joins comes last. Where one leaves, the others neither lose a turn nor get one twice.
    """

    def chooser(self, routees: Sequence[Routee], before: Chooser | None, numbers: random.Random) -> Chooser:
        return _Turns(routees, before if isinstance(before, _Turns) else None)


class _Turns:
    """`next` of a cycle is atomic, so no two threads get the same turn."""

    __slots__ = ("_next", "_routees", "choose")

    def __init__(self, routees: Sequence[Routee], before: _Turns | None) -> None:
        self._routees = tuple(routees)
        start = 0 if before is None else before._first_of(self._routees)
        turns = itertools.cycle((*self._routees[start:], *self._routees[:start]))
        self._next = turns.__next__
        # Not a method: that would be most of what a choice costs.
        self.choose: Callable[[Any], Routee] = partial(next, turns)

    def _first_of(self, present: tuple[Routee, ...]) -> int:
        """Whose turn it would be next, of those that are still there; where nobody is, the first one's."""
        at = self._routees.index(self._next())
        for routee in (*self._routees[at:], *self._routees[:at]):
            if routee in present:
                return present.index(routee)
        return 0


# -- by chance, by load ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Random(Pick):
    """Any routee, each as likely as another; with a `seed` the same ones again. None is a seed of the system's."""

    seed: int | None = None

    def __post_init__(self) -> None:
        if self.seed is not None and type(self.seed) is not int:
            raise ValueError(f"seed: a whole number or None, not {self.seed!r}")

    def chooser(self, routees: Sequence[Routee], before: Chooser | None, numbers: random.Random) -> Chooser:
        if isinstance(before, _Lots):
            return _Lots(routees, before.numbers)
        return _Lots(routees, random.Random(numbers.random() if self.seed is None else self.seed))


class _Lots:
    __slots__ = ("_count", "_routees", "numbers")

    def __init__(self, routees: Sequence[Routee], numbers: random.Random) -> None:
        self._routees = routees
        self._count = len(routees)
        self.numbers = numbers

    def choose(self, message: Any) -> Routee:
        return self._routees[int(self.numbers.random() * self._count)]


@dataclass(frozen=True, slots=True)
class SmallestMailbox(Pick):
    """Whoever has the fewest messages, waiting or in hand; of those with equally few, one after the other.

    A routee between two incarnations gets a message only if all are. Looks at one routee after the other until it finds
    one that is idle, so a send costs more the more routees are busy.
    """

    def chooser(self, routees: Sequence[Routee], before: Chooser | None, numbers: random.Random) -> Chooser:
        return _Loads(routees, before if isinstance(before, _Loads) else None)


class _Loads:
    __slots__ = ("_at", "_count", "_routees")

    def __init__(self, routees: Sequence[Routee], before: _Loads | None) -> None:
        self._routees = (*routees, *routees)  # to be read from anywhere on
        self._count = len(routees)
        # Where to look first. Two threads may begin at the same place: then they see what the other has done, or not.
        self._at: int = 0 if before is None else before._at

    def choose(self, message: Any) -> Routee:
        start = self._at % self._count
        best, least = start, self._routees[start].load
        for at in range(start, start + self._count):
            routee = self._routees[at]
            waiting = len(routee.queue)
            if not waiting and routee.cell.gate == OPEN:
                best = at
                break
            if waiting < least and (load := routee.load) < least:
                best, least = at, load
        self._at = best + 1
        return self._routees[best]


# -- by key ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConsistentHashing(Pick):
    """The routee that `key(message)` belongs to: equal keys go to the same one, as long as it is there.

    A key is a str, bytes or an int, or a tuple of these. Which routee it belongs to follows from the key and the names
    of the routees alone, in any process. When one is added it takes its share of the keys from all others, when one
    leaves the others share its keys, and no other key moves. A routee that is being restarted keeps its keys.

    A message never goes to another routee because its own has no room.

    What `key` raises, and TypeError for a key of another type, its sender gets: then nothing is sent. A broadcast of a
    router counts it as that member's loss.
    """

    any_will_do: ClassVar[bool] = False
    key: Callable[[Any], Any]

    def __post_init__(self) -> None:
        if not callable(self.key):
            raise ValueError(f"key: a callable that takes a message, not {self.key!r}")

    def chooser(self, routees: Sequence[Routee], before: Chooser | None, numbers: random.Random) -> Chooser:
        return _Ring(self.key, routees, before if isinstance(before, _Ring) else None)


_DIGESTS = 16  # of eight points each: so a routee's share of the keys is within a tenth or two of any other's
_POINTS = struct.Struct(">8Q")


class _Ring:
    """Each routee has points on a ring; a key belongs to the first point behind its own."""

    __slots__ = ("_key", "_owners", "_places", "_points")

    def __init__(self, key: Callable[[Any], Any], routees: Sequence[Routee], before: _Ring | None) -> None:
        known: dict[Routee, tuple[int, ...]] = {} if before is None else before._places
        self._key = key
        self._places: dict[Routee, tuple[int, ...]] = {
            routee: known.get(routee) or _places(routee.name) for routee in routees
        }
        self._owners = {place: routee for routee, places in self._places.items() for place in places}
        # Sorted already but for what has come: that is sorted in no time.
        points: list[int] = [] if before is None else [point for point in before._points if point in self._owners]
        points += sorted(set(self._owners).difference(points))
        points.sort()
        self._points: list[int] = points

    def choose(self, message: Any) -> Routee:
        points = self._points
        at = bisect(points, _point(self._key(message)))
        return self._owners[points[at if at < len(points) else 0]]


def _places(name: str) -> tuple[int, ...]:
    """Where a routee of this name has its points."""
    places: list[int] = []
    for number in range(_DIGESTS):
        digest = hashlib.blake2b(name.encode(), salt=number.to_bytes(16, "big")).digest()
        places.extend(_POINTS.unpack(digest))
    return tuple(places)


def _point(key: Any) -> int:
    return int.from_bytes(hashlib.blake2b(_encode(key), digest_size=8).digest(), "big")


def _encode(key: Any) -> bytes:
    """Tell any two keys apart; not by `hash`, which gives a str another number in each process."""
    if isinstance(key, str):
        return b"s" + key.encode("utf-8", "surrogatepass")
    if isinstance(key, bytes):
        return b"b" + key
    if isinstance(key, int):
        return b"i%d" % key
    if isinstance(key, tuple):
        parts = [_encode(part) for part in key]
        return b"t" + b"".join(b"%d:%b" % (len(part), part) for part in parts)
    raise TypeError(f"key: gives a str, bytes or an int, or a tuple of these, not {key!r}")


# -- all of them ----------------------------------------------------------------------


class _ToAll(Pick):
    """Strategies that pick nobody in particular."""

    __slots__ = ()

    to_all: ClassVar[bool] = True

    def chooser(self, routees: Sequence[Routee], before: Chooser | None, numbers: random.Random) -> Chooser:
        raise AssertionError(f"{self!r} picks all")


@dataclass(frozen=True, slots=True)
class Broadcasting(_ToAll):
    """Each message goes to all routees; an ask gives the list of their answers, in start order.

    Who has no room loses the message, which is a dead letter; nobody waits for room. An ask raises the first error in
    start order.
    """


@dataclass(frozen=True, slots=True)
class ScatterGather(_ToAll):
    """Each message goes to all routees; an ask gives whichever answer comes first, `within` seconds.

    Errors count only when nobody is left who might answer: then the ask raises the last one. Once there is an answer
    the others are cancelled: who has not begun does not, and is a dead letter ("expired"); who has finds
    `context.cancelled` true.
    """

    within: float

    def __post_init__(self) -> None:
        if not is_seconds(self.within, above=0.0):
            raise ValueError(f"within: seconds above 0, not {self.within!r}")
