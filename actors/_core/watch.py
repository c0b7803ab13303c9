"""Who is told when an agent has ended?

A watch is an edge from a watcher's cell to a target's cell, kept on both. It survives the restarts of either. The
notice is posted to the watcher's control lane, once, when the target has ended for good.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from actors._core.messages import Terminated

if TYPE_CHECKING:
    from actors._core.cell import Cell

# Guards the edges of all systems, and the moment at which a target counts as ended. Only sets change under it.
_edges = threading.Lock()


def watch(watcher: Cell, target: Cell) -> None:
    """Add the edge, or post the notice at once if the target has ended."""
    with _edges:
        watching = watcher.watching
        if watching is None:
            watching = watcher.watching = set()
        if target in watching:
            return
        watching.add(target)
        ended = target.ended
        if ended is None:
            if target.watchers is None:
                target.watchers = {}
            target.watchers[watcher] = None
    if ended is not None:
        watcher.notify(target, ended)


def unwatch(watcher: Cell, target: Cell) -> None:
    """Remove the edge; a notice on its way finds it gone."""
    with _edges:
        if watcher.watching is not None:
            watcher.watching.discard(target)
        if target.watchers is not None:
            target.watchers.pop(watcher, None)


def take(watcher: Cell, target: Cell) -> bool:
    """Use the edge up, on the watcher's turn; tells whether the notice is still wanted."""
    with _edges:
        if watcher.watching is None or target not in watcher.watching:
            return False
        watcher.watching.discard(target)
        return True


def ended(target: Cell, notice: Terminated) -> None:
    """Mark the target as ended, drop what it watched itself, and notify its watchers."""
    with _edges:
        target.ended = notice
        watchers, target.watchers = target.watchers, None
        watching, target.watching = target.watching, None
        for other in watching or ():
            if other.watchers is not None:
                other.watchers.pop(target, None)
    for watcher in watchers or ():
        watcher.notify(target, notice)
