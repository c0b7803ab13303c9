"""What happens when an agent does not start?"""

import asyncio
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentBackingOff,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentResumed,
    AgentStarted,
    AgentStopped,
    ChildCount,
    ChildSpec,
    Outcome,
    RestartLimitExceeded,
    StartFailed,
    StartFailedError,
    StopReason,
    Supervisor,
    TooManyChildren,
)
from actors._core import parent as parent_module
from actors._core.future import Ask
from actors.testkit import Gate
from policies import Backoff, ByError, Directive, Phase, Restart, Resume, Stop
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, Worker, answer, elsewhere, incarnation, patience
from tests.core.scripted import doer


class Picky(Worker):
    """Does not come up in the incarnations listed."""

    def __init__(self, trace: Trace, *bad: int, error: BaseException | None = None) -> None:
        super().__init__(trace)
        self.bad = bad
        self.error = error or Boom("no start")

    def on_start(self) -> None:
        super().on_start()
        if self.context.incarnation in self.bad:
            raise self.error


class Crowded(Agent):
    """Starts a child of the name that it is sent, and may have one."""

    max_children = 1

    def on_receive(self, name: str) -> str:
        return self.context.spawn(Agent, name=name).path


NEVER = tuple(range(1, 100))
AGAIN_NEVER = tuple(range(2, 100))


@pytest.fixture
def crew(system: ActorSystem, spec: Any) -> AgentRef[Supervisor]:
    return system.spawn(spec(Supervisor, name="crew", kwargs={"policy": Restart(max_restarts=2, within=60.0)}))


def start(crew: AgentRef[Any], spec: Any) -> AgentRef[Any]:
    started = crew.start_child(spec)
    assert started.ref is not None
    return started.ref


def starts(trace: Trace, name: str = "a") -> list[int]:
    """Give the incarnations whose start hook ran."""
    return [number for what, who, number in trace.notes if (what, who) == ("start", name)]


@pytest.mark.case(27)
def test_a_supervisor_whose_third_child_does_not_start_stops_the_others_in_reverse_and_fails(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    children = [spec(Picky, name="a", args=(trace,)), spec(Picky, name="b", args=(trace,))]
    children.append(spec(Picky, name="c", args=(trace, 1)))

    with pytest.raises(StartFailedError) as raised:
        system.spawn(spec(Supervisor, name="crew", kwargs={"children": children}))

    assert raised.value.path == "/crew"
    cause = raised.value.cause
    assert isinstance(cause, StartFailedError)
    assert cause.path == "/crew/c"
    assert repr(cause.cause) == "Boom('no start')"
    assert trace.notes == [("start", name, 1) for name in "abc"] + [("stop", "b", 1), ("stop", "a", 1)]
    assert [event.path for event in log.of(StartFailed)] == ["/crew/c", "/crew"]
    assert system.find("/crew") is None


@pytest.mark.case(28)
def test_start_child_answers_with_the_error_keeps_no_spec_and_touches_no_sibling(
    crew: AgentRef[Any], spec: Any, log: EventLog, trace: Trace
) -> None:
    sibling = start(crew, spec(Worker, name="b"))

    result = crew.start_child(spec(Picky, name="a", args=(trace, *NEVER)))

    assert result.outcome is Outcome.START_FAILED
    assert not result
    assert result.ref is None
    assert result.error is not None
    assert result.error.path == "/crew/a"
    assert repr(result.error.cause) == "Boom('no start')"
    assert [info.name for info in crew.children()] == ["b"]
    assert incarnation(sibling) == 1
    assert starts(trace) == [1]
    assert log.of(AgentFailed) == []


@pytest.mark.case(29)
def test_restart_child_answers_with_the_error_and_keeps_the_spec(
    crew: AgentRef[Any], spec: Any, log: EventLog, trace: Trace
) -> None:
    working = True

    class Moody(Worker):
        def on_start(self) -> None:
            super().on_start()
            if not working:
                raise Boom("not today")

    start(crew, spec(Moody, name="a", args=(trace,)))
    crew.terminate_child("a")
    working = False

    result = crew.restart_child("a")

    assert result.outcome is Outcome.START_FAILED
    assert result.error is not None
    assert repr(result.error.cause) == "Boom('not today')"
    assert [(info.name, info.status, info.ref) for info in crew.children()] == [("a", "down", None)]
    assert crew.count_children() == ChildCount(specs=1, active=0, supervisors=0, workers=1)
    working = True
    assert crew.restart_child("a").outcome is Outcome.OK


@pytest.mark.case(32)
def test_a_restart_that_fails_once_and_then_works_brings_the_child_back(
    crew: AgentRef[Any], spec: Any, log: EventLog, trace: Trace
) -> None:
    worker = start(crew, spec(Picky, name="a", args=(trace, 2)))

    worker.tell(Boom("first"))
    log.wait(AgentRestarted, "/crew/a")

    assert starts(trace) == [1, 2, 3]
    assert incarnation(worker) == 3
    failures = log.of(AgentFailed, "/crew/a")
    assert [(failure.phase, failure.directive) for failure in failures] == [
        (Phase.RECEIVE, Directive.RESTART),
        (Phase.START, Directive.RESTART),
    ]
    assert crew.is_alive()


class BadInit(Agent):
    def __init__(self, error: BaseException) -> None:
        raise error


class BadStart(Agent):
    def __init__(self, error: BaseException) -> None:
        self.error = error

    def on_start(self) -> None:
        raise self.error


class JunkInit(Agent):
    def __init__(self) -> None:
        return 42  # type: ignore[return-value]


class WantsMore(Agent):
    def __init__(self, something: object) -> None:
        self.something = something


@pytest.mark.case(33)
@pytest.mark.parametrize("agent", [BadInit, BadStart])
@pytest.mark.parametrize(
    "error", [Boom("raised"), SystemExit(3), asyncio.CancelledError(), GeneratorExit()], ids=lambda error: repr(error)
)
def test_whatever_a_start_raises_is_an_error_for_the_caller_alone(
    crew: AgentRef[Any], system: ActorSystem, spec: Any, agent: type, error: BaseException
) -> None:
    result = crew.start_child(spec(agent, name="a", args=(error,)))

    assert result.outcome is Outcome.START_FAILED
    assert result.error is not None
    assert result.error.cause is error
    with pytest.raises(StartFailedError) as raised:
        system.spawn(spec(agent, name="a", args=(error,)))
    assert raised.value.cause is error
    assert crew.is_alive()
    assert crew.children() == []


@pytest.mark.case(33)
@pytest.mark.parametrize("agent", [JunkInit, WantsMore])
def test_a_constructor_that_gives_back_junk_or_lacks_arguments_is_an_error_for_the_caller(
    crew: AgentRef[Any], spec: Any, agent: type
) -> None:
    result = crew.start_child(spec(agent, name="a"))

    assert result.outcome is Outcome.START_FAILED
    assert result.error is not None
    assert isinstance(result.error.cause, TypeError)
    assert crew.children() == []


def test_an_instance_is_made_by_the_constructor_that_its_class_has(crew: AgentRef[Any], spec: Any) -> None:
    class Counted(Agent):
        made = 0

        def __new__(cls, step: int) -> "Counted":
            cls.made += step
            return super().__new__(cls)

        def __init__(self, step: int) -> None:
            self.step = step

    start(crew, spec(Counted, name="a", args=(2,)))

    assert Counted.made == 2


@pytest.mark.case(34)
def test_a_child_between_two_incarnations_counts_against_max_children(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace, clock: WatchedClock
) -> None:
    policy = Restart(max_restarts=None, within=None, backoff=Backoff(1.0, cap=1.0))
    crew = system.spawn(spec(Supervisor, name="crew", kwargs={"policy": policy, "max_children": 1}))
    worker = start(crew, spec(Picky, name="a", args=(trace, *AGAIN_NEVER)))
    worker.tell(Boom("first"))

    for times in (1, 2, 3):
        log.wait(AgentBackingOff, "/crew/a", times)
        assert crew.start_child(spec(Worker, name="b")).outcome is Outcome.MAX_CHILDREN
        assert [info.status for info in crew.children()] == ["restarting"]
        clock.wait_for_timer(float(times))
        clock.advance(1.0)

    crew.terminate_child("a")
    crew.delete_child("a")
    assert crew.start_child(spec(Worker, name="b")).outcome is Outcome.OK


def test_one_child_more_than_max_children_is_refused_by_name(system: ActorSystem) -> None:
    crew = system.spawn(ChildSpec(Crowded, name="crew", policy=Resume()))

    assert crew.ask("first") == "/crew/first"
    with pytest.raises(TooManyChildren) as refused:
        crew.ask("second")

    assert (refused.value.path, refused.value.most) == ("/crew", 1)
    assert [info.name for info in crew.children()] == ["first"]


@pytest.mark.case(35)
def test_a_start_hook_that_keeps_raising_runs_once_for_each_restart_and_then_the_child_stops(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    policy = Restart(max_restarts=3, within=60.0, then=Stop())
    crew = system.spawn(spec(Supervisor, name="crew", kwargs={"policy": policy}))
    worker = start(crew, spec(Picky, name="a", args=(trace, *AGAIN_NEVER)))

    worker.tell(Boom("first"))
    stopped = log.wait(AgentStopped, "/crew/a")

    assert stopped.reason is StopReason.FAILED
    assert repr(stopped.error) == "Boom('no start')"
    assert starts(trace) == [1, 2, 3, 4]
    assert crew.is_alive()
    assert [info.status for info in crew.children()] == ["down"]


@pytest.mark.case(36)
def test_a_first_start_that_fails_is_not_tried_again_even_under_an_unlimited_restart(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    unlimited = Restart(max_restarts=None, within=None)

    with pytest.raises(StartFailedError):
        system.spawn(spec(Picky, name="a", args=(trace, *NEVER), policy=unlimited))

    assert starts(trace) == [1]
    assert log.of(AgentFailed) == []
    assert [event.path for event in log.of(StartFailed)] == ["/a"]


@pytest.mark.case(37)
def test_a_constructor_that_keeps_raising_is_called_once_and_then_as_often_as_the_limit_allows(
    crew: AgentRef[Any], spec: Any, log: EventLog
) -> None:
    made: list[int] = []

    class MadeOnce(Worker):
        def __init__(self) -> None:
            super().__init__()
            made.append(self.context.incarnation)
            if len(made) > 1:
                raise Boom("no second instance")

    worker = start(crew, spec(MadeOnce, name="a"))
    worker.tell(Boom("first"))
    stopped = log.wait(AgentStopped, "/crew")

    assert made == [1, 2, 3]
    assert isinstance(stopped.error, RestartLimitExceeded)
    assert repr(stopped.error.cause) == "Boom('no second instance')"


@pytest.mark.case(38)
def test_resuming_an_agent_that_did_not_start_gives_it_another_start(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    policy = ByError({KeyError: Resume()}, default=Restart())
    crew = system.spawn(spec(Supervisor, name="crew", kwargs={"policy": policy}))
    worker = start(crew, spec(Picky, name="a", args=(trace, 2), kwargs={"error": KeyError("unready")}))

    worker.tell(Boom("first"))
    log.wait(AgentRestarted, "/crew/a")

    assert incarnation(worker) == 3
    assert trace.notes == [
        ("start", "a", 1), ("failure", "a", 1), ("start", "a", 2), ("start", "a", 3),
    ]  # fmt: skip
    assert log.of(AgentResumed) == []


class Parent(Agent):
    """Spawns the specs that it is sent."""

    def on_receive(self, message: Any) -> Any:
        return self.context.spawn(message)


@pytest.mark.case(39)
def test_a_start_that_failed_in_spawn_frees_the_name(system: ActorSystem, spec: Any, trace: Trace) -> None:
    for _ in range(3):
        with pytest.raises(StartFailedError):
            system.spawn(spec(Picky, name="a", args=(trace, 1)))

    assert incarnation(system.spawn(spec(Picky, name="a", args=(trace,)))) == 1


@pytest.mark.case(39)
def test_a_start_that_failed_in_an_agents_own_spawn_frees_the_name(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    class Tolerant(Parent):
        def on_receive(self, message: Any) -> Any:
            try:
                return super().on_receive(message)
            except StartFailedError as error:
                return error.path

    parent = system.spawn(spec(Tolerant, name="parent"))
    for _ in range(3):
        assert answer(parent, spec(Picky, name="a", args=(trace, 1))) == "/parent/a"

    assert incarnation(answer(parent, spec(Picky, name="a", args=(trace,)))) == 1


@pytest.mark.case(39)
def test_a_start_that_failed_in_start_child_frees_the_name(crew: AgentRef[Any], spec: Any, trace: Trace) -> None:
    for _ in range(3):
        assert crew.start_child(spec(Picky, name="a", args=(trace, 1))).outcome is Outcome.START_FAILED

    assert incarnation(start(crew, spec(Picky, name="a", args=(trace,)))) == 1


@pytest.mark.case(40)
def test_start_child_of_a_name_that_another_spawned_gives_that_ref(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    parent = system.spawn(spec(Parent, name="parent"))
    own = answer(parent, spec(Worker, name="a"))

    result = parent.start_child(spec(Worker, name="a"))

    assert result.outcome is Outcome.ALREADY_STARTED
    assert result.ref == own
    assert len(log.of(AgentStarted, "/parent/a")) == 1


@pytest.mark.case(41)
@pytest.mark.parametrize("incarnations", [1, 2])
def test_messages_sent_during_a_slow_start_are_handled_after_it_in_order(
    crew: AgentRef[Any], spec: Any, log: EventLog, trace: Trace, incarnations: int
) -> None:
    gate = Gate()
    known: list[AgentRef[Any]] = []

    class Slow(Worker):
        def on_start(self) -> None:
            known.append(self.actor_ref)
            if self.context.incarnation == incarnations:
                gate.wait()
            super().on_start()

    starter = elsewhere(crew.start_child, spec(Slow, name="a", args=(trace,)))
    if incarnations == 2:
        log.wait(AgentStarted, "/crew/a")
        known[0].tell(Boom("again"))
    gate.reached()
    for number in range(10):
        known[0].tell(number)
    future = known[0].ask("who", block=False)
    assert all(number < incarnations for _, _, number in trace.notes)
    gate.open()
    starter.get()

    trace.wait_for((9, "a", incarnations))
    assert [what for what, _, number in trace.notes if number == incarnations] == ["start", *range(10)]
    assert incarnation(known[0]) == incarnations
    assert future.get() == incarnations


class EndsInStart(Agent):
    def on_start(self) -> None:
        self.stop()


class EndsAtOnce(Agent):
    """Ends with its first message."""

    def on_start(self) -> None:
        self.context.ref.tell("end")

    def on_receive(self, message: Any) -> None:
        self.stop()


class _Awakes(Ask[Any]):
    """The wait for a start, by a thread that awakes only when the agent has ended again."""

    def wait_quietly(self) -> Any:
        error = super().wait_quietly()
        assert self.cell.stopped_event.wait(patience())
        return error


@pytest.mark.parametrize("kind", [EndsInStart, EndsAtOnce])
def test_who_has_started_and_ended_before_anybody_looked_has_started(
    system: ActorSystem, crew: AgentRef[Supervisor], spec: Any, log: EventLog, monkeypatch: Any, kind: type[Agent]
) -> None:
    monkeypatch.setattr(parent_module, "Ask", _Awakes)

    spawned = system.spawn(spec(kind, name="quick"))
    result = crew.start_child(spec(kind, name="quick", restart="temporary"))

    assert (spawned.path, result.outcome) == ("/quick", Outcome.OK)
    for path in ("/quick", "/crew/quick"):
        assert log.wait(AgentStopped, path).reason is StopReason.NORMAL
        assert log.of(StartFailed, path) == []


def test_who_is_stopped_before_its_start_has_begun_has_not_started(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_wait = parent_module.begin_wait

    def late(cell: Any, target: Any) -> None:
        stopped.append(target.cell.ref.stop(block=False, drain=False))
        begin_wait(cell, target)

    def start(agent: Agent) -> Any:
        with pytest.raises(StartFailedError) as raised:
            agent.context.spawn(ChildSpec(Agent, name="child", dispatcher="thread"))
        return raised.value.cause

    stopped: list[Any] = []
    monkeypatch.setattr(parent_module, "begin_wait", late)
    parent = system.spawn(doer("parent"))

    cause = answer(parent, start)

    assert str(cause) == "/parent/child was stopped before it had started"
    assert system.find("/parent/child") is None
