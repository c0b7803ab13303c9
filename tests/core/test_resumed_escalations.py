"""What becomes of a child that cannot be resumed, where its parent is resumed after that child's failure?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, AgentRestarted, ChildSpec, HandlerTimeout, OrphanReturned, Outcome, Supervisor
from actors._core.supervision import Family
from actors.testkit import VirtualClock
from policies import ByError, Escalate, Restart, Resume
from tests.core.helpers import Boom, EventLog, Trace, Worker, incarnation
from tests.core.scripted import FOREVER, doer, get, held, supervisor


class SecondStartFails(Worker):
    """Only "b" has trouble, and only the second time."""

    def on_start(self) -> None:
        super().on_start()
        if self.context.name == "b" and self.context.incarnation == 2:
            raise Boom("second start")


def resumed(*children: ChildSpec[Any], **options: Any) -> ChildSpec[Supervisor]:
    """A supervisor that goes on, whatever its children's failures make of it."""
    kwargs = {"children": children, **options}
    return ChildSpec(Supervisor, "crew", kwargs=kwargs, policy=Resume())


def test_a_child_that_did_not_start_is_started_again(system: ActorSystem, log: EventLog) -> None:
    crew = system.spawn(resumed(ChildSpec(SecondStartFails, "b"), policy=Escalate()))

    assert crew.restart_child("b").outcome is Outcome.START_FAILED
    log.wait(AgentRestarted, "/crew/b")

    assert incarnation(get(system, "/crew/b")) == 3
    assert crew.incarnation == 1


def test_a_permanent_child_that_ended_too_often_is_started_again(system: ActorSystem, log: EventLog) -> None:
    crew = system.spawn(resumed(ChildSpec(Worker, "a", restart="permanent"), policy=Restart(0)))

    get(system, "/crew/a").tell("stop")
    log.wait(AgentRestarted, "/crew/a")

    assert incarnation(get(system, "/crew/a")) == 2
    assert crew.incarnation == 1


def test_a_child_that_was_abandoned_over_its_deadline_is_started_again(
    system: ActorSystem, clock: VirtualClock, log: EventLog
) -> None:
    spec = resumed(doer("a", deadline=1.0, policy=ByError({HandlerTimeout: Escalate()})))
    system.spawn(spec)
    child = get(system, "/crew/a")
    gate = held(child)

    clock.advance(1.0)
    log.wait(AgentRestarted, "/crew/a")

    assert incarnation(child) == 2
    gate.open()
    log.wait(OrphanReturned)


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_siblings_that_waited_for_a_child_that_did_not_start_come_up_with_it(
    system: ActorSystem, log: EventLog, strategy: str
) -> None:
    trace = Trace()
    children = [ChildSpec(SecondStartFails, name, args=(trace,)) for name in "abc"]
    policy = ByError({KeyError: Restart()}, default=Escalate())
    crew = system.spawn(resumed(*children, strategy=strategy, policy=policy))

    get(system, "/crew/a").tell(KeyError())
    log.wait(AgentRestarted, "/crew/c")

    assert [info.status for info in crew.children()] == ["running"] * 3
    assert incarnation(get(system, "/crew/b")) == 3


def test_siblings_that_waited_come_up_where_the_parent_was_restarted_and_keeps_its_children(
    system: ActorSystem, log: EventLog
) -> None:
    children = [ChildSpec(SecondStartFails, name) for name in "abc"]
    policy = ByError({KeyError: Restart()}, default=Escalate())
    crew = supervisor("crew", *children, strategy="one_for_all", policy=policy)
    parent = system.spawn(ChildSpec(crew.agent, "crew", kwargs=crew.kwargs, keep_children=True, policy=FOREVER))

    get(system, "/crew/a").tell(KeyError())
    log.wait(AgentRestarted, "/crew/c")

    assert parent.incarnation == 2
    assert [info.status for info in parent.children()] == ["running"] * 3
    assert [incarnation(get(system, f"/crew/{name}")) for name in "bc"] == [3, 2]


def test_siblings_come_up_without_a_child_that_is_ended_before_it_has_started_again(
    system: ActorSystem, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = [ChildSpec(SecondStartFails, name) for name in "abc"]
    policy = ByError({KeyError: Restart()}, default=Escalate())
    crew = system.spawn(resumed(*children, strategy="rest_for_one", policy=policy))
    restart = Family._restart_anew

    def too_late(family: Family, child: Any, failure: Any) -> None:
        crew.terminate_child("b")
        restart(family, child, failure)

    monkeypatch.setattr(Family, "_restart_anew", too_late)
    get(system, "/crew/a").tell(KeyError())
    log.wait(AgentRestarted, "/crew/c")

    assert [(info.name, info.status) for info in crew.children()] == [
        ("a", "running"), ("b", "down"), ("c", "running"),
    ]  # fmt: skip
