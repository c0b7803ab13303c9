"""How are agents given a memory that lasts as long as the program?"""

from __future__ import annotations

import itertools
import threading

from actors.memory.memory import BaseMemory


class LocalMemory(BaseMemory):
    """A memory of this process, gone with it; see `Memory`. Never blocks."""

    def __init__(self) -> None:
        # Guards all that follows. Nothing foreign under it.
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._texts: dict[str, dict[int, tuple[str, str, str]]] = {}
        self._owners: dict[int, str] = {}
        self._values: dict[tuple[str, str], str] = {}
        self._closed = False

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._texts.clear()
            self._owners.clear()
            self._values.clear()

    def __repr__(self) -> str:
        return f"<LocalMemory of {len(self._owners)} texts>"

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("the memory is closed")

    def _keep(self, agent: str, text: str, folded: str, meta: str) -> int:
        with self._lock:
            self._check_open()
            id = next(self._ids)
            self._texts.setdefault(agent, {})[id] = (text, folded, meta)
            self._owners[id] = agent
            return id

    def _forget(self, id: int, agent: str | None) -> bool:
        with self._lock:
            self._check_open()
            owner = self._owners.get(id)
            if owner is None or agent not in (None, owner):
                return False
            del self._owners[id], self._texts[owner][id]
            return True

    def _find(self, agent: str, sought: str, limit: int | None) -> list[tuple[int, str, int, str]]:
        with self._lock:
            self._check_open()
            texts = list(self._texts.get(agent, {}).items())
        found = [(id, text, len(folded), meta) for id, (text, folded, meta) in texts if sought in folded]
        found.sort(key=lambda item: (item[2] if sought else 0, -item[0]))
        return found[:limit]

    def _set(self, agent: str, key: str, value: str) -> None:
        with self._lock:
            self._check_open()
            self._values[agent, key] = value

    def _get(self, agent: str, key: str) -> str | None:
        with self._lock:
            self._check_open()
            return self._values.get((agent, key))
