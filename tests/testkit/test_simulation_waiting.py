"""Does code that waits run in a simulation as it is: asks, full mailboxes, own threads, deadlines, backoff?"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

import pytest

from actors import (
    Agent,
    AgentAbandoned,
    AgentBackingOff,
    AgentFuture,
    AgentRef,
    AgentStoppedError,
    AskTimeout,
    ChildSpec,
    DeadLetter,
    HandlerTimeout,
    Mailbox,
    MailboxFullError,
    OrphanReturned,
    Supervisor,
    get_all,
)
from actors.testkit import Gate, Priorities, Simulation, explore
from policies import Backoff, Restart, Resume
from tests.testkit.simulated import Doer, asks, tells

SEEDS = range(30)
HOUR = 3600.0


# -- asks ------------------------------------------------------------------------


class Link(Agent):
    """Asks the next of a chain, and adds one."""

    def __init__(self, following: AgentRef[Any] | None, timeout: float | None) -> None:
        self.following = following
        self.timeout = timeout

    def on_receive(self, message: int) -> int:
        return message if self.following is None else self.following.ask(message, timeout=self.timeout) + 1


@pytest.mark.parametrize("timeout", [None, 5.0])
def test_handlers_may_ask_and_wait_in_a_chain(timeout: float | None) -> None:
    for seed in SEEDS:
        with Simulation(seed) as simulation:
            ref: AgentRef[Any] | None = None
            for _ in range(50):
                ref = simulation.spawn(Link, ref, timeout)
            assert ref is not None
            assert [ref.ask(number, timeout=timeout) for number in (0, 100)] == [49, 149]


def test_many_who_ask_one_are_all_answered_in_each_order() -> None:
    def scenario(simulation: Simulation) -> None:
        seen: list[Any] = []
        one = simulation.spawn(Doer, seen, name="one")
        answers = [simulation.spawn(Doer, name=name).ask(asks(one, name), block=False) for name in "abc"]
        assert get_all(answers) == ["a", "b", "c"]
        assert sorted(seen) == ["a", "b", "c"]

    exploration = explore(scenario, runs=300)
    assert exploration.runs == 300 or exploration.complete


def test_an_ask_times_out_in_virtual_time_while_another_handler_waits() -> None:
    for seed in SEEDS:
        with Simulation(seed, policy=Resume()) as simulation, Gate() as gate:
            slow, hurried = (simulation.spawn(Doer, name=name) for name in ("slow", "hurried"))
            slow.tell(lambda agent, gate=gate: gate.wait())
            with pytest.raises(AskTimeout):
                hurried.ask(asks(slow, "hello", timeout=90.0))
            assert simulation.clock.now() == 90.0


def test_futures_of_ones_own_and_made_of_others_go_by_virtual_time() -> None:
    with Simulation() as simulation, Gate() as gate:
        a = simulation.spawn(Doer, name="a")
        answer = a.ask(lambda agent: gate.wait(), block=False)
        own: AgentFuture[int] = AgentFuture()
        for late in (own, own.map(str), answer.map(str), own.join(answer)):
            before = simulation.clock.now()
            with pytest.raises(AskTimeout):
                late.get(timeout=20.0)
            assert simulation.clock.now() == before + 20.0
        before = simulation.clock.now()
        with pytest.raises(AskTimeout):
            get_all([own, answer], timeout=20.0)
        assert simulation.clock.now() == before + 20.0


# -- threads of their own --------------------------------------------------------


def test_agents_with_threads_of_their_own_take_turns_too_and_keep_the_order_of_messages() -> None:
    orders = set()
    for seed in SEEDS:
        seen: list[Any] = []
        with Simulation(seed) as simulation:
            refs = [simulation.spawn(ChildSpec(Doer, name, args=(seen,), dispatcher="thread")) for name in "ab"]
            for number in range(3):
                for ref in refs:
                    ref.tell((ref.name, number))
            simulation.settle()
        orders.add(tuple(seen))
        for name in "ab":
            assert [message for message in seen if message[0] == name] == [(name, number) for number in range(3)]
    assert len(orders) > 5


def test_an_own_thread_runs_one_thing_at_a_time_and_is_never_the_test_s() -> None:
    inside: list[str] = []

    class Careful(Agent):
        def on_receive(self, message: str) -> None:
            assert threading.current_thread() is not tests_own
            inside.append(message)
            assert inside == [message]
            friend.ask("hello", timeout=1.0)
            inside.remove(message)

    tests_own = threading.current_thread()
    for seed in SEEDS:
        with Simulation(seed) as simulation:
            friend = simulation.spawn(Doer)
            ref = simulation.spawn(ChildSpec(Careful, dispatcher="thread"))
            assert get_all([ref.ask(text, block=False) for text in ("one", "two")]) == [None, None]


# -- mailboxes -------------------------------------------------------------------


def test_a_sender_waits_for_room_in_each_order() -> None:
    def scenario(simulation: Simulation) -> None:
        seen: list[Any] = []
        narrow = simulation.spawn(ChildSpec(Doer, "narrow", args=(seen,), mailbox=Mailbox(1, overflow="block")))
        senders = [simulation.spawn(Doer, name=name) for name in "ab"]
        for sender in senders:
            for number in range(2):
                sender.tell(tells(narrow, (sender.name, number)))
        simulation.settle()
        assert sorted(seen) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
        assert seen.index(("a", 0)) < seen.index(("a", 1))

    exploration = explore(scenario, runs=500)
    assert exploration.runs == 500 or exploration.complete


def test_a_sender_gives_up_when_its_time_is_over() -> None:
    with Simulation(policy=Resume()) as simulation, Gate() as gate:
        mailbox = Mailbox(1, overflow="block", timeout=HOUR)
        narrow = simulation.spawn(ChildSpec(Doer, "narrow", mailbox=mailbox))
        narrow.tell(lambda agent: gate.wait())
        simulation.settle()
        narrow.tell("this one fills it")
        with pytest.raises(MailboxFullError):
            narrow.tell("one more")
        assert simulation.clock.now() == HOUR


# -- deadlines -------------------------------------------------------------------


def come_back_late(gate: Gate, late: list[str], agent: Agent) -> None:
    gate.wait()
    try:
        agent.actor_ref.tell("I am back")
    except BaseException as error:
        late.append(type(error).__name__)
        raise


@pytest.mark.parametrize("dispatcher", ["pool", "thread"])
def test_a_handler_that_hangs_is_abandoned_at_its_deadline_and_its_thread_can_do_nothing_more(dispatcher: Any) -> None:
    for seed in SEEDS:
        late: list[Any] = []
        with Simulation(seed, policy=Restart()) as simulation, Gate() as gate:
            hang = partial(come_back_late, gate, late)
            ref = simulation.spawn(ChildSpec(Doer, "a", deadline=60.0, dispatcher=dispatcher))
            stuck = ref.ask(hang, block=False)
            with pytest.raises(HandlerTimeout):
                stuck.get()
            assert simulation.clock.now() == 60.0
            assert ref.ask("hello") == "hello"
            assert ref.incarnation == 2
            gate.open()
            simulation.settle()
            assert late == ["Cancelled"]
            assert not simulation.orphans
            kinds = [type(event) for event in simulation.events.recent(100)]
            assert kinds.index(AgentAbandoned) < kinds.index(OrphanReturned)


def test_a_stop_leaves_behind_who_does_not_end_in_time() -> None:
    with Simulation() as simulation, Gate() as gate:
        ref = simulation.spawn(ChildSpec(Doer, "a", shutdown=10.0))
        ref.tell(lambda agent: gate.wait())
        simulation.settle()
        report = simulation.stop()
        assert (report.abandoned, report.seconds, report.complete) == (("/a",), 10.0, True)
        assert simulation.stop() is report


# -- hours -----------------------------------------------------------------------


def test_hours_of_backoff_take_milliseconds() -> None:
    class Down(Agent):
        def on_start(self) -> None:
            if 1 < self.context.incarnation < 12:
                raise ConnectionError("still down")

        def on_receive(self, message: Any) -> Any:
            if message == "fail":
                raise ConnectionError("down")
            return message

    policy = Restart(max_restarts=None, within=None, backoff=Backoff(60.0, cap=HOUR, jitter=0.1))
    begun = time.perf_counter()
    with Simulation() as simulation:
        simulation.spawn(Supervisor, name="crew", children=[ChildSpec(Down, "link")], policy=policy)
        link = simulation.select("/crew/link")[0]
        link.tell("fail")
        passed = simulation.clock.run_until_idle()
        waits = [event.delay for event in simulation.events.recent(100, AgentBackingOff)]
        assert link.ask("back?") == "back?"
    took = time.perf_counter() - begun
    assert len(waits) == 11
    assert passed == pytest.approx(sum(waits))
    assert passed > 5 * HOUR
    assert took < 1.0  # 5 ms, but machines may be busy


# -- ends ------------------------------------------------------------------------


def test_an_agent_may_stop_its_system_and_the_test_finds_it_ended() -> None:
    for seed in SEEDS:
        with Simulation(seed) as simulation:
            others = [simulation.spawn(Doer) for _ in range(3)]
            ref = simulation.spawn(Doer)
            ref.ask(lambda agent: agent.context.system.stop())
            assert simulation.wait(60.0)
            assert not any(other.is_alive() for other in others)
            with pytest.raises(AgentStoppedError):
                ref.tell("hello")


def test_a_stop_handles_what_waits_or_makes_dead_letters_of_it_in_each_order() -> None:
    def scenario(simulation: Simulation) -> None:
        seen: list[Any] = []
        ref = simulation.spawn(Doer, seen)
        stopper = simulation.spawn(Doer)
        stopper.tell(lambda agent: ref.stop(drain=False))
        refused = 0
        for number in range(3):
            try:
                ref.tell(number)
            except AgentStoppedError:
                refused += 1
        simulation.settle()
        letters = [event.message for event in simulation.events.recent(100, DeadLetter)]
        assert sorted([*seen, *letters]) == [0, 1, 2]
        assert refused <= len(letters)

    assert explore(scenario).complete
    assert not explore(scenario, Priorities(depth=3, steps=10), runs=50).complete


def test_the_end_of_the_block_stops_the_agents_children_first() -> None:
    ended: list[str] = []

    class Notes(Agent):
        def on_stop(self) -> None:
            ended.append(self.actor_ref.name)

    class Parent(Notes):
        def on_start(self) -> None:
            self.context.spawn(Notes, name="child")

    with Simulation() as simulation:
        simulation.spawn(Parent, name="parent")
    assert ended == ["child", "parent"]
    assert repr(simulation) == "<ActorSystem simulation stopped>"
