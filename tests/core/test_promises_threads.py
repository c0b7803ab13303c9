"""Do the promises about threads and time hold: 26 to 28 of docs/semantics.md?"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem, AgentBackingOff, AskTimeout, HandlerTimeout, ReceiveTimeout
from actors.testkit import Gate
from policies import Backoff, Restart
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, Boom, EventLog, Trace, answer, assert_ended, elsewhere, incarnation
from tests.core.scripted import Doer, doer, held
from tests.core.worlds import World

# -- 26: an elastic pool -----------------------------------------------------------------------------------------------


def test_promise_26_idle_agents_cost_no_thread(system: ActorSystem) -> None:
    refs = [system.spawn(Doer) for _ in range(500)]
    assert [ref.ask("who") for ref in refs] == [1] * 500
    assert [answer(ref, "who") for ref in refs[:20]] == [1] * 20
    assert len([thread for thread in threading.enumerate() if thread.name.startswith("test-")]) < 20


@pytest.mark.threads_only("counts the threads of the pool")
def test_promise_26_the_pool_grows_while_handlers_block(system: ActorSystem) -> None:
    # Nobody leaves the barrier before all have come: each of them has a thread at the same time.
    count = 60
    barrier = threading.Barrier(count)
    asks = [system.spawn(Doer).ask(lambda agent: barrier.wait(PATIENCE), block=False) for _ in range(count)]
    assert sorted(ask.get(timeout=PATIENCE) for ask in asks) == list(range(count))


@pytest.mark.threads_only("sleeps")
@pytest.mark.slow
def test_promise_26_agents_that_block_a_second_each_take_a_second_together(system: ActorSystem) -> None:
    begun = time.monotonic()
    asks = [system.spawn(Doer).ask(lambda agent: time.sleep(1.0), block=False) for _ in range(200)]
    for ask in asks:
        assert ask.get() is None
    assert 1.0 <= time.monotonic() - begun < 2.0


def test_promise_26_asks_of_blocked_agents_in_a_chain_do_not_starve(system: ActorSystem) -> None:
    refs = [system.spawn(Doer) for _ in range(40)]

    def pass_on(place: int, agent: Doer) -> int:
        if place == len(refs) - 1:
            return place
        following = refs[place + 1].ask(partial(pass_on, place + 1), timeout=PATIENCE)
        assert isinstance(following, int)
        return following

    assert answer(refs[0], partial(pass_on, 0)) == len(refs) - 1


@pytest.mark.threads_only("names the threads")
def test_promise_26_an_agent_may_have_a_thread_of_its_own(system: ActorSystem) -> None:
    own = [system.spawn(doer(name, dispatcher="thread")) for name in "ab"]
    names = [{answer(ref, lambda agent: threading.current_thread().name) for _ in range(5)} for ref in own]
    names += [{ref.ask(lambda agent: threading.current_thread().name)} for ref in own]
    assert names == [{"test/a"}, {"test/b"}] * 2


# -- 27: nothing polls, no thread is left ------------------------------------------------------------------------------

IDLE = """
import resource, threading, time
from actors import ActorSystem, Agent, ChildSpec

class Idle(Agent):
    def on_receive(self, message):
        return message

with ActorSystem("main") as system:
    refs = [system.spawn(Idle) for _ in range(1000)]
    own = [system.spawn(ChildSpec(Idle, dispatcher="thread")) for _ in range(3)]
    for ref in refs + own:
        ref.tell("work")
        assert ref.ask("work", timeout=10.0) == "work"
    system.clock.call_at(system.clock.now() + 3600.0, print)
    done = threading.Event()
    for look in range(4):
        before, burnt = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw, time.process_time()
        done.wait(1.0)
        burnt = time.process_time() - burnt
        switches = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw - before
        print(burnt, switches, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="counts switches as POSIX does")
def test_promise_27_an_idle_system_uses_no_processor_time(packages_folder: Path) -> None:
    command = [sys.executable, "-c", IDLE]
    ran = subprocess.run(command, cwd=packages_folder, capture_output=True, text=True, timeout=50, check=True)
    # In the first second threads still come to rest. One switch a second is the program's own waiting.
    _, *looks = [line.split() for line in ran.stdout.splitlines()]
    assert sum(float(seconds) for seconds, _ in looks) < 0.02
    assert sum(int(switches) for _, switches in looks) < 20


def test_promise_27_no_thread_outlives_its_system() -> None:
    before = set(threading.enumerate())
    with ActorSystem("test", ask_timeout=PATIENCE) as system:
        pooled = [system.spawn(doer(f"p{number}", deadline=5.0)) for number in range(10)]
        own = [system.spawn(doer(f"t{number}", dispatcher="thread")) for number in range(5)]
        for ref in pooled + own:
            ref.ask(lambda agent: agent.context.timers.every("key", 60.0, "a tick"))
            ref.tell(Boom("a restart"))
            assert incarnation(ref) == 2
        assert set(threading.enumerate()) > before
    assert set(threading.enumerate()) <= before


@pytest.mark.leaves_orphans
def test_promise_27_orphans_are_daemons() -> None:
    gate = Gate()
    threads = Trace()

    def hang(agent: Doer) -> None:
        threads.note(threading.current_thread())
        gate.wait()

    before = set(threading.enumerate())
    with ActorSystem("test") as system:
        for name, dispatcher in (("pooled", "pool"), ("own", "thread")):
            system.spawn(doer(name, shutdown="brutal", dispatcher=dispatcher)).tell(hang)
        threads.wait_until(lambda notes: len(notes) == 2)
        report = system.stop()
    left = set(threading.enumerate()) - before
    assert sorted(report.abandoned) == ["/own", "/pooled"]
    assert left == set(threads.notes)
    assert all(thread.daemon for thread in left)
    gate.open()
    for thread in left:
        thread.join(PATIENCE)


# -- 28: one clock -----------------------------------------------------------------------------------------------------


def test_promise_28_a_virtual_clock_drives_limits(system: ActorSystem, clock: WatchedClock) -> None:
    ref = system.spawn(doer("a", policy=Restart(max_restarts=1, within=3600.0)))
    for number in range(5):
        ref.tell(Boom(number))
        assert incarnation(ref) == number + 2
        clock.advance(3601.0)


def test_promise_28_a_virtual_clock_drives_backoff(system: ActorSystem, clock: WatchedClock, log: EventLog) -> None:
    policy = Restart(None, within=None, backoff=Backoff(3600.0, cap=3600.0))
    ref = system.spawn(doer("a", policy=policy))
    ref.tell(Boom("down for an hour"))
    log.wait(AgentBackingOff, "/a")
    clock.advance_once_due(3600.0)
    assert incarnation(ref) == 2


def test_promise_28_a_virtual_clock_drives_timers_and_receive_timeouts(
    system: ActorSystem, clock: WatchedClock, trace: Trace
) -> None:
    ref = system.spawn(doer("a", trace))
    answer(ref, lambda agent: agent.context.timers.every("key", 3600.0, "an hour is over"))
    for hour in range(3):
        clock.advance(3600.0)
        trace.wait_for(("an hour is over", "a", 1), times=hour + 1)
    answer(ref, lambda agent: agent.context.timers.cancel("key"))
    answer(ref, lambda agent: agent.context.set_receive_timeout(7200.0))
    clock.advance(7200.0)
    trace.wait_for((ReceiveTimeout(7200.0), "a", 1))


def test_promise_28_a_virtual_clock_drives_the_timeouts_of_asks_and_stops(
    system: ActorSystem, clock: WatchedClock
) -> None:
    ref = system.spawn(doer("a"))
    gate = held(ref)
    for call, seconds in ((partial(ref.ask, "in an hour"), 3600.0), (ref.stop, 7200.0)):
        calling = elsewhere(call, timeout=seconds)
        clock.waits.wait_for(clock.now() + seconds)
        clock.advance(seconds)
        with pytest.raises(AskTimeout):
            calling.get()
    gate.open()
    assert_ended(ref)


def test_promise_28_a_virtual_clock_drives_the_deadlines_of_handlers(system: ActorSystem, clock: WatchedClock) -> None:
    ref = system.spawn(doer("a", deadline=3600.0))
    gate = Gate()
    ask = ref.ask(lambda agent: gate.wait(), block=False)
    gate.reached()
    clock.advance(3599.0)
    assert not ask.settled
    clock.advance(1.0)
    with pytest.raises(HandlerTimeout):
        ask.get()
    gate.open()


def test_promise_28_a_virtual_clock_drives_the_deadline_of_a_system_stop(world: World) -> None:
    system = world.system("test", policy=None)
    clock = world.clock
    gate = held(system.spawn(doer("a", shutdown="infinity")))
    stopping: Any = elsewhere(system.stop, timeout=3600.0)
    clock.advance_once_due(3600.0)
    report = stopping.get()
    gate.open()
    assert (report.abandoned, report.seconds) == (("/a",), 3600.0)
