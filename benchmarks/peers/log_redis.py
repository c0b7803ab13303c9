"""How fast is an event log in Redis, beside a bare loop on the same server?"""

from __future__ import annotations

import time

from actors.eventlog import RedisLog
from benchmarks.peers.logs import report_events, row_of
from benchmarks.row import Sample
from tests.eventlog.servers import RedisServer

BATCH = 500


def log_in_redis(size: int) -> Sample:
    """The log, then the bare loop."""
    with RedisServer() as server:
        with RedisLog(server.url, capacity=2 * size) as log:
            cost, elapsed = report_events(log, size)
        sample = {"cost": cost / size * 1e6, "redis": size / elapsed}
        sample["redis_bare"] = size / _bare(server.url, size)
    return sample


def _bare(url: str, size: int) -> float:
    from redis import Redis

    client = Redis.from_url(url)
    begun = time.perf_counter()
    for start in range(0, size, BATCH):
        with client.pipeline(transaction=False) as pipeline:
            for number in range(start, start + BATCH):
                pipeline.xadd("bare", {"data": row_of(number)[1]}, maxlen=1000, approximate=True)
            pipeline.execute()
    elapsed = time.perf_counter() - begun
    client.close()
    return elapsed
