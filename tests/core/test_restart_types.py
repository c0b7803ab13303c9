"""After which end does a child come back?"""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    ChildCount,
    HandlerTimeout,
    OrphanReturned,
    Outcome,
    StopReason,
    Supervisor,
)
from actors.testkit import Gate, VirtualClock
from policies import Directive, Restart
from tests.core.helpers import Boom, EventLog, Trace, Worker, incarnation

ENDS: dict[str, Any] = {
    "normal": lambda ref: ref.tell("stop"),
    "crash": lambda ref: ref.tell(Boom("crash")),
    "exit": lambda ref: ref.tell(SystemExit(3)),
    "stop": lambda ref: ref.stop(),
    "stop at once": lambda ref: ref.stop(drain=False),
}
"""How an agent may end: by itself, by a failure of either kind, or because somebody asked for it."""

BY_ITSELF = ["normal", "crash", "exit"]
BY_FAILURE = ["crash", "exit"]
BY_REQUEST = ["stop", "stop at once"]

End = Callable[[AgentRef[Any]], Any]


@pytest.fixture
def end(request: pytest.FixtureRequest) -> End:
    found: End = ENDS[request.param]
    return found


@pytest.fixture
def crew(system: ActorSystem, spec: Any) -> AgentRef[Supervisor]:
    kwargs = {"policy": Restart(max_restarts=10, within=60.0)}
    return system.spawn(spec(Supervisor, name="crew", kwargs=kwargs))


def start(crew: AgentRef[Any], spec: Any) -> AgentRef[Any]:
    started = crew.start_child(spec)
    assert started.ref is not None
    return started.ref


@pytest.mark.case(12)
@pytest.mark.parametrize("end", BY_ITSELF, indirect=True)
def test_a_permanent_child_comes_back_after_every_end_of_its_own(
    crew: AgentRef[Any], spec: Any, log: EventLog, end: End
) -> None:
    worker = start(crew, spec(Worker, name="a", restart="permanent"))

    for times in (1, 2, 3):
        end(worker)
        log.wait(AgentRestarted, "/crew/a", times)

    assert incarnation(worker) == 4
    assert log.of(AgentStopped) == []


@pytest.mark.case(12)
@pytest.mark.parametrize("end", BY_REQUEST, indirect=True)
def test_a_stop_that_was_asked_for_is_not_answered_by_a_restart_of_a_permanent_child(
    crew: AgentRef[Any], spec: Any, log: EventLog, end: End
) -> None:
    worker = start(crew, spec(Worker, name="a", restart="permanent"))

    end(worker)

    assert log.wait(AgentStopped, "/crew/a").reason is StopReason.REQUESTED
    assert log.of(AgentRestarted) == []
    assert [info.status for info in crew.children()] == ["down"]


@pytest.mark.case(13)
def test_a_transient_child_that_ends_normally_stays_down_and_its_spec_is_kept(
    crew: AgentRef[Any], spec: Any, log: EventLog
) -> None:
    worker = start(crew, spec(Worker, name="a", restart="transient"))

    worker.tell("stop")

    assert log.wait(AgentStopped, "/crew/a").reason is StopReason.NORMAL
    [info] = crew.children()
    assert (info.name, info.status, info.ref) == ("a", "down", None)
    assert crew.count_children() == ChildCount(specs=1, active=0, supervisors=0, workers=1)
    assert log.of(AgentRestarted) == []


@pytest.mark.case(14)
@pytest.mark.parametrize("end", BY_REQUEST, indirect=True)
def test_a_transient_child_that_was_stopped_stays_down_until_restart_child(
    crew: AgentRef[Any], spec: Any, log: EventLog, end: End
) -> None:
    worker = start(crew, spec(Worker, name="a", restart="transient"))
    end(worker)
    log.wait(AgentStopped, "/crew/a")
    assert log.of(AgentRestarted) == []

    restarted = crew.restart_child("a")

    assert restarted.outcome is Outcome.OK
    assert restarted.ref is not None
    assert restarted.ref != worker
    assert incarnation(restarted.ref) == 1


@pytest.mark.case(15)
@pytest.mark.parametrize("end", BY_FAILURE, indirect=True)
def test_a_transient_child_comes_back_after_a_failure(crew: AgentRef[Any], spec: Any, log: EventLog, end: End) -> None:
    worker = start(crew, spec(Worker, name="a", restart="transient"))

    end(worker)

    log.wait(AgentRestarted, "/crew/a")
    assert incarnation(worker) == 2


class Hangs(Worker):
    """Waits at its gate over a message "hang"."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def on_receive(self, message: Any) -> Any:
        if message == "hang":
            self.gate.wait()
        return super().on_receive(message)


@pytest.mark.case(15)
def test_a_transient_child_comes_back_after_it_was_abandoned_over_its_deadline(
    crew: AgentRef[Any], spec: Any, log: EventLog, clock: VirtualClock
) -> None:
    gate = Gate()
    worker = start(crew, spec(Hangs, name="a", args=(gate,), restart="transient", deadline=1.0))

    worker.tell("hang")
    gate.reached()
    clock.advance(1.0)
    log.wait(AgentRestarted, "/crew/a")

    assert incarnation(worker) == 2
    assert isinstance(log.wait(AgentFailed, "/crew/a").error, HandlerTimeout)
    assert len(log.of(AgentAbandoned, "/crew/a")) == 1
    gate.open()
    log.wait(OrphanReturned, "/crew/a")


@pytest.mark.case(16)
@pytest.mark.parametrize("end", list(ENDS), indirect=True)
def test_a_temporary_child_never_comes_back_and_its_name_is_free(
    crew: AgentRef[Any], spec: Any, log: EventLog, end: End
) -> None:
    recipe = spec(Worker, name="a", restart="temporary")
    worker = start(crew, recipe)

    end(worker)

    log.wait(AgentStopped, "/crew/a")
    assert log.of(AgentRestarted) == []
    assert crew.children() == []
    assert crew.restart_child("a").outcome is Outcome.NOT_FOUND
    successor = start(crew, recipe)
    assert incarnation(successor) == 1
    assert not worker.is_alive()


def test_a_restart_decided_for_a_temporary_child_ends_it_as_failed(
    crew: AgentRef[Any], spec: Any, log: EventLog
) -> None:
    worker = start(crew, spec(Worker, name="a", restart="temporary"))

    worker.tell(Boom("once"))

    stopped = log.wait(AgentStopped, "/crew/a")
    assert (stopped.reason, repr(stopped.error)) == (StopReason.FAILED, "Boom('once')")
    assert log.of(AgentFailed)[0].directive is Directive.STOP


@pytest.mark.case(17)
@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_temporary_sibling_ends_with_the_batch_and_spends_no_limit(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace, strategy: str
) -> None:
    children = [
        spec(Worker, name="a", args=(trace,)),
        spec(Worker, name="temp", args=(trace,), restart="temporary"),
        spec(Worker, name="b", args=(trace,)),
    ]
    kwargs = {"children": children, "strategy": strategy, "policy": Restart(max_restarts=1, within=60.0)}
    crew = system.spawn(spec(Supervisor, name="crew", kwargs=kwargs))
    first = system.find("/crew/a")
    assert first is not None

    first.tell(Boom("all go"))
    log.wait(AgentRestarted, "/crew/b")

    assert log.wait(AgentStopped, "/crew/temp").reason is StopReason.SHUTDOWN
    assert [info.name for info in crew.children()] == ["a", "b"]
    assert [restart.path for restart in log.of(AgentRestarted)] == ["/crew/a", "/crew/b"]
    assert trace.count(("start", "temp", 1)) == 1
    assert trace.count(("stop", "temp", 1)) == 1
    assert crew.is_alive()


@pytest.mark.case(17)
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_failures_of_temporary_children_spend_no_limit_and_leave_their_siblings_alone(
    system: ActorSystem, spec: Any, log: EventLog, strategy: str
) -> None:
    names = [f"temp-{number}" for number in range(5)]
    children = [spec(Worker, name=name, restart="temporary") for name in names] + [spec(Worker, name="b")]
    kwargs = {"children": children, "strategy": strategy, "policy": Restart(max_restarts=0)}
    crew = system.spawn(spec(Supervisor, name="crew", kwargs=kwargs))

    for ref in system.select("/crew/temp-*"):
        ref.tell(Boom("only me"))
    for name in names:
        log.wait(AgentStopped, f"/crew/{name}")

    assert crew.is_alive()
    [sibling] = system.select("/crew/*")
    assert incarnation(sibling) == 1


class Parcel:
    """An argument that says by a weak reference whether anybody holds it."""


@pytest.mark.case(18)
def test_the_arguments_of_a_temporary_child_that_has_ended_are_not_retained(
    crew: AgentRef[Any], spec: Any, log: EventLog
) -> None:
    class Holder(Agent):
        def __init__(self, parcel: Parcel) -> None:
            self.parcel = parcel

    parcels = [Parcel(), Parcel()]
    traces = [weakref.ref(parcel) for parcel in parcels]
    for number, parcel in enumerate(parcels):
        start(crew, spec(Holder, name=f"h{number}", args=(parcel,), restart="temporary"))
    del parcel, parcels

    for number, left in ((0, 1), (1, 0)):
        assert crew.terminate_child(f"h{number}")
        log.wait(AgentStopped, f"/crew/h{number}")
        gc.collect()
        assert traces[number]() is None
        assert crew.count_children().specs == left


def test_the_failure_of_a_child_keeps_no_instance_of_it_alive(crew: AgentRef[Any], spec: Any, log: EventLog) -> None:
    instances: list[weakref.ref[Any]] = []

    class Remembered(Worker):
        def __init__(self) -> None:
            super().__init__()
            instances.append(weakref.ref(self))

    worker = start(crew, spec(Remembered, name="a"))
    worker.stop()
    log.wait(AgentStopped)
    gc.collect()

    assert [instance() for instance in instances] == [None]
