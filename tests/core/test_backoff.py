"""How long is an agent down between two incarnations, and what happens meanwhile?"""

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentBackingOff,
    AgentFailed,
    AgentRestarted,
    AgentStopped,
    ChildSpec,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    StopReason,
    Supervisor,
)
from actors.testkit import Gate
from policies import Backoff, Phase, Restart, Stop
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, Last, crash, dead_letters, end, end_of, number, stop, tree_of
from tests.core.helpers import Boom, EventLog, Trace, answer, result

TEN_THOUSAND_DAYS = 10_000 * 86_400.0


def backing_off(backoff: Backoff, max_restarts: int | None = None) -> Restart:
    return Restart(max_restarts=max_restarts, within=None, backoff=backoff, then=Stop())


@pytest.mark.case(61)
def test_the_delays_double_and_there_is_one_child_at_the_end(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog
) -> None:
    policy = backing_off(Backoff(0.2, cap=10.0))
    parent = system.spawn(spec(Supervisor, name="p", kwargs={"children": [spec(Doer, name="child")], "policy": policy}))
    child = system.find("/p/child")
    assert child is not None

    for restart, delay in enumerate([0.2, 0.4, 0.8, 1.6], start=1):
        child.tell(crash)
        assert log.wait(AgentBackingOff, "/p/child", times=restart).delay == pytest.approx(delay)
        clock.advance_to(clock.now() + delay)
        log.wait(AgentRestarted, "/p/child", times=restart)

    assert tree_of(system) == ["/p", "/p/child"]
    assert answer(child, number) == 5
    assert [(info.name, info.status) for info in parent.children()] == [("child", "running")]


@pytest.mark.case(61)
def test_the_next_incarnation_does_not_start_a_moment_before_its_time(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog
) -> None:
    child = system.spawn(spec(Doer, name="child", policy=backing_off(Backoff(0.5))))
    child.tell(crash)
    clock.wait_for_timer(0.5)
    answered = child.ask(number, block=False)

    clock.advance(0.499)
    assert not answered.settled
    assert [info.status for info in system.guardian.ref.children()] == ["restarting"]
    clock.advance(0.001)

    assert result(answered) == 2
    assert log.wait(AgentRestarted, "/child").at == pytest.approx(0.5)


@pytest.mark.case(62)
@pytest.mark.parametrize(
    ("backoff", "step", "delay"),
    [
        pytest.param(Backoff(0.2, cap=100.0), 0, 0.2, id="first"),
        pytest.param(Backoff(0.2, cap=100.0), 3, 1.6, id="fourth"),
        pytest.param(Backoff(0.2, cap=100.0), 2**31 - 1, 100.0, id="2**31 - 1"),
        pytest.param(Backoff(0.2, cap=100.0, jitter=1.0), 2**31 - 1, 100.0, id="2**31 - 1 with jitter"),
        pytest.param(Backoff(TEN_THOUSAND_DAYS, cap=TEN_THOUSAND_DAYS), 0, TEN_THOUSAND_DAYS, id="10 000 days"),
        pytest.param(
            Backoff(TEN_THOUSAND_DAYS, cap=TEN_THOUSAND_DAYS, jitter=1.0),
            2**31 - 1,
            TEN_THOUSAND_DAYS,
            id="10 000 days, 2**31 - 1, with jitter",
        ),
    ],
)
def test_a_delay_neither_overflows_nor_exceeds_its_cap(backoff: Backoff, step: int, delay: float) -> None:
    assert backoff.delay(step, draw=0.5) == pytest.approx(delay)
    assert backoff.delay(step, draw=0.999999) <= backoff.cap


@pytest.mark.case(62)
def test_an_agent_that_is_down_for_ten_thousand_days_can_be_stopped_at_once() -> None:
    with ActorSystem("real-time") as system:
        log = EventLog(system)
        policy = backing_off(Backoff(TEN_THOUSAND_DAYS, cap=TEN_THOUSAND_DAYS))
        child = system.spawn(ChildSpec(Doer, name="child", policy=policy))
        child.tell(crash)
        log.wait(AgentBackingOff, "/child")

        assert stop(child, drain=False) is True

        assert end_of(log, "/child") is StopReason.REQUESTED


@pytest.mark.case(63)
def test_an_agent_that_ran_quietly_for_the_reset_time_waits_the_first_delay_again(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog
) -> None:
    child = system.spawn(spec(Doer, name="child", policy=backing_off(Backoff(1.0, cap=60.0, reset=10.0))))
    for restart, delay in enumerate([1.0, 2.0, 4.0], start=1):
        child.tell(crash)
        assert log.wait(AgentBackingOff, times=restart).delay == delay
        clock.advance_to(clock.now() + delay)
        assert answer(child, number) == restart + 1

    clock.advance(10.5)
    child.tell(crash)

    assert log.wait(AgentBackingOff, times=4).delay == 1.0


@pytest.mark.case(64)
def test_what_does_not_fit_into_the_mailbox_of_an_agent_that_is_down_becomes_a_dead_letter(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace
) -> None:
    mailbox = Mailbox(capacity=2, overflow="drop_newest")
    child = system.spawn(spec(Doer, name="child", args=(trace,), policy=backing_off(Backoff(1.0)), mailbox=mailbox))
    child.tell(crash)
    clock.wait_for_timer(1.0)

    for ping in (1, 2, 3, 4):
        child.tell(ping)
    clock.advance(1.0)

    assert trace.wait_for(2) == [1, 2]
    dropped = [letter for letter in log.of(DeadLetter, "/child") if letter.message != crash]
    assert [(letter.message, letter.reason) for letter in dropped] == [
        (3, "mailbox full (drop_newest)"),
        (4, "mailbox full (drop_newest)"),
    ]


@pytest.mark.case(64)
def test_the_sender_is_told_when_the_mailbox_of_an_agent_that_is_down_rejects(
    system: ActorSystem, clock: WatchedClock, spec: Any, trace: Trace
) -> None:
    child = system.spawn(
        spec(Doer, name="child", args=(trace,), policy=backing_off(Backoff(1.0)), mailbox=Mailbox(capacity=2))
    )
    child.tell(crash)
    clock.wait_for_timer(1.0)
    child.tell(1)
    child.tell(2)

    with pytest.raises(MailboxFullError) as error:
        child.tell(3)
    clock.advance(1.0)

    assert (error.value.path, error.value.capacity) == ("/child", 2)
    assert trace.wait_for(2) == [1, 2]


class StartsOnce(Doer):
    """An agent whose second and later starts fail."""

    def on_start(self) -> None:
        if self.context.incarnation > 1:
            raise Boom(f"start {self.context.incarnation}")


@pytest.mark.case(65)
def test_starts_that_fail_after_a_backoff_spend_the_limit(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog
) -> None:
    child = system.spawn(spec(StartsOnce, name="child", policy=backing_off(Backoff(1.0), max_restarts=2)))
    child.tell(crash)
    clock.advance_to(1.0)
    clock.advance_to(3.0)

    assert end_of(log, "/child") is StopReason.FAILED
    failures = log.of(AgentFailed, "/child")
    assert [(failure.incarnation, failure.phase, failure.directive) for failure in failures] == [
        (1, Phase.RECEIVE, "restart"),
        (2, Phase.START, "restart"),
        (3, Phase.START, "stop"),
    ]
    assert not child.is_alive()


class SlowToFail(Doer):
    """Takes its time in its last hook."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def on_failure(self, *_failure: Any) -> None:
        self.gate.wait()


@pytest.mark.case(66)
def test_a_supervisor_answers_while_its_child_takes_its_time_to_end(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog
) -> None:
    gate = Gate()
    parent = system.spawn(Supervisor, policy=backing_off(Backoff(1.0)), name="p")
    child = parent.start_child(spec(SlowToFail, name="child", args=(gate,))).ref
    assert child is not None

    child.tell(crash)
    gate.reached()

    [info] = parent.children()
    count = parent.count_children()
    assert (info.name, info.status, info.ref) == ("child", "restarting", child)
    assert (count.specs, count.active) == (1, 0)
    assert parent.start_child(spec(Doer, name="sibling"))
    gate.open()
    clock.advance_to(1.0)
    assert answer(child, number) == 2


@pytest.mark.case(67)
def test_a_supervisor_ends_with_its_significant_child_instead_of_starting_it_again(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog
) -> None:
    children = [spec(Doer, name="child", restart="transient", significant=True)]
    parent = system.spawn(
        spec(
            Supervisor,
            name="p",
            kwargs={"children": children, "policy": backing_off(Backoff(1.0)), "auto_shutdown": "any_significant"},
        )
    )
    child = system.find("/p/child")
    assert child is not None
    child.tell(crash)
    clock.advance_to(1.0)
    assert answer(child, number) == 2

    child.tell(end)

    assert end_of(log, "/p") is StopReason.NORMAL
    assert not parent.is_alive()
    assert len(log.of(AgentBackingOff)) == 1
    assert len(log.of(AgentRestarted)) == 1


@pytest.mark.case(67)
@pytest.mark.parametrize("drain", [True, False])
def test_a_stop_that_arrives_during_the_backoff_of_a_permanent_child_is_final_and_does_not_wait(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, drain: bool
) -> None:
    child = system.spawn(spec(Doer, name="child", restart="permanent", policy=backing_off(Backoff(1.0))))
    child.tell(crash)
    clock.wait_for_timer(1.0)

    assert stop(child, drain=drain) is True

    assert end_of(log, "/child") is StopReason.REQUESTED
    clock.advance(100.0)
    assert len(log.of(AgentStopped, "/child")) == 1
    assert log.of(AgentRestarted, "/child") == []
    assert dead_letters(log, "/child") == [crash]


@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_stop_of_a_sibling_that_waits_for_the_backoff_of_another_does_not_wait(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace, strategy: str
) -> None:
    children = [spec(Last, name="failing", args=(trace,)), spec(Last, name="sibling", args=(trace,))]
    kwargs = {"children": children, "strategy": strategy, "policy": backing_off(Backoff(1.0))}
    system.spawn(spec(Supervisor, name="p", kwargs=kwargs))
    failing, sibling = system.find("/p/failing"), system.find("/p/sibling")
    assert failing is not None
    assert sibling is not None
    failing.tell(crash)
    clock.wait_for_timer(1.0)

    assert stop(sibling) is True

    assert end_of(log, "/p/sibling") is StopReason.REQUESTED
    clock.advance(1.0)
    assert answer(failing, number) == 2


@pytest.mark.case(67)
def test_a_stop_behind_messages_that_wait_out_the_backoff_comes_after_them(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace
) -> None:
    child = system.spawn(spec(Doer, name="child", args=(trace,), policy=backing_off(Backoff(1.0))))
    child.tell(crash)
    clock.wait_for_timer(1.0)
    child.tell("first")

    stopping = child.stop(block=False)
    assert not stopping.settled
    clock.advance(1.0)

    assert result(stopping) is True
    assert trace.notes == ["first"]
    assert end_of(log, "/child") is StopReason.REQUESTED
    assert len(log.of(AgentRestarted, "/child")) == 1
