"""Which rows does the table have, in which order?"""

from __future__ import annotations

from benchmarks.row import Row
from benchmarks.rows import (
    ask,
    ask_timeout,
    blocked,
    broadcast,
    crash,
    fan_in,
    idle,
    log,
    log_redis,
    memory,
    million,
    ping_pong,
    route,
    spawn,
    stop,
    tell,
    tickets,
)

_MODULES = (
    tell,
    ask,
    ask_timeout,
    ping_pong,
    fan_in,
    route,
    broadcast,
    spawn,
    stop,
    crash,
    memory,
    blocked,
    million,
    idle,
    log,
    log_redis,
    tickets,
)

ROWS: dict[str, Row] = {module.ROW.key: module.ROW for module in _MODULES}
