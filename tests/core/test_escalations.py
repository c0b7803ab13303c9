"""What goes up where the failure of a child becomes that of its parent?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    ChildSpec,
    Escalated,
    StopReason,
    Supervisor,
    SystemFailed,
)
from actors.testkit import Gate, Simulation
from policies import ByError, Decision, Directive, Escalate, Failure, History, Policy, Restart, Resume
from tests.core.doer import Doer, crash, end, result
from tests.core.helpers import Boom, EventLog, Worker, answer
from tests.core.scripted import FOREVER, deciding, doer, get, supervisor


class Boss(Supervisor):
    """Has a child that it answers for, and handles messages itself."""

    policy = Escalate()
    children = (doer("worker", policy=None),)

    def on_receive(self, message: Any) -> Any:
        return message


def test_an_escalated_failure_says_how_many_messages_the_parent_had_handled(system: ActorSystem, log: EventLog) -> None:
    failures: list[Failure] = []

    def decide(failure: Failure, history: History) -> Decision:
        failures.append(failure)
        return FOREVER.decide(failure, history)

    system.spawn(supervisor("top", ChildSpec(Boss, "boss"), policy=deciding(decide)))
    get(system, "/top/boss/worker").tell(Boom("first"))
    log.wait(AgentRestarted, "/top/boss")
    for message in range(3):
        answer(get(system, "/top/boss"), message)
    get(system, "/top/boss/worker").tell("handled by the worker")
    get(system, "/top/boss/worker").tell(Boom("second"))
    log.wait(AgentRestarted, "/top/boss", 2)

    assert [(failure.path, failure.incarnation, failure.handled) for failure in failures] == [
        ("/top/boss", 1, 0),
        ("/top/boss", 2, 3),
    ]


# -- and the child has ended before that is decided ------------------------------


@pytest.fixture
def gate() -> Iterator[Gate]:
    with Gate() as gate:
        yield gate


def undecided(gate: Gate, path: str, policy: Policy) -> Policy:
    """A policy that decides about one child once the gate is open."""

    def decide(failure: Failure, history: History) -> Decision:
        if failure.path == path:
            gate.wait()
        return policy.decide(failure, history)

    return deciding(decide)


def crew_of(*children: ChildSpec[Any], busy: Gate, policy: Policy) -> ChildSpec[Supervisor]:
    """A crew whose lane can be held, by a failure of "a" that is decided once the gate is open."""
    policy = undecided(busy, "/crew/a", ByError({ValueError: Resume()}, default=policy))
    return supervisor("crew", doer("a", policy=None), *children, policy=policy)


def hold_lane(system: ActorSystem, gate: Gate) -> None:
    get(system, "/crew/a").tell(ValueError("what others do has to wait for the decision about this"))
    gate.reached()


def quiet(name: str, **options: Any) -> ChildSpec[Doer]:
    """The spec of an agent without a last hook, which can be stopped at once."""
    return ChildSpec(Doer, name, **options)


ENDS: dict[str, Callable[[AgentRef[Any]], object]] = {
    "stopped": lambda worker: worker.stop(),
    "stopped at once": lambda worker: worker.stop(drain=False),
    "terminated": lambda worker: get(worker._cell.system, "/crew").terminate_child("b"),
}
by_each_end = pytest.mark.parametrize("end_it", ENDS.values(), ids=ENDS)
with_each_way_up = pytest.mark.parametrize("policy", [Escalate(), Restart(0)], ids=["escalate", "limit exceeded"])


def assert_escalated(log: EventLog) -> None:
    """The failure of "b" went up, and ended the crew."""
    crew = log.wait(AgentStopped, "/crew")
    assert crew.reason is StopReason.FAILED
    assert crew.error in [event.error for event in log.of(Escalated, "/crew/b")]
    assert [event.directive for event in log.of(AgentFailed, "/crew/b")] == [Directive.ESCALATE]
    assert [event.reason for event in log.of(AgentStopped, "/crew/b")] == [StopReason.FAILED]


@by_each_end
@with_each_way_up
def test_a_failure_goes_up_although_its_child_ends_while_the_policy_is_asked(
    system: ActorSystem, log: EventLog, gate: Gate, policy: Policy, end_it: Callable[[AgentRef[Any]], object]
) -> None:
    system.spawn(supervisor("crew", quiet("b"), policy=undecided(gate, "/crew/b", policy)))
    worker = get(system, "/crew/b")
    worker.tell(crash)
    gate.reached()

    end_it(worker)
    gate.open()

    assert_escalated(log)


@by_each_end
@with_each_way_up
def test_a_failure_goes_up_although_its_child_ends_before_the_policy_is_asked(
    system: ActorSystem, log: EventLog, gate: Gate, policy: Policy, end_it: Callable[[AgentRef[Any]], object]
) -> None:
    system.spawn(crew_of(quiet("b"), busy=gate, policy=policy))
    hold_lane(system, gate)
    worker = get(system, "/crew/b")
    with pytest.raises(Boom):
        result(worker.ask(crash, block=False))

    end_it(worker)
    gate.open()

    assert_escalated(log)


@by_each_end
def test_a_failure_that_does_not_go_up_is_settled_by_the_end_of_its_child(
    system: ActorSystem, log: EventLog, gate: Gate, end_it: Callable[[AgentRef[Any]], object]
) -> None:
    system.spawn(crew_of(quiet("b"), quiet("c"), busy=gate, policy=Restart(1)))
    hold_lane(system, gate)
    worker = get(system, "/crew/b")
    with pytest.raises(Boom):
        result(worker.ask(crash, block=False))

    end_it(worker)
    gate.open()
    assert log.wait(AgentFailed, "/crew/b").directive is Directive.STOP
    get(system, "/crew/c").tell(crash)

    assert log.wait(AgentRestarted).path == "/crew/c"


def test_a_normal_end_does_not_go_up_where_its_child_is_stopped_from_outside(
    system: ActorSystem, log: EventLog, gate: Gate
) -> None:
    crew = system.spawn(crew_of(quiet("b", restart="permanent"), busy=gate, policy=Restart(0)))
    hold_lane(system, gate)
    get(system, "/crew/b").ask(end)

    assert crew.terminate_child("b")
    gate.open()

    assert answer(get(system, "/crew/a"), "all is decided") == "all is decided"
    assert [(info.name, info.status) for info in crew.children()] == [("a", "running"), ("b", "down")]
    assert log.of(Escalated) == []


class StartsOnce(Worker):
    """Comes up once, and no second time if it is "b"."""

    def on_start(self) -> None:
        if self.context.name == "b" and self.context.incarnation == 2:
            raise Boom("no second start")


def test_siblings_that_wait_for_a_child_come_up_although_its_failure_goes_up(
    system: ActorSystem, log: EventLog, gate: Gate
) -> None:
    children = [ChildSpec(StartsOnce, name) for name in "abc"]
    policy = undecided(gate, "/crew/b", ByError({Boom: Escalate()}, default=FOREVER))
    kwargs = {"children": children, "policy": policy, "strategy": "one_for_all"}
    system.spawn(ChildSpec(Supervisor, "crew", kwargs=kwargs, policy=Resume()))
    get(system, "/crew/a").tell(KeyError("all start again"))
    gate.reached()

    get(system, "/crew/b").stop(drain=False)
    gate.open()

    log.wait(AgentRestarted, "/crew/c")
    assert log.wait(Escalated).path == "/crew/b"
    assert [event.path for event in log.of(AgentRestarted)] == ["/crew/a", "/crew/c"]


@with_each_way_up
def test_whoever_is_first_of_a_stop_and_a_decision_a_failure_reaches_the_root(policy: Policy) -> None:
    def fail_and_stop(seed: int) -> None:
        with Simulation(seed, strategy="pct", policy=policy) as simulation:
            worker = simulation.spawn(quiet("worker"))
            worker.tell(crash)
            simulation.race(lambda: worker.stop(block=False))

    for seed in range(60):
        with pytest.raises(SystemFailed):
            fail_and_stop(seed)
