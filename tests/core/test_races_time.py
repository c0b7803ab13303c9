"""What if the clock's thread meets the agent's, or what a program gave it raises?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from actors import ActorSystem
from actors._core.clock import SystemClock, Timer
from policies import Stop
from tests.core.helpers import PATIENCE, Trace, WatchedClock, answer
from tests.core.scripted import doer


class MeetingClock(WatchedClock):
    """Does something in the moment before a timer is set."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[Callable[[], Any]] = []

    def call_at(self, when: float, callback: Callable[[], None]) -> Any:
        if self.before:
            self.before.pop()()
        return super().call_at(when, callback)


def test_a_receive_timeout_that_is_cancelled_as_it_falls_due_is_not_delivered_later(trace: Trace) -> None:
    clock = MeetingClock()
    with ActorSystem("time", policy=Stop(), clock=clock) as system:
        ref = system.spawn(doer("a", trace))
        answer(ref, lambda agent: agent.context.set_receive_timeout(1.0))
        clock.before.append(lambda: answer(ref, lambda agent: agent.context.set_receive_timeout(None)))
        clock.advance(1.0)
        clock.advance(10.0)
        assert answer(ref, "last") == "last"
        assert clock.next_due is None
    assert [note for note, *_ in trace.notes] == ["start", "last", "stop"]


def test_a_timer_that_raises_keeps_no_other_from_its_time() -> None:
    clock = SystemClock("time")
    fired = threading.Event()

    def fail() -> None:
        raise SystemExit("not the clock's")

    timers: list[Timer] = [clock.call_at(clock.now(), fail), clock.call_at(clock.now(), fired.set)]
    assert fired.wait(PATIENCE)
    assert [timer.callback for timer in timers] == [None, None]
    clock.close()
