"""What does a log still have of a run whose oldest records it has dropped?

The view of all records forgets an agent that lives quietly; the agent's own view does not. Both together are enough for
the whole tree.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from actors.eventlog.fold import Fold, LoggedTree
from actors.eventlog.log import Gap, Reader
from actors.eventlog.records import Record

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    """`records` are those of the view of all, oldest first, with the gaps between them.

    `earlier` are those from before the first of them that are in the views of agents, oldest first; `lost` are the
    agents of whom even that is not all.
    """

    records: tuple[Record | Gap, ...]
    earlier: tuple[Record, ...] = ()
    lost: frozenset[str] = frozenset()

    def fold(self, system: str = "?") -> Fold:
        """Give the tree after all of them; more may be added."""
        folding = self.begin(system)
        for record in self.records:
            folding.add(record)
        return folding

    def begin(self, system: str = "?") -> Fold:
        """Give the tree before the first of `records`."""
        folding = Fold(system)
        if self.earlier or self.lost:
            folding.begin(self.earlier, self.lost, _first(self.records) - 1)
        return folding


def read_kept(reader: Reader) -> Kept:
    """Read all that a log has now."""
    # First what goes away first: what is dropped meanwhile is then found in the views of the agents.
    records = tuple(all_records(reader))
    first = _first(records)
    if first <= 1:
        return Kept(records)
    earlier: dict[int, Record] = {}  # by number, as a record may be in the views of several agents
    lost = set()
    for agent in reader.agents():
        for record in all_records(reader, agent=agent, before=first):
            if isinstance(record, Gap):
                lost.add(agent)
            elif record.seq is not None:
                earlier[record.seq] = record
    without_gap = records[1:] if isinstance(records[0], Gap) else records
    return Kept(without_gap, tuple(earlier[seq] for seq in sorted(earlier)), frozenset(lost))


def fold_log(reader: Reader, *, ended: bool = False) -> LoggedTree:
    """Give the tree as it is by all that a log has, with what the agents had in hand when that was last looked at."""
    info = next((each for each in reader.runs() if each.run == reader.run), None)
    folding = read_kept(reader).fold(info.system if info is not None and info.system else "?")
    return folding.tree(reader.sample(), ended=ended)


def all_records(
    reader: Reader, after: int = 0, *, agent: str | None = None, before: int | None = None
) -> Iterator[Record | Gap]:
    """Give what a view keeps now after a cursor, and before a number, oldest first, with the gaps."""
    while True:
        page = reader.read(after, _AT_ONCE, agent=agent)
        if page.gap is not None:
            yield page.gap
        for record in page.records:
            if before is not None and (record.seq or 0) >= before:
                return
            yield record
        if page.cursor == after:
            return
        after = page.cursor


def _first(records: tuple[Record | Gap, ...]) -> int:
    """Give the number of the first record; 1 if there is none."""
    return next((record.seq for record in records if isinstance(record, Record) and record.seq is not None), 1)
