"""How do many watch one run by way of Redis?

`python redis_log.py redis://localhost:6379/0`, where a redis-server listens; the extra `redis` is needed.
"""

import sys

from loguru import logger

from actors import ActorSystem, Agent, ChildSpec
from actors.eventlog import Gap, RedisLog, fold_log, open_log, record
from policies import Restart


class Parser(Agent):
    def on_receive(self, text: str) -> int:
        return int(text)


def watch(url: str, run: str, name: str) -> None:
    """Follow the run from its first record on, as any process may."""
    with open_log(url, run=run) as reader, reader.follow(after=0) as follower:
        told = [entry.event_type for entry in follower.next_batch() if not isinstance(entry, Gap)]
        print(f"{name} is told of {len(told)} records, the last is {told[-1]}")


def main(url: str) -> None:
    logger.remove()
    with RedisLog(url, expire_after=3600.0) as log, ActorSystem("reader") as system:
        record(system, log)
        parser = system.spawn(ChildSpec(Parser, name="parser", policy=Restart()))
        parser.tell("three")
        print("the parser says", parser.ask("3"))
        if not log.flush(timeout=5.0):
            raise SystemExit(f"no Redis takes records at {url}")
        for name in ("ann", "bob"):
            watch(url, log.run, name)
    with open_log(url, run=log.run) as reader:
        print("after the run:", fold_log(reader, ended=True))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "redis://localhost:6379/0")
