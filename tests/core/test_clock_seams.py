"""What does a clock keep in its books, and what may it bring along for the systems that are given it?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from actors import ActorSystem, AgentFuture, AgentRestarted, AskTimeout, ChildSpec
from actors._core.abandonment import Expiry
from actors._core.clock import FEW, LOOKS_UP, SystemClock, Timer
from actors._core.commands import Halt
from actors._core.dispatcher import OwnThread, Pool
from actors._core.here import here
from actors.testkit import VirtualClock
from policies import Backoff, Failure, Phase, Restart
from tests.core.doer import Doer, crash, stop
from tests.core.helpers import PATIENCE, EventLog, Flag, answer, elsewhere, result

pytestmark = pytest.mark.threads_only("about the clock of the machine and the threads that a clock brings")

HOUR = 3600.0


@pytest.fixture
def machine() -> Iterator[SystemClock]:
    clock = SystemClock("test")
    yield clock
    clock.close()


# -- waiting ---------------------------------------------------------------------


class SlowGate:
    """Opens at the third look; notes for how long it was waited at."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def acquire(self, timeout: float) -> bool:
        self.waits.append(timeout)
        return timeout < 0 or len(self.waits) == 3

    def release(self) -> None:
        self.waits.append(0.0)


def test_a_main_thread_that_waits_looks_up_at_times_for_a_signal_that_came_just_before_it_began(
    machine: SystemClock,
) -> None:
    settling: Any = SimpleNamespace(gate=SlowGate(), settled=False)
    assert machine.wait(settling, None)
    assert settling.gate.waits == [LOOKS_UP] * 3 + [0.0]


def test_no_other_thread_looks_up_as_it_waits(machine: SystemClock) -> None:
    settling: Any = SimpleNamespace(gate=SlowGate(), settled=False)
    assert result(elsewhere(machine.wait, settling, None))
    assert settling.gate.waits == [-1.0, 0.0]


# -- timers that are cancelled ---------------------------------------------------


def test_cancelled_timers_are_let_go_long_before_they_are_due(machine: SystemClock) -> None:
    called = Flag()
    for _ in range(20 * FEW):
        machine.call_at(machine.now() + HOUR, called.set).cancel()
    assert len(machine._heap) <= FEW + 1
    machine.call_at(machine.now(), called.set)
    assert called.wait(PATIENCE)


def test_timers_that_are_cancelled_together_leave_the_others_in_order(machine: SystemClock) -> None:
    order: list[int] = []
    done = Flag()
    soon = machine.now() + 0.05
    timers = [machine.call_at(machine.now() + HOUR, done.set) for _ in range(20 * FEW)]
    for number in range(10):
        machine.call_at(soon + number / 1000, lambda number=number: order.append(number))  # type: ignore[misc]
    machine.call_at(soon + 0.02, done.set)
    for timer in timers:
        timer.cancel()
    assert len(machine._heap) <= 2 * FEW
    assert done.wait(PATIENCE)
    assert order == list(range(10))


def test_while_most_timers_stand_a_few_cancelled_ones_stay() -> None:
    clock = SystemClock("test")
    for number in range(4 * FEW):
        timer = clock.call_at(clock.now() + HOUR, print)
        if number % 3 == 1:  # the first one stands: what is cancelled at the head is dropped at once
            timer.cancel()
    assert len(clock._heap) == 4 * FEW
    clock.close()


def test_a_timer_that_was_called_or_cancelled_before_is_not_counted_again() -> None:
    class Books:
        count = 0

        def note_cancelled(self) -> None:
            self.count += 1

    books = Books()
    called, cancelled = Timer(1.0, print, books), Timer(1.0, print, books)
    called.callback = lambda: None
    called.fire()
    called.cancel()
    cancelled.cancel()
    cancelled.cancel()
    assert books.count == 1
    Timer(1.0, print).cancel()
    assert books.count == 1


# -- timers that would find nothing to do ----------------------------------------


def test_the_time_to_end_of_an_agent_that_has_ended_is_moot(
    system: ActorSystem, clock: VirtualClock, log: EventLog, spec: Any
) -> None:
    class Careful(Doer):
        def on_failure(self, *failure: Any) -> None:
            """Watched, because it might hang."""

    careful = system.spawn(spec(Careful, policy=Restart(), shutdown=60.0, deadline=9.0))
    careful.tell(crash)
    log.wait(AgentRestarted)
    answer(careful, "after")
    clock.settle()
    assert [timer.moot() for _, _, timer in clock._heap if timer.moot] == [True] * len(clock._heap)
    assert clock.next_due is not None
    assert clock.run_until_idle() == 0.0


def test_what_watches_over_code_that_runs_is_not_moot(system: ActorSystem, clock: VirtualClock, spec: Any) -> None:
    never: AgentFuture[None] = AgentFuture()
    hanging = system.spawn(spec(Doer, "hanging", deadline=9.0, shutdown=60.0, policy=Restart()))
    hanging.tell(lambda _: never.get())
    assert clock.run_until_idle() == 9.0
    hanging.tell(lambda _: never.get())
    clock.settle()
    hanging.stop(block=False, drain=False)
    assert clock.run_until_idle() == 9.0
    never.set()


def test_a_command_that_came_too_late_for_its_incarnation_is_watched_no_longer(
    system: ActorSystem, clock: VirtualClock
) -> None:
    agent = system.spawn(ChildSpec(Doer, "it", policy=Restart()))
    late = Failure("/it", ValueError(), 7, Phase.RECEIVE, False, 0.0)
    Expiry(agent._cell, Halt(late), 60.0)
    assert clock.next_due == 60.0
    assert clock.run_until_idle() == 0.0


# -- what a clock may bring along ------------------------------------------------


class Bringing:
    """A clock in real time with threads of its own, and a part for each system."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def for_system(self, name: str) -> Any:
        self.made.append(("clock", name))
        part = SystemClock(name)
        part.make_pool = self.make_pool  # type: ignore[attr-defined]
        part.make_own_thread = self.make_own_thread  # type: ignore[attr-defined]
        return part

    def make_pool(self, name: str) -> Pool:
        self.made.append(("pool", name))
        return Pool(name)

    def make_own_thread(self, name: str) -> OwnThread:
        self.made.append(("thread", name))
        return OwnThread(name)

    def now(self) -> float:
        raise AssertionError("a system uses its own part")

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        raise AssertionError("a system uses its own part")

    def wait(self, future: Any, deadline: float | None) -> bool:
        raise AssertionError("a system uses its own part")

    def close(self) -> None:
        raise AssertionError("a system closes its own part")


def test_a_clock_is_asked_for_a_systems_part_and_for_its_threads() -> None:
    clock = Bringing()
    with ActorSystem("demo", clock=clock) as system:
        own = system.spawn(ChildSpec(Doer, "own", dispatcher="thread"))
        pooled = system.spawn(Doer, name="pooled")
        assert answer(own, "hello") == answer(pooled, "hello") == "hello"
        assert pooled.ask("hello", timeout=PATIENCE) == "hello"
    assert clock.made == [("clock", "demo"), ("pool", "demo"), ("thread", "demo/own")]


def test_a_clock_with_nothing_but_time_is_used_as_it_is() -> None:
    clock = SystemClock("plain")
    with ActorSystem("demo", clock=clock) as system:
        assert system.clock is clock
        assert type(system.pool) is Pool


def test_a_thread_whose_work_is_counted_says_what_it_waits_for() -> None:
    waits: list[Any] = []

    class Counting:
        @contextmanager
        def waits_for(self, future: Any) -> Iterator[Callable[[], None]]:
            waits.append(future)
            yield lambda: None
            waits.append("over")

    here.work = Counting()
    try:
        future: AgentFuture[int] = AgentFuture()
        with pytest.raises(AskTimeout):
            future.get(timeout=0)
        assert waits == []
        with pytest.raises(AskTimeout):
            future.get(timeout=0.01)
        assert waits == [future, "over"]
        future.set(5)
        assert future.get() == 5
        assert len(waits) == 2
    finally:
        here.work = None


def test_a_thread_that_a_scheduler_runs_leaves_its_waits_to_that() -> None:
    waits: list[float | None] = []

    class Patient:
        def pause(self) -> None:
            """Nobody else is there."""

        def wait(self, over: Callable[[], bool], seconds: float | None, *whom: Any) -> bool:
            waits.append(seconds)
            return over()

    future: AgentFuture[int] = AgentFuture()
    here.scheduler = Patient()
    try:
        for timeout in (None, 3.0):
            with pytest.raises(AskTimeout):
                future.get(timeout=timeout)
    finally:
        here.scheduler = None
    assert waits == [None, 3.0]


def test_waiting_for_a_system_to_end_takes_real_seconds_whatever_its_clock(
    system: ActorSystem, clock: VirtualClock
) -> None:
    began = time.monotonic()
    assert system.wait(timeout=0.05) is False
    assert time.monotonic() - began >= 0.05
    assert clock.now() == 0.0


def test_a_backoff_that_stands_when_its_system_ends_is_forgotten_with_it(clock: VirtualClock) -> None:
    system = ActorSystem("demo", policy=Restart(backoff=Backoff(60.0, cap=60.0)), clock=clock)
    other = ActorSystem("other", clock=clock)
    failing = system.spawn(Doer)
    failing.tell(crash)
    clock.settle()
    other.clock.call_at(90.0, lambda: None)
    assert clock.next_due == 5.0  # the log sums up
    assert stop(failing) is True
    system.stop()
    assert clock.next_due == 90.0
    other.stop()
    assert clock.next_due is None
