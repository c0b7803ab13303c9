"""How do tickets come in, all of them or none?"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from actors.tickets.graph import graph_problems, in_order
from actors.tickets.problems import Problem, TicketsError
from actors.tickets.ticket import Ticket, Track

_tickets = TypeAdapter(list[Ticket])
Source = str | bytes | os.PathLike[str] | Iterable[Ticket | Mapping[str, Any]]


def load_tickets(source: Source) -> tuple[Ticket, ...]:
    """Give the tickets of a JSON list: text, a file by its `Path`, or a list of tickets and mappings.

    Everything is checked first. Raises TicketsError with all problems of all items: what is no ticket, a field that is
    missing, wrong or not known, an id twice, a dependency that is not there, a cycle. OSError for a file that cannot be
    read.
    """
    tickets = parse_tickets(source)
    problems = graph_problems(tickets)
    if problems:
        raise TicketsError(problems)
    return tuple(tickets)


def parse_tickets(source: Source) -> list[Ticket]:
    """Give the tickets of a list as `load_tickets` does, whatever they depend on; raises TicketsError."""
    try:
        return _validated(source)
    except ValidationError as error:
        raise TicketsError(_problem(details) for details in error.errors(include_url=False)) from None


def _validated(source: Source) -> list[Ticket]:
    if isinstance(source, os.PathLike):
        source = Path(source).read_bytes()
    if isinstance(source, (str, bytes, bytearray)):
        return _tickets.validate_json(source)
    if isinstance(source, (Mapping, Track)) or not isinstance(source, Iterable):
        raise TicketsError([Problem(f"not a list of tickets, but {type(source).__name__}")])
    return _tickets.validate_python(list(source))


def _problem(details: ErrorDetails) -> Problem:
    where, kind = details["loc"], details["type"]
    why = details["msg"]
    if kind == "json_invalid":
        return Problem(f"not JSON: {details.get('ctx', {}).get('error', why)}")
    if not where:
        return Problem("not a list of tickets")
    item = int(where[0]) + 1
    if len(where) == 1:
        return Problem(f"not a ticket, but {_shown(details['input'])}", item)
    field = ".".join(str(part) for part in where[1:])
    if kind == "missing":
        return Problem("it is missing", item, field)
    if kind == "extra_forbidden":
        return Problem("there is no such field", item, field)
    return Problem(f"{why[:1].lower()}{why[1:]}, not {_shown(details['input'])}", item, field)


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def generate_tickets(make: Callable[[str | None], str], tries: int = 3) -> tuple[Ticket, ...]:
    """Have `make` write tickets as JSON, and give them so that each comes after those it depends on.

    `make` gets None, and where its text was wrong, all that was wrong with it, to try again. Raises the last
    TicketsError after `tries` in vain.
    """
    if type(tries) is not int or tries < 1:
        raise ValueError(f"tries: a whole number of at least 1, not {tries!r}")
    feedback = None
    for _ in range(tries - 1):
        try:
            return in_order(load_tickets(make(feedback)))
        except TicketsError as error:
            feedback = str(error)
    return in_order(load_tickets(make(feedback)))
