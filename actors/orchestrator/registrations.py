"""Which agents are registered, under which parents, and which of them run?"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from actors.orchestrator.errors import AlreadyRegisteredError, NotRegisteredError

if TYPE_CHECKING:
    from actors.orchestrator.handle import AgentHandle
    from actors.orchestrator.seat import Factory
    from policies import Policy


@dataclass(frozen=True, slots=True)
class Registration:
    """What was said about one agent when it was registered; a value that is never changed."""

    name: str
    parent: str | None
    factory: Factory
    policy: Policy | None
    options: tuple[tuple[str, Any], ...]  # of its ChildSpec, as far as any was given


class Registrations:
    """One flat name space over a tree. A refused change changes nothing. May be used on any thread."""

    __slots__ = ("_children", "_handles", "_lock", "_path", "_registered")

    def __init__(self, path: str) -> None:
        self._path = path
        # Guards the three dicts, which change together. No other lock, no agent and no factory under it.
        self._lock = threading.Lock()
        self._registered: dict[str, Registration] = {}
        self._children: dict[str | None, list[str]] = {None: []}  # in the order of registration
        self._handles: dict[str, AgentHandle] = {}  # the latest of each name

    def add(self, registration: Registration) -> None:
        name, parent = registration.name, registration.parent
        with self._lock:
            if parent not in self._children:
                text = f"parent agent '{parent}' not registered"
                raise NotRegisteredError(f"{self._path}/{parent}", str(parent), text)
            if name in self._registered:
                raise AlreadyRegisteredError(f"{self._path}/{name}", name)
            self._registered[name] = registration
            self._children[name] = []
            self._children[parent].append(name)

    def remove(self, name: str) -> tuple[tuple[str, ...], list[AgentHandle]]:
        """Forget an agent and those under it; gives their names and the handles of those started, deepest first."""
        with self._lock:
            registration = self._get(name)
            names = [name]
            for above in names:  # grows while it is walked
                names.extend(self._children.pop(above))
            names.reverse()
            handles = [self._handles.pop(found) for found in names if found in self._handles]
            for found in names:
                del self._registered[found]
            self._children[registration.parent].remove(name)
        return tuple(names), handles

    def get(self, name: str) -> Registration:
        """Give what was registered under that name; raises NotRegisteredError."""
        with self._lock:
            return self._get(name)

    def _get(self, name: str) -> Registration:
        registration = self._registered.get(name)
        if registration is None:
            raise NotRegisteredError(f"{self._path}/{name}", name)
        return registration

    def note_started(self, registration: Registration, handle: AgentHandle) -> bool:
        """Have the handle found by its name; False where the agent has been removed meanwhile."""
        with self._lock:
            present = self._registered.get(registration.name) is registration
            if present:
                self._handles[registration.name] = handle
            return present

    def handle(self, name: str) -> AgentHandle | None:
        """Give the handle of the agent that was started last under that name; raises NotRegisteredError."""
        with self._lock:
            self._get(name)
            return self._handles.get(name)

    def handles(self) -> list[AgentHandle]:
        """Give the handles of all that were started, deepest first."""
        with self._lock:
            order: list[str] = list(self._children[None])
            for above in order:
                order.extend(self._children[above])
            return [self._handles[name] for name in reversed(order) if name in self._handles]

    def names(self) -> tuple[str, ...]:
        """Give all names, in the order of registration."""
        with self._lock:
            return tuple(self._registered)

    def parent_of(self, name: str) -> str | None:
        with self._lock:
            registration = self._registered.get(name)
            return None if registration is None else registration.parent

    def children_of(self, name: str) -> tuple[str, ...] | None:
        with self._lock:
            found = self._children.get(name)
            return None if found is None else tuple(found)

    def __contains__(self, name: object) -> bool:
        with self._lock:
            return name in self._registered
