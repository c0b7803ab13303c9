"""What becomes of agents that would wait for each other, for room or for an answer?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, AgentFailed, AskCycleError, DeadLetter, DeadLetterReason, Mailbox, SendCycleError
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer
from tests.core.feeding import errors, narrow, tells
from tests.core.helpers import EventLog, Meeting, Trace


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
