"""How many routees should a pool have?

A `Resizer` is a value that decides and never acts. It is asked by a sender, at every so-many-th message: nothing polls
a pool that is idle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resizer:
    """Between `lower` and `upper` routees: more of them under pressure, fewer when most have nothing to do.

    Looked at each time `every` messages were sent to the pool.

    - `pressure`: the pool grows when more than so many messages per routee wait or are in hand ...
    - `growth`: ... by this share of what there is, by one at least.
    - `idle`: it shrinks by one routee when less than this share of them has anything to do.
    """

    lower: int = 1
    upper: int = 10
    pressure: float = 2.0
    growth: float = 0.25
    idle: float = 0.3
    every: int = 10

    def __post_init__(self) -> None:
        for name, least in (("lower", 1), ("upper", self.lower), ("every", 1)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ValueError(f"{name}: a whole number of at least {least}, not {value!r}")
        for name, most in (("pressure", math.inf), ("growth", math.inf), ("idle", 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
                raise ValueError(f"{name}: a number from 0{f' to {most:g}' if most < math.inf else ''}, not {value!r}")

    def decide(self, routees: int, busy: int, messages: int) -> int:
        """Give how many there should be of so many routees, `busy` of which have all the `messages` between them."""
        wanted = routees
        if messages > self.pressure * routees:
            wanted += max(1, math.floor(routees * self.growth))
        elif busy < self.idle * routees:
            wanted -= 1
        return min(max(wanted, self.lower), self.upper)
