"""How fast does a crew work through tickets that do nothing?"""

from __future__ import annotations

import itertools
import json
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any

from actors import ActorSystem
from actors.board import Board
from actors.conductor import Conductor
from actors.tickets import Track, load_tickets
from benchmarks.row import Sample

LARGE = 100_000
ROW = 10  # tickets of the large track depend on the one so many before


def tickets(size: int) -> Sample:
    """Memory, a file, then the large track."""
    sample = {"memory": size / _run(_track(size), ":memory:", size)}
    with tempfile.TemporaryDirectory() as folder:
        sample["file"] = size / _run(_track(size), Path(folder) / "board.db", size)
        text = json.dumps([_ticket(number) for number in range(LARGE)])
        begun = time.perf_counter()
        track = Track(id="large", tickets=tuple(load_tickets(text)))
        with Board(Path(folder) / "large.db") as board:
            board.open_track(track)
        sample["load"] = time.perf_counter() - begun
        sample["large"] = size / _run(track, Path(folder) / "large.db", size)
        sample["bytes"] = _bytes_of_each(text, Path(folder) / "weighed.db")
    return sample


def _ticket(number: int) -> dict[str, Any]:
    needs = [f"T{number - ROW}"] if number >= ROW else []
    return {"id": f"T{number}", "description": f"the work of ticket {number}", "depends_on": needs}


def _track(size: int) -> Track:
    return Track(id="small", tickets=tuple(load_tickets([{"id": f"T{n}", "description": "x"} for n in range(size)])))


def _run(track: Track, board: Any, size: int) -> float:
    """Seconds until so many tickets have been worked through."""
    numbers = itertools.count(1)
    enough = threading.Event()

    def work(job: Any) -> None:
        if next(numbers) == size:
            enough.set()

    with ActorSystem("benchmark") as system:
        conductor = system.spawn(Conductor, track, work, max_workers=4, board=board, name="conductor")
        begun = time.perf_counter()
        run = conductor.run(block=False)
        if len(track.tickets) == size:
            run.get()  # the last has been booked, too
        else:
            enough.wait()
        elapsed = time.perf_counter() - begun
        conductor.halt()
    return elapsed


def _bytes_of_each(text: str, path: Path) -> float:
    """What a loaded track adds to the memory of the process, with its board."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    track = Track(id="weighed", tickets=tuple(load_tickets(text)))
    with Board(path) as board:
        board.open_track(track)
        after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (after - before) / LARGE
