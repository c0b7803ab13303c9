"""Where is each thread now?"""

from __future__ import annotations

import gc
import sys
import threading
from types import FrameType

# Two threads at once would each put back what the other has found. Reentrant, for signal handlers.
_looking = threading.RLock()


def current_frames() -> dict[int, FrameType]:
    """Give the frame in which each thread is, by the thread's ident.

    CPython before 3.12 may stand still for ever, whole, if it collects garbage while it makes these frames, for it
    holds a lock that a thread that begins or ends waits for: so no garbage is collected meanwhile.
    """
    with _looking:
        collects = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames()
        finally:
            if collects:
                gc.enable()
