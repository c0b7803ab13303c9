"""How is a system ended by those who are inside it, or ended already, and what of a failure does it keep?"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentFailed, AgentRestarted, ChildSpec, SystemFailed
from actors._core import place
from actors._core.traces import forget_locals
from actors.testkit import Gate
from policies import Escalate
from tests.core.helpers import PATIENCE, Boom, EventLog, Trace, answer, incarnation
from tests.core.scripted import FOREVER, Doer, doer, get, held

# -- the end ---------------------------------------------------------------------


def test_an_agent_that_stops_its_system_does_not_wait_and_gets_the_report_of_nobody_yet() -> None:
    system = ActorSystem("test")
    reports = Trace()
    system.spawn(doer("a")).tell(lambda agent: reports.note([system.stop(), system.stop()]))
    assert system.wait(PATIENCE)
    ((first, second),) = reports.notes
    assert (first.complete, first.abandoned) == (False, ())
    assert second.complete is False
    assert system.stop().complete


def test_a_system_that_lives_is_not_waited_for_longer_than_asked() -> None:
    with ActorSystem("test") as system:
        assert not system.wait(0.01)
    assert system.wait(0.01)


def test_the_first_of_two_errors_that_reach_the_root_is_the_cause_and_the_second_changes_nothing() -> None:
    system = ActorSystem("test", policy=Escalate())
    log = EventLog(system)
    gates = [held(system.spawn(doer(name, policy=None))) for name in "ab"]
    for name in "ab":
        get(system, f"/{name}").tell(Boom(name))
    slow = Gate()
    system.events.subscribe(lambda event: slow.wait() if event.path == "/b" else None, AgentFailed)
    for gate in gates:
        gate.open()
        if gate is gates[0]:
            log.wait(AgentFailed, "/a")
    slow.open()
    with pytest.raises(SystemFailed) as failed:
        system.wait(PATIENCE)
    assert failed.value.cause.args == ("a",)


def test_errors_that_come_when_a_system_is_ending_do_not_end_it_again() -> None:
    system = ActorSystem("test")
    system.fail("/a", Boom("first"))
    system.fail("/b", Boom("second"))
    with pytest.raises(SystemFailed) as failed:
        system.wait(PATIENCE)
    assert str(failed.value.cause) == "first"


def test_an_error_of_the_with_block_is_not_hidden_by_that_of_the_system() -> None:
    def fail_both() -> None:
        with ActorSystem("test") as system:
            system.fail("/a", Boom("of the system"))
            raise Boom("of the block")

    with pytest.raises(Boom, match="of the block"):
        fail_both()


# -- what may be asked of an agent at any time -----------------------------------


def test_who_waits_for_the_end_of_an_agent_waits_on_one_event_however_often_it_is_asked_for(
    system: ActorSystem,
) -> None:
    ref = system.spawn(doer("a"))
    waiting = ref.actor_stopped
    assert not waiting.is_set()
    assert ref.actor_stopped is waiting
    assert ref.stop()
    assert waiting.wait(PATIENCE)
    assert ref.actor_urn == ref.actor_urn


def test_who_asks_late_finds_an_agents_end_told(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    assert ref.stop()
    assert ref.actor_stopped.is_set()


# -- what is kept of a failure ---------------------------------------------------


class Heavy:
    """Something that nobody is to keep after the agent that made it has failed."""


def test_the_instance_that_failed_is_not_kept_by_its_error(system: ActorSystem, log: EventLog) -> None:
    kept: list[weakref.ref[Any]] = []

    def fail(agent: Doer) -> None:
        heavy = Heavy()
        kept.append(weakref.ref(heavy))
        raise Boom(str(type(heavy)))

    ref = system.spawn(doer("a"))
    ref.tell(fail)
    assert incarnation(ref) == 2
    gc.collect()
    assert kept[0]() is None
    error = log.wait(AgentRestarted, "/a").error
    assert error.__traceback__ is not None


def test_a_generator_that_goes_on_after_an_error_is_not_ended_with_the_agent_that_it_gave_the_error_to(
    system: ActorSystem,
) -> None:
    def errors() -> Iterator[Any]:
        for number in range(2):
            try:
                raise Boom(str(number))
            except Boom as error:
                # Its traceback names this frame, which is suspended, not left, when the agent fails of it.
                yield error
        yield "went on"

    generator = errors()

    def fail(agent: Doer) -> None:
        raise next(generator)

    ref = system.spawn(doer("a"))
    for number in (2, 3):
        ref.tell(fail)
        assert incarnation(ref) == number
    assert next(generator) == "went on"


def test_errors_that_refer_to_each_other_are_walked_once() -> None:
    first, second = Boom("first"), Boom("second")
    try:
        try:
            raise first
        except Boom:
            raise second from first
    except Boom:
        first.__context__ = second
    forget_locals(second)
    assert second.__cause__ is first
    assert first.__traceback__ is not None


# -- spawning --------------------------------------------------------------------


def test_a_spec_is_spawned_as_it_is_and_takes_nothing_beside_it(system: ActorSystem) -> None:
    with pytest.raises(ValueError, match="either a ChildSpec alone or a class"):
        system.spawn(doer("a"), "more")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="either a ChildSpec alone or a class"):
        system.spawn(doer("a"), name="b")  # type: ignore[call-overload]
    assert len(system.tree()) == 0


def test_a_declared_child_that_lived_through_the_restart_is_not_started_a_second_time(
    system: ActorSystem, log: EventLog
) -> None:
    class Parent(Doer):
        _child_specs = (doer("child"),)

    parent = system.spawn(ChildSpec(Parent, "parent", keep_children=True, policy=FOREVER))
    child = get(system, "/parent/child")
    parent.tell(Boom())
    assert incarnation(parent) == 2
    assert get(system, "/parent/child") == child
    assert incarnation(child) == 1


def test_an_interrupt_during_a_start_is_the_spawners_own_and_keeps_no_agent(system: ActorSystem) -> None:
    class Interrupted(Agent):
        def on_start(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        system.spawn(Interrupted, name="a")
    assert system.find("/a") is None


def test_agents_that_spawn_one_another_are_started_however_deep_they_are(system: ActorSystem, trace: Trace) -> None:
    depth = 2 * place.DEEPEST

    class Nested(Agent):
        def __init__(self, left: int) -> None:
            self.left = left

        def on_start(self) -> None:
            if self.left:
                self.context.spawn(Nested, self.left - 1, name="n")
            else:
                trace.note(self.context.path)

    system.spawn(Nested, depth, name="n")
    assert trace.notes == ["/n" * (depth + 1)]
    assert answer(system.spawn(doer("a")), "who") == 1
