"""Does a test know when its agents have done all they can, and who has not?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentFuture,
    AgentRef,
    AgentRestarted,
    AskTimeout,
    ChildSpec,
    HandlerTimeout,
    Mailbox,
    MailboxFullError,
    OrphanReturned,
)
from actors.testkit import VirtualClock
from policies import Decision, Failure, History, Policy, Restart, Stop
from tests.testkit.clocked import HOUR, PATIENCE, Doer, Failing, asks, blocks_on, running, tells, waits_for


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def system(clock: VirtualClock) -> Iterator[ActorSystem]:
    with running(clock) as system:
        yield system


@pytest.fixture(params=["pool", "thread"])
def dispatcher(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def doer(system: ActorSystem, dispatcher: Literal["pool", "thread"]) -> Any:
    """Spawns an agent on the dispatcher of the test."""

    def spawn(name: str, seen: list[Any] | None = None, **options: Any) -> AgentRef[Doer]:
        return system.spawn(ChildSpec(Doer, name, args=(seen,), dispatcher=dispatcher, **options))

    return spawn


# -- nothing left to do ----------------------------------------------------------


def test_a_system_that_was_never_spoken_to_has_nothing_to_do(system: ActorSystem, clock: VirtualClock) -> None:
    clock.settle(within=0.0)
    assert clock.run_until_idle() == 0.0


def test_agents_that_feed_one_another_are_waited_for_to_the_last_message(clock: VirtualClock, doer: Any) -> None:
    seen: list[Any] = []
    refs = [doer(f"d{number}", seen) for number in range(5)]

    def pass_on(left: int, agent: Doer) -> None:
        agent.seen.append(left)
        if left:
            refs[left % len(refs)].tell(partial(pass_on, left - 1))

    refs[0].tell(partial(pass_on, 500))
    clock.settle()
    assert seen == list(range(500, -1, -1))


def test_agents_that_wait_for_one_another_have_nothing_left_to_do_until_the_last_of_them_has(
    clock: VirtualClock, doer: Any
) -> None:
    answer: AgentFuture[str] = AgentFuture()
    seen: list[Any] = []
    last = doer("last")
    middle = doer("middle")
    first = doer("first", seen)
    first.tell(lambda agent: seen.append(middle.ask(asks(last, waits_for(answer)), timeout=60.0)))
    clock.settle()
    assert seen == []
    answer.set("at last")
    clock.settle()
    assert seen == ["at last"]


def test_what_an_agent_starts_is_waited_for_also_where_that_takes_a_thread_of_its_own(
    system: ActorSystem, clock: VirtualClock, dispatcher: Any
) -> None:
    seen: list[Any] = []

    class Child(Doer):
        def on_start(self) -> None:
            seen.append(("started", self.context.name))

        def on_stop(self) -> None:
            seen.append(("stopped", self.context.name))

    def spawn(agent: Agent) -> None:
        for name in "ab":
            agent.context.spawn(ChildSpec(Child, name, dispatcher=dispatcher, deadline=9.0))

    parent = system.spawn(Doer)
    parent.tell(spawn)
    clock.settle()
    assert seen == [("started", "a"), ("started", "b")]
    parent.stop(block=False)
    clock.settle()
    assert seen[2:] == [("stopped", "b"), ("stopped", "a")]
    assert not parent.is_alive()


def test_senders_that_wait_for_room_have_nothing_to_do_until_there_is_some(clock: VirtualClock, doer: Any) -> None:
    gate: AgentFuture[None] = AgentFuture()
    seen: list[Any] = []
    small = doer("small", seen, mailbox=Mailbox(capacity=1, overflow="block"))
    small.tell(waits_for(gate))
    senders = [doer(f"s{number}") for number in range(4)]
    for number, sender in enumerate(senders):
        sender.tell(tells(small, number))
    clock.settle()
    assert seen == []
    gate.set()
    clock.settle()
    assert sorted(seen) == [0, 1, 2, 3]


def test_a_sender_that_waits_for_room_too_long_gives_up_in_virtual_time(clock: VirtualClock, doer: Any) -> None:
    gate: AgentFuture[None] = AgentFuture()
    small = doer("small", mailbox=Mailbox(capacity=1, overflow="block", timeout=HOUR))
    small.tell(waits_for(gate))
    clock.settle()
    small.tell("fills it")
    refused: list[float] = []

    def send(agent: Agent) -> None:
        with pytest.raises(MailboxFullError):
            small.tell("too much")
        refused.append(clock.now())

    doer("sender").tell(send)
    clock.settle()
    assert refused == []
    assert clock.run_until_idle() == HOUR
    assert refused == [HOUR]
    gate.set()


def test_the_pool_grows_for_agents_that_wait_and_settle_waits_for_that(
    system: ActorSystem, clock: VirtualClock
) -> None:
    gate: AgentFuture[int] = AgentFuture()
    seen: list[Any] = []
    threads: set[int] = set()

    def wait(agent: Agent) -> None:
        threads.add(threading.get_ident())
        seen.append(gate.get())

    for number in range(40):
        system.spawn(Doer, name=f"d{number}").tell(wait)
    clock.settle(within=10.0)
    assert (len(threads), seen) == (40, [])
    gate.set(7)
    clock.settle()
    assert seen == [7] * 40


def test_a_future_that_is_only_looked_at_is_not_waited_for(clock: VirtualClock, doer: Any) -> None:
    future: AgentFuture[None] = AgentFuture()
    seen: list[Any] = []

    def look(agent: Agent) -> None:
        for _ in range(3):
            with pytest.raises(AskTimeout):
                future.get(timeout=0)
        seen.append(future._callbacks)

    doer("d").tell(look)
    clock.settle()
    assert seen == [None]


def test_a_wait_in_real_seconds_ends_in_real_seconds_and_the_agent_is_busy_again(
    clock: VirtualClock, doer: Any
) -> None:
    never: AgentFuture[None] = AgentFuture()
    after, event = threading.Event(), threading.Event()

    def wait_then_hang(agent: Agent) -> None:
        with pytest.raises(AskTimeout):
            never.get(timeout=0.01)
        after.set()
        assert event.wait(PATIENCE)

    doer("d").tell(wait_then_hang)
    assert after.wait(PATIENCE)
    with pytest.raises(AssertionError, match="/d #1"):
        clock.settle(within=0.05)
    event.set()
    clock.settle()
    never.set()
    clock.settle(within=0.0)  # what it waited for in vain counts for nothing any more


# -- who does not come to rest ---------------------------------------------------


def test_an_agent_that_blocks_on_what_is_not_the_kernels_is_named_with_its_stack(
    clock: VirtualClock, doer: Any
) -> None:
    event = threading.Event()
    busy, quiet = doer("busy"), doer("quiet")
    busy.tell(blocks_on(event))
    quiet.tell("hello")
    with pytest.raises(AssertionError) as raised:
        clock.settle(within=0.05)
    text = str(raised.value)
    assert text.startswith("after 0.05 s the agents still had something to do at <VirtualClock 0 s>:\n/busy #1 over ")
    assert "in hang_there" in text
    assert "/quiet" not in text
    event.set()
    clock.settle()


def test_those_inside_an_ask_that_runs_on_the_askers_thread_are_named_in_order(
    clock: VirtualClock, system: ActorSystem
) -> None:
    event = threading.Event()
    inner, outer = system.spawn(Doer, name="inner"), system.spawn(Doer, name="outer")
    outer.tell(asks(inner, blocks_on(event)))
    with pytest.raises(AssertionError, match=r"\n/outer #1 over .* -> /inner #1 over .*\n"):
        clock.settle(within=0.05)
    event.set()
    clock.settle()


def test_an_agent_that_never_ends_to_talk_to_itself_is_busy(clock: VirtualClock, system: ActorSystem) -> None:
    stop = threading.Event()

    def again(agent: Agent) -> None:
        if not stop.is_set():
            agent.actor_ref.tell(again)

    system.spawn(Doer, name="talkative").tell(again)
    with pytest.raises(AssertionError, match="/talkative"):
        clock.settle(within=0.05)
    stop.set()
    clock.settle()


def test_what_waits_for_a_thread_says_so(clock: VirtualClock, system: ActorSystem) -> None:
    event = threading.Event()
    system.pool._most = 1
    for name in "ab":
        system.spawn(Doer, name=name).tell(blocks_on(event))
    with pytest.raises(AssertionError, match=r"\n/b #1 waits for a thread$"):
        clock.settle(within=0.05)
    event.set()
    clock.settle()


def test_a_policy_that_hangs_is_a_decision_that_is_not_made(clock: VirtualClock) -> None:
    event, there = threading.Event(), threading.Event()

    class Slow(Policy):
        def decide(self, failure: Failure, history: History) -> Decision:
            there.set()
            assert event.wait(PATIENCE)
            return Stop().decide(failure, history)

    system = ActorSystem("demo", policy=Slow(), clock=clock)
    failing = system.spawn(ChildSpec(Failing, "failing", dispatcher="thread"))
    failing.tell("now")
    assert there.wait(PATIENCE)
    with pytest.raises(AssertionError, match=r":\na supervisor's decision\n(.*\n)+.*in decide"):
        clock.settle(within=0.05)
    event.set()
    clock.settle()
    assert not failing.is_alive()
    system.stop()


def test_no_agent_may_wait_until_all_agents_are_done(clock: VirtualClock, doer: Any) -> None:
    future = doer("d").ask(lambda agent: clock.settle(), block=False)
    clock.settle()
    with pytest.raises(RuntimeError, match="an agent cannot wait until all agents have nothing left to do"):
        future.get()


# -- what was left behind --------------------------------------------------------


def test_an_agent_that_was_abandoned_is_not_waited_for_and_its_replacement_is(
    system: ActorSystem, clock: VirtualClock, doer: Any
) -> None:
    event = threading.Event()
    seen: list[Any] = []
    hanging = doer("hanging", seen, deadline=30.0, policy=Restart())
    asked = hanging.ask(blocks_on(event), block=False)
    hanging.tell("next")
    with pytest.raises(AssertionError, match="/hanging"):
        clock.settle(within=0.05)
    clock.advance(30.0)
    clock.settle()
    assert seen == ["next"]
    assert [orphan.path for orphan in system.orphans] == ["/hanging"]
    with pytest.raises(HandlerTimeout):
        asked.get()
    clock.advance(HOUR, settle=True)
    event.set()
    assert hanging.ask("after", timeout=5.0) == "after"


def test_an_abandoned_agent_that_waits_at_a_gate_is_waited_for_once_that_opens(
    system: ActorSystem, clock: VirtualClock, doer: Any
) -> None:
    gate: AgentFuture[None] = AgentFuture()
    hanging = doer("hanging", deadline=30.0, policy=Restart())
    hanging.tell(waits_for(gate))
    assert clock.run_until_idle() == 30.0
    kinds = [type(event) for event in system.events.recent()]
    assert AgentAbandoned in kinds
    assert AgentRestarted in kinds
    assert OrphanReturned not in kinds
    gate.set()
    clock.settle()
    assert type(system.events.recent()[-1]) is OrphanReturned
    assert system.orphans == []


def test_an_abandoned_agent_may_go_on_to_wait_for_good(system: ActorSystem, clock: VirtualClock, doer: Any) -> None:
    event, returned = threading.Event(), threading.Event()
    gate: AgentFuture[None] = AgentFuture()

    def hang_twice(agent: Agent) -> None:
        try:
            assert event.wait(PATIENCE)
            gate.get()
        finally:
            returned.set()

    doer("hanging", deadline=30.0).tell(hang_twice)
    clock.advance(30.0)
    while not system.orphans:  # the handler may not have begun as the clock was advanced
        with pytest.raises(AssertionError):
            clock.settle(within=0.05)
        clock.advance(30.0)
    clock.settle()
    event.set()
    clock.settle()
    gate.set()
    clock.settle()
    assert returned.wait(PATIENCE)


def test_an_agent_inside_another_that_is_abandoned_keeps_that_one_busy(
    system: ActorSystem, clock: VirtualClock
) -> None:
    event, there = threading.Event(), threading.Event()

    def hang(agent: Agent) -> None:
        there.set()
        assert event.wait(PATIENCE)

    inner, outer = system.spawn(ChildSpec(Doer, "inner", shutdown=5.0)), system.spawn(Doer, name="outer")
    outer.tell(asks(inner, hang))
    assert there.wait(PATIENCE)
    inner.stop(block=False, drain=False)
    clock.advance(5.0)
    assert [orphan.path for orphan in system.orphans] == ["/inner"]
    with pytest.raises(AssertionError, match=r"\n/outer #1"):
        clock.settle(within=0.05)
    event.set()
    clock.settle()
