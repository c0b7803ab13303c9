"""What can be asked of a memory, wherever it is kept?"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol, Self, runtime_checkable

from actors._core.errors import printed

SHARED = ""
"""The scope that belongs to no agent: what is remembered in it is found by whoever asks for it by this name."""

MOST_IDS = 2**63 - 1  # what a file can count to


@dataclass(frozen=True, slots=True)
class Recollection:
    """One thing that an agent remembers, as it was found."""

    id: int
    agent: str
    """Whose it is, `SHARED` for nobody's."""
    text: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    score: float = 0.0
    """How much of the text the query is, 0 to 1."""


@runtime_checkable
class Memory(Protocol):
    """Texts and values by agent: nobody finds what is another's, and what is for all is in the scope `SHARED`.

    `meta` and values are what JSON can write, and come back as JSON has them. Any thread may call any method. What is
    no text, no name or nothing that JSON can write is refused with ValueError; a closed memory raises RuntimeError.
    """

    def remember(self, agent: str, text: str, /, **meta: Any) -> int:
        """Keep a text for the agent; gives its id, which only grows and is never given again."""
        ...

    def recall(
        self, agent: str, query: str, limit: int = 5, where: Mapping[str, Any] | None = None
    ) -> list[Recollection]:
        """Give the agent's texts that contain the query, whatever the case of its letters, the best first.

        The best is the one of which the query is most, `len(query) / len(text)`, and of equals the latest. `where` are
        values that the text's `meta` must have. Looks at all texts of the agent.
        """
        ...

    def set(self, agent: str, key: str, value: Any) -> None:
        """Keep a value for the agent under a key, in place of what was there."""
        ...

    def get(self, agent: str, key: str, default: Any = None) -> Any:
        """Give the agent's value under that key."""
        ...

    def forget(self, id: int, agent: str | None = None) -> bool:
        """Forget a text, if it is the agent's where one is named; tells whether it was there."""
        ...

    def of(self, agent: str) -> AgentMemory:
        """Give what the agent sees of it."""
        ...

    def close(self) -> None:
        """Let go of what it holds; again does nothing."""
        ...


class AgentMemory:
    """The memory of one agent: its own texts and values, and by `shared` those of all."""

    __slots__ = ("_memory", "agent")

    def __init__(self, memory: Memory, agent: str) -> None:
        self._memory = memory
        self.agent = check_name("agent", agent)

    @property
    def shared(self) -> AgentMemory:
        """What belongs to no agent, and is seen by each that asks for it here."""
        return AgentMemory(self._memory, SHARED)

    def remember(self, text: str, /, **meta: Any) -> int:
        """Keep a text; gives its id."""
        return self._memory.remember(self.agent, text, **meta)

    def recall(self, query: str, limit: int = 5, where: Mapping[str, Any] | None = None) -> list[Recollection]:
        """Give the texts that contain the query, the best first; see `Memory.recall`."""
        return self._memory.recall(self.agent, query, limit, where)

    def set(self, key: str, value: Any) -> None:
        """Keep a value under a key."""
        self._memory.set(self.agent, key, value)

    def get(self, key: str, default: Any = None) -> Any:
        """Give the value under that key."""
        return self._memory.get(self.agent, key, default)

    def forget(self, id: int) -> bool:
        """Forget a text of its own; tells whether it was there. One of another agent stays."""
        return self._memory.forget(id, self.agent)

    def __repr__(self) -> str:
        return f"<AgentMemory of {self.agent or 'all'}>"


class BaseMemory(ABC):
    """What memories of every kind do alike: check what they are given, write it as JSON, and rank what they find."""

    def remember(self, agent: str, text: str, /, **meta: Any) -> int:
        """Keep a text for the agent; gives its id, which only grows and is never given again."""
        check_name("agent", agent)
        return self._keep(agent, check_text("text", text), folded(text), as_json("meta", meta))

    def recall(
        self, agent: str, query: str, limit: int = 5, where: Mapping[str, Any] | None = None
    ) -> list[Recollection]:
        """Give the agent's texts that contain the query, the best first; see `Memory.recall`."""
        check_name("agent", agent)
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise ValueError(f"limit: a whole number of at least 1, not {limit!r}")
        wanted = json.loads(as_json("where", dict(where or {})))
        sought = folded(check_text("query", query))
        found = self._find(agent, sought, limit if not wanted else None)
        return list(islice(_matching(agent, found, len(sought), wanted), limit))

    def set(self, agent: str, key: str, value: Any) -> None:
        """Keep a value for the agent under a key, in place of what was there."""
        check_name("agent", agent)
        self._set(agent, check_text("key", key), as_json("value", value))

    def get(self, agent: str, key: str, default: Any = None) -> Any:
        """Give the agent's value under that key."""
        check_name("agent", agent)
        value = self._get(agent, check_text("key", key))
        return default if value is None else json.loads(value)

    def of(self, agent: str) -> AgentMemory:
        """Give what the agent sees of it."""
        return AgentMemory(self, agent)

    def forget(self, id: int, agent: str | None = None) -> bool:
        """Forget a text, if it is the agent's where one is named; tells whether it was there."""
        if not isinstance(id, int) or isinstance(id, bool):
            raise ValueError(f"id: a whole number, not {printed(id, 100)}")
        if agent is not None:
            check_name("agent", agent)
        return 0 < id <= MOST_IDS and self._forget(id, agent)

    @abstractmethod
    def close(self) -> None:
        """Let go of what it holds; again does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- where it is kept ---------------------------------------------------------

    @abstractmethod
    def _keep(self, agent: str, text: str, folded: str, meta: str) -> int: ...

    @abstractmethod
    def _forget(self, id: int, agent: str | None) -> bool: ...

    @abstractmethod
    def _find(self, agent: str, sought: str, limit: int | None) -> list[tuple[int, str, int, str]]:
        """Give (id, text, length folded, meta) of those that contain what is sought, the best first, at most so many.

        Those of which it is most come first, and of equals the latest; all are equal where nothing is sought.
        """

    @abstractmethod
    def _set(self, agent: str, key: str, value: str) -> None: ...

    @abstractmethod
    def _get(self, agent: str, key: str) -> str | None: ...


def folded(text: str) -> str:
    """Give a text without the case of its letters."""
    return text.casefold()


def check_name(what: str, name: object) -> str:
    """Give the name of an agent, `SHARED` for none; ValueError for what is no text."""
    return check_text(what, name)


def check_text(what: str, text: object) -> str:
    """Give a text that can be written anywhere; ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError(f"{what}: a text, not {printed(text, 100)}")
    text.encode()  # UnicodeEncodeError, a ValueError, names a lone surrogate
    return text


def as_json(what: str, value: object) -> str:
    """Write a value as JSON; ValueError for one that JSON cannot write."""
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{what}: what JSON can write, not {printed(value, 100)}: {error}") from error


def _matching(
    agent: str, found: Iterable[tuple[int, str, int, str]], sought: int, wanted: dict[str, Any]
) -> Iterable[Recollection]:
    missing = object()
    for id, text, length, written in found:
        meta = json.loads(written)
        if all(meta.get(name, missing) == value for name, value in wanted.items()):
            yield Recollection(id, agent, text, meta, sought / length if length else 0.0)
