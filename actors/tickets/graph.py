"""In which order can tickets be done, and what if in none?"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING

from actors.tickets.problems import Problem, TicketsError

if TYPE_CHECKING:
    from actors.tickets.ticket import Ticket


def graph_problems(tickets: Sequence[Ticket], known: Container[str] = ()) -> list[Problem]:
    """Give all that is wrong among the tickets: ids twice, dependencies that are not there, cycles.

    `known` has the ids of other tickets that these may depend on.
    """
    items: dict[str, int] = {}
    problems = []
    for item, ticket in enumerate(tickets, 1):
        first = items.setdefault(ticket.id, item)
        if first != item:
            problems.append(Problem(f"the id {ticket.id} is that of item {first}, too", item, "id"))
        elif ticket.id in known:
            problems.append(Problem(f"there is a ticket {ticket.id} already", item, "id"))
    for item, ticket in enumerate(tickets, 1):
        if ticket.depends_on:
            problems += _dependency_problems(ticket, item, items, known)
    if not problems:
        problems = [
            Problem(f"a cycle: {' -> '.join(cycle)}", items[cycle[0]], "depends_on") for cycle in cycles(tickets)
        ]
    return sorted(problems, key=lambda problem: problem.item or 0)


def _dependency_problems(ticket: Ticket, item: int, items: Container[str], known: Container[str]) -> Iterable[Problem]:
    seen = set()
    for needed in ticket.depends_on:
        if needed == ticket.id:
            yield Problem(f"ticket {ticket.id} depends on itself", item, "depends_on")
        elif needed not in items and needed not in known:
            yield Problem(f"ticket {ticket.id} depends on {needed}, which there is not", item, "depends_on")
        elif needed in seen:
            yield Problem(f"ticket {ticket.id} depends on {needed} twice", item, "depends_on")
        seen.add(needed)


def in_order(tickets: Sequence[Ticket]) -> tuple[Ticket, ...]:
    """Give the tickets so that each comes after those it depends on, else in the order given.

    Dependencies that are not among them are left out of account. Raises TicketsError with the cycles, if there are any.
    """
    order, _ = _sort(tickets)
    if len(order) < len(tickets):
        raise TicketsError(Problem(f"a cycle: {' -> '.join(cycle)}", field="depends_on") for cycle in cycles(tickets))
    return tuple(tickets[at] for at in order)


def cycles(tickets: Sequence[Ticket]) -> list[tuple[str, ...]]:
    """Give cycles of the graph, at least one of each group that depends on itself: (A, B, A), A depends on B."""
    _, left = _sort(tickets)
    needs = {
        ticket.id: [needed for needed in ticket.depends_on if needed in left] for ticket in tickets if ticket.id in left
    }
    found = []
    seen: set[str] = set()
    for start in needs:
        path: dict[str, None] = {}
        at: str | None = start
        # Each that is left depends on another one that is left, so that a walk ends where some walk has been.
        while at is not None and at not in seen:
            seen.add(at)
            path[at] = None
            at = next(iter(needs[at]), None)
        if at in path:
            around = list(path)
            found.append((*around[around.index(at) :], at))
    return found


def _sort(tickets: Sequence[Ticket]) -> tuple[list[int], set[str]]:
    """Give the places of the tickets in an order that can be done, and the ids of those that have none."""
    places = {ticket.id: at for at, ticket in enumerate(tickets)}
    waiting = [0] * len(tickets)
    dependents: dict[int, list[int]] = {}
    for at, ticket in enumerate(tickets):
        for needed in ticket.depends_on:
            place = places.get(needed)
            if place is not None:
                waiting[at] += 1
                dependents.setdefault(place, []).append(at)
    order = [at for at, count in enumerate(waiting) if not count]
    for at in order:  # which grows
        for dependent in dependents.get(at, ()):
            waiting[dependent] -= 1
            if not waiting[dependent]:
                order.append(dependent)
    done = set(order)
    return order, {ticket.id for at, ticket in enumerate(tickets) if at not in done}
