"""What is left of a track when the program that works on it is killed, again and again?

`work` is the program: it works through the track on a board and writes into a ledger what it begins and ends, each line
with one write. `kill_until_done` starts it, kills it at a random moment, and starts it again. Both are forked from a
process that has imported everything, so that a life costs milliseconds.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from loguru import logger

from actors import ActorSystem, ChildSpec
from actors.board import Board
from actors.conductor import Conductor
from actors.guard import Usage
from actors.tickets import Ticket, Track
from actors.work import Blocked, Job
from policies import Restart

TRACK = "killed"
WORKERS = 4
MOST_AT_ONCE = Usage(13, 1)
REAL_SECONDS = 0.004  # that a step of the work takes


class Throttled(Exception):
    """An error that is worth another try."""

    retryable = True


class Fatal(Exception):
    """An error that is not."""


def planned(number: int) -> str:
    """Say how the ticket of this number ends, as far as that is its own."""
    return {7: "failed", 11: "blocked"}.get(number % 20, "completed")


def make_track(tickets: int, seed: int) -> Track:
    """Make tickets that depend on up to two before them, but not on those that will not end well."""
    dice = random.Random(seed)
    made: list[Ticket] = []
    good: list[str] = []
    for number in range(tickets):
        needs = dice.sample(good[-8:], min(len(good), dice.choice([0, 1, 2])))
        made.append(Ticket(id=f"T{number}", description=f"do {number}", depends_on=tuple(needs)))
        if planned(number) == "completed":
            good.append(f"T{number}")
    return Track(id=TRACK, tickets=tuple(made), max_retries=1)


class Ledger:
    """A file of lines, each appended with one write: what is there was written before whatever came later."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def write(self, what: str, job: Job, **more: Any) -> None:
        line = {"what": what, "pid": os.getpid(), "ticket": job.ticket.id, "fence": job.assignment.fence, **more}
        os.write(self._file, (json.dumps(line) + "\n").encode())


def work(folder: Path, track: Track, lease: float) -> int:
    """Work through the track; gives 0 once that is done."""
    logger.remove()
    ledger = Ledger(folder / "ledger")

    def do(job: Job) -> Any:
        ledger.write("begin", job)
        try:
            number = int(job.ticket.id[1:])
            for step in range(1 + number % 3):
                time.sleep(REAL_SECONDS)
                job.spend(10 + step, 1)
                ledger.write("spent", job, input=10 + step, output=1)
            if number % 10 == 3 and job.previous_attempt is None:
                raise Throttled("once")
            if planned(number) == "failed":
                raise Fatal("always")
            return Blocked("a key is missing") if planned(number) == "blocked" else f"by {job.assignment.fence}"
        finally:
            ledger.write("end", job)

    with Board(folder / "board.db", lease=lease) as board, ActorSystem("killed", Restart()) as system:
        spec = ChildSpec(Conductor, "conductor", args=(track, do), kwargs={"board": board, "max_workers": WORKERS})
        conductor: Any = system.spawn(spec)
        conductor.run(timeout=60.0)
    return 0


def start(main: Callable[[], int]) -> int:
    """Fork, and run that in the child; gives its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        code = main()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def wait_for(pid: int, seconds: float) -> int | None:
    """Give how the process ended within so many seconds; None if it goes on."""
    until = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        left = until - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(left, 0.002))


def kill_until_done(folder: Path, tickets: int, kills: int, seed: int, crowd: int = 1) -> dict[str, Any]:
    """Start `crowd` programs at a time, kill one at a random moment, start it again; after so many kills let all end.

    Where the track is worked through before that, another begins on another board: gives what is wrong with them.
    """
    dice = random.Random(seed)
    wrong: list[str] = []
    killed, tracks, counts = 0, 0, Counter[str]()
    while killed < kills:
        place = folder / f"track-{tracks}"
        place.mkdir()
        track = make_track(tickets, seed + tracks)
        tracks += 1
        begin = partial(start, partial(work, place, track, 30.0))
        running = [begin() for _ in range(crowd)]
        while running:
            victim = dice.choice(running)
            ended = wait_for(victim, dice.uniform(0.0, 0.25)) if killed < kills else wait_for(victim, 60.0)
            if ended is None:
                os.kill(victim, signal.SIGKILL)
                os.waitpid(victim, 0)
                if killed >= kills:
                    wrong.append(f"{place.name}: it has not ended in 60 s")
                    running.remove(victim)
                    continue
                killed += 1
                running[running.index(victim)] = begin()
            else:
                running.remove(victim)
                if ended:
                    wrong.append(f"{place.name}: ended with {ended}")
        wrong += [f"{place.name}: {text}" for text in problems_in(place, track, counts)]
    return {"killed": killed, "tracks": tracks, "wrong": wrong, **counts}


# -- what is left ------------------------------------------------------------------------------


def read_ledger(path: Path) -> list[dict[str, Any]]:
    return [{"n": n, **json.loads(line)} for n, line in enumerate(path.read_text().splitlines())]


def problems_in(folder: Path, track: Track, counts: Counter[str]) -> Iterator[str]:
    """Compare what the board says with what the ledger says."""
    lines = read_ledger(folder / "ledger")
    last_words = {line["pid"]: line["n"] for line in lines}
    counts["attempts"] += sum(line["what"] == "begin" for line in lines)
    with Board(folder / "board.db") as board:
        whole = board.snapshot(TRACK)
        receipts = {ticket.id: board.receipts(TRACK, ticket.id) for ticket in whole.tickets}
    counts["lost"] += sum(each.outcome == "lost" for some in receipts.values() for each in some)
    if len(whole.tickets) != len(track.tickets):
        yield f"{len(whole.tickets)} tickets of {len(track.tickets)}"
    for ticket in whole.tickets:
        wanted = planned(int(ticket.id[1:]))
        if str(ticket.status) != wanted:
            yield f"{ticket.id} is {ticket.status}, and should be {wanted}"
        own = [line for line in lines if line["ticket"] == ticket.id]
        yield from problems_of(ticket.id, receipts[ticket.id], own, last_words)
    yield from usage_problems(whole, receipts, lines)


def problems_of(ticket: str, receipts: Any, lines: list[dict[str, Any]], last_words: dict[int, int]) -> Iterator[str]:
    """Say what is wrong with the attempts at one ticket; `last_words` is the number of each process's last line."""
    fences = [line["fence"] for line in lines if line["what"] == "begin"]
    if fences != sorted(set(fences)):
        yield f"{ticket} was begun with {fences}"
    if [each.attempt for each in receipts] != list(range(1, len(receipts) + 1)):
        yield f"{ticket} has receipts for {[each.attempt for each in receipts]}"
    done = [each for each in receipts if each.outcome == "completed"]
    if len(done) > 1 or (done and done[0] is not receipts[-1]):
        yield f"{ticket} was completed by {[each.attempt for each in done]} of {len(receipts)}"
    if done and (done[0].text != f"by {done[0].attempt}" or fences[-1] != done[0].attempt):
        yield f"{ticket} is completed {done[0].text}, its last attempt is {fences[-1]}"
    if any(each.outcome == "running" for each in receipts):
        yield f"{ticket} has an attempt that is open"
    # A process that was killed writes no end: its attempt is over when it is dead, which is before another may begin.
    # So no process that has begun one, and not ended it, writes anything once another has.
    inside: dict[int, int] = {}
    for line in lines:
        if line["what"] == "begin":
            alive = [fence for fence, pid in inside.items() if last_words[pid] > line["n"]]
            if alive:
                yield f"{ticket} was begun as {line['fence']} while {alive} went on"
            inside[line["fence"]] = line["pid"]
        elif line["what"] == "end":
            inside.pop(line["fence"], None)


def usage_problems(whole: Any, receipts: Any, lines: list[dict[str, Any]]) -> Iterator[str]:
    """What is booked is the sum of the receipts; each has what was spent, if it came to an end."""
    total = Usage()
    spent: defaultdict[tuple[str, int], Usage] = defaultdict(Usage)
    for line in lines:
        if line["what"] == "spent":
            spent[line["ticket"], line["fence"]] += Usage(line["input"], line["output"])
    for ticket, attempts in receipts.items():
        for each in attempts:
            total += each.usage.total
            known = spent[ticket, each.attempt]
            if each.outcome == "lost":
                # It may have been killed after it was told, and before it was written here.
                right = each.usage.total.total <= (known + MOST_AT_ONCE).total
            else:
                right = each.usage.total == known
            if not right:
                yield f"{ticket}/{each.attempt} {each.outcome}: spent {known}, booked {each.usage.total}"
    if total != whole.usage.total:
        yield f"the receipts make {total}, the track says {whole.usage.total}"


def main() -> None:
    folder, tickets, kills, seed, crowd = Path(sys.argv[1]), *map(int, sys.argv[2:6])
    print(json.dumps(kill_until_done(folder, tickets, kills, seed, crowd)))


if __name__ == "__main__":
    main()
