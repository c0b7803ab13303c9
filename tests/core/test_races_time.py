"""What if the clock's thread meets the agent's, or what a program gave it raises?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from actors import ActorSystem, AgentRestarted, Cancelled, ChildSpec, DeadLetter, OrphanReturned
from actors._core.clock import SystemClock, Timer
from actors.testkit import Gate
from policies import Stop
from tests.core.clocks import WatchedVirtualClock
from tests.core.helpers import PATIENCE, EventLog, Trace, answer
from tests.core.scripted import FOREVER, Doer, doer


class MeetingClock(WatchedVirtualClock):
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


class Stash(list[Any]):
    """Does something as a message is put into it."""

    def __init__(self, act: Callable[[], Any]) -> None:
        super().__init__()
        self._act = act

    def append(self, message: Any) -> None:
        self._act()
        super().append(message)


def test_a_message_that_is_stashed_as_its_time_is_over_stays_in_the_stash_alone(trace: Trace) -> None:
    clock = WatchedVirtualClock()
    with ActorSystem("time", policy=FOREVER, clock=clock) as system:
        log = EventLog(system)
        back = Gate()

        class Late(Doer):
            def on_receive(self, message: Any) -> Any:
                if message == "later" and self.context.incarnation == 1:
                    self.context._stash = Stash(lambda: clock.advance(1.0))
                    self.context.stash()
                    return back.wait()
                return super().on_receive(message)

        ref = system.spawn(ChildSpec(Late, "late", args=(trace,), deadline=1.0))
        ref.tell("later")
        back.reached()
        clock.advance(1.0)
        assert trace.wait_for(("later", "late", 2))
        back.open()
        log.wait(OrphanReturned)
        assert answer(ref, "who") == 2
    assert trace.count(("later", "late", 2)) == 1
    assert log.of(DeadLetter) == []


def test_a_message_whose_time_is_over_before_it_is_stashed_is_a_dead_letter_alone(trace: Trace) -> None:
    clock = WatchedVirtualClock()
    with ActorSystem("time", policy=FOREVER, clock=clock) as system:
        log = EventLog(system)
        looked = Gate()
        back: list[BaseException] = []

        class Late(Doer):
            @property
            def stash_capacity(self) -> int:  # type: ignore[override]
                looked.wait()
                return 10

            def on_receive(self, message: Any) -> Any:
                if message == "later":
                    try:
                        self.context.stash()
                    except Cancelled as error:
                        back.append(error)
                        raise
                return super().on_receive(message)

        ref = system.spawn(ChildSpec(Late, "late", args=(trace,), deadline=1.0))
        context = ref._cell.context
        # The turn is taken away between the look whether it may act and the act.
        ref.tell("later")
        looked.reached()
        clock.advance(1.0)
        log.wait(AgentRestarted)
        looked.open()
        log.wait(OrphanReturned)
        assert answer(ref, "who") == 2
    assert [type(error) for error in back] == [Cancelled]
    assert context is not None
    assert not context._stash
    assert [letter.message for letter in log.of(DeadLetter)] == ["later"]
