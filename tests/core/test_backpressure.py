"""What becomes of a sender when there is no room?"""

from __future__ import annotations

import time
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentRef,
    AgentStoppedError,
    AskTimeout,
    DeadLetter,
    DeadLetterReason,
    Mailbox,
    MailboxFullError,
    SendCycleError,
)
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, dead_letters
from tests.core.feeding import narrow
from tests.core.helpers import EventLog, Trace, answer, elsewhere, result

# -- the source systems' cases ---------------------------------------------------------


@pytest.mark.system_case("T7")
def test_to_send_to_one_that_has_stopped_is_an_error_and_one_dead_letter(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    """D0.3: not Ok, and no entry that stays for ever."""
    agent = system.spawn(spec(Doer, name="b"))
    answer(agent, lambda agent: agent.stop())
    assert agent.actor_stopped.wait(10)
    with pytest.raises(AgentStoppedError, match="/b not found"):
        agent.tell("hello")
    assert [(letter.path, letter.message, letter.reason) for letter in system.dead_letters] == [
        ("/b", "hello", DeadLetterReason.STOPPED)
    ]
    assert log.of(DeadLetter) == list(system.dead_letters)


@pytest.mark.system_case("T11")
@pytest.mark.parametrize("overflow", ["reject", "drop_newest", "drop_oldest"])
def test_the_third_tell_of_two_is_refused_at_once_and_the_sender_goes_on(
    system: ActorSystem, spec: Any, overflow: str
) -> None:
    """D0.4 and D1.2: an error, or a count, and no sender that is blocked for ever."""
    agent = system.spawn(spec(Doer, name="a", mailbox=Mailbox(capacity=2, overflow=overflow)))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell(1)
    agent.tell(2)
    begun = time.monotonic()
    if overflow == "reject":
        with pytest.raises(MailboxFullError, match="the mailbox of /a is full \\(2 messages\\)"):
            agent.tell(3)
    else:
        agent.tell(3)
    assert time.monotonic() - begun < 0.05
    assert [letter.message for letter in system.dead_letters] == [1 if overflow == "drop_oldest" else 3]
    gate.open()


@pytest.mark.system_case("T13")
@pytest.mark.parametrize("overflow", ["block", "reject", "drop_newest", "drop_oldest"])
def test_a_stop_reaches_an_agent_whose_mailbox_is_full_ahead_of_what_waits(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace, overflow: str
) -> None:
    agent = narrow(system, spec, "a", trace, Mailbox(capacity=2, overflow=overflow))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell(1)
    agent.tell(2)
    stopping = agent.stop(block=False, drain=False)
    gate.open()
    assert result(stopping) is True
    assert trace.notes == []
    assert dead_letters(log, "/a", "stopped") == [1, 2]


# -- what a full mailbox is to its sender -------------------------------------------------


@pytest.mark.parametrize("kind", ["reject", "block", "cycle"])
@pytest.mark.parametrize("caught", [True, False])
def test_a_full_mailbox_is_a_failure_of_its_sender_only_if_it_lets_the_error_through(
    system: ActorSystem, spec: Any, clock: WatchedClock, log: EventLog, trace: Trace, kind: str, caught: bool
) -> None:
    full = Mailbox(1, "reject") if kind == "reject" else Mailbox(1, "block", None if kind == "cycle" else 2.0)
    a, b = (narrow(system, spec, name, trace, full) for name in "ab")
    gate, start = Gate(), Gate()

    def send(agent: Doer) -> None:
        start.wait()
        try:
            a.tell("too much")
        except MailboxFullError:
            agent.trace.note("caught")
            if not caught:
                raise

    a.tell((lambda _: (gate.wait(), b.tell("to b"))) if kind == "cycle" else busy_at(gate))
    gate.reached()
    a.tell("it fills")
    b.tell(send)
    start.reached()
    if kind == "cycle":
        # The one that closes the cycle is b: a waits already.
        b.tell("it fills, too")
        gate.open()
        while not answered(a):
            result(elsewhere(lambda: None))
    start.open()
    if kind == "block":
        clock.advance_to(2.0)
    trace.wait_for("caught")
    gate.open()
    if not caught:
        assert isinstance(log.wait(AgentFailed, "/b").error, SendCycleError if kind == "cycle" else MailboxFullError)
    answer(b, "barrier")
    assert len(log.of(AgentFailed)) == (not caught)
    assert b.incarnation == (1 if caught else 2)


def answered(ref: AgentRef[Any]) -> bool:
    """Whether the agent waits for somebody."""
    return ref._cell.waiting is not None


# -- asks ---------------------------------------------------------------------------------


def test_an_ask_ends_in_its_own_time_also_while_it_waits_for_room(
    system: ActorSystem, spec: Any, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    agent = narrow(system, spec, "a", trace)
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell("it fills")
    asking = elsewhere(lambda: agent.ask("too late", timeout=3.0))
    clock.wait_for_timer(3.0)
    clock.advance(3.0)
    with pytest.raises(AskTimeout, match="no reply from /a within 3 seconds"):
        result(asking)
    assert dead_letters(log, "/a", DeadLetterReason.EXPIRED) == ["too late"]
    gate.open()
    assert answer(agent, "last") == "last"
    assert trace.notes == ["it fills", "last"]


@pytest.mark.parametrize("timeout", [None, 9.0])
def test_an_ask_waits_for_room_no_longer_than_the_mailbox_says(
    system: ActorSystem, spec: Any, clock: WatchedClock, log: EventLog, trace: Trace, timeout: float | None
) -> None:
    agent = narrow(system, spec, "a", trace, Mailbox(capacity=1, overflow="block", timeout=3.0))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell("it fills")
    asking = elsewhere(lambda: agent.ask("too much", timeout=timeout))
    clock.wait_for_timer(3.0)
    clock.advance(3.0)
    with pytest.raises(MailboxFullError):
        result(asking)
    assert dead_letters(log, "/a", DeadLetterReason.FULL) == ["too much"]
    gate.open()


def test_an_ask_that_waited_for_room_is_answered(
    system: ActorSystem, spec: Any, clock: WatchedClock, trace: Trace
) -> None:
    agent = narrow(system, spec, "a", trace)
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell("it fills")
    asking = elsewhere(lambda: agent.ask("hello", timeout=3.0))
    clock.wait_for_timer(3.0)
    gate.open()
    assert result(asking) == "hello"
