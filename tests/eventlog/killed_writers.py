"""Does a file keep what was acknowledged when its writer is killed?

`python -m tests.eventlog.killed_writers FOLDER RUNS SEED`

Has RUNS processes write, one after the other, and kills each with SIGKILL at a random moment; looks at the file after
each. Prints what it saw as JSON: `lost` records that had been acknowledged, files that were `broken`.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sqlite3
import struct
import sys
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

from actors.eventlog import NotALogError, Retention, SqliteLog, SqliteReader
from tests.eventlog.samples import change, note

RUNS_OF_A_FILE = 10
ALL = Retention(None, None, None)
_ACK = struct.Struct("<II")


@dataclass
class Seen:
    """`runs` that were killed, `acknowledged` records of those, and what went wrong with them."""

    runs: int = 0
    acknowledged: int = 0
    before_the_first: int = 0  # killed before anything was acknowledged
    lost: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def write(path: Path, retention: Retention, pipe: int) -> None:
    """Append on two threads for ever, and tell after each flush up to which number it is done."""
    log = SqliteLog(path, retention=retention)
    os.write(pipe, log.run.encode().ljust(64))

    def append() -> None:
        number = 0
        while True:
            log.append((note if number % 3 == 2 else change)(number, agent_id=f"agent-{number % 7}", mission_id="m"))
            number += 1
            if number % 50 == 0:
                log.flush()

    threading.Thread(target=append, daemon=True).start()
    number = 0
    while True:
        last = 0
        for _ in range(1 + number % 20):
            last = log.append(change(number, agent_id="main")).seq or 0
            number += 1
        if log.flush():
            os.write(pipe, _ACK.pack(last, number))


def killed(path: Path, retention: Retention, moment: random.Random) -> tuple[str | None, int]:
    """Start a writer, kill it, and give its run and the last number that it had acknowledged."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(reading)
        try:
            write(path, retention, writing)
        finally:
            os._exit(1)
    os.close(writing)
    told = b""
    # Some are killed while they open the file, the others after some acknowledgements and a little more.
    wanted = 0 if moment.random() < 0.1 else 64 + _ACK.size * moment.randrange(1, 40)
    while len(told) < wanted and (more := os.read(reading, wanted - len(told))):
        told += more
    select.select([], [], [], moment.random() * (0.05 if wanted == 0 else 0.004))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    while more := os.read(reading, 65536):
        told += more
    os.close(reading)
    if len(told) < 64:
        return None, 0
    acks = told[64 : 64 + (len(told) - 64) // _ACK.size * _ACK.size]
    last: int = _ACK.unpack(acks[-_ACK.size :])[0] if acks else 0
    return told[:64].decode().strip(), last


def check(path: Path, run: str | None, last: int, retention: Retention, seen: Seen) -> None:
    if not path.exists():
        return
    try:
        reader = SqliteReader(path, run)
    except LookupError:
        if run is not None:
            seen.broken.append(f"{path.name}: the run {run} is not in it")
        return
    except NotALogError as error:
        # Killed in the middle of making it: then the next writer makes it.
        if run is not None or "it is empty" not in str(error):
            seen.broken.append(str(error))
        return
    with reader:
        found = [record.seq for record in reader.read(0, 10**6)]
        bad = reader.bad
    with sqlite3.connect(path) as connection:
        (health,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    if health != "ok" or bad:
        seen.broken.append(f"{path.name}: {health}, {bad} bad entries")
    if run is None:
        return
    first = 1 if retention.system is None else max(1, (found[-1] or 0) - retention.system + 1) if found else 1
    missing = set(range(first, last + 1)) - set(found)
    if missing or found != sorted(found, key=lambda seq: seq or 0):
        seen.lost.append(f"{path.name}, {run}: {sorted(missing)[:10]} of {last}, {len(found)} found")


def main(folder: str, runs: str, seed: str) -> None:
    moment = random.Random(int(seed))
    seen = Seen()
    for number in range(int(runs)):
        path = Path(folder) / f"{number // RUNS_OF_A_FILE}.db"
        retention = ALL if number % 2 else Retention()
        run, last = killed(path, retention, moment)
        check(path, run, last, retention, seen)
        seen.runs += 1
        seen.acknowledged += last
        seen.before_the_first += not last
    print(json.dumps(asdict(seen)))


if __name__ == "__main__":
    main(*sys.argv[1:])
