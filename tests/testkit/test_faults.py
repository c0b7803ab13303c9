"""Are faults done to just the messages they are for, in both worlds, and is everybody told who is told in earnest?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentFailed,
    AgentFuture,
    AgentRef,
    AgentRestarted,
    AgentStoppedError,
    AskDropped,
    AskTimeout,
    ChildSpec,
    DeadLetter,
    Event,
    HandlerTimeout,
    HookFailed,
    Mailbox,
    MailboxFullError,
    OrphanReturned,
    StartFailedError,
)
from actors.testkit import Fault, Faults, FullMailbox, Hang, InjectedFault, Simulation, VirtualClock, wait
from policies import Restart

AGAIN = Restart(max_restarts=100, within=None)
PATIENCE = 10.0
Advance = Callable[[float], None]


class Counter(Agent):
    """Adds up what it is sent; anything that is no number gives the sum and the incarnation."""

    def __init__(self) -> None:
        self.total = 0

    def on_receive(self, message: Any) -> Any:
        if not isinstance(message, int):
            return self.total, self.context.incarnation
        self.total += message
        return self.total

    def on_stop(self) -> None:
        self.total = 0


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture(params=["threads", "simulation"])
def system(request: pytest.FixtureRequest, clock: VirtualClock) -> Iterator[ActorSystem]:
    if request.param == "simulation":
        with Simulation(seed=1, policy=AGAIN) as simulation:
            yield simulation
    else:
        with ActorSystem(policy=AGAIN, clock=clock) as threads:
            yield threads


@pytest.fixture
def advance(system: ActorSystem, clock: VirtualClock) -> Advance:
    return system.advance if isinstance(system, Simulation) else clock.advance


@pytest.fixture
def faults(system: ActorSystem) -> Iterator[Faults]:
    with Faults(system) as faults:
        yield faults


def answer(ref: AgentRef[Any], message: Any = "sum") -> Any:
    return ref.ask(message, block=False).get(timeout=PATIENCE)


def of(system: ActorSystem, kind: type[Event]) -> list[Any]:
    return system.events.recent(1000, kind)


# -- crash ------------------------------------------------------------------------------


def test_a_crash_is_a_failure_over_just_that_message(system: ActorSystem, faults: Faults) -> None:
    ref = system.spawn(Counter, name="a")
    crash = faults.crash("/a", on=int, nth=2)
    for number in (1, 2, 3):
        ref.tell(number)
    assert answer(ref) == (3, 2)
    [letter] = of(system, DeadLetter)
    assert (letter.message, letter.reason, str(letter.error)) == (2, "failed", "/a #1 over int")
    assert isinstance(letter.error, InjectedFault)
    assert (crash.arrivals, crash.hits) == (3, 1)


def test_two_crashes_count_alike_and_the_incarnations_are_counted_through(system: ActorSystem, faults: Faults) -> None:
    ref = system.spawn(Counter, name="a")
    first, second = faults.crash(ref, nth=1), faults.crash(ref, nth=(2, 4))
    for number in (1, 2, 3, 4):
        ref.tell(number)
    assert answer(ref) == (0, 4)
    assert (first.arrivals, first.hits, second.arrivals, second.hits) == (5, 1, 5, 2)


@pytest.mark.parametrize(
    ("error", "text"), [(KeyError("k"), "KeyError('k')"), (SystemExit, "SystemExit()"), (None, "InjectedFault(")]
)
def test_a_crash_raises_what_it_was_given(system: ActorSystem, faults: Faults, error: Any, text: str) -> None:
    ref = system.spawn(Counter, name="a")
    faults.crash("/a", on=int, nth=None, error=error)
    for _ in range(2):
        with pytest.raises((KeyError, SystemExit, InjectedFault)) as raised:
            answer(ref, 1)
        assert repr(raised.value).startswith(text)
    assert answer(ref) == (0, 3)


def test_the_nth_start_and_a_last_hook_can_crash(system: ActorSystem, faults: Faults) -> None:
    starts = faults.crash("/a", on="on_start", nth=(2, 3))
    constructor = faults.crash("/b", on="__init__")
    faults.crash("/a", on="on_stop")
    ref = system.spawn(Counter, name="a")
    with pytest.raises(StartFailedError, match="/b #1 over __init__"):
        system.spawn(Counter, name="b")
    ref.tell("crash")
    faults.crash("/a", on=str)
    ref.tell("crash")
    assert answer(ref, 7) == 7
    assert answer(ref) == (7, 4)
    assert ref.stop(block=False).get(timeout=PATIENCE)
    assert (starts.arrivals, starts.hits, constructor.hits) == (4, 2, 1)
    assert [event.path for event in of(system, HookFailed)] == ["/a"]


# -- hang and slow ------------------------------------------------------------------------


def test_an_agent_hangs_until_it_is_released_and_goes_on_with_the_message(system: ActorSystem, faults: Faults) -> None:
    ref = system.spawn(Counter, name="a")
    hang = faults.hang("/a", on=int)
    asked = ref.ask(1, block=False)
    hang.reached()
    behind = ref.ask(2, block=False)
    assert not asked.settled
    hang.release()
    assert asked.get(timeout=PATIENCE) == 1
    assert behind.get(timeout=PATIENCE) == 3
    assert hang.hits == 1
    assert isinstance(hang, Hang)


def test_several_agents_hang_and_clearing_releases_them_all(system: ActorSystem) -> None:
    refs = [system.spawn(Counter, name=name) for name in "abc"]
    with Faults(system) as faults:
        hang = faults.hang("/*", nth=None)
        asked = [ref.ask(1, block=False) for ref in refs]
        hang.reached(2)
        hang.reached(3)
    assert [future.get(timeout=PATIENCE) for future in asked] == [1, 1, 1]
    assert [answer(ref, 1) for ref in refs] == [2, 2, 2]
    assert hang.hits == 3


@pytest.mark.leaves_orphans
def test_an_agent_that_hangs_beyond_its_deadline_is_replaced_and_its_late_message_lost(
    system: ActorSystem, faults: Faults, advance: Advance
) -> None:
    ref = system.spawn(ChildSpec(Counter, name="a", deadline=2.0))
    hang = faults.hang("/a", on=int)
    asked = ref.ask(1, block=False)
    hang.reached()
    advance(2.0)
    with pytest.raises(HandlerTimeout):
        asked.get(timeout=PATIENCE)
    assert answer(ref) == (0, 2)
    back = _next(system, OrphanReturned)
    faults.clear()
    back.get(timeout=PATIENCE)
    assert answer(ref) == (0, 2)
    assert [event.incarnation for event in of(system, AgentAbandoned)] == [1]


def _next(system: ActorSystem, kind: type[Event]) -> AgentFuture[Any]:
    future: AgentFuture[Any] = AgentFuture()
    system.events.subscribe(future.resolve, kind)
    return future


def test_a_start_can_hang_without_holding_up_the_supervisor(system: ActorSystem, faults: Faults) -> None:
    a, b = (system.spawn(Counter, name=name) for name in "ab")
    hang = faults.hang("/a", on="on_start", nth=1)
    faults.crash("/*", on=int, nth=(1, 2))
    a.tell(1)
    hang.reached()
    b.tell(1)
    assert answer(b) == (0, 2)
    hang.release()
    assert answer(a) == (0, 2)


def test_a_fault_that_is_not_reached_in_time_says_so(system: ActorSystem, faults: Faults) -> None:
    ref = system.spawn(Counter, name="a")
    hang = faults.hang("/a", on=int)
    assert answer(ref) == (0, 1)
    with pytest.raises(AssertionError, match=r"not done 1 times within 0.01 seconds: <Fault hang /a: 0 of 0>"):
        hang.reached(within=0.01)


def test_a_slow_agent_takes_its_time_by_the_systems_clock(
    system: ActorSystem, faults: Faults, advance: Advance
) -> None:
    ref = system.spawn(Counter, name="a")
    slow = faults.slow("/a", 5.0, on=int)
    asked = ref.ask(1, block=False, timeout=60.0)
    slow.reached()
    advance(4.0)
    assert not asked.settled
    advance(1.5)
    assert asked.get(timeout=PATIENCE) == 1
    impatient = ref.ask(1, block=False, timeout=2.0)
    given_up: AgentFuture[float] = AgentFuture()
    impatient.add_done_callback(lambda: given_up.set(system.clock.now()))
    slow.reached(2)
    asked_at = system.clock.now()
    advance(6.0)
    assert given_up.get(timeout=PATIENCE) == asked_at + 2.0
    with pytest.raises(AskTimeout):
        impatient.get()
    assert answer(ref) == (2, 1)


def test_a_slow_agent_that_is_cleared_goes_on_at_once(system: ActorSystem, faults: Faults) -> None:
    ref = system.spawn(Counter, name="a")
    slow = faults.slow("/a", 3600.0, on=int)
    begun = system.clock.now()
    asked = ref.ask(1, block=False)
    slow.reached()
    slow.clear()
    assert asked.get(timeout=PATIENCE) == 1
    assert answer(ref, 1) == 2
    assert system.clock.now() == begun


# -- drop, duplicate, delay ------------------------------------------------------------------


def test_what_is_dropped_is_a_dead_letter_and_an_ask_ends(
    system: ActorSystem, faults: Faults, advance: Advance
) -> None:
    ref = system.spawn(Counter, name="a")
    drop = faults.drop("/a", on=int, nth=(1, 2, 3))
    ref.tell(1)
    with pytest.raises(AskDropped, match="no reply from /a: dropped by a fault"):
        answer(ref, 2)
    asked = ref.ask(3, block=False, timeout=5.0)
    drop.reached(3)
    advance(5.0)
    with pytest.raises(AskTimeout):
        asked.get(timeout=0.0)
    assert answer(ref, 4) == 4
    assert [letter.message for letter in of(system, DeadLetter)] == [1, 2, 3]
    assert of(system, AgentFailed) == []


def test_what_is_duplicated_comes_twice_and_is_answered_once(system: ActorSystem, faults: Faults) -> None:
    ref = system.spawn(Counter, name="a")
    twice = faults.duplicate("/a", on=int, nth=None)
    assert answer(ref, 1) == 1
    assert answer(ref) == (2, 1)
    assert (twice.hits, twice.arrivals) == (1, 1)
    faults.crash("/a", on=int, nth=2)
    ref.tell(10)
    assert answer(ref)[0] in (0, 12)  # the second comes after this, or before
    assert answer(ref) == (0, 2)


def test_what_is_delayed_comes_in_its_time_although_the_fault_was_cleared(
    system: ActorSystem, advance: Advance
) -> None:
    ref = system.spawn(Counter, name="a")
    with Faults(system) as faults:
        late = faults.delay("/a", 5.0, on=int)
        asked = ref.ask(1, block=False, timeout=60.0)
        late.reached()
        faults.crash("/a", on=str)
        ref.tell("crash")
        assert answer(ref) == (0, 2)
    advance(4.9)
    assert not asked.settled
    advance(0.2)
    assert asked.get(timeout=PATIENCE) == 1
    assert answer(ref) == (1, 2)


# -- a full mailbox ----------------------------------------------------------------------------


@pytest.fixture
def bounded(system: ActorSystem) -> AgentRef[Any]:
    return system.spawn(ChildSpec(Counter, name="a", mailbox=Mailbox(capacity=3)))


def test_a_full_mailbox_refuses_until_it_is_released_and_the_agent_sees_no_filler(
    system: ActorSystem, faults: Faults, bounded: AgentRef[Any]
) -> None:
    full = faults.fill_mailbox(bounded)
    assert full.filled == 3
    with pytest.raises(MailboxFullError):
        bounded.tell(1)
    with pytest.raises(MailboxFullError):
        answer(bounded, 1)
    full.release()
    assert bounded.stop(block=False).get(timeout=PATIENCE)
    assert [(letter.message, letter.reason) for letter in of(system, DeadLetter)] == [(1, "mailbox full")] * 2
    assert of(system, AgentFailed) == []
    assert not system.interceptors.active  # type: ignore[union-attr]


def test_a_sender_waits_at_a_full_mailbox_until_it_is_released(system: ActorSystem, faults: Faults) -> None:
    ref = system.spawn(ChildSpec(Counter, name="a", mailbox=Mailbox(capacity=2, overflow="block")))

    class Sender(Agent):
        def on_receive(self, message: Any) -> Any:
            ref.tell(message)

    sender = system.spawn(Sender)
    full = faults.fill_mailbox(ref)
    telling = [sender.ask(number, block=False) for number in (5, 6)]
    assert not wait(telling[0], 0.01)
    full.release()
    for future in telling:
        future.get(timeout=PATIENCE)
    assert answer(ref) == (11, 1)


def test_a_mailbox_can_be_filled_with_a_message_that_is_then_handled(
    system: ActorSystem, faults: Faults, bounded: AgentRef[Any]
) -> None:
    full = faults.fill_mailbox(bounded, 7)
    assert full.filled == 3
    handled = faults.slow("/a", 0.0, on=int)
    full.release()
    handled.reached(3)
    assert answer(bounded) == (21, 1)


def test_a_mailbox_with_mail_is_filled_up_and_its_mail_is_handled(system: ActorSystem, faults: Faults) -> None:
    noted: list[Any] = []

    class Noting(Agent):
        def on_receive(self, message: Any) -> None:
            noted.append(message)

    ref = system.spawn(ChildSpec(Noting, name="a", mailbox=Mailbox(capacity=3)))
    hang = faults.hang("/a")
    ref.tell("first")
    hang.reached()
    for number in (1, 2, 3):
        ref.tell(number)
    hang.release()
    full = faults.fill_mailbox(ref)
    assert 1 <= full.filled <= 3  # as many of the others were handled before
    full.release()
    assert ref.stop(block=False).get(timeout=PATIENCE)
    assert noted == ["first", 1, 2, 3]


def test_fillers_that_wait_when_the_fault_is_cleared_are_not_seen_either(
    system: ActorSystem, bounded: AgentRef[Any]
) -> None:
    with Faults(system) as faults:
        faults.fill_mailbox(bounded)
    assert bounded.stop(block=False).get(timeout=PATIENCE)
    assert of(system, DeadLetter) == []
    assert of(system, AgentFailed) == []


@pytest.mark.leaves_orphans
def test_a_mailbox_stays_full_through_a_restart_of_its_agent(
    system: ActorSystem, faults: Faults, advance: Advance
) -> None:
    ref = system.spawn(ChildSpec(Counter, name="a", mailbox=Mailbox(capacity=2), deadline=1.0))
    restarted = _next(system, AgentRestarted)
    faults.fill_mailbox(ref)
    advance(1.0)
    restarted.get(timeout=PATIENCE)
    assert ref.stop(block=False).get(timeout=PATIENCE)
    assert {type(letter.error) for letter in of(system, DeadLetter)} <= {HandlerTimeout}


@pytest.mark.leaves_orphans
def test_an_agent_that_is_replaced_just_before_its_mailbox_is_filled_finds_the_fillers(
    system: ActorSystem, faults: Faults, advance: Advance, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = system.spawn(ChildSpec(Counter, name="a", mailbox=Mailbox(capacity=2), deadline=1.0))
    restarted = _next(system, AgentRestarted)

    def reached(full: FullMailbox, count: int, within: float | None) -> None:
        Hang.reached(full, count, within)
        advance(1.0)
        restarted.get(timeout=PATIENCE)
        assert answer(ref) == (0, 2)

    monkeypatch.setattr(FullMailbox, "reached", reached)
    full = faults.fill_mailbox(ref)
    assert full.filled == 2
    faults.clear()
    assert ref.stop(block=False).get(timeout=PATIENCE)
    assert [type(letter.message).__name__ for letter in of(system, DeadLetter)] == ["_Filler"]


def test_a_mailbox_that_cannot_be_filled_is_refused(system: ActorSystem, faults: Faults) -> None:
    unbounded, ended = system.spawn(Counter), system.spawn(Counter)
    ended.stop(block=False).get(timeout=PATIENCE)
    with pytest.raises(ValueError, match="ref: an agent with a bounded mailbox, not <AgentRef /Counter-1>"):
        faults.fill_mailbox(unbounded)
    with pytest.raises(ValueError, match="ref: an AgentRef, not '/a'"):
        faults.fill_mailbox("/a")  # type: ignore[arg-type]
    with pytest.raises(AgentStoppedError):
        faults.fill_mailbox(ended)


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("put", "text"),
    [
        (lambda faults: faults.crash("a"), "a path is a str that starts with /: 'a'"),
        (lambda faults: faults.crash("/a", on="on_receive"), "on: .*, not 'on_receive'"),
        (lambda faults: faults.crash("/a", nth=0), "nth: .*, not 0"),
        (
            lambda faults: faults.crash("/a", error="no"),
            "error: an exception, a class of .*, or None, not 'no'",
        ),
        (lambda faults: faults.crash("/a", error=int), "error: .*, not <class 'int'>"),
        (lambda faults: faults.slow("/a", -1.0), "seconds: 0 or more, not -1.0"),
        (lambda faults: faults.delay("/a", None), "seconds: 0 or more, not None"),
        (lambda faults: faults.drop("/a", on="on_start"), "on: a hook can only crash, hang or be slow, not 'on_start'"),
        (lambda faults: faults.delay("/a", 1.0, on="on_stop"), "on: a hook can only .*, not 'on_stop'"),
        (lambda faults: faults.duplicate("/a", on="__init__"), "on: a hook can only .*, not '__init__'"),
        (lambda faults: faults.drop("/a", on="on_receive"), "on: a type, .*, not 'on_receive'"),
        (lambda faults: faults.hang("/a").reached(0), "count: a whole number, 1 or more, not 0"),
        (lambda faults: faults.hang("/a").reached(within=-1.0), "within: .*, not -1.0"),
        (lambda faults: Faults(faults), "system: an ActorSystem, not <Faults of"),
    ],
)
def test_a_bad_argument_is_refused_and_named(faults: Faults, put: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        put(faults)


def test_faults_say_what_they_are(system: ActorSystem, faults: Faults) -> None:
    put: list[Fault] = [faults.crash("/a"), faults.delay("/a", 1.5), faults.slow("/b", 2)]
    assert [repr(fault) for fault in put] == [
        "<Fault crash /a: 0 of 0>",
        "<Fault delay by 1.5 s /a: 0 of 0>",
        "<Fault slow by 2 s /b: 0 of 0>",
    ]
    assert repr(faults) == f"<Faults of {system!r}: 3>"
