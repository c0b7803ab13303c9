"""Which restarts does a parent remember?"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from actors._core.commands import State
from policies import History

if TYPE_CHECKING:
    from actors._core.cell import Cell


class Restarts:
    """The restarts that one incarnation of the parent remembers; read and written on the lane only."""

    __slots__ = ("_gone", "_own", "_shared")

    def __init__(self) -> None:
        self._shared = History()
        self._own: dict[str, History] = {}  # of the children with a policy of their own, by name
        self._gone: deque[tuple[str, str]] = deque()

    def forget(self, child: Cell) -> None:
        """Have the next decision begin without the restarts of a child that is gone; called on any thread."""
        if child.name in self._own or any(mark.path == child.path for mark in self._shared.marks):
            self._gone.append((child.name, child.path))

    def of(self, child: Cell) -> History:
        while self._gone:
            name, path = self._gone.popleft()
            self._own.pop(name, None)
            self._shared = self._shared.without(path)
        return self._shared if child.spec.policy is None else self._own.get(child.name, History())

    def remember(self, child: Cell, history: History) -> None:
        if child.spec.policy is None:
            self._shared = history
        else:
            self._own[child.name] = history
        if child.state is State.STOPPED:
            # It ended during the decision, perhaps before there was anything to forget.
            self.forget(child)
