"""How are children started, ended, restarted, forgotten and counted from outside?"""

from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentBackingOff,
    AgentRestarted,
    AgentStarted,
    AgentStopped,
    ChildCount,
    ChildSpec,
    Outcome,
    StartFailedError,
    StopReason,
    Supervisor,
)
from actors.testkit import Gate
from policies import Backoff, Restart, Stop
from tests.core.clocks import WatchedClock, WatchedVirtualClock
from tests.core.doer import Doer, busy_at, crash, end_of, number, stop, tree_of
from tests.core.helpers import Boom, EventLog, answer, result

SLOWLY = Restart(max_restarts=None, within=None, backoff=Backoff(10.0, cap=10.0))


@pytest.mark.case(81)
def test_a_child_is_started_ended_restarted_and_forgotten_as_in_otp(system: ActorSystem, spec: Any) -> None:
    parent = system.spawn(spec(Supervisor, name="p"))
    child = spec(Doer, name="child")

    started = parent.start_child(child)
    assert started.outcome is Outcome.OK
    assert started.ref is not None
    assert (parent.start_child(child).outcome, parent.start_child(child).ref) == (Outcome.ALREADY_STARTED, started.ref)

    assert parent.terminate_child("child").outcome is Outcome.OK
    assert not started.ref.is_alive()
    assert parent.terminate_child("child").outcome is Outcome.OK
    assert [(info.name, info.status, info.ref) for info in parent.children()] == [("child", "down", None)]
    assert parent.start_child(child).outcome is Outcome.ALREADY_PRESENT

    restarted = parent.restart_child("child")
    assert restarted.outcome is Outcome.OK
    assert restarted.ref is not None
    assert restarted.ref != started.ref
    assert answer(restarted.ref, number) == 1
    assert parent.delete_child("child").outcome is Outcome.RUNNING
    assert restarted.ref.is_alive()

    assert parent.terminate_child("child").outcome is Outcome.OK
    assert parent.delete_child("child").outcome is Outcome.OK
    assert parent.children() == []
    assert parent.restart_child("child").outcome is Outcome.NOT_FOUND
    assert parent.delete_child("child").outcome is Outcome.NOT_FOUND
    assert parent.terminate_child("child").outcome is Outcome.NOT_FOUND


@pytest.mark.case(81)
def test_children_are_administered_while_their_parent_is_busy(system: ActorSystem, spec: Any) -> None:
    parent = system.spawn(spec(Doer, name="p"))
    gate = Gate()
    parent.tell(busy_at(gate))
    gate.reached()

    assert parent.start_child(spec(Doer, name="child")).outcome is Outcome.OK
    assert parent.terminate_child("child").outcome is Outcome.OK
    assert parent.restart_child("child").outcome is Outcome.OK
    assert parent.count_children() == ChildCount(specs=1, active=1, supervisors=0, workers=1)

    gate.open()
    assert answer(parent, number) == 1


@pytest.mark.case(82)
@pytest.mark.parametrize("strategy", ["one_for_one", "rest_for_one"])
def test_a_child_that_waits_for_its_restart_is_restarting_and_its_end_cancels_that(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, strategy: str
) -> None:
    children = [spec(Doer, name="failing"), spec(Doer, name="after")]
    options = {"children": children, "strategy": strategy, "policy": SLOWLY}
    parent = system.spawn(spec(Supervisor, name="p", kwargs=options))
    failing = system.find("/p/failing")
    assert failing is not None
    failing.tell(crash)
    clock.wait_for_timer(10.0)

    assert parent.restart_child("failing").outcome is Outcome.RESTARTING
    assert parent.delete_child("failing").outcome is Outcome.RESTARTING
    assert parent.children()[0].status == "restarting"
    assert parent.count_children().active == (1 if strategy == "one_for_one" else 0)

    assert parent.terminate_child("failing").outcome is Outcome.OK
    clock.advance(10.0)
    after = system.find("/p/after")
    assert after is not None
    assert answer(after, number) == (1 if strategy == "one_for_one" else 2)
    assert log.of(AgentRestarted, "/p/failing") == []
    assert [(info.name, info.status) for info in parent.children()] == [("failing", "down"), ("after", "running")]


@pytest.mark.case(82)
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_a_supervisor_whose_children_wait_for_their_restart_stops_without_waiting(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, strategy: str
) -> None:
    children = [spec(Doer, name="before"), spec(Doer, name="failing"), spec(Doer, name="after")]
    options = {"children": children, "strategy": strategy, "policy": SLOWLY}
    parent = system.spawn(spec(Supervisor, name="p", kwargs=options))
    failing = system.find("/p/failing")
    assert failing is not None
    failing.tell(crash)
    clock.wait_for_timer(10.0)

    assert stop(parent) is True

    assert clock.now() == 0.0
    assert tree_of(system) == []
    clock.advance(100.0)
    assert log.of(AgentRestarted) == []


@pytest.mark.case(83)
def test_children_that_wait_for_their_restart_are_counted_and_not_active(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog
) -> None:
    parent = system.spawn(spec(Supervisor, name="p", kwargs={"policy": SLOWLY}))
    refs = [parent.start_child(spec(Doer)).ref for _ in range(3)]
    for ref in refs[:2]:
        assert ref is not None
        ref.tell(crash)
    log.wait(AgentBackingOff, times=2)

    assert parent.count_children() == ChildCount(specs=3, active=1, supervisors=0, workers=3)
    clock.wait_for_timer(10.0)


@pytest.mark.case(84)
def test_a_ref_of_an_ended_child_is_ok_to_terminate_and_one_of_another_parent_is_not_found(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    parent, other = system.spawn(spec(Supervisor, name="p")), system.spawn(spec(Supervisor, name="q"))
    dead, alien = parent.start_child(spec(Doer, name="dead")).ref, other.start_child(spec(Doer, name="alien")).ref
    assert dead is not None
    assert alien is not None
    stop(dead)
    assert end_of(log, "/p/dead") is StopReason.REQUESTED

    assert parent.terminate_child(dead).outcome is Outcome.OK
    assert parent.terminate_child(alien).outcome is Outcome.NOT_FOUND

    assert answer(alien, number) == 1


@pytest.mark.case(84)
def test_a_ref_of_an_ended_child_does_not_end_its_successor_of_the_same_name(system: ActorSystem, spec: Any) -> None:
    parent = system.spawn(spec(Supervisor, name="p"))
    old = parent.start_child(spec(Doer, name="child")).ref
    assert old is not None
    parent.terminate_child(old)
    new = parent.restart_child("child").ref
    assert new is not None

    assert parent.terminate_child(old).outcome is Outcome.OK

    assert answer(new, number) == 1


BAD_SPECS: dict[str, dict[str, Any]] = {
    "agent": {"agent": int},
    "name": {"agent": Doer, "name": "a/b"},
    "args": {"agent": Doer, "args": "text"},
    "kwargs": {"agent": Doer, "kwargs": ["text"]},
    "restart": {"agent": Doer, "restart": "often"},
    "shutdown": {"agent": Doer, "shutdown": -1.0},
    "significant": {"agent": Doer, "restart": "permanent", "significant": True},
    "policy": {"agent": Doer, "policy": "restart"},
    "mailbox": {"agent": Doer, "mailbox": 32},
    "dispatcher": {"agent": Doer, "dispatcher": "greenlet"},
    "deadline": {"agent": Doer, "deadline": 0.0},
    "keep_children": {"agent": Doer, "keep_children": 1},
}


@pytest.mark.case(85)
@pytest.mark.parametrize("fault", BAD_SPECS)
def test_a_spec_that_makes_no_sense_cannot_be_built(fault: str) -> None:
    with pytest.raises(ValueError, match=rf"^{fault}: |name"):
        ChildSpec(**BAD_SPECS[fault])


BAD_FLAGS: dict[str, Callable[[], dict[str, Any]]] = {
    "strategy": lambda: {"strategy": "two_for_one"},
    "auto_shutdown": lambda: {"auto_shutdown": "sometimes"},
    "policy": lambda: {"policy": "restart"},
    "max_children": lambda: {"max_children": -1},
    "children": lambda: {"children": [ChildSpec(Doer, name="a"), Doer]},
    "two are named 'a'": lambda: {"children": [ChildSpec(Doer, name="a"), ChildSpec(Doer, name="a")]},
    "significant": lambda: {"children": [ChildSpec(Doer, name="a"), ChildSpec(Doer, name="b", significant=True)]},
}


@pytest.mark.case(85)
@pytest.mark.parametrize("fault", BAD_FLAGS)
def test_a_supervisor_that_makes_no_sense_is_refused_before_any_child_starts(
    system: ActorSystem, spec: Any, log: EventLog, fault: str
) -> None:
    options = {"children": [ChildSpec(Doer, name="a")], **BAD_FLAGS[fault]()}

    with pytest.raises(StartFailedError) as error:
        system.spawn(spec(Supervisor, name="p", kwargs=options))

    assert isinstance(error.value.cause, ValueError)
    assert fault in str(error.value.cause)
    assert log.of(AgentStarted) == []
    assert tree_of(system) == []


@pytest.mark.case(85)
def test_a_significant_child_is_refused_by_a_running_supervisor_that_never_shuts_down(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    parent = system.spawn(spec(Supervisor, name="p"))

    with pytest.raises(ValueError, match="significant"):
        parent.start_child(spec(Doer, name="child", significant=True))

    assert parent.children() == []
    assert result(parent.stop(block=False)) is True


class StartsOnce(Doer):
    """An agent whose second and later starts fail."""

    def on_start(self) -> None:
        if self.context.incarnation > 1:
            raise Boom("start")


class LateClock(WatchedVirtualClock):
    """A clock on which whoever has waited goes on only once an agent has ended."""

    def __init__(self) -> None:
        super().__init__()
        self.until_ended: Callable[[], Any] | None = None

    def wait(self, future: Any, deadline: float | None) -> bool:
        settled = super().wait(future, deadline)
        if self.until_ended is not None:
            self.until_ended()
        return settled


def test_a_planned_restart_that_does_not_start_says_so_although_the_child_is_stopped_for_it_by_then(
    dispatcher: Any,
) -> None:
    clock = LateClock()
    with ActorSystem("late", clock=clock) as system:
        log = EventLog(system)
        parent = system.spawn(Supervisor, policy=Stop(), name="p")
        parent.start_child(ChildSpec(StartsOnce, name="child", dispatcher=dispatcher))
        clock.until_ended = lambda: log.wait(AgentStopped, "/p/child")

        restarted = parent.restart_child("child")
        clock.until_ended = None

    assert restarted.outcome is Outcome.START_FAILED
    assert isinstance(restarted.error, StartFailedError)
    assert end_of(log, "/p/child") is StopReason.FAILED
