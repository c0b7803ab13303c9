"""Does a tree in virtual time do in milliseconds what it would do in hours?"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentFuture,
    AgentRef,
    AskTimeout,
    ChildSpec,
    HandlerTimeout,
    ReceiveTimeout,
    Supervisor,
)
from actors.testkit import VirtualClock
from policies import Backoff, Restart, Stop
from tests.testkit.clocked import HOUR, Doer, Failing, asks, blocks_on, running, waits_for


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def system(clock: VirtualClock) -> Iterator[ActorSystem]:
    with running(clock) as system:
        yield system


@pytest.fixture(params=["pool", "thread"])
def dispatcher(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def doer(system: ActorSystem, dispatcher: Literal["pool", "thread"]) -> Any:
    """Spawns an agent on the dispatcher of the test."""

    def spawn(name: str, seen: list[Any] | None = None, **options: Any) -> AgentRef[Doer]:
        return system.spawn(ChildSpec(Doer, name, args=(seen,), dispatcher=dispatcher, **options))

    return spawn


# -- time, from timer to timer ---------------------------------------------------


def test_what_agents_start_on_the_way_falls_due_on_the_way(clock: VirtualClock, doer: Any) -> None:
    times: list[float] = []

    def later(agent: Agent) -> None:
        times.append(clock.now())
        agent.context.timers.once("again", 1.0, later)

    doer("d").tell(later)
    clock.advance(3.5, settle=True)
    assert times == [0.0, 1.0, 2.0, 3.0]
    assert clock.now() == 3.5
    assert clock.next_due == 4.0


def test_without_settling_time_passes_at_once_however_busy_the_agents_are(clock: VirtualClock, doer: Any) -> None:
    event = threading.Event()
    doer("busy").tell(blocks_on(event))
    clock.advance(HOUR)
    assert clock.now() == HOUR
    event.set()


def test_hours_of_backoff_pass_in_milliseconds(system: ActorSystem, clock: VirtualClock) -> None:
    backoff = Backoff(600.0, factor=2.0, cap=2 * HOUR)
    failing = ChildSpec(Failing, "failing", args=(6,), policy=Restart(max_restarts=None, within=None, backoff=backoff))
    system.spawn(Supervisor, name="crew", strategy="one_for_all", children=[failing, ChildSpec(Doer, "sibling")])
    ref, sibling = system.find("/crew/failing"), system.find("/crew/sibling")
    assert ref is not None
    assert sibling is not None
    ref.tell("down")
    began = time.perf_counter()
    assert clock.run_until_idle() == 600.0 + 1200.0 + 2400.0 + 4800.0 + 7200.0
    assert time.perf_counter() - began < 1.0
    assert (ref.incarnation, sibling.incarnation) == (6, 2)


def test_a_limit_over_a_window_counts_what_happens_in_virtual_time(clock: VirtualClock) -> None:
    with ActorSystem("demo", policy=Restart(max_restarts=2, within=HOUR, then=Stop()), clock=clock) as system:
        often, seldom = system.spawn(Failing, name="often"), system.spawn(Failing, name="seldom")
        for _ in range(3):
            seldom.tell("down")
            clock.advance(0.6 * HOUR, settle=True)
        assert seldom.incarnation == 4
        clock.advance(HOUR, settle=True)
        for _ in range(3):
            assert often.is_alive()
            often.tell("down")
            clock.settle()
        assert not often.is_alive()
        assert clock.now() == pytest.approx(2.8 * HOUR)


def test_a_crash_that_is_mended_at_once_takes_no_time(system: ActorSystem, clock: VirtualClock) -> None:
    class Careful(Failing):
        def on_failure(self, *failure: Any) -> None:
            """Its time to end is watched, and so is its deadline, and the log sums up."""

    careful = system.spawn(ChildSpec(Careful, "careful", policy=Restart(), shutdown=60.0, deadline=5.0))
    careful.tell("down")
    assert clock.run_until_idle() == 0.0
    assert careful.incarnation == 2
    assert clock.next_due == 5.0  # they stand, and find nothing to do
    clock.advance(HOUR, settle=True)
    assert clock.next_due is None


def test_what_might_find_nothing_to_do_does_not_hide_what_will_find_something(
    system: ActorSystem, clock: VirtualClock
) -> None:
    seen: list[Any] = []
    watched = system.spawn(ChildSpec(Doer, "watched", args=(seen,), deadline=5.0))
    watched.tell(lambda agent: agent.context.timers.once("late", 50.0, "tick"))
    assert clock.run_until_idle() == 50.0
    assert seen == ["tick"]


def test_a_timer_that_repeats_goes_on_to_the_limit_and_no_further(clock: VirtualClock, doer: Any) -> None:
    seen: list[Any] = []
    doer("beating", seen).tell(lambda agent: agent.context.timers.every("beat", 60.0, "beat"))
    assert clock.run_until_idle(limit=HOUR + 1.0) == HOUR + 1.0
    assert len(seen) == 60
    assert clock.next_due == HOUR + 60.0
    assert clock.run_until_idle(limit=59.0) == 59.0
    assert len(seen) == 61


def test_a_cancelled_timer_ends_the_run(clock: VirtualClock, doer: Any) -> None:
    seen: list[Any] = []

    def beat(agent: Doer) -> None:
        agent.seen.append(clock.now())
        if len(agent.seen) == 3:
            agent.context.timers.cancel("beat")

    doer("beating", seen).tell(lambda agent: agent.context.timers.every("beat", 60.0, beat))
    assert clock.run_until_idle() == 180.0
    assert seen == [60.0, 120.0, 180.0]


def test_a_receive_timeout_comes_after_so_much_silence(clock: VirtualClock, doer: Any) -> None:
    seen: list[Any] = []
    silent = doer("silent", seen)
    silent.tell(lambda agent: agent.context.set_receive_timeout(HOUR))
    clock.advance(0.75 * HOUR, settle=True)
    silent.tell("a word")
    clock.advance(0.75 * HOUR, settle=True)
    assert seen == ["a word"]
    clock.advance(0.25 * HOUR, settle=True)
    assert seen == ["a word", ReceiveTimeout(HOUR)]


def test_an_ask_times_out_after_hours_and_is_not_executed_then(clock: VirtualClock, doer: Any) -> None:
    gate: AgentFuture[None] = AgentFuture()
    seen: list[Any] = []
    slow, asker = doer("slow", seen), doer("asker")
    slow.tell(waits_for(gate))
    asked = asker.ask(asks(slow, "too late", timeout=2 * HOUR), block=False)
    asked_as_well = slow.ask("too late", block=False, timeout=HOUR)
    asked_as_well.add_done_callback(lambda: None)
    assert clock.run_until_idle() == 2 * HOUR
    for future, seconds in ((asked, "7200"), (asked_as_well, "3600")):
        with pytest.raises(AskTimeout, match=seconds):
            future.get()
    gate.set()
    clock.settle()
    assert seen == []


def test_a_heartbeat_keeps_a_deadline_away_and_without_one_it_comes(
    system: ActorSystem, clock: VirtualClock, doer: Any
) -> None:
    beats = [AgentFuture[None]() for _ in range(3)]
    never: AgentFuture[None] = AgentFuture()

    def work(agent: Agent) -> None:
        for beat in beats:
            beat.get()
            agent.context.heartbeat()
        never.get()

    worker = doer("worker", deadline=60.0)
    asked = worker.ask(work, block=False)
    for beat in beats:
        clock.advance(50.0, settle=True)
        beat.set()
        clock.settle()
    assert not asked.settled
    assert clock.run_until_idle() == 60.0
    with pytest.raises(HandlerTimeout, match="60 s"):
        asked.get()
    assert clock.now() == 210.0
    never.set()


def test_an_end_that_hangs_takes_its_time_to_end_and_no_more(system: ActorSystem, clock: VirtualClock) -> None:
    never: AgentFuture[None] = AgentFuture()

    class Clinging(Doer):
        def on_stop(self) -> None:
            never.get()

    clinging = system.spawn(ChildSpec(Clinging, "clinging", shutdown=HOUR))
    stopping = clinging.stop(block=False, drain=False)
    assert clock.run_until_idle() == HOUR
    assert stopping.get(timeout=0.0) is True
    assert [orphan.path for orphan in system.orphans] == ["/clinging"]
    never.set()
    clock.settle()
    assert system.orphans == []


@pytest.mark.parametrize("value", [-1.0, "5", float("nan"), float("inf"), None, True])
def test_limits_are_seconds(clock: VirtualClock, value: Any) -> None:
    with pytest.raises(ValueError, match=r"^limit: seconds, 0 or more, not "):
        clock.run_until_idle(limit=value)
    if value is not None:
        with pytest.raises(ValueError, match=r"^within: seconds, 0 or more, or None, not "):
            clock.settle(within=value)
    assert clock.now() == 0.0


# -- one clock, two systems ------------------------------------------------------


def test_a_system_that_ends_takes_its_own_timers_along_and_leaves_the_others(clock: VirtualClock) -> None:
    seen: list[Any] = []
    with ActorSystem("one", clock=clock) as one, ActorSystem("two", clock=clock) as two:
        for system, delay in ((one, 30.0), (two, 60.0), (two, 90.0)):
            tick = partial(lambda delay, agent: agent.context.timers.once(delay, delay, delay), delay)
            system.spawn(Doer, seen).ask(tick)
        system_clock = one.clock
        pending = system_clock.call_at(40.0, lambda: seen.append("of the one"))
        one.stop()
        assert clock.next_due == 60.0
        assert pending.callback is not None  # forgotten, and never called
        late = system_clock.call_at(50.0, lambda: seen.append("of the one"))
        assert late.callback is None
        assert clock.run_until_idle() == 90.0
        assert seen == [60.0, 90.0]
        assert repr(two.clock) == "<VirtualClock 90 s> of two"
    assert clock.next_due is None


def test_closing_the_clock_itself_forgets_the_timers_of_all(clock: VirtualClock) -> None:
    with ActorSystem("one", clock=clock) as one, ActorSystem("two", clock=clock) as two:
        for system in (one, two):
            system.clock.call_at(5.0, lambda: pytest.fail("it was forgotten"))
        clock.close()
        assert clock.next_due is None
        clock.advance(10.0)


def test_agents_of_two_systems_that_feed_one_another_are_waited_for(clock: VirtualClock) -> None:
    seen: list[Any] = []
    with ActorSystem("one", clock=clock) as one, ActorSystem("two", clock=clock) as two:
        refs = [one.spawn(Doer, seen), two.spawn(ChildSpec(Doer, args=(seen,), dispatcher="thread"))]

        def pass_on(left: int, agent: Doer) -> None:
            agent.seen.append(left)
            if left:
                refs[left % 2].ask(partial(pass_on, left - 1), block=False, timeout=5.0)

        refs[0].tell(partial(pass_on, 200))
        clock.settle()
        assert seen == list(range(200, -1, -1))
        one.stop()
        refs[1].tell("alone")
        clock.settle()
        assert seen[-1] == "alone"


def test_a_wait_for_an_agent_on_the_machines_clock_is_work(clock: VirtualClock, doer: Any) -> None:
    event = threading.Event()
    with ActorSystem("real") as real:
        other = real.spawn(ChildSpec(Doer, dispatcher="thread"))
        doer("asker").tell(asks(other, blocks_on(event)))
        with pytest.raises(AssertionError, match=r"\n/asker #1 over .* -> "):
            clock.settle(within=0.05)
        event.set()
        clock.settle()


def test_a_task_for_a_system_that_has_ended_is_nobodys_work(system: ActorSystem, clock: VirtualClock) -> None:
    with ActorSystem("short", clock=clock) as short:
        pool = short.pool
    pool.put(_Never())
    clock.settle(within=0.0)


class _Never:
    def run(self) -> None:
        """Nobody is there to run it."""


# -- what stands in the books ----------------------------------------------------


def test_cancelled_timers_are_let_go_before_they_are_due(clock: VirtualClock) -> None:
    standing = [clock.call_at(HOUR + number, lambda: None) for number in range(10)]
    for number in range(20_000):
        clock.call_at(float(number % 97), lambda: pytest.fail("it was cancelled")).cancel()
    assert len(clock._heap) < 1000
    clock.advance(HOUR)
    assert standing[0].callback is None
    assert clock.next_due == HOUR + 1.0


def test_a_wait_until_a_time_that_has_come_is_over_at_once(clock: VirtualClock) -> None:
    clock.advance(5.0)
    future: AgentFuture[None] = AgentFuture()
    assert clock.wait(future, 5.0) is False
    future.set()
    assert clock.wait(future, 5.0) is True
    assert clock.wait(future, None) is True
    assert clock.next_due is None
