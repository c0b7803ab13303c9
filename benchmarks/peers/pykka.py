"""How does Pykka do each row?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pykka

from benchmarks.row import Sample
from benchmarks.rows import ROWS, broadcast
from benchmarks.scale import measure as scale


class PykkaKit:
    """Pykka's threading actors; the end of the block stops every actor of the process."""

    Agent = pykka.ThreadingActor

    @contextmanager
    def system(self) -> Iterator[Callable[..., Any]]:
        try:
            yield lambda agent, *args: agent.start(*args)
        finally:
            pykka.ActorRegistry.stop_all()


class Idle(pykka.ThreadingActor):
    def on_receive(self, message: object) -> None:
        pass


def stop(size: int) -> Sample:
    """Stop `size` actors with the registry's own `stop_all`, which waits for each."""
    for _ in range(size):
        Idle.start()
    begun = time.perf_counter()
    pykka.ActorRegistry.stop_all()
    rate = size / (time.perf_counter() - begun)
    return {"rate": rate, "any_order": rate}


def broadcasts(size: int) -> Sample:
    """Broadcast to all actors of the process, with the registry's own `broadcast`."""
    return broadcast.measure(PykkaKit(), size, lambda spawn, members: pykka.ActorRegistry.broadcast)


MEASURES: dict[str, Callable[[int], Sample]] = {
    **{row.key: partial(row.measure, PykkaKit()) for row in ROWS.values() if row.measure},
    "broadcast": broadcasts,
    "stop": stop,
    "scale": partial(scale, PykkaKit()),
}
