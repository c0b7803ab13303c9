"""What becomes of an agent that fails, and of those who wait for it?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentBackingOff,
    AgentFailed,
    AgentRestarted,
    AgentStopped,
    AgentStoppedError,
    Escalated,
    StartFailedError,
    StopReason,
)
from actors.orchestrator import (
    AgentStatus,
    DefaultSupervisor,
    Orchestrator,
    OrchestratorRef,
    SupervisorAction,
    SupervisorPolicy,
)
from policies import (
    Backoff,
    Decision,
    Directive,
    Escalate,
    Failure,
    History,
    Resume,
    Stop,
    policy_from_json,
    policy_to_json,
    simulate,
)
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, result
from tests.core.scripted import FOREVER
from tests.orchestrator.deeds import Looking, Throttled, failed, held, work


def test_the_actions_have_their_names_and_can_be_compared() -> None:
    assert [action.name for action in SupervisorAction] == ["RESTART", "STOP", "ESCALATE"]
    assert SupervisorAction("restart") is SupervisorAction.RESTART
    assert SupervisorAction.RESTART != SupervisorAction.STOP


@pytest.mark.system_case("T24")
@pytest.mark.parametrize(
    ("error", "action"),
    [
        (Throttled(), SupervisorAction.RESTART),
        (ConnectionResetError(), SupervisorAction.RESTART),
        (TimeoutError(), SupervisorAction.RESTART),
        (Boom("auth"), SupervisorAction.STOP),
        (SystemExit(), SupervisorAction.STOP),
    ],
)
def test_the_default_restarts_after_what_is_worth_another_try_and_else_stops(
    error: BaseException, action: SupervisorAction
) -> None:
    assert DefaultSupervisor().on_agent_error("x", error) is action


@pytest.mark.system_case("D2.3")
@pytest.mark.parametrize("most", [0, 1, 3])
def test_the_limit_that_is_given_is_the_one_that_holds(crew: OrchestratorRef, trace: Trace, most: int) -> None:
    crew.add_agent("x", work(trace), policy=DefaultSupervisor(most))
    handle = crew.spawn("x")
    for _ in range(most + 1):
        assert not handle.is_done
        assert isinstance(failed(handle, Throttled()), Throttled)
    with pytest.raises(AgentStoppedError):
        handle.await_result()
    assert (trace.count("made"), handle.status) == (most + 1, AgentStatus.FAILED)


@pytest.mark.system_case("T25")
def test_by_default_three_restarts_make_four_incarnations_and_the_fourth_failure_in_a_row_stops(
    crew: OrchestratorRef, log: EventLog
) -> None:
    crew.add_agent("x", work())
    handle = crew.spawn("x")
    for _ in range(4):
        failed(handle, Throttled())
    assert log.wait(AgentStopped, "/crew/x").reason is StopReason.FAILED
    assert handle.ref.incarnation == 4


@pytest.mark.system_case("T27")
@pytest.mark.system_case("D2.5")
def test_without_a_window_a_success_starts_the_count_anew_and_with_one_it_does_not(
    crew: OrchestratorRef, log: EventLog
) -> None:
    crew.add_agent("row", work())
    crew.add_agent("window", work(), policy=DefaultSupervisor(3, within=10.0))
    row, window = crew.spawn("row"), crew.spawn("window")
    for number in range(15):
        failed(row, Throttled())
        assert row.send_message("fine") == ["fine"]
        assert row.ref.incarnation == number + 2
    for _ in range(3):
        failed(window, Throttled())
        assert window.send_message("fine") == ["fine"]
    failed(window, Throttled())
    log.wait(AgentStopped, "/crew/window")


@pytest.mark.system_case("T28")
@pytest.mark.system_case("D2.5")
def test_failures_further_apart_than_the_window_never_stop_an_agent(crew: OrchestratorRef, clock: WatchedClock) -> None:
    crew.add_agent("x", work(), policy=DefaultSupervisor(1, within=10.0))
    handle = crew.spawn("x")
    for number in range(10):
        failed(handle, Throttled())
        clock.advance(10.5)
        handle.send_message("here")
        assert handle.ref.incarnation == number + 2


@pytest.mark.system_case("D2.6")
def test_restarts_wait_longer_and_longer_up_to_a_cap_and_requests_wait_with_them(
    crew: OrchestratorRef, clock: WatchedClock, log: EventLog
) -> None:
    crew.add_agent("x", work(), policy=DefaultSupervisor(None, backoff=Backoff(0.1, cap=0.2)))
    handle = crew.spawn("x")
    for number, delay in enumerate([0.1, 0.2, 0.2]):
        failed(handle, Throttled())
        assert log.wait(AgentBackingOff, "/crew/x", times=number + 1).delay == pytest.approx(delay)
        waiting = handle.send_message("waits", block=False)
        assert (handle.status, waiting.settled) == (AgentStatus.RUNNING, False)
        clock.advance_once_due(delay)
        assert result(waiting) == ["waits"]


@pytest.mark.system_case("T30")
@pytest.mark.system_case("D2.9")
def test_the_failed_request_is_its_callers_and_what_waits_is_handled_by_the_next_incarnation(
    crew: OrchestratorRef, trace: Trace
) -> None:
    crew.add_agent("x", work(trace))
    handle = crew.spawn("x")
    gate = held(handle)
    error = Throttled()
    failing = handle.send_messages(["half done", error], block=False)
    waiting = [handle.send_message(text, block=False) for text in ("a", "b", "c")]
    gate.open()
    with pytest.raises(Throttled):
        result(failing)
    assert [result(reply) for reply in waiting] == [["a"], ["a", "b"], ["a", "b", "c"]]
    assert trace.notes == ["made", "half done", "made", "a", "b", "c"]


@pytest.mark.parametrize(
    ("action", "seen"),
    [(SupervisorAction.RESTART, "restart"), (SupervisorAction.STOP, "stop"), (SupervisorAction.ESCALATE, "escalate")],
)
def test_the_caller_gets_the_error_whatever_the_action(
    crew: OrchestratorRef, log: EventLog, action: SupervisorAction, seen: str
) -> None:
    crew.add_agent("x", work(), policy=Always(action=action))
    handle = crew.spawn("x")
    error = Boom("mine")
    assert failed(handle, error) is error
    assert log.wait(AgentFailed, "/crew/x").directive == seen


class Always(SupervisorPolicy):
    """Gives one action, whatever failed."""

    action: SupervisorAction

    def on_agent_error(self, name: str, error: BaseException) -> SupervisorAction:
        return self.action


class ByName(SupervisorPolicy):
    """One policy for all agents: keeps what is named so, and stops all others."""

    kept: str

    def on_agent_error(self, name: str, error: BaseException) -> SupervisorAction:
        return SupervisorAction.RESTART if name == self.kept else SupervisorAction.STOP


def test_one_own_policy_serves_all_agents_by_name_and_error(system: ActorSystem) -> None:
    crew = system.spawn(Orchestrator, name="crew", policy=ByName(kept="child"))
    crew.add_agent("parent", work())
    crew.add_child("child", "parent", work())
    parent, child = crew.spawn("parent"), crew.spawn("child")
    failed(child, Boom("again"))
    assert child.send_message("here") == ["here"]
    failed(parent, Boom("over"))
    with pytest.raises(AgentStoppedError):
        parent.await_result()
    assert child.status is AgentStatus.CANCELLED


@pytest.mark.system_case("D2.14")
def test_an_agents_own_policy_goes_before_that_of_all(crew: OrchestratorRef) -> None:
    crew.add_agent("own", work(), policy=Resume())
    crew.add_agent("other", work())
    own, other = crew.spawn("own"), crew.spawn("other")
    own.send_message("kept")
    failed(own, Boom("over"))
    failed(other, Boom("over"))
    assert own.send_message("too") == ["kept", "too"]
    with pytest.raises(AgentStoppedError):
        other.await_result()


@pytest.mark.system_case("D2.13")
@pytest.mark.system_case("T38")
def test_a_policy_may_see_the_restarts_so_far_and_the_window(crew: OrchestratorRef) -> None:
    asked: list[tuple[str, BaseException, int]] = []

    class Seeing(DefaultSupervisor):
        def decide(self, failure: Failure, history: History) -> Decision:
            asked.append((failure.path, failure.error, history.restarts(failure.path)))
            return super().decide(failure, history)

    crew.add_agent("x", work(), policy=Seeing(2, within=60.0))
    handle = crew.spawn("x")
    errors = [Throttled() for _ in range(3)]
    for error in errors:
        failed(handle, error)
    with pytest.raises(AgentStoppedError):
        handle.await_result()
    assert asked == [("/crew/x", error, number) for number, error in enumerate(errors)]


def test_a_policy_that_gives_no_action_escalates(system: ActorSystem, log: EventLog) -> None:
    class Silent(SupervisorPolicy):
        def on_agent_error(self, name: str, error: BaseException) -> Any:
            return None

    crew = system.spawn(Orchestrator, name="crew", policy=Silent())
    crew.add_agent("x", work())
    failed(crew.spawn("x"), Boom("over"))
    error = log.wait(Escalated, "/crew/x").error
    assert isinstance(error, TypeError)
    assert str(error) == "on_agent_error gave None, which is no SupervisorAction"


def test_a_supervisor_policy_is_a_policy_like_any_other() -> None:
    policy = DefaultSupervisor(2, within=30.0, backoff=Backoff(0.5))
    assert policy_from_json(policy_to_json(policy)) == policy
    decisions = simulate(policy, [Failure("/x", Throttled(), at=float(at)) for at in range(3)])
    assert [decision.directive for decision in decisions] == [Directive.RESTART, Directive.RESTART, Directive.STOP]
    assert decisions[-1].exceeded
    assert [decision.delay for decision in decisions[:2]] == [0.5, 1.0]
    assert repr(policy.for_exit()).startswith("Restart(max_restarts=2, within=30.0")
    with pytest.raises(ValueError, match="max_restart"):
        DefaultSupervisor(max_restart=3)


# -- whatever it fails with, and wherever -------------------------------------------------


@pytest.mark.system_case("D2.7")
@pytest.mark.parametrize("error", [SystemExit("no"), GeneratorExit(), RecursionError("deep")])
def test_whatever_a_handler_raises_is_supervised_and_its_caller_told(
    crew: OrchestratorRef, error: BaseException
) -> None:
    crew.add_agent("x", work())
    handle = crew.spawn("x")
    waiting = handle.send_message(error, block=False)
    with pytest.raises(type(error)):
        result(waiting)
    with pytest.raises(AgentStoppedError):
        handle.await_result()
    assert (handle.status, handle.is_done) == (AgentStatus.FAILED, True)


@pytest.mark.system_case("D2.7")
@pytest.mark.system_case("T34")
def test_a_factory_that_raises_on_a_restart_spends_the_limit_and_then_stops(
    crew: OrchestratorRef, trace: Trace, log: EventLog
) -> None:
    def make() -> Any:
        trace.note("called")
        if trace.count("called") > 1:
            raise Throttled("no model")
        return work()()

    crew.add_agent("x", make)
    handle = crew.spawn("x")
    failed(handle, Throttled())
    log.wait(AgentStopped, "/crew/x")
    with pytest.raises(AgentStoppedError) as stopped:
        handle.await_result()
    assert str(stopped.value.cause) == "no model"
    assert (trace.count("called"), handle.status) == (4, AgentStatus.FAILED)


def test_a_factory_that_raises_or_gives_nothing_starts_nothing_and_the_name_is_free(crew: OrchestratorRef) -> None:
    broken = [True]

    def make() -> Any:
        if broken:
            raise Boom("no model")
        return work()()

    crew.add_agent("x", make)
    with pytest.raises(StartFailedError, match="no model"):
        crew.spawn("x")
    broken.clear()
    assert crew.spawn("x").send_message("hello") == ["hello"]
    crew.add_agent("nothing", lambda: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(StartFailedError, match="it is not callable"):
        crew.spawn("nothing")


# -- escalation -----------------------------------------------------------------------------


@pytest.mark.system_case("D2.1")
@pytest.mark.system_case("T36")
@pytest.mark.parametrize("answered", [DefaultSupervisor(), Stop()], ids=["restart", "stop"])
def test_what_an_agent_escalates_reaches_its_parent_whose_policy_decides(
    crew: OrchestratorRef, trace: Trace, log: EventLog, answered: Any
) -> None:
    crew.add_agent("parent", work(trace), policy=answered)
    crew.add_child("child", "parent", work(), policy=Escalate())
    crew.add_child("sibling", "parent", work())
    crew.add_agent("apart", work())
    parent, child, sibling, apart = (crew.spawn(name) for name in ("parent", "child", "sibling", "apart"))
    parent.send_message("state")
    error = Throttled("the child's")
    assert failed(child, error) is error
    if answered == Stop():
        log.wait(AgentStopped, "/crew/parent")
        with pytest.raises(AgentStoppedError) as stopped:
            parent.await_result()
        assert stopped.value.cause is error
        assert parent.status is AgentStatus.FAILED
    else:
        assert log.wait(AgentRestarted, "/crew/parent").error is error
        assert parent.send_message("fresh") == ["fresh"]
        assert crew.spawn("child").send_message("hello") == ["hello"]
    log.wait(AgentStopped, "/crew/parent/sibling")
    assert (child.status, sibling.status) == (AgentStatus.FAILED, AgentStatus.CANCELLED)
    assert apart.send_message("here") == ["here"]


@pytest.mark.system_case("D2.1")
@pytest.mark.system_case("T35")
def test_the_end_of_an_agent_ends_those_under_it_first(crew: OrchestratorRef, log: EventLog) -> None:
    crew.add_agent("top", work())
    crew.add_child("middle", "top", work())
    crew.add_child("leaf", "middle", work())
    crew.add_agent("apart", work())
    handles = [crew.spawn(name) for name in ("top", "middle", "leaf")]
    apart = crew.spawn("apart")
    failed(handles[0], Boom("over"))
    log.wait(AgentStopped, "/crew/top")
    assert [event.path for event in log.of(AgentStopped)] == [
        "/crew/top/middle/leaf", "/crew/top/middle", "/crew/top",
    ]  # fmt: skip
    assert [handle.is_done for handle in handles] == [True] * 3
    assert apart.send_message("here") == ["here"]


@pytest.mark.system_case("D2.2")
def test_a_failure_that_nobody_handles_stops_the_agent_and_is_told_its_parent(
    system: ActorSystem, log: EventLog
) -> None:
    crew = system.spawn(Orchestrator, name="crew")
    crew.add_agent("x", work())
    handle = crew.spawn("x")
    failed(handle, Boom("broken"))
    assert log.wait(AgentStopped, "/crew/x").reason is StopReason.FAILED
    with pytest.raises(AgentStoppedError):
        handle.send_message("a broken agent is not kept")
    assert [info.status for info in crew.children()] == ["down"]


@pytest.mark.system_case("D2.2")
def test_what_all_escalate_reaches_who_supervises_the_orchestrator(system: ActorSystem, log: EventLog) -> None:
    crew = system.spawn(Orchestrator, name="crew", policy=Escalate())
    crew.add_agent("x", work())
    handle = crew.spawn("x")
    error = Boom("up")
    failed(handle, error)
    assert log.wait(AgentStopped, "/crew").error is error
    assert handle.status is AgentStatus.FAILED
    with pytest.raises(AgentStoppedError):
        crew.spawn("x")


def test_a_parents_own_rules_hold_for_its_children(crew: OrchestratorRef) -> None:
    class Lenient(Looking):
        policy = FOREVER

    crew.add_agent("lenient", Lenient)
    crew.add_agent("silent", Looking)
    for parent in ("lenient", "silent"):
        crew.spawn(parent)
        crew.add_child(f"of-{parent}", parent, work())
    known = [crew.spawn(f"of-{parent}").ref._cell.known_policy for parent in ("lenient", "silent")]
    assert known == [FOREVER, DefaultSupervisor()]
