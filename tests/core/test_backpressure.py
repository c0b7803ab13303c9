"""What becomes of a sender when there is no room, and of two that wait for each other?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentAbandoned,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentStoppedError,
    AskCycleError,
    AskTimeout,
    Cancelled,
    ChildSpec,
    DeadLetter,
    DeadLetterReason,
    Mailbox,
    MailboxFullError,
    OrphanReturned,
    SendCycleError,
)
from actors._core import mailbox as mailbox_module
from actors._core.mailbox import BoundedQueue
from actors.testkit import Gate
from policies import Restart
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, crash, dead_letters, stop
from tests.core.helpers import EventLog, Meeting, Trace, answer, elsewhere, result

NARROW = Mailbox(capacity=1, overflow="block")
AGAIN = Restart(max_restarts=50, within=None)


def narrow(system: ActorSystem, spec: Any, name: str, trace: Trace, mailbox: Mailbox = NARROW) -> AgentRef[Any]:
    ref: AgentRef[Any] = system.spawn(spec(Doer, name=name, args=(trace,), mailbox=mailbox, policy=AGAIN))
    return ref


def tells(ref: AgentRef[Any], message: Any, trace: Trace, gate: Gate) -> Callable[[Doer], None]:
    """Give a message that has an agent tell another something once the gate is open, and note what comes of it."""

    def tell(agent: Doer) -> None:
        gate.wait()
        try:
            ref.tell(message)
            trace.note(f"{agent.context.name} told")
        except MailboxFullError as error:
            trace.note((agent.context.name, error))

    return tell


def errors(trace: Trace) -> list[tuple[str, Any]]:
    return [note for note in trace.notes if isinstance(note, tuple)]


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


# -- cycles ---------------------------------------------------------------------------


@pytest.mark.parametrize("names", ["ab", "abc", "abcde"])
def test_of_agents_that_feed_one_another_in_a_ring_one_is_refused_and_all_go_on(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace, names: str
) -> None:
    gate = Gate()
    ring = {name: narrow(system, spec, name, trace) for name in names}
    after = dict(zip(names, names[1:] + names[0], strict=True))
    for name, agent in ring.items():
        agent.tell(tells(ring[after[name]], f"from {name}", trace, gate))
    gate.reached(len(names))
    for name, agent in ring.items():
        agent.tell(f"{name} is full")
    gate.open()

    trace.wait_until(lambda notes: len(notes) == 3 * len(names) - 1)
    ((refused, error),) = errors(trace)
    assert isinstance(error, SendCycleError)
    at = names.index(refused)
    round_trip = names[at:] + names[:at] + refused
    assert error.cycle == tuple(f"/{name}" for name in round_trip)
    assert " -> ".join(error.cycle) in str(error)
    assert (error.path, error.capacity) == (f"/{after[refused]}", 1)
    assert [(letter.path, letter.message, letter.reason) for letter in log.of(DeadLetter)] == [
        (error.path, f"from {refused}", DeadLetterReason.FULL)
    ]
    assert log.of(AgentFailed) == []


@pytest.mark.parametrize("inline", [True, False])
def test_who_would_wait_for_room_at_its_asker_is_refused(
    system: ActorSystem, spec: Any, trace: Trace, inline: bool
) -> None:
    gate = Gate()
    a, b = (narrow(system, spec, name, trace) for name in "ab")
    closes = tells(a, "one more", trace, gate)
    a.tell(lambda _: (gate.wait(), b.ask(closes) if inline else b.ask(closes, timeout=60.0)))
    gate.reached()
    a.tell("it fills")
    gate.open()
    trace.wait_for("it fills")
    ((name, error),) = errors(trace)
    assert (name, error.cycle) == ("b", ("/b", "/a", "/b"))


def test_who_asks_one_that_waits_for_room_at_the_asker_is_refused(
    system: ActorSystem, spec: Any, clock: WatchedClock, trace: Trace
) -> None:
    a_gate, b_gate = Gate(), Gate()
    a = narrow(system, spec, "a", trace, Mailbox(capacity=1, overflow="block", timeout=60.0))
    b = narrow(system, spec, "b", trace)

    def ask(_: Doer) -> None:
        a_gate.wait()
        try:
            b.ask("are you there?")
        except AskCycleError as error:
            trace.note(("a", error))

    a.tell(ask)
    a_gate.reached()
    a.tell("it fills")
    b.tell(tells(a, "one more", trace, b_gate))
    b_gate.open()
    clock.wait_for_timer(60.0)
    a_gate.open()
    trace.wait_for("one more")
    trace.wait_for("b told")
    ((_, error),) = errors(trace)
    assert error.cycle == ("/a", "/b", "/a")


@pytest.mark.parametrize("last", ["tell", "ask"])
def test_a_ring_of_asks_and_feeds_is_named_as_a_whole(
    system: ActorSystem, spec: Any, clock: WatchedClock, trace: Trace, last: str
) -> None:
    """/a asks /b, which waits for room at /c, which then turns to /a."""
    gate = Gate()
    a = narrow(system, spec, "a", trace)
    b = narrow(system, spec, "b", trace)
    c = narrow(system, spec, "c", trace, Mailbox(capacity=1, overflow="block", timeout=60.0))

    def turn_to_a(_: Doer) -> None:
        gate.wait()
        try:
            a.tell("one more") if last == "tell" else a.ask("are you there?", timeout=50.0)
        except (SendCycleError, AskCycleError) as error:
            trace.note(("c", error))

    c.tell(turn_to_a)
    gate.reached()
    c.tell("c is full")
    feeding = Gate()
    a.tell(lambda _: b.ask(lambda _: (feeding.wait(), c.tell("from b"))))
    feeding.reached()
    if last == "tell":
        a.tell("a is full")
    feeding.open()
    clock.wait_for_timer(60.0)
    gate.open()
    trace.wait_for("from b")
    ((_, error),) = errors(trace)
    assert type(error) is (SendCycleError if last == "tell" else AskCycleError)
    assert error.cycle == ("/c", "/a", "/b", "/c")


def test_an_agent_never_waits_for_room_in_its_own_mailbox(system: ActorSystem, spec: Any, trace: Trace) -> None:
    agent = narrow(system, spec, "a", trace)
    agent.tell(lambda agent: [agent.actor_ref.tell(number) for number in range(5)])
    assert trace.wait_for(4) == [0, 1, 2, 3, 4]


def test_to_feed_one_that_is_only_slow_is_no_cycle(system: ActorSystem, spec: Any, trace: Trace) -> None:
    """Ten feed each other's neighbour for a while, never all of them at once."""
    a, b = (narrow(system, spec, name, trace) for name in "ab")
    producers = [narrow(system, spec, f"p{number}", trace) for number in range(4)]
    together = Meeting(len(producers))

    def feed(agent: Doer) -> None:
        together.wait()
        for number in range(25):
            (a, b)[number % 2].tell((agent.context.name, number))

    for producer in producers:
        producer.tell(feed)
    trace.wait_until(lambda notes: len(notes) == 100)
    for producer in producers:
        own = [number for name, number in trace.notes if name == producer.name]
        assert [n for n in own if n % 2] == list(range(1, 25, 2))
        assert [n for n in own if not n % 2] == list(range(0, 25, 2))


def test_many_that_feed_each_other_at_random_never_come_to_a_standstill(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    crowd = [narrow(system, spec, f"a{number}", trace) for number in range(6)]

    def pass_on(left: int) -> Any:
        def send(agent: Doer) -> None:
            own = int(agent.context.name[1:])
            for step in (1, 2) if left else ():
                agent.trace.note("sent")
                try:
                    crowd[(own + step * left) % 6].tell(pass_on(left - 1))
                except SendCycleError:
                    agent.trace.note("refused")
            agent.trace.note("handled")

        return send

    for agent in crowd:
        agent.tell(pass_on(4))
    trace.wait_until(lambda notes: notes.count("handled") == 6 + notes.count("sent") - notes.count("refused"))
    full = [letter for letter in log.of(DeadLetter) if letter.reason == DeadLetterReason.FULL]
    assert len(full) == trace.count("refused")
    assert log.of(AgentFailed) == []


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
