"""Which tickets does the audit of a folder need, and what does each depend on?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from actors.tickets import Ticket, Track
from auditing.files import Found, Kind


def track_of(folder: Path, drill: bool) -> Track:
    """Give the track for what is in the folder: a ticket for each kind of file, and those that look across all."""
    found = Found()
    found.look_through(folder)
    kinds = [kind for kind in Kind if any(file.kind is kind for file in found.files)]
    return Track(
        id="audit",
        description=f"Audit of {folder.name or folder}",
        tickets=tuple(_tickets(kinds, Kind.MARKDOWN in kinds, drill)),
        reviewer_required=True,
        models=("small", "medium", "large"),
    )


def _tickets(kinds: list[Kind], has_links: bool, drill: bool) -> Iterator[Ticket]:
    across = ["keys", "sizes", *(["links"] if has_links else [])]
    yield _ticket("inventory", "List the files, by kind", priority="critical")
    yield _ticket("sizes", "Find what is very large")
    yield _ticket("licences", "Find out under which licences this is")
    for kind in kinds:
        yield _ticket(kind.value, f"Look at each {kind.value} file", "inventory", task="look", kind=kind.value)
    if has_links:
        yield _ticket("links", "Follow the links from one file to another", "inventory", priority="high")
    yield _ticket("keys", "Look for keys that nobody should see", "inventory")
    yield _ticket("summary", "Add up what was found", *(kind.value for kind in kinds), *across)
    yield _ticket("release", "Say whether this may be published", "licences")
    # Each of its tools is approved one by one. It waits for all who read, so that the drill finds it alone.
    yield _ticket("plan", "Say what to mend first", "summary", step_mode=drill)
    yield _ticket("verdict", "Say whether the plan will do", "summary", "plan", task="release")


def _ticket(
    name: str, title: str, *depends_on: str, task: str | None = None, kind: str = "", **fields: object
) -> Ticket:
    metadata = {"task": task or name, **({"kind": kind} if kind else {})}
    return Ticket.model_validate(
        {"id": name, "title": title, "description": title, "depends_on": depends_on, "metadata": metadata, **fields}
    )
