"""What does a pool know of one of its agents?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from actors._core.future import Ask
from actors._core.spec import ChildSpec
from actors.agentpool.values import SpawnConfig
from actors.guard.cancel import CancelToken

if TYPE_CHECKING:
    from actors._core.cell import Cell


@dataclass(eq=False, slots=True)
class Entry:
    """One agent in the books, from before its start until its end; a plain child has no config, and id 0."""

    config: SpawnConfig | None
    depth: int = 0
    id: int = 0
    cell: Cell | None = None
    answer: tuple[Any, BaseException | None] | None = None
    aborted: bool = False
    usage: Any = None
    tools: Any = None
    has_tools: bool = False
    claims: list[Ask[Any]] = field(default_factory=list)
    token: CancelToken = field(default_factory=CancelToken)

    @property
    def name(self) -> str:
        if self.cell is not None:
            return self.cell.name
        return f"agent-{self.id}" if self.config is None or self.config.name is None else self.config.name


class SeatedSpec(ChildSpec[Any]):
    """The spec of a child of a pool, which knows its entry in the books."""

    __slots__ = ("entry",)

    entry: Entry

    def of(self, entry: Entry) -> SeatedSpec:
        object.__setattr__(self, "entry", entry)
        return self


def entry_of(cell: Cell) -> Entry | None:
    """Give the entry of a child of a pool; None for any other agent."""
    return getattr(cell.spec, "entry", None)
