"""Is an ask that is answered at the very moment at which it is given up answered, or given up, and never neither?"""

from __future__ import annotations

import threading
from typing import Any

from actors import ActorSystem, Agent
from actors._core.future import Ask

PATIENCE = 10.0


class Watched(Ask[Any]):
    """An ask that says when whoever waits for it has given it up."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.expired = threading.Event()

    def _expire(self, seconds: float) -> None:
        super()._expire(seconds)
        self.expired.set()


def test_an_answer_that_somebody_has_begun_to_give_when_the_time_ends_is_waited_for() -> None:
    with ActorSystem() as system:
        ref = system.spawn(Agent)
        ask = Watched("hello", ref._cell, None, system.clock.now())
        ask._token.pop()  # as `resolve` does first: from here on nobody else can settle it
        got: list[Any] = []
        asker = threading.Thread(target=lambda: got.append(ask.get()))
        asker.start()
        assert ask.expired.wait(PATIENCE)
        ask._token.append(None)
        assert ask.resolve("the answer")
        asker.join(PATIENCE)
        assert got == ["the answer"]
