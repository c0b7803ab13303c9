"""What if the code of an agent comes back at the very moment it is given up, or cannot be resumed after it?"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentFailed,
    AgentRestarted,
    AgentStopped,
    AgentStoppedError,
    ChildSpec,
    HandlerTimeout,
    OrphanReturned,
    StartFailed,
    StartFailedError,
    StopReason,
    Terminated,
)
from actors._core import abandonment, cell
from actors._core.here import fence
from actors._core.orphans import Orphans
from actors.testkit import Gate
from policies import Directive, Phase, Resume
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, Boom, EventLog, Flag, Trace, answer, elsewhere, incarnation
from tests.core.scripted import Doer, doer, get, held
from tests.core.worlds import World


def hang(gate: Gate, agent: Doer) -> str:
    """Come back when the gate is opened."""
    gate.wait()
    return "late"


@pytest.fixture
def gate() -> Gate:
    return Gate()


def look_too_late(monkeypatch: pytest.MonkeyPatch, module: Any, come_back: Any) -> None:
    """Have the code come back once after somebody has looked how long it runs, and before it is given up."""
    look = module.running_since
    todo = [come_back]

    def looked(context: Any) -> float | None:
        since: float | None = look(context)
        while since is not None and todo:
            todo.pop()()
        return since

    monkeypatch.setattr(module, "running_since", looked)


# -- back in the last moment -----------------------------------------------------


def test_a_handler_that_returns_as_its_deadline_is_looked_at_is_not_abandoned_nor_is_the_next_in_its_place(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, second = system.spawn(doer("a", deadline=5.0)), Gate()
    first = ref.ask(partial(hang, gate), block=False)
    gate.reached()
    next_one = ref.ask(partial(hang, second), block=False)

    def come_back() -> None:
        gate.open()
        second.reached()

    look_too_late(monkeypatch, cell, come_back)
    clock.advance(5.0)

    assert first.get(timeout=PATIENCE) == "late"
    second.open()
    assert next_one.get(timeout=PATIENCE) == "late"
    assert incarnation(ref) == 1
    assert log.of(AgentAbandoned) == []


def test_an_agent_that_has_just_become_idle_is_not_abandoned(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = system.spawn(doer("a", deadline=5.0))
    asked = ref.ask(partial(hang, gate), block=False)
    gate.reached()

    def come_back() -> None:
        gate.open()
        assert asked.get(timeout=PATIENCE) == "late"

    look_too_late(monkeypatch, cell, come_back)
    clock.advance(5.0)

    assert incarnation(ref) == 1
    assert log.of(AgentAbandoned) == []


def test_a_handler_that_begins_as_the_one_before_it_is_given_up_has_its_own_deadline(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, second = system.spawn(doer("a", deadline=5.0)), Gate()
    ref.tell(partial(hang, gate))
    gate.reached()
    next_one = ref.ask(partial(hang, second), block=False)

    def come_back() -> None:
        gate.open()
        second.reached()

    look_too_late(monkeypatch, cell, come_back)
    clock.advance(5.0)
    clock.advance(5.0)

    with pytest.raises(HandlerTimeout):
        next_one.get(timeout=PATIENCE)
    assert log.wait(AgentAbandoned, "/a").seconds == 5.0
    second.open()
    log.wait(OrphanReturned, "/a")


def test_an_agent_that_begins_to_end_as_its_time_is_over_gets_its_time_for_its_last_hook(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = Gate()

    class Ending(Doer):
        def on_stop(self) -> None:
            last.wait()

    ref = system.spawn(ChildSpec(Ending, "a", shutdown=2.0))
    ref.tell(partial(hang, gate))
    gate.reached()
    stopping = ref.stop(block=False, drain=False)

    def come_back() -> None:
        gate.open()
        last.reached()

    look_too_late(monkeypatch, abandonment, come_back)
    clock.advance(2.0)
    clock.advance(1.0)
    assert log.of(AgentAbandoned) == []
    last.open()

    assert stopping.get(timeout=PATIENCE)
    assert log.wait(AgentStopped, "/a").reason is StopReason.REQUESTED


def test_a_last_hook_has_its_full_time_from_when_it_began(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate
) -> None:
    last = Gate()

    class Ending(Doer):
        def on_stop(self) -> None:
            last.wait()

    ref = system.spawn(ChildSpec(Ending, "a", shutdown=5.0))
    ref.tell(partial(hang, gate))
    gate.reached()
    stopping = ref.stop(block=False, drain=False)
    clock.advance(3.0)
    gate.open()
    last.reached()

    clock.advance(4.0)
    assert log.of(AgentAbandoned) == []
    clock.advance(1.0)

    assert stopping.get(timeout=PATIENCE)
    assert log.wait(AgentAbandoned, "/a").seconds == 5.0
    assert log.wait(AgentStopped, "/a").reason is StopReason.ABANDONED
    last.open()
    log.wait(OrphanReturned, "/a")


def test_an_agent_between_two_messages_is_not_abandoned_when_its_time_is_over(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate
) -> None:
    ref = system.spawn(doer("a", shutdown=2.0))
    stopping: list[Any] = []

    def in_between() -> None:
        # On the agent's thread, when its answer is handed over because another message waits.
        stopping.append(ref.stop(block=False, drain=False))
        clock.advance(2.0)

    asked = ref.ask(partial(hang, gate), block=False)
    gate.reached()
    ref.tell("behind")
    asked.add_done_callback(in_between)
    gate.open()

    assert asked.get(timeout=PATIENCE) == "late"
    log.wait(AgentStopped, "/a")
    assert stopping[0].get(timeout=PATIENCE)
    assert log.of(AgentAbandoned) == []


def test_an_orphan_that_returns_before_it_is_listed_stays_neither_listed_nor_fenced(
    world: World, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed = Flag()

    class Late(Orphans):
        """Lists an orphan only once its code has come back."""

        def add(self, context: Any, orphan: Any) -> int:
            gate.open()
            assert removed.wait(PATIENCE)
            return super().add(context, orphan)

        def remove(self, context: Any) -> Any:
            orphan = super().remove(context)
            removed.set()
            return orphan

    with world.system("test", policy=None) as system:
        raised = fence.raised
        clock = world.clock
        log = EventLog(system)
        system.orphans_list = Late()
        ref = system.spawn(doer("a", deadline=5.0))
        ref.tell(partial(hang, gate))
        gate.reached()

        clock.advance(5.0)

        assert incarnation(ref) == 2
        assert [type(event) for event in log.of(AgentAbandoned) + log.of(OrphanReturned)] == [
            AgentAbandoned,
            OrphanReturned,
        ]
        assert system.orphans == []
        assert fence.raised == raised


# -- what an abandoned incarnation is not ----------------------------------------


def test_an_agent_that_was_abandoned_is_replaced_where_its_policy_would_resume_it(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate
) -> None:
    ref = system.spawn(doer("a", deadline=5.0, policy=Resume()))
    ref.tell(partial(hang, gate))
    gate.reached()
    clock.advance(5.0)

    assert answer(ref, lambda agent: agent.context.spawn(doer("child")).path) == "/a/child"
    assert incarnation(ref) == 2
    assert log.wait(AgentFailed, "/a").directive is Directive.RESTART
    gate.open()
    log.wait(OrphanReturned, "/a")
    assert len(log.of(AgentRestarted, "/a")) == 1


def test_what_an_abandoned_handler_raises_in_the_end_is_no_second_failure(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate, dispatcher: Any
) -> None:
    def fail_late(agent: Doer) -> None:
        gate.wait()
        raise Boom("late")

    ref = system.spawn(doer("a", deadline=5.0, dispatcher=dispatcher))
    ref.tell(fail_late)
    gate.reached()
    clock.advance(5.0)
    assert incarnation(ref) == 2
    gate.open()
    log.wait(OrphanReturned, "/a")

    assert incarnation(ref) == 2
    assert [type(event.error) for event in log.of(AgentFailed, "/a")] == [HandlerTimeout]


def test_a_notice_that_makes_an_agent_hang_fails_it_and_is_not_given_to_the_next_incarnation(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate, trace: Trace
) -> None:
    class Watcher(Doer):
        def on_receive(self, message: Any) -> Any:
            if isinstance(message, Terminated):
                self.say("notice")
                gate.wait()
                return None
            return super().on_receive(message)

    target = system.spawn(doer("target"))
    watcher = system.spawn(ChildSpec(Watcher, "watcher", args=(trace,), deadline=5.0, policy=Resume()))
    answer(watcher, lambda agent: agent.context.watch(target))
    target.stop()
    gate.reached()
    clock.advance(5.0)

    assert incarnation(watcher) == 2
    failed = log.wait(AgentFailed, "/watcher")
    assert (failed.phase, type(failed.error)) == (Phase.DEADLINE, HandlerTimeout)
    gate.open()
    log.wait(OrphanReturned, "/watcher")
    assert incarnation(watcher) == 2
    assert trace.notes.count(("notice", "watcher", 1)) == 1
    assert trace.notes.count(("notice", "watcher", 2)) == 0


# -- on the thread of whoever asked or spawned -----------------------------------


def test_an_asker_whose_ask_runs_on_its_own_thread_learns_that_the_agent_was_abandoned_over_it(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate
) -> None:
    ref = system.spawn(doer("a", shutdown=2.0))
    asking = elsewhere(ref.ask, partial(hang, gate))
    gate.reached()
    stopping = ref.stop(block=False, drain=False)
    clock.advance(2.0)
    assert stopping.get(timeout=PATIENCE)
    assert log.wait(AgentStopped, "/a").reason is StopReason.ABANDONED
    gate.open()

    with pytest.raises(AgentStoppedError, match="abandoned"):
        asking.get()
    assert log.wait(OrphanReturned, "/a").incarnation == 1


def test_a_start_on_the_spawners_thread_that_outlives_the_system_raises_there_and_holds_up_nothing(
    world: World, gate: Gate
) -> None:
    class Slow(Agent):
        def on_start(self) -> None:
            gate.wait()

    system = world.system("test", policy=None)
    clock = world.clock
    log = EventLog(system)
    starting = elsewhere(system.spawn, Slow, name="a")
    gate.reached()
    stopping = elsewhere(system.stop, timeout=2.0)
    clock.wait_for_timer(2.0, 2)
    clock.advance(2.0)

    report = stopping.get()
    assert report.abandoned == ("/a",)
    assert isinstance(log.wait(StartFailed, "/a").error, AgentStoppedError)
    gate.open()
    with pytest.raises(StartFailedError) as raised:
        starting.get()
    assert isinstance(raised.value.cause, AgentStoppedError)


def test_a_first_start_that_hangs_takes_the_children_that_it_had_started_with_it(
    system: ActorSystem, clock: WatchedClock, log: EventLog, gate: Gate
) -> None:
    class Slow(Agent):
        def on_start(self) -> None:
            self.context.spawn(doer("child"))
            gate.wait()

    starting = elsewhere(system.spawn, ChildSpec(Slow, "a", deadline=5.0))
    gate.reached()
    child = get(system, "/a/child")
    clock.advance(5.0)

    with pytest.raises(StartFailedError) as raised:
        starting.get()
    assert isinstance(raised.value.cause, HandlerTimeout)
    assert not child.is_alive()
    assert log.wait(AgentStopped, "/a/child").reason is StopReason.SHUTDOWN
    assert len(system.tree()) == 0
    gate.open()
    log.wait(OrphanReturned, "/a")


def test_a_child_that_waits_for_a_parent_which_ends_it_is_abandoned_when_its_time_is_over(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    parent = system.spawn(doer("parent"))
    child = answer(parent, lambda agent: agent.context.spawn(doer("child", shutdown=2.0)))
    ended = Trace()

    def end_child(agent: Doer) -> None:
        # The parent runs on the child's thread here, so that neither can go on before the other.
        ended.note(bool(agent.context.ref.terminate_child("child")))

    child.tell(lambda agent: parent.ask(end_child))
    clock.wait_for_timer(2.0)
    clock.advance(2.0)

    assert ended.wait_for(True) == [True]
    assert log.wait(AgentStopped, "/parent/child").reason is StopReason.ABANDONED
    assert incarnation(parent) == 1
    log.wait(OrphanReturned, "/parent/child")


def test_a_busy_agent_is_no_orphan_of_a_system_that_has_time_left(
    clock: WatchedClock, log: EventLog, system: ActorSystem
) -> None:
    ref = system.spawn(doer("a"))
    gate = held(ref)
    stopping = elsewhere(system.stop, timeout=60.0)
    clock.wait_for_timer(60.0)
    gate.open()
    assert stopping.get().abandoned == ()
    assert log.wait(AgentStopped, "/a").reason is StopReason.SHUTDOWN
