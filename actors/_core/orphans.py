"""Which threads were left behind, and what are they doing?"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors._core.frames import current_frames
from actors._core.here import fence

if TYPE_CHECKING:
    from actors._core.clock import Clock
    from actors._core.context import Context


@dataclass(frozen=True, slots=True)
class Orphan:
    """An abandoned handler that has not returned: where it hangs and for how long.

    `message` is the text of what it was handling, or the hook it was in.
    """

    path: str
    incarnation: int
    message: str
    thread: str
    ident: int
    since: float
    _clock: Clock = field(repr=False, compare=False)

    @property
    def seconds(self) -> float:
        """How long the code has been running, in seconds of the system's clock."""
        return self._clock.now() - self.since

    @property
    def stack(self) -> str:
        """The stack of its thread now; empty when the thread has just ended."""
        frame = current_frames().get(self.ident)
        return "" if frame is None else "".join(traceback.format_stack(frame))


class Orphans:
    """The abandoned handlers of one system that have not returned, oldest first."""

    def __init__(self) -> None:
        self._orphans: dict[Context, Orphan] = {}
        self._early: set[Context] = set()  # back before they were listed
        # Guards both.
        self._lock = threading.Lock()

    def add(self, context: Context, orphan: Orphan) -> int:
        """Fence the incarnation off and list it; gives the number of orphans."""
        context.fenced = True
        fence.up()
        with self._lock:
            self._orphans[context] = orphan
            return len(self._orphans)

    def remove(self, context: Context) -> Orphan | None:
        """Take the returned incarnation off the list; its fence stays up, for nobody looks at it any more."""
        with self._lock:
            orphan = self._orphans.pop(context, None)
            if orphan is None:
                self._early.add(context)
        if orphan is not None:
            fence.down()
        return orphan

    def is_back(self, context: Context) -> bool:
        """Whether the incarnation had returned before it was listed: then nobody has taken it off."""
        with self._lock:
            if context not in self._early:
                return False
            self._early.remove(context)
            return True

    def __iter__(self) -> Iterator[Orphan]:
        with self._lock:
            return iter(list(self._orphans.values()))

    def __len__(self) -> int:
        return len(self._orphans)
