"""When is a tick delivered, and when is it not any more?"""

from __future__ import annotations

from typing import Any

from actors import ActorSystem, ChildSpec, ReceiveTimeout
from actors._core.clock import Timer
from actors._core.timers import Idle, Tick, Timers
from actors.testkit import Gate
from policies import Backoff, Restart
from tests.core.clocks import WatchedClock, WatchedVirtualClock
from tests.core.doer import Doer, busy_at, crash, stop
from tests.core.helpers import EventLog, Flag, Trace, answer


def timers(act: Any) -> Any:
    """Give a message that has an agent do something with its timers and answer with what comes of it."""
    return lambda agent: act(agent.context.timers)


def test_a_tick_comes_once_and_its_key_is_free_then(system: ActorSystem, clock: WatchedClock, trace: Trace) -> None:
    agent = system.spawn(Doer, trace)
    answer(agent, timers(lambda timers: timers.once("key", 2.0, "tick")))
    assert answer(agent, timers(lambda timers: timers.is_active("key"))) is True
    clock.advance(1.999)
    answer(agent, "nothing yet")
    clock.advance(0.001)
    trace.wait_for("tick")
    assert answer(agent, timers(lambda timers: timers.is_active("key"))) is False
    assert answer(agent, timers(lambda timers: timers.cancel("key"))) is False
    clock.advance(10.0)
    answer(agent, "end")
    assert trace.notes == ["nothing yet", "tick", "end"]
    assert clock.next_due is None


def test_no_delay_at_all_is_a_message_at_once(system: ActorSystem, clock: WatchedClock, trace: Trace) -> None:
    agent = system.spawn(Doer, trace)
    answer(agent, timers(lambda timers: timers.once("key", 0, "tick")))
    assert trace.wait_for("tick") == ["tick"]
    assert (clock.now(), clock.next_due) == (0.0, None)


def test_a_tick_without_delay_may_be_taken_back(system: ActorSystem, clock: WatchedClock, trace: Trace) -> None:
    agent = system.spawn(Doer, trace)
    both = timers(lambda timers: (timers.once("key", 0, "tick"), timers.cancel("key")))
    assert answer(agent, both) == (None, True)
    answer(agent, "end")
    assert trace.notes == ["end"]


def test_an_interval_ticks_until_it_is_cancelled(system: ActorSystem, clock: WatchedClock, trace: Trace) -> None:
    agent = system.spawn(Doer, trace)
    answer(agent, timers(lambda timers: timers.every("key", 2.0, "tick")))
    for ticks in (1, 2, 3):
        clock.advance(2.0)
        trace.wait_for("tick", times=ticks)
    assert answer(agent, timers(lambda timers: timers.cancel("key"))) is True
    clock.advance(10.0)
    answer(agent, "end")
    assert trace.notes == ["tick", "tick", "tick", "end"]
    assert clock.next_due is None


def test_ticks_that_pile_up_are_delivered_as_one(system: ActorSystem, clock: WatchedClock, trace: Trace) -> None:
    agent = system.spawn(Doer, trace)
    answer(agent, timers(lambda timers: timers.every("key", 1.0, "tick")))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    clock.advance(5.0)
    gate.open()
    answer(agent, "end")
    assert trace.notes == ["tick", "end"]
    clock.advance(1.0)
    assert trace.wait_for("tick", times=2) == ["tick", "end", "tick"]


def test_a_key_names_one_timer_and_others_go_on(system: ActorSystem, clock: WatchedClock, trace: Trace) -> None:
    agent = system.spawn(Doer, trace)

    def begin(agent: Doer) -> None:
        agent.context.timers.once("a", 1.0, "first")
        agent.context.timers.every("a", 2.0, "second")
        agent.context.timers.once(("b", 1), 3.0, "other")
        agent.context.timers.once("a", 4.0, "third")

    answer(agent, begin)
    clock.advance(3.0)
    trace.wait_for("other")
    clock.advance(1.0)
    assert trace.wait_for("third") == ["other", "third"]


def test_a_handler_may_start_the_timer_whose_tick_it_handles_again(
    system: ActorSystem, clock: WatchedClock, trace: Trace
) -> None:
    class Polling(Doer):
        def on_receive(self, message: Any) -> Any:
            if message == "poll" and len(self.trace.notes) < 2:
                self.context.timers.once("poll", 1.0, "poll")
            return super().on_receive(message)

    agent = system.spawn(Polling, trace)
    answer(agent, "poll")
    for polls in (2, 3):
        clock.advance(1.0)
        trace.wait_for("poll", times=polls)
    clock.advance(9.0)
    answer(agent, "end")
    assert trace.notes == ["poll", "poll", "poll", "end"]


def test_a_timer_that_is_due_as_soon_as_it_is_set_is_not_lost(trace: Trace) -> None:
    class Hasty(WatchedVirtualClock):
        """Fires before `call_at` is back, as another thread may."""

        hasty = False

        def call_at(self, when: float, callback: Any) -> Timer:
            timer: Timer = super().call_at(when, callback)
            if self.hasty:
                self.hasty = False
                timer.fire()
            return timer

    clock = Hasty()
    with ActorSystem("test", clock=clock) as system:
        agent = system.spawn(Doer, trace)
        answer(agent, timers(lambda timers: (setattr(clock, "hasty", True), timers.once("key", 1e-9, "tick"))))
        assert trace.wait_for("tick") == ["tick"]


def test_a_timer_of_an_incarnation_that_has_ended_is_not_set_again(
    system: ActorSystem, clock: WatchedClock, trace: Trace, log: EventLog
) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", args=(trace,), policy=Restart(backoff=Backoff(7.0))))
    kept: list[Timers] = []
    answer(agent, timers(kept.append))
    agent.tell(crash)
    clock.wait_for_timer(7.0)
    # What an abandoned thread may still have been about to do.
    kept[0].every("key", 1.0, "tick")
    kept[0].once("other", 0, "tick")
    clock.advance(7.0)
    answer(agent, "end")
    assert clock.next_due is None
    assert trace.notes == ["end"]


def test_who_is_cancelled_while_it_is_made_says_nothing(system: ActorSystem, clock: WatchedClock) -> None:
    agent = system.spawn(Doer)
    context = answer(agent, lambda agent: agent.context)
    tick = Tick(Timers(context), "key", "tick", None)
    tick.cancel()
    assert tick.take() is False
    assert clock.next_due is None


def test_a_tick_whose_key_was_taken_over_meanwhile_leaves_the_new_one_alone(system: ActorSystem) -> None:
    agent = system.spawn(Doer)

    def take_over(agent: Doer) -> tuple[bool, bool]:
        timers = agent.context.timers
        old = Tick(timers, "key", "old", None)
        timers.once("key", 9.0, "new")
        timers.forget(old)
        return old.take(), timers.is_active("key")

    assert answer(agent, take_over) == (False, True)


# -- receive timeouts ------------------------------------------------------------


def test_a_receive_timeout_comes_again_while_there_is_silence_and_ends_with_none(
    system: ActorSystem, clock: WatchedClock, trace: Trace
) -> None:
    agent = system.spawn(Doer, trace)
    answer(agent, lambda agent: agent.context.set_receive_timeout(2.0))
    for times in (1, 2):
        clock.advance(2.0)
        trace.wait_for(ReceiveTimeout(2.0), times=times)
    answer(agent, lambda agent: agent.context.set_receive_timeout(None))
    clock.advance(20.0)
    answer(agent, "end")
    assert trace.notes == [ReceiveTimeout(2.0), ReceiveTimeout(2.0), "end"]
    assert clock.next_due is None


def test_a_new_receive_timeout_replaces_the_one_before(system: ActorSystem, clock: WatchedClock, trace: Trace) -> None:
    agent = system.spawn(Doer, trace)
    answer(agent, lambda agent: agent.context.set_receive_timeout(1.0))
    answer(agent, lambda agent: agent.context.set_receive_timeout(3.0))
    clock.advance(2.0)
    answer(agent, "counts")
    clock.advance(3.0)
    assert trace.wait_for(ReceiveTimeout(3.0)) == ["counts", ReceiveTimeout(3.0)]


def test_who_is_busy_is_not_silent(system: ActorSystem, clock: WatchedClock, trace: Trace) -> None:
    agent = system.spawn(Doer, trace)
    answer(agent, lambda agent: agent.context.set_receive_timeout(1.0))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    clock.advance(5.0)
    gate.open()
    answer(agent, "end")
    assert trace.notes == ["end"]


def test_a_receive_timeout_that_waits_is_not_delivered_once_it_has_been_ended(
    system: ActorSystem, clock: WatchedClock, trace: Trace
) -> None:
    agent = system.spawn(Doer, trace)
    idle: list[Idle] = []

    def begin(agent: Doer) -> None:
        agent.context.set_receive_timeout(1.0)
        assert agent.context._idle is not None
        idle.append(agent.context._idle)

    answer(agent, begin)
    gate = Gate()
    agent.tell(lambda agent: (gate.wait(), agent.context.set_receive_timeout(None)))
    gate.reached()
    agent._cell.queue_tick(idle[0]._tick)
    gate.open()
    answer(agent, "end")
    assert trace.notes == ["end"]
    # A timer that fires at the moment at which it is cancelled finds nothing to do, and cancelling twice is allowed.
    idle[0]._due()
    idle[0].cancel()
    assert clock.next_due is None


def test_a_receive_timeout_does_not_outlive_a_stopped_agent(system: ActorSystem, clock: WatchedClock) -> None:
    agent = system.spawn(Doer)
    answer(agent, lambda agent: agent.context.set_receive_timeout(1.0))
    stop(agent)
    assert clock.next_due is None


def test_ticks_of_the_machines_clock_arrive(trace: Trace) -> None:
    arrived = Flag()
    with ActorSystem("real") as system:
        agent = system.spawn(Doer, trace)
        answer(agent, timers(lambda timers: timers.once("key", 1e-6, lambda _: arrived.set())))
        assert arrived.wait(10)
