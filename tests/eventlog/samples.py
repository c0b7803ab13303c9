"""Records and helpers that several tests of event logs use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from actors.eventlog.kinds import AgentStateChangedRecord, MissionEventRecord
from actors.eventlog.log import EventLog, Follower, Gap
from actors.eventlog.records import Record

PATIENCE = 30.0
"""Seconds after which a test that waits for a log says that it waits in vain."""


def note(text: object, **head: object) -> Record:
    """A record that is chatter, with a text."""
    return MissionEventRecord(message=str(text), **head)  # type: ignore[arg-type]


def change(text: object, **head: object) -> Record:
    """A record of a transition, with a text."""
    return AgentStateChangedRecord(message=str(text), **head)  # type: ignore[arg-type]


def fill(log: EventLog, texts: Iterable[object], **head: object) -> None:
    for text in texts:
        log.append(change(text, **head))


def texts(records: Iterable[Record | Gap]) -> list[str]:
    return [
        f"gap {record.first_available} {record.lost}" if isinstance(record, Gap) else str(record.message)
        for record in records
    ]


def append_bad(log: EventLog, count: int) -> None:
    """Have a log keep entries that are no records: with a number each, but of no kind."""
    for _ in range(count):
        log._stamping.give({"nonsense": "there is no event_type"}, True)  # type: ignore[attr-defined]


def collect(follower: Follower, until: Callable[[list[Record | Gap]], bool]) -> list[Record | Gap]:
    """What the follower gives until that is enough, or PATIENCE seconds pass without more."""
    found: list[Record | Gap] = []
    while not until(found):
        batch = follower.next_batch(PATIENCE)
        assert batch, f"nothing more came after {len(found)}: {found[-1:]}"
        found += batch
    return found


def numbers(found: Iterable[Record | Gap]) -> list[int | None]:
    return [record.seq for record in found if isinstance(record, Record)]


def together(works: Iterable[Callable[[], None]]) -> None:
    """Do all of it at a time, on a thread each, begun at one barrier; raises the first error."""
    todo = list(works)
    barrier = threading.Barrier(len(todo))
    errors: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            barrier.wait()
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in todo]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
