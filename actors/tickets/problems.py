"""What is wrong with tickets that cannot be taken?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: in which `item` (the first is 1; None: all of them), which `field`, and `why`."""

    why: str
    item: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        where = [] if self.item is None else [f"item {self.item}"]
        where += [] if self.field is None else [self.field]
        return ": ".join([*where, self.why])


class TicketsError(ValueError):
    """Tickets that cannot be taken, none of them: `problems` has all that is wrong, in order of the items."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:_SHOWN]]
        if len(self.problems) > _SHOWN:
            lines.append(f"and {len(self.problems) - _SHOWN} more")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[type[TicketsError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)
