"""What becomes of a sender that waits for room when somebody is restarted, ended or abandoned?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentAbandoned,
    AgentRef,
    AgentRestarted,
    AgentStoppedError,
    Cancelled,
    ChildSpec,
    DeadLetter,
    DeadLetterReason,
    Mailbox,
    OrphanReturned,
    SendCycleError,
)
from actors._core import mailbox as mailbox_module
from actors._core.mailbox import BoundedQueue
from actors.testkit import Gate
from policies import Escalate
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, crash, dead_letters, stop
from tests.core.feeding import AGAIN, NARROW, errors, narrow, tells
from tests.core.helpers import EventLog, Trace, answer, elsewhere, result

# -- who would end, and who is ended -----------------------------------------------------


def family(system: ActorSystem, spec: Any, trace: Trace) -> tuple[AgentRef[Any], Gate, Gate]:
    """Give a parent with a full mailbox, at a gate, and a child at another that will then tell it something."""
    parent = narrow(system, spec, "p", trace, Mailbox(capacity=1, overflow="block", timeout=60.0))
    child = answer(parent, lambda agent: agent.context.spawn(spec(Doer, name="c", args=(trace,))))
    own, other = Gate(), Gate()
    child.tell(tells(parent, "from below", trace, other))
    other.reached()
    return parent, own, other


def test_a_child_that_waits_for_room_at_its_parent_does_not_keep_it_from_restarting(
    system: ActorSystem, spec: Any, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    parent, own, other = family(system, spec, trace)

    def fail(agent: Doer) -> None:
        own.wait()
        crash(agent)

    parent.tell(fail)
    own.reached()
    parent.tell("it fills")
    other.open()
    clock.wait_for_timer(60.0)
    own.open()
    log.wait(AgentRestarted, "/p")
    assert trace.wait_for("it fills")
    ((_, error),) = errors(trace)
    assert error.cycle == ("/p", "/p/c", "/p")
    assert log.of(AgentAbandoned) == []
    assert clock.now() == 0.0


def test_a_parent_may_end_a_child_that_waits_for_room_at_it(
    system: ActorSystem, spec: Any, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    parent, own, other = family(system, spec, trace)
    parent.tell(lambda agent: (own.wait(), agent.actor_ref.terminate_child("c")))
    own.reached()
    parent.tell("it fills")
    other.open()
    clock.wait_for_timer(60.0)
    own.open()
    trace.wait_for("it fills")
    ((_, error),) = errors(trace)
    assert error.cycle == ("/p", "/p/c", "/p")
    assert log.of(AgentAbandoned) == []


def test_a_parent_that_waits_for_room_at_a_child_that_escalates_is_abandoned_in_its_time(
    system: ActorSystem, spec: Any, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    gate = Gate()
    parent = system.spawn(spec(Doer, name="p", policy=AGAIN, shutdown=3.0))
    below = spec(Doer, name="c", args=(trace,), policy=Escalate(), mailbox=Mailbox(1, "block", 60.0))
    child = answer(parent, lambda agent: agent.context.spawn(below))

    def fail(agent: Doer) -> None:
        gate.wait()
        crash(agent)

    def feed(_: Doer) -> None:
        child.tell(fail)
        gate.reached()
        child.tell("it fills")
        child.tell("one more")

    parent.tell(feed)
    clock.wait_for_timer(60.0)
    gate.open()
    clock.wait_for_timer(3.0)
    clock.advance(3.0)
    log.wait(AgentRestarted, "/p")
    log.wait(OrphanReturned, "/p")
    assert [event.path for event in log.of(AgentAbandoned)] == ["/p"]
    assert dead_letters(log, "/p/c", DeadLetterReason.STALE) == ["one more"]
    assert trace.notes == []


def test_who_waits_for_room_goes_on_waiting_while_the_agent_restarts(
    system: ActorSystem, spec: Any, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    agent = narrow(system, spec, "a", trace, Mailbox(capacity=1, overflow="block", timeout=60.0))
    gate = Gate()

    def fail(agent: Doer) -> None:
        gate.wait()
        crash(agent)

    agent.tell(fail)
    gate.reached()
    agent.tell("it fills")
    sending = elsewhere(agent.tell, "it waited")
    clock.wait_for_timer(60.0)
    gate.open()
    result(sending)
    assert trace.wait_for("it waited") == ["it fills", "it waited"]
    assert (agent.incarnation, len(log.of(AgentRestarted, "/a"))) == (2, 1)


def test_an_abandoned_sender_waits_no_longer_and_sends_nothing(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    a_gate, raised = Gate(), Trace()
    full = system.spawn(ChildSpec(Doer, "full", args=(trace,), mailbox=Mailbox(1, "block", 60.0)))
    full.tell(busy_at(a_gate))
    a_gate.reached()
    full.tell("it fills")

    def send(agent: Doer) -> None:
        try:
            full.tell("from the past")
        except Cancelled as error:
            raised.note(str(error))
            raise

    sender = system.spawn(ChildSpec(Doer, "sender", deadline=1.0, policy=AGAIN))
    sender.tell(send)
    clock.wait_for_timer(60.0)
    clock.advance(1.0)
    log.wait(OrphanReturned, "/sender")
    assert raised.notes == ["/sender #1 was abandoned: it can no longer act"]
    assert dead_letters(log, "/full", DeadLetterReason.STALE) == ["from the past"]
    a_gate.open()
    answer(full, "last")
    assert trace.notes == ["it fills", "last"]


# -- last moments ---------------------------------------------------------------------------


def test_who_is_let_in_as_its_cycle_is_found_is_in(
    system: ActorSystem, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = BoundedQueue(system.guardian, NARROW)
    queue.append("first")

    def too_late(*_: Any) -> None:
        assert queue.popleft() == "first"
        raise SendCycleError("/", 1, ("/", "/"))

    monkeypatch.setattr(mailbox_module, "begin_wait", too_late)
    agent = system.spawn(Doer, name="a")
    answer(agent, lambda _: queue.append("second"))
    assert [queue.popleft() for _ in range(len(queue))] == ["second"]


@pytest.mark.parametrize("let_in", [True, False])
def test_who_is_cut_off_before_it_waits_has_sent_its_message_if_it_was_let_in(
    system: ActorSystem, log: EventLog, monkeypatch: pytest.MonkeyPatch, let_in: bool
) -> None:
    queue = BoundedQueue(system.guardian, NARROW)
    queue.append("first")
    noted: list[Any] = []

    def cut_off(*_: Any) -> None:
        if let_in:
            assert queue.popleft() == "first"
        raise Cancelled("/a #1 was abandoned")

    def send(_: Doer) -> None:
        try:
            queue.append("second")
        except Cancelled as error:
            noted.append(error)

    monkeypatch.setattr(mailbox_module, "begin_wait", cut_off)
    answer(system.spawn(Doer, name="a"), send)
    assert len(noted) == 1
    assert [queue.popleft() for _ in range(len(queue))] == (["second"] if let_in else ["first"])
    assert dead_letters(log, "/", DeadLetterReason.STALE) == ([] if let_in else ["second"])


def test_who_is_interrupted_as_it_waits_sends_nothing(
    system: ActorSystem, clock: WatchedClock, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = BoundedQueue(system.guardian, NARROW)
    queue.append("first")

    def interrupted(*_: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(clock, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            queue.append("second")
    assert queue.popleft() == "first"
    assert (len(queue), log.of(DeadLetter)) == (0, [])


def test_stop_is_no_answer_to_a_sender_that_waits(
    system: ActorSystem, spec: Any, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    agent = narrow(system, spec, "a", trace, Mailbox(capacity=1, overflow="block", timeout=60.0))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell("it fills")
    telling = [elsewhere(agent.tell, number) for number in range(3)]
    clock.wait_for_timer(60.0, 3)
    gate_opened = elsewhere(stop, agent, drain=False)
    while not agent._cell.control:
        result(elsewhere(lambda: None))
    gate.open()
    for each in telling:
        with pytest.raises(AgentStoppedError):
            result(each)
    assert result(gate_opened) is True
    assert sorted(map(str, dead_letters(log, "/a", "stopped"))) == ["0", "1", "2", "it fills"]
