"""What becomes of a message that an interceptor drops, delays or duplicates, and of who asked?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentFailed,
    AgentStoppedError,
    AskDropped,
    AskTimeout,
    Cancelled,
    ChildSpec,
    DeadLetter,
    DeadLetterReason,
    Delivery,
    Mailbox,
    MailboxFullError,
    OrphanReturned,
    Terminated,
)
from actors._core.clock import Timer
from actors._core.delivery import Returned
from actors._core.future import Ask
from actors.testkit import Gate
from policies import Restart
from tests.core.doer import Doer, crash, dead_letters, incarnation_of, number, stop
from tests.core.helpers import Boom, EventLog, Trace, answer, elsewhere, result

AGAIN = Restart(max_restarts=1000, within=None)
ASKS = [answer, lambda ref, message: ref.ask(message)]
INLINE = ["queued", "inline"]


def drop(delivery: Delivery) -> None:
    delivery.drop()


def delay(delivery: Delivery) -> None:
    delivery.delay(5.0)


def duplicate(delivery: Delivery) -> None:
    delivery.duplicate()
    delivery.proceed()


# -- dropped ----------------------------------------------------------------------------


def test_a_dropped_message_is_one_dead_letter(system: ActorSystem, spec: Any, log: EventLog, trace: Trace) -> None:
    ref = system.spawn(spec(Doer, name="a", args=(trace,)))
    system.intercept(drop, on=int)
    system.intercept(lambda delivery: delivery.drop("lost at sea"), on=float)
    for message in ("before", 1, 1.5, "after"):
        ref.tell(message)
    answer(ref, "asked")
    assert trace.notes == ["before", "after", "asked"]
    letters = [(letter.message, letter.reason, letter.detail, letter.error) for letter in log.of(DeadLetter, "/a")]
    dropped = DeadLetterReason.DROPPED
    assert letters == [(1, dropped, None, None), (1.5, dropped, "lost at sea", None)]
    assert log.of(AgentFailed) == []


@pytest.mark.parametrize("ask", ASKS, ids=INLINE)
def test_a_dropped_ask_without_a_deadline_ends_at_once(
    system: ActorSystem, spec: Any, log: EventLog, ask: Callable[..., Any]
) -> None:
    ref = system.spawn(spec(Doer, name="a"))
    with system.intercept(drop, on=int), pytest.raises(AskDropped, match="no reply from /a: dropped by an") as raised:
        ask(ref, 1)
    assert isinstance(raised.value, AskTimeout)
    assert dead_letters(log, "/a") == [1]
    assert ask(ref, 1) == 1


def test_a_dropped_ask_ends_at_its_deadline(system: ActorSystem, clock: Any, spec: Any, log: EventLog) -> None:
    ref = system.spawn(spec(Doer, name="a"))
    system.intercept(drop, on=int)
    asked = ref.ask(1, block=False, timeout=5.0)
    assert answer(ref, "barrier") == "barrier"
    assert not asked.settled
    over = elsewhere(lambda: asked.get(timeout=60.0))
    clock.wait_for_timer(5.0)
    clock.advance(5.0)
    with pytest.raises(AskTimeout, match="no reply from /a within 5 seconds"):
        result(over)
    assert dead_letters(log, "/a") == [1]


def test_a_drop_needs_a_reason_that_is_text(system: ActorSystem) -> None:
    ref = system.spawn(Doer)
    system.intercept(lambda delivery: delivery.drop(None), on=int)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reason: a str, not None"):
        answer(ref, 1)


def test_what_a_later_one_drops_gives_an_earlier_one_nothing(system: ActorSystem, spec: Any, log: EventLog) -> None:
    seen: list[Any] = []
    ref = system.spawn(spec(Doer, name="a"))
    system.intercept(lambda delivery: seen.append(delivery.proceed()), on=int)
    system.intercept(drop, on=int)
    with pytest.raises(AskDropped):
        answer(ref, 1)
    assert seen == [None]
    assert dead_letters(log, "/a") == [1]


# -- delayed -----------------------------------------------------------------------------


def test_a_delayed_message_arrives_in_its_time_and_is_not_delayed_again(
    system: ActorSystem, clock: Any, spec: Any, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(spec(Doer, args=(trace,)))
    interception = system.intercept(delay, on=int)
    for message in (1, "a", 2, "b"):
        ref.tell(message)
    answer(ref, "c")
    clock.advance(4.9)
    assert answer(ref, "d") == "d"
    clock.advance(0.2)
    trace.wait_for(2)
    assert trace.notes == ["a", "b", "c", "d", 1, 2]
    assert (interception.arrivals, log.of(DeadLetter)) == (2, [])


@pytest.mark.parametrize("ask", ASKS, ids=INLINE)
def test_a_delayed_ask_stays_open_until_it_is_answered(
    system: ActorSystem, clock: Any, spec: Any, ask: Callable[..., Any]
) -> None:
    ref = system.spawn(spec(Doer))
    system.intercept(delay, on=int)
    asked = elsewhere(lambda: ask(ref, 1))
    clock.wait_for_timer(5.0)
    assert not asked.settled
    clock.advance(5.0)
    assert result(asked) == 1


def test_a_delayed_ask_whose_time_is_over_is_not_executed(
    system: ActorSystem, clock: Any, spec: Any, log: EventLog, trace: Trace
) -> None:
    ref = system.spawn(spec(Doer, name="a", args=(trace,)))
    system.intercept(delay, on=int)
    asked = ref.ask(1, block=False, timeout=2.0)
    answer(ref, "barrier")
    clock.advance(5.0)
    answer(ref, "later")
    with pytest.raises(AskTimeout):
        asked.get()
    assert (trace.notes, dead_letters(log, "/a", "expired")) == (["barrier", "later"], [1])


def test_a_delayed_message_waits_through_a_restart(
    system: ActorSystem, clock: Any, spec: Any, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(spec(Doer, name="a", args=(trace,), policy=AGAIN))
    with system.intercept(delay, nth=(1, 2)):
        ref.tell("late")
        asked = ref.ask(number, block=False)
        ref.tell(crash)
        assert answer(ref, number) == 2
    clock.advance(5.0)
    assert result(asked) == 2
    assert trace.notes == ["late"]
    assert dead_letters(log, "/a") == [crash]


def test_a_delayed_message_is_a_dead_letter_if_the_agent_ends_first(
    system: ActorSystem, clock: Any, spec: Any, log: EventLog
) -> None:
    ref = system.spawn(spec(Doer, name="a"))
    system.intercept(delay, on=int)
    ref.tell(1)
    asked = ref.ask(2, block=False)
    answer(ref, "barrier")
    stop(ref)
    assert dead_letters(log, "/a", "stopped") == [1, 2]
    with pytest.raises(AgentStoppedError):
        result(asked)
    assert clock.next_due is None


def test_a_delayed_message_that_has_arrived_is_a_dead_letter_if_the_agent_ends_then(
    system: ActorSystem, clock: Any, spec: Any, log: EventLog
) -> None:
    gate = Gate()
    ref = system.spawn(spec(Doer, name="a"))
    system.intercept(delay, on=int)
    ref.tell(1)
    asked = ref.ask(2, block=False)
    ref.tell(lambda _agent: gate.wait())
    gate.reached()
    clock.advance(5.0)
    ended = ref.stop(block=False, drain=False)
    gate.open()
    assert result(ended)
    assert dead_letters(log, "/a", "stopped") == [1, 2]
    with pytest.raises(AgentStoppedError):
        result(asked)


def test_the_end_of_the_system_leaves_no_delayed_ask_open(spec: Any) -> None:
    with ActorSystem() as real:
        asked = []
        for name in "abc":
            ref = real.spawn(spec(Doer, name=name))
            real.intercept(lambda delivery: delivery.delay(3600.0), f"/{name}", on=int)
            asked.append(ref.ask(1, block=False))
            answer(ref, "barrier")
        log = EventLog(real)
    assert [letter.message for letter in log.of(DeadLetter)] == [1, 1, 1]
    for future in asked:
        with pytest.raises(AgentStoppedError):
            result(future)


def test_what_comes_after_the_delay_is_for_the_later_ones_and_for_those_who_are_new(
    system: ActorSystem, clock: Any, spec: Any
) -> None:
    met: list[str] = []

    def note(name: str) -> Callable[[Delivery], None]:
        def interceptor(delivery: Delivery) -> None:
            met.append(name)
            delivery.proceed()

        return interceptor

    ref = system.spawn(spec(Doer))
    first = system.intercept(note("first"), on=int)
    system.intercept(delay, on=int, nth=1)
    third = system.intercept(note("third"), on=int, nth=1)
    not_this_one = system.intercept(note("never"), on=int, nth=2)
    gone = system.intercept(note("gone"), on=int)
    asked = ref.ask(1, block=False)
    answer(ref, "barrier")
    gone.cancel()
    system.intercept(note("new"), on=int)
    clock.advance(5.0)
    assert result(asked) == 1
    assert met == ["first", "third", "new"]
    assert [each.arrivals for each in (first, third, not_this_one)] == [1, 1, 1]


def test_a_delayed_message_needs_no_room(system: ActorSystem, clock: Any, spec: Any, trace: Trace) -> None:
    gate = Gate()
    ref = system.spawn(spec(Doer, args=(trace,), mailbox=Mailbox(capacity=1)))
    system.intercept(delay, nth=1)
    ref.tell(1)
    clock.wait_for_timer(5.0)
    ref.tell(lambda _agent: gate.wait())
    gate.reached()
    ref.tell("last")
    clock.advance(5.0)
    with pytest.raises(MailboxFullError):
        ref.tell("one too many")
    gate.open()
    trace.wait_for(1)
    assert trace.notes == ["last", 1]


def test_a_notice_of_a_death_that_is_delayed_or_dropped_is_not_lost_in_silence(
    system: ActorSystem, clock: Any, spec: Any, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(spec(Doer, name="a", args=(trace,)))
    children = [system.spawn(Doer, name=f"child-{number}") for number in (1, 2)]
    answer(ref, lambda agent: [agent.context.watch(child) for child in children])
    system.intercept(delay, on=Terminated, nth=1)
    system.intercept(drop, on=Terminated, nth=2)
    for child in children:
        stop(child)
        answer(ref, lambda agent: None)
    assert [notice.ref for notice in dead_letters(log, "/a")] == [children[1]]
    assert trace.notes == []
    clock.advance(5.0)
    [notice] = trace.wait_until(len)
    assert notice.ref == children[0]


def test_a_delay_that_is_over_in_the_moment_of_the_end_brings_back_nothing(
    system: ActorSystem, clock: Any, spec: Any, log: EventLog
) -> None:
    ref = system.spawn(spec(Doer, name="a"))
    with pytest.MonkeyPatch.context() as patch:
        # The clock's thread had the timer in hand already.
        patch.setattr(Timer, "cancel", lambda timer: None)
        system.intercept(delay, on=int)
        ref.tell(1)
        answer(ref, "barrier")
        stop(ref)
        clock.advance(5.0)
    assert dead_letters(log, "/a") == [1]


def test_what_waits_for_its_agent_again_still_tells_what_it_is(system: ActorSystem) -> None:
    ask: Ask[Any] = Ask("asked", system.spawn(Doer)._cell, None, None)
    assert [Returned(item, frozenset()).message for item in ("told", ask)] == ["told", "asked"]


@pytest.mark.parametrize("seconds", [-1.0, "1", None, float("inf")])
def test_a_delay_takes_seconds(system: ActorSystem, seconds: Any) -> None:
    ref = system.spawn(Doer)
    system.intercept(lambda delivery: delivery.delay(seconds), on=int)
    with pytest.raises(ValueError, match="seconds: 0 or more, not"):
        answer(ref, 1)


# -- duplicated ---------------------------------------------------------------------------


@pytest.mark.parametrize("ask", ASKS, ids=INLINE)
def test_a_duplicate_is_a_message_of_its_own_whose_answer_goes_nowhere(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog, ask: Callable[..., Any]
) -> None:
    ref = system.spawn(spec(Doer, args=(trace,)))
    system.intercept(duplicate, on=int)
    ref.tell(1)
    assert ask(ref, 2) == 2
    assert ask(ref, "last") == "last"
    assert sorted(trace.notes[:-1]) == [1, 1, 2, 2]
    assert log.of(DeadLetter) == []


def test_the_failure_of_a_duplicate_is_that_of_a_told_message(system: ActorSystem, spec: Any, log: EventLog) -> None:
    ref = system.spawn(spec(Doer, name="a", policy=AGAIN))
    system.intercept(duplicate, on=lambda message: message is crash)
    with pytest.raises(Boom):
        answer(ref, crash)
    assert incarnation_of(ref) == 3
    assert dead_letters(log, "/a", "failed") == [crash]


def test_a_duplicate_passes_all_but_the_one_that_made_it(system: ActorSystem, spec: Any, trace: Trace) -> None:
    ref = system.spawn(spec(Doer, args=(trace,)))
    counts = [system.intercept(duplicate, on=int) for _ in range(2)]
    counting = system.intercept(lambda delivery: delivery.proceed(), on=int)
    ref.tell(1)
    for _ in range(3):
        answer(ref, "barrier")
    # The message, a copy by each, and a copy of each of those by the other.
    assert trace.count(1) == 5
    assert [each.hits for each in counts] == [2, 2]
    assert counting.arrivals == 5


# -- together with what else may happen ---------------------------------------------------------


@pytest.mark.leaves_orphans
@pytest.mark.parametrize("act", ["proceed", "drop", "delay", "duplicate"])
def test_one_that_hangs_beyond_the_deadline_can_do_nothing_more(
    system: ActorSystem, clock: Any, log: EventLog, trace: Trace, dispatcher: Any, act: str
) -> None:
    gate = Gate()

    def hang(delivery: Delivery) -> None:
        gate.wait()
        try:
            getattr(delivery, act)(*((1.0,) if act == "delay" else ()))
        except Cancelled as error:
            trace.note(str(error))
            raise

    ref = system.spawn(ChildSpec(Doer, "a", (trace,), deadline=1.0, dispatcher=dispatcher, policy=AGAIN))
    interception = system.intercept(hang, on=int, nth=1)
    ref.tell(1)
    gate.reached()
    clock.advance(1.0)
    log.wait(AgentAbandoned, "/a")
    assert answer(ref, number) == 2
    gate.open()
    log.wait(OrphanReturned, "/a")
    assert trace.notes == ["/a #1 was abandoned: it can no longer act"]
    assert [(letter.message, letter.reason) for letter in log.of(DeadLetter)] == [(1, "abandoned")]
    assert interception.hits == 1


class Ledger(Agent):
    """Notes the numbers that it handles, fails over some of them, and puts some aside for a while."""

    def __init__(self, handled: list[int]) -> None:
        self.handled = handled

    def on_receive(self, message: int) -> int | None:
        if message % 17 == 0:
            raise Boom(str(message))
        if message % 13 == 0 and len(self.handled) % 2:
            self.context.stash()
            return None
        self.handled.append(message)
        self.context.unstash_all()
        return message


@pytest.mark.parametrize("seed", range(5))
def test_promise_04_holds_whatever_interceptors_do(spec: Any, seed: int) -> None:
    """Each of many numbers, told and asked while agents fail and end, ends exactly once; duplicates count for two."""
    random = Random(seed)
    lock = threading.Lock()
    copies: list[int] = []
    answered: list[int] = []
    handled: list[int] = []

    def interfere(delivery: Delivery) -> None:
        with lock:
            act = random.choice(["proceed", "proceed", "drop", "delay", "duplicate", "raise", "answer"])
        if act == "raise":
            raise Boom("interfered")
        if act == "duplicate":
            copies.append(delivery.message)
            delivery.duplicate()
            act = "proceed"
        if act == "answer":
            answered.append(delivery.message)
        arguments = {"delay": (random.random() / 1000,), "answer": (delivery.message,)}.get(act, ())
        getattr(delivery, act)(*arguments)

    numbers = range(1, 401)
    with ActorSystem(policy=AGAIN) as system:
        log = EventLog(system)
        ref = system.spawn(spec(Ledger, name="a", args=(handled,)))
        system.intercept(interfere, on=int, nth=range(1, 300))
        system.intercept(interfere, on=int, nth=range(100, 300))
        asks = {}
        for sent in numbers:
            if sent % 3:
                ref.tell(sent)
            else:
                asks[sent] = ref.ask(sent, block=False)
        if seed % 2:
            stop(ref)
    assert [sent for sent, future in asks.items() if not future.settled] == []
    failed = [sent for sent, future in asks.items() if isinstance(future._error, Boom)]
    dead = [letter.message for letter in log.of(DeadLetter)]
    assert sorted([*handled, *dead, *answered, *failed]) == sorted([*numbers, *copies])
