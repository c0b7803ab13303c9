"""Does supervision pass the acceptance cases T24 to T43 of the systems that this one replaces?"""

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
    Cancelled,
    ChildSpec,
    DeadLetter,
    Escalated,
    StopReason,
    SystemFailed,
)
from actors.testkit import Gate
from policies import (
    Backoff,
    Decision,
    Directive,
    Escalate,
    Failure,
    History,
    Phase,
    Restart,
    Resume,
    RetryableOnly,
    Stop,
)
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, Boom, EventLog, Trace, answer, assert_ended, incarnation
from tests.core.scripted import Doer, deciding, doer, get, held, supervisor

case = pytest.mark.system_case


@case("T24")
def test_a_retryable_error_restarts_and_any_other_stops(system: ActorSystem, log: EventLog) -> None:
    for name, error in (("retryable", TimeoutError("try again")), ("other", Boom("give up"))):
        system.spawn(doer(name, policy=RetryableOnly())).tell(error)
    assert incarnation(get(system, "/retryable")) == 2
    assert log.wait(AgentStopped, "/other").reason is StopReason.FAILED


@case("T25")
def test_three_restarts_make_four_incarnations_and_the_fourth_failure_stops(system: ActorSystem) -> None:
    ref = system.spawn(doer("a", policy=Restart(max_restarts=3, within=60.0, then=Stop())))
    for number in range(4):
        assert incarnation(ref) == number + 1
        ref.tell(Boom(number))
    assert_ended(ref)
    assert ref.incarnation == 4
    with pytest.raises(AgentStoppedError):
        ref.tell("later")


@case("T26")
def test_without_restarts_the_first_failure_stops(system: ActorSystem) -> None:
    ref = system.spawn(doer("a", policy=Restart(max_restarts=0, within=60.0, then=Stop())))
    ref.tell(Boom("the first"))
    assert_ended(ref)
    assert ref.incarnation == 1


@case("T27")
def test_without_a_window_a_success_between_failures_starts_the_count_anew(system: ActorSystem) -> None:
    ref = system.spawn(doer("a", policy=Restart(max_restarts=1, within=None, then=Stop())))
    for number in range(10):
        assert answer(ref, "ok") == "ok"
        ref.tell(Boom(number))
        assert incarnation(ref) == number + 2


@case("T27")
def test_in_a_window_successes_between_failures_do_not_help(system: ActorSystem) -> None:
    ref = system.spawn(doer("a", policy=Restart(max_restarts=3, within=10.0, then=Stop())))
    for number in range(4):
        assert answer(ref, "ok") == "ok"
        ref.tell(Boom(number))
    assert_ended(ref)


@case("T28")
def test_failures_further_apart_than_the_window_never_stop_it(system: ActorSystem, clock: WatchedClock) -> None:
    ref = system.spawn(doer("a", policy=Restart(max_restarts=1, within=10.0, then=Stop())))
    for number in range(10):
        ref.tell(Boom(number))
        assert incarnation(ref) == number + 2
        clock.advance(10.5)


@case("T29")
def test_a_restart_gives_fresh_state_under_the_same_path_with_its_links_right(system: ActorSystem) -> None:
    parent = system.spawn(supervisor("parent", doer("child")))
    child = get(system, "/parent/child")
    answer(child, "state")
    child.tell(Boom("over"))
    assert incarnation(child) == 2
    assert answer(child, lambda agent: (agent.seen, agent.context.path)) == ([], "/parent/child")
    assert answer(child, lambda agent: agent.context.parent) is parent
    assert [info.ref for info in parent.children()] == [child]


@case("T30")
def test_three_messages_behind_a_failing_one_are_handled_in_order(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace))
    gate = held(ref)
    ref.tell(Boom("ahead of them"))
    for number in range(3):
        ref.tell(number)
    gate.open()
    assert incarnation(ref) == 2
    assert trace.notes[-3:] == [(number, "a", 2) for number in range(3)]


@case("T31")
def test_a_failing_message_is_not_handled_again_and_a_told_one_is_a_dead_letter(
    system: ActorSystem, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(doer("a", trace))

    def fail(agent: Doer) -> None:
        agent.say("handled")
        raise Boom("once")

    with pytest.raises(Boom):
        answer(ref, fail)
    ref.tell(fail)
    assert incarnation(ref) == 3
    assert [note for note in trace.notes if note[0] == "handled"] == [("handled", "a", 1), ("handled", "a", 2)]
    assert [letter.message for letter in log.of(DeadLetter)] == [fail]


@case("T32")
def test_a_failure_by_ask_is_supervised_as_one_by_tell(system: ActorSystem, log: EventLog) -> None:
    asked, told = system.spawn(doer("asked")), system.spawn(doer("told"))
    with pytest.raises(Boom):
        asked.ask(Boom("asked"))
    told.tell(Boom("told"))
    decisions = [
        (event.phase, event.directive) for event in (log.wait(AgentFailed, "/asked"), log.wait(AgentFailed, "/told"))
    ]
    assert decisions == [(Phase.RECEIVE, Directive.RESTART)] * 2
    assert [incarnation(asked), incarnation(told)] == [2, 2]


class Fails(Doer):
    """Fails in the given step from its second incarnation on, and fails with what it is sent."""

    step = ""

    def __init__(self, made: Trace) -> None:
        super().__init__()
        made.note("made")
        if self.step == "__init__" and len(made.notes) > 1:
            raise Boom("in __init__")

    def on_start(self) -> None:
        if self.step == "on_start" and self.context.incarnation > 1:
            raise Boom("in on_start")


@case("T33")
@case("T34")
@pytest.mark.parametrize("step", ["on_start", "__init__"])
def test_a_failing_start_or_factory_spends_the_budget_and_then_stops(
    system: ActorSystem, log: EventLog, step: str
) -> None:
    kind = type("FailsInStep", (Fails,), {"step": step})
    made = Trace()
    policy = Restart(max_restarts=3, within=60.0, then=Stop())
    ref: Any = system.spawn(ChildSpec(kind, "a", args=(made,), policy=policy))
    ref.tell(Boom("the first"))
    log.wait(AgentStopped, "/a")
    assert made.notes == ["made"] * 4
    assert [event.phase for event in log.of(AgentFailed, "/a")] == [Phase.RECEIVE, *[Phase.START] * 3]
    assert (ref.is_alive(), system.tree().find("/a")) == (False, None)


@case("T35")
def test_a_stop_ends_the_children_first_and_the_siblings_live_on(
    system: ActorSystem, trace: Trace, log: EventLog
) -> None:
    top = system.spawn(supervisor("top", doer("a", trace, policy=Stop()), doer("b", trace)))
    a, b = get(system, "/top/a"), get(system, "/top/b")
    answer(a, lambda agent: agent.context.spawn(doer("child", trace)))
    a.tell(Boom("over"))
    log.wait(AgentStopped, "/top/a")
    assert [note for note in trace.notes if note[0] != "start"] == [("stop", "child", 1), ("failure", "a", 1)]
    assert incarnation(b) == 1
    assert [(info.name, info.status) for info in top.children()] == [("a", "down"), ("b", "running")]


@case("T36")
@pytest.mark.parametrize("answered", ["restart", "stop"])
def test_escalation_asks_two_levels_up_and_takes_the_siblings_along(
    system: ActorSystem, log: EventLog, answered: str
) -> None:
    asked = Trace()

    def decide(failure: Failure, history: History) -> Decision:
        asked.note((failure.path, failure.error))
        return Decision(Directive(answered), 0.0, history)

    inner = supervisor("inner", doer("child", policy=Escalate()), doer("sibling"), policy=Escalate())
    middle = supervisor(
        "middle", ChildSpec(inner.agent, "inner", kwargs=inner.kwargs, policy=Escalate()), doer("cousin")
    )
    system.spawn(supervisor("top", middle, policy=deciding(decide)))
    old = get(system, "/top/middle/inner/sibling")
    error = Boom("the cause")
    get(system, "/top/middle/inner/child").tell(error)
    asked.wait_for(("/top/middle", error))
    assert_ended(old)
    if answered == "restart":
        log.wait(AgentRestarted, "/top/middle")
        paths = ["/top/middle/inner/child", "/top/middle/inner/sibling", "/top/middle/cousin"]
        assert [incarnation(get(system, path)) for path in paths] == [1, 1, 1]
        assert get(system, "/top/middle/inner/sibling") is not old
    else:
        log.wait(AgentStopped, "/top/middle")
        assert [agent.path for agent in system.tree() if agent.state != "down"] == ["/top"]
    assert [event.path for event in log.of(Escalated)] == ["/top/middle/inner/child", "/top/middle/inner"]


@case("T37")
def test_escalation_at_the_root_stops_the_system_and_gives_the_original_cause() -> None:
    system = ActorSystem("test", policy=Escalate())
    system.spawn(supervisor("top", doer("child", policy=Escalate())))
    error = Boom("the original")
    get(system, "/top/child").tell(error)
    with pytest.raises(SystemFailed) as failed:
        system.wait(PATIENCE)
    assert failed.value.cause is error


@case("T38")
def test_an_own_policy_gets_path_error_and_restarts_so_far_and_is_obeyed(system: ActorSystem) -> None:
    asked: list[tuple[str, BaseException, int]] = []

    def decide(failure: Failure, history: History) -> Decision:
        asked.append((failure.path, failure.error, history.restarts()))
        stop = history.restarts() == 2
        return Decision(Directive.STOP if stop else Directive.RESTART, 0.0, history.restarted(failure))

    ref = system.spawn(doer("a", policy=deciding(decide)))
    errors = [Boom(number) for number in range(3)]
    for error in errors:
        ref.tell(error)
    assert_ended(ref)
    assert asked == [("/a", error, number) for number, error in enumerate(errors)]


@case("T38")
def test_an_own_policy_that_raises_escalates(system: ActorSystem, log: EventLog) -> None:
    def decide(failure: Failure, history: History) -> Decision:
        raise KeyError("the policy's own")

    system.spawn(supervisor("parent", doer("child", policy=deciding(decide))))
    get(system, "/parent/child").tell(Boom("the child's"))
    assert isinstance(log.wait(Escalated, "/parent/child").error, KeyError)


@case("T39")
def test_a_childs_own_policy_overrides_the_parents(system: ActorSystem, log: EventLog) -> None:
    system.spawn(supervisor("parent", doer("own", policy=Resume()), doer("other", policy=None), policy=Stop()))
    for name in ("own", "other"):
        get(system, f"/parent/{name}").tell(Boom(name))
    log.wait(AgentStopped, "/parent/other")
    assert incarnation(get(system, "/parent/own")) == 1


@case("T40")
def test_backoff_delays_grow_up_to_the_cap_and_messages_wait(
    system: ActorSystem, clock: WatchedClock, trace: Trace, log: EventLog
) -> None:
    policy = Restart(None, within=None, backoff=Backoff(0.1, cap=0.4))
    ref = system.spawn(doer("a", trace, policy=policy))
    for number, delay in enumerate([0.1, 0.2, 0.4, 0.4]):
        ref.tell(Boom(number))
        assert log.wait(AgentBackingOff, "/a", times=number + 1).delay == pytest.approx(delay)
        ref.tell(f"waits {number}")
        clock.advance_once_due(delay)
        trace.wait_for((f"waits {number}", "a", number + 2))


@case("T41")
def test_a_long_handler_that_looks_at_the_flag_ends_cancelled_and_its_queue_is_not_worked_off(
    system: ActorSystem, trace: Trace
) -> None:
    ref = system.spawn(doer("a", trace))
    gate = Gate()

    def work(agent: Doer) -> None:
        gate.wait()
        agent.context.check()
        agent.say("went on")

    ask = ref.ask(work, block=False)
    gate.reached()
    ref.tell("waits")
    stops = [ref.stop(block=False, drain=False) for _ in range(2)]
    gate.open()
    with pytest.raises(Cancelled):
        ask.get(timeout=PATIENCE)
    for stop in stops:
        assert isinstance(stop.get(timeout=PATIENCE), bool)
    assert trace.notes == [("start", "a", 1), ("stop", "a", 1)]


@case("T42")
@pytest.mark.parametrize("drain", [True, False], ids=["graceful", "immediate"])
def test_a_graceful_stop_works_off_the_queue_and_an_immediate_one_does_not(
    system: ActorSystem, trace: Trace, log: EventLog, drain: bool
) -> None:
    ref = system.spawn(doer("a", trace))
    gate = held(ref)
    ref.tell("queued")
    stop = ref.stop(block=False, drain=drain)
    gate.open()
    assert stop.get(timeout=PATIENCE)
    assert trace.count(("queued", "a", 1)) == drain
    assert log.wait(AgentStopped, "/a").reason is StopReason.REQUESTED


@case("T43")
def test_system_exit_in_a_handler_is_that_agents_failure_and_kills_nobody_else(
    system: ActorSystem, log: EventLog
) -> None:
    ref, other = system.spawn(doer("a")), system.spawn(doer("other"))
    ref.tell(SystemExit(1))
    assert incarnation(ref) == 2
    assert incarnation(other) == 1
    assert [event.path for event in log.of(AgentFailed)] == ["/a"]


@case("T43")
def test_ctrl_c_while_waiting_stops_the_system_in_order(monkeypatch: pytest.MonkeyPatch, trace: Trace) -> None:
    def interrupted(timeout: float | None = None) -> bool:
        raise KeyboardInterrupt

    system = ActorSystem("test")
    system.spawn(supervisor("top", doer("first", trace), doer("last", trace)))
    monkeypatch.setattr(system._ended, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        system.wait()
    assert trace.notes[-2:] == [("stop", "last", 1), ("stop", "first", 1)]
