"""Which tickets are best done together, by one worker?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from actors.tickets.ticket import Ticket
from actors.typed.graph import Priority
from actors.typed.ids import new_package_id
from actors.typed.values import FilePaths, Texts, Value

DEFAULT_PROFILE = "coder"
_SMALL, _MEDIUM = 2, 6  # files


class WorkPackage(Value):
    """Tickets that belong together: the ids in the order given, all their files, and what they ask of a worker."""

    id: str
    tickets: Texts
    files: FilePaths
    profile: str
    priority: Priority
    complexity: str


def work_packages(tickets: Sequence[Ticket], random: Random | None = None) -> tuple[WorkPackage, ...]:
    """Put tickets that have a file in common, or depend on one another, into one package each.

    A ticket's profile is `metadata["profile"]`. The package has the most common one, or "coder"; the highest priority;
    and is small up to 2 files, medium up to 6, else large. Ids are drawn from `random`, by default the machine's.
    """
    groups: dict[int, list[Ticket]] = {}
    for at, root in enumerate(_roots(tickets)):
        groups.setdefault(root, []).append(tickets[at])
    return tuple(_package(group, random) for group in groups.values())


def _roots(tickets: Sequence[Ticket]) -> list[int]:
    """Give for each ticket the place of the first one of its group."""
    parent = list(range(len(tickets)))

    def find(at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    first: dict[tuple[str, str], int] = {("id", ticket.id): at for at, ticket in enumerate(tickets)}
    for at, ticket in enumerate(tickets):
        for key in (*(("file", file) for file in ticket.files), *(("id", needed) for needed in ticket.depends_on)):
            if key[0] == "id" and key not in first:
                continue  # It is not among those to be put together.
            low, high = sorted((find(at), find(first.setdefault(key, at))))
            parent[high] = low
    return [find(at) for at in range(len(tickets))]


def _package(group: list[Ticket], random: Random | None) -> WorkPackage:
    files = tuple(dict.fromkeys(file for ticket in group for file in ticket.files))
    profiles = Counter(ticket.metadata.get("profile", DEFAULT_PROFILE) for ticket in group)
    return WorkPackage(
        id=new_package_id(random),
        tickets=tuple(ticket.id for ticket in group),
        files=files,
        profile=profiles.most_common(1)[0][0],
        priority=max((ticket.priority for ticket in group), default=Priority.MEDIUM),
        complexity="small" if len(files) <= _SMALL else "medium" if len(files) <= _MEDIUM else "large",
    )
