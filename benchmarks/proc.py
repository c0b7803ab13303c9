"""What has this process used so far: memory, processor time, wake-ups?"""

from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass


def resident() -> int:
    """Bytes of memory that are resident now (Linux)."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_resident() -> int:
    """Bytes of memory that were resident at the highest point (Linux counts them in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@dataclass(frozen=True)
class Idling:
    """What a process with nothing to do used, per second: CPU milliseconds, wake-ups of any thread."""

    cpu: float
    wakeups: float


def watch_idle(seconds: float) -> Idling:
    """Block the calling thread for `seconds` and say what all the others used meanwhile."""
    cpu, switches = time.process_time(), _voluntary_switches()
    time.sleep(seconds)
    used = time.process_time() - cpu
    # The sleep above is one wake-up of its own.
    woken = _voluntary_switches() - switches - 1
    return Idling(cpu=used * 1e3 / seconds, wakeups=woken / seconds)


def _voluntary_switches() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
