"""Which hook runs when, and what becomes of the message in hand?"""

from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from actors import (
    ActorSystem,
    Agent,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentResumed,
    AgentStopped,
    DeadLetter,
    Escalated,
    HookFailed,
    StopReason,
    Supervisor,
    Terminated,
)
from actors.testkit import Gate
from policies import ByError, Decision, Directive, Escalate, Failure, History, Phase, Policy, Restart, Resume, Stop
from tests.core.helpers import Boom, EventLog, Trace, Worker, answer, assert_ended, incarnation


@pytest.fixture
def crew(system: ActorSystem, spec: Any) -> AgentRef[Supervisor]:
    return system.spawn(spec(Supervisor, name="crew", kwargs={"policy": Restart(max_restarts=10, within=60.0)}))


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """The lines of the log, of level ERROR and above."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(line.record["message"]), level="ERROR", format="{message}")
    yield lines
    logger.remove(sink)


def start(crew: AgentRef[Any], spec: Any) -> AgentRef[Any]:
    started = crew.start_child(spec)
    assert started.ref is not None
    return started.ref


def crash(ref: AgentRef[Any], log: EventLog, times: int = 1) -> None:
    """Have an agent crash and wait for the restart that follows."""
    ref.tell(Boom(str(times)))
    log.wait(AgentRestarted, ref.path, times)


@pytest.mark.case(42)
def test_the_last_hook_of_one_incarnation_comes_before_the_first_of_the_next_and_nothing_after_the_end(
    crew: AgentRef[Any], spec: Any, log: EventLog, trace: Trace
) -> None:
    worker = start(crew, spec(Worker, name="a", args=(trace,)))

    for times in (1, 2, 3):
        crash(worker, log, times)
    worker.stop()

    assert trace.notes == [
        ("start", "a", 1), ("failure", "a", 1),
        ("start", "a", 2), ("failure", "a", 2),
        ("start", "a", 3), ("failure", "a", 3),
        ("start", "a", 4), ("stop", "a", 4),
    ]  # fmt: skip


@pytest.mark.case(43)
def test_every_incarnation_runs_on_start_and_one_that_failed_runs_on_failure_instead_of_on_stop(
    crew: AgentRef[Any], spec: Any, log: EventLog, trace: Trace
) -> None:
    worker = start(crew, spec(Worker, name="a", args=(trace,)))

    crash(worker, log)
    assert crew.restart_child("a")

    assert trace.notes == [
        ("start", "a", 1), ("failure", "a", 1), ("start", "a", 2), ("stop", "a", 2), ("start", "a", 3),
    ]  # fmt: skip


@pytest.mark.case(43)
def test_on_failure_is_given_the_error_and_the_next_incarnation_can_look_it_up(
    crew: AgentRef[Any], spec: Any, log: EventLog
) -> None:
    given: list[Any] = []

    class Curious(Worker):
        def on_start(self) -> None:
            failure = self.context.last_failure
            given.append(None if failure is None else (failure.error, failure.incarnation))

        def on_failure(self, exception_type: Any, exception_value: Any, traceback: Any) -> None:
            given.append((exception_type, exception_value, traceback.tb_next is not None))

    error = Boom("why")
    worker = start(crew, spec(Curious, name="a"))
    worker.tell(error)
    log.wait(AgentRestarted)

    assert given == [None, (Boom, error, True), (error, 1)]


@pytest.mark.case(44)
def test_a_restart_goes_through_although_the_last_hook_and_the_next_constructor_raise(
    crew: AgentRef[Any], spec: Any, log: EventLog, errors: list[str]
) -> None:
    made: list[int] = []

    class Clumsy(Worker):
        def __init__(self) -> None:
            super().__init__()
            made.append(self.context.incarnation)
            if len(made) == 2:
                raise Boom("in __init__")

        def on_failure(self, *_: Any) -> None:
            raise Boom("in on_failure")

    worker = start(crew, spec(Clumsy, name="a"))
    worker.tell(Boom("in on_receive"))

    assert answer(worker, "hello") == "hello"
    assert made == [1, 2, 3]
    assert [repr(event.error) for event in log.of(HookFailed)] == ["Boom('in on_failure')"]
    assert [(event.phase, str(event.error)) for event in log.of(AgentFailed)] == [
        (Phase.RECEIVE, "in on_receive"),
        (Phase.START, "in __init__"),
    ]
    assert len([line for line in errors if "in on_failure" in line]) == 1
    assert len([line for line in errors if "in __init__" in line]) == 1


@pytest.mark.case(45)
def test_the_message_that_failed_is_a_dead_letter_and_those_around_it_are_handled_once(
    crew: AgentRef[Any], spec: Any, log: EventLog, trace: Trace
) -> None:
    worker = start(crew, spec(Worker, name="a", args=(trace,)))
    die = Boom("die")

    for message in ("ping", die, "pong"):
        worker.tell(message)

    assert incarnation(worker) == 2
    assert trace.notes == [
        ("start", "a", 1), ("ping", "a", 1), ("failure", "a", 1), ("start", "a", 2), ("pong", "a", 2),
    ]  # fmt: skip
    [letter] = log.of(DeadLetter)
    assert (letter.path, letter.incarnation, letter.message, letter.reason) == ("/crew/a", 1, die, "failed")
    assert letter.error is die


@pytest.mark.case(45)
def test_an_asker_gets_the_exception_and_the_agent_is_restarted_all_the_same(
    crew: AgentRef[Any], spec: Any, log: EventLog
) -> None:
    worker = start(crew, spec(Worker, name="a"))
    die = Boom("die")

    with pytest.raises(Boom) as raised:
        worker.ask(die)

    assert raised.value is die
    log.wait(AgentRestarted, "/crew/a")
    assert incarnation(worker) == 2
    assert log.of(DeadLetter) == []


@pytest.mark.case(46)
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_an_on_stop_that_raises_is_reported_and_the_stop_completes_without_a_restart(
    crew: AgentRef[Any], spec: Any, log: EventLog, errors: list[str], restart: str
) -> None:
    class Clumsy(Worker):
        def on_stop(self) -> None:
            raise Boom("in on_stop")

    worker = start(crew, spec(Clumsy, name="a", restart=restart))

    assert worker.stop() is True

    assert log.wait(AgentStopped, "/crew/a").reason is StopReason.REQUESTED
    assert [repr(event.error) for event in log.of(HookFailed)] == ["Boom('in on_stop')"]
    assert len([line for line in errors if "in on_stop" in line]) == 1
    assert log.of(AgentRestarted) == []
    assert log.of(AgentFailed) == []
    assert crew.is_alive()


@pytest.mark.case(47)
def test_a_restart_goes_back_to_on_receive_however_deep_the_behaviours_were(
    crew: AgentRef[Any], spec: Any, log: EventLog
) -> None:
    class Moody(Worker):
        def on_receive(self, message: Any) -> Any:
            self.context.become(self.second)
            return "first"

        def second(self, message: Any) -> Any:
            self.context.become(self.third)
            return "second"

        def third(self, message: Any) -> Any:
            if isinstance(message, Exception):
                raise message
            return "third"

    worker = start(crew, spec(Moody, name="a"))
    assert [answer(worker, "?") for _ in range(4)] == ["first", "second", "third", "third"]

    crash(worker, log)

    assert answer(worker, "?") == "first"


@pytest.mark.case(48)
def test_resume_keeps_the_state_restart_clears_it_and_what_is_not_listed_stops(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    class Keeper(Worker):
        def on_receive(self, message: Any) -> Any:
            super().on_receive(message)
            return list(self.seen)

    policy = ByError({KeyError: Resume(), TimeoutError: Restart(max_restarts=5, within=60.0)}, default=Stop())
    crew = system.spawn(spec(Supervisor, name="crew", kwargs={"policy": policy}))
    keeper = start(crew, spec(Keeper, name="a"))
    assert answer(keeper, "one") == ["one"]

    keeper.tell(KeyError("resume"))
    assert answer(keeper, "two") == ["one", "two"]
    assert keeper.incarnation == 1
    assert [repr(event.error) for event in log.of(AgentResumed)] == ["KeyError('resume')"]

    keeper.tell(TimeoutError("restart"))
    assert answer(keeper, "three") == ["three"]
    assert keeper.incarnation == 2

    keeper.tell(ValueError("stop"))
    assert_ended(keeper)
    stopped = log.wait(AgentStopped, "/crew/a")
    assert (stopped.reason, repr(stopped.error)) == (StopReason.FAILED, "ValueError('stop')")
    assert crew.is_alive()


def gated_policy(gate: Gate, directive: Directive) -> Policy:
    """A policy that decides once its gate is open."""

    class Gated(Policy):
        def decide(self, failure: Failure, history: History) -> Decision:
            gate.wait()
            return Decision(directive, 0.0, history)

    return Gated()


@pytest.mark.case(49)
@pytest.mark.parametrize(("directive", "number"), [(Directive.RESUME, 1), (Directive.RESTART, 2)])
def test_a_failed_agent_handles_nothing_before_the_decision_and_its_siblings_go_on(
    system: ActorSystem, spec: Any, trace: Trace, directive: Directive, number: int
) -> None:
    gate = Gate()
    crew = system.spawn(spec(Supervisor, name="crew", kwargs={"policy": gated_policy(gate, directive)}))
    worker = start(crew, spec(Worker, name="a", args=(trace,)))
    sibling = start(crew, spec(Worker, name="b"))

    worker.tell(Boom())
    worker.tell("ping")
    gate.reached()
    future = worker.ask("who", block=False)

    assert answer(sibling, "ping") == "ping"
    assert answer(crew, "ping") is None
    assert not future.settled
    assert trace.notes == [("start", "a", 1)]
    gate.open()
    assert incarnation(worker) == number
    assert future.get() == number
    assert trace.count(("ping", "a", number)) == 1


@pytest.mark.case(49)
def test_resuming_a_parent_resumes_the_child_whose_failure_had_reached_it(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    gate = Gate()
    middle = spec(Supervisor, name="middle", kwargs={"policy": Escalate()})
    kwargs = {"children": [middle], "policy": gated_policy(gate, Directive.RESUME)}
    system.spawn(spec(Supervisor, name="top", kwargs=kwargs))
    parent = system.find("/top/middle")
    assert parent is not None
    worker = start(parent, spec(Worker, name="a", args=(trace,)))

    worker.tell(Boom("beyond us"))
    worker.tell("ping")
    gate.reached()
    asked = [ref.ask("who", block=False) for ref in (worker, parent)]
    assert log.wait(Escalated, "/top/middle/a").parent == "/top/middle"
    assert not any(future.settled for future in asked)
    gate.open()

    assert incarnation(worker) == 1
    trace.wait_for(("ping", "a", 1))
    assert answer(parent, "hello") is None
    assert [event.path for event in log.of(AgentResumed)] == ["/top/middle", "/top/middle/a"]
    assert log.of(AgentRestarted) == []


class Indecisive(Policy):
    """Raises over every failure."""

    def decide(self, failure: Failure, history: History) -> Decision:
        raise LookupError("no idea")


class Watching(Worker):
    """Watches the refs that it is sent, and notes whose end it learnt of."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, AgentRef):
            self.context.watch(message)
            return None
        if isinstance(message, Terminated):
            self.trace.note(("terminated", message.ref.path, self.context.incarnation))
            return None
        return super().on_receive(message)


@pytest.mark.case(50)
def test_a_policy_that_raises_escalates_with_both_causes_and_loses_no_notice(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    middle = spec(Supervisor, name="middle", kwargs={"policy": Indecisive(), "children": [spec(Worker, name="a")]})
    system.spawn(spec(Supervisor, name="top", kwargs={"children": [middle], "policy": Restart()}))
    watcher = system.spawn(spec(Watching, name="watcher", args=(trace,)))
    worker = system.find("/top/middle/a")
    assert worker is not None
    answer(watcher, worker)

    worker.tell(Boom("what now"))
    log.wait(AgentRestarted, "/top/middle")

    [escalated] = log.of(Escalated)
    assert repr(escalated.error) == "LookupError('no idea')"
    assert repr(escalated.error.__cause__) == "Boom('what now')"
    trace.wait_for(("terminated", "/top/middle/a", 1))
    successor = system.find("/top/middle/a")
    assert successor is not None
    assert answer(successor, "ping") == "ping"
    parent = system.find("/top/middle")
    assert parent is not None
    assert parent.incarnation == 2
    assert answer(parent, "ping") is None
    assert trace.count(("terminated", "/top/middle/a", 1)) == 1


@pytest.mark.case(51)
def test_an_agent_that_spawns_a_named_child_in_its_constructor_can_be_restarted(
    crew: AgentRef[Any], system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    class Parent(Worker):
        def __init__(self) -> None:
            super().__init__()
            self.child = self.context.spawn(spec(Worker, name="child", args=(trace,)))

    parent = start(crew, spec(Parent, name="parent"))
    first = system.find("/crew/parent/child")
    assert first is not None

    for times in (1, 2, 3):
        crash(parent, log, times)

    child = system.find("/crew/parent/child")
    assert child is not None
    assert child != first
    assert not first.is_alive()
    assert incarnation(child) == 1
    assert trace.count(("start", "child", 1)) == 4
    assert trace.count(("stop", "child", 1)) == 3


class Raising(Agent):
    """Raises what it is sent."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return self.context.incarnation


@pytest.mark.parametrize("error", [SystemExit(1), GeneratorExit(), BaseException("bare")], ids=repr)
def test_any_exception_out_of_a_handler_is_a_failure_of_that_agent_alone(
    crew: AgentRef[Any], spec: Any, log: EventLog, error: BaseException
) -> None:
    worker, sibling = start(crew, spec(Raising, name="a")), start(crew, spec(Raising, name="b"))

    worker.tell(error)
    log.wait(AgentRestarted, "/crew/a")

    assert [event.error for event in log.of(AgentFailed)] == [error]
    assert incarnation(worker) == 2
    assert incarnation(sibling) == 1


def test_an_escalation_decided_after_the_parent_was_restarted_does_not_reach_its_next_incarnation(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    gate = Gate()

    class SlowToEscalate(Policy):
        def decide(self, failure: Failure, history: History) -> Decision:
            if str(failure.error) == "slow":
                gate.wait()
                return Decision(Directive.ESCALATE, 0.0, history)
            return Decision(Directive.RESUME, 0.0, history)

    middle = spec(Supervisor, name="middle", kwargs={"policy": SlowToEscalate(), "children": [spec(Worker, name="a")]})
    top = system.spawn(spec(Supervisor, name="top", kwargs={"children": [middle]}))
    [before] = system.select("/top/middle/a")
    before.tell(Boom("slow"))
    gate.reached()
    assert top.restart_child("middle")
    gate.open()

    [after] = system.select("/top/middle/a")
    after.tell(Boom("quick"))
    log.wait(AgentResumed, "/top/middle/a")

    assert log.of(Escalated) == []
    assert [parent.incarnation for parent in system.select("/top/middle")] == [2]
