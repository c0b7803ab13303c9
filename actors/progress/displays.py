"""Which pieces of work are shown together?

Those of one system on one stream: so their lines do not mix.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, TextIO

from actors.progress.display import Display
from actors.progress.plain import Lines, Plain

if TYPE_CHECKING:
    from actors._core.system import ActorSystem

_displays: weakref.WeakKeyDictionary[ActorSystem, dict[tuple[int, bool], Display]] = weakref.WeakKeyDictionary()
# Guards it. Nothing foreign is called under it.
_lock = threading.Lock()


def display_of(system: ActorSystem, stream: TextIO, bars: bool) -> Display:
    """Give the display of a system there; the same for all of its pieces of work."""
    with _lock:
        known = _displays.setdefault(system, {})
        found = known.get((id(stream), bars))
        if found is None or found.stream is not stream:
            found = known[(id(stream), bars)] = _bars(stream) if bars else Lines(stream)
        return found


def _bars(stream: TextIO) -> Display:
    try:
        from actors.progress.bars import Bars
    except ImportError:
        return Plain(stream)
    return Bars(stream)
