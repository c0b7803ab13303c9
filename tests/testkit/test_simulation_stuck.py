"""Does a simulation say why its program comes to nothing: who waits for whom, and what goes round for ever?"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import pytest

from actors import Agent, AgentFuture, AskCycleError, AskTimeout, ChildSpec, Mailbox, Supervisor
from actors._core.mailbox import Room
from actors.testkit import Deadlock, Gate, Livelock, Simulation, explore
from actors.testkit.simulation import SimulationError
from actors.testkit.simulation.errors import find_period
from policies import Backoff, Restart, Resume
from tests.testkit.guards import without
from tests.testkit.simulated import Doer, asks, failed, tells

# -- deadlock --------------------------------------------------------------------


def deadlock(error: BaseException) -> Deadlock:
    assert isinstance(error, Deadlock), error
    return error


def test_an_agent_that_waits_for_what_nobody_does_is_named_with_its_place_and_with_who_waits_for_it() -> None:
    def scenario(simulation: Simulation) -> None:
        never: AgentFuture[None] = AgentFuture()
        a = simulation.spawn(Doer, name="a")
        b = simulation.spawn(Doer, name="b")
        a.tell(lambda agent: never.get())
        b.ask(asks(a, "hello"))

    error = deadlock(failed(scenario, Simulation()))
    assert error.cycle == ()
    waits = dict(error.waits)
    assert set(waits) == {"/a #1", "/b #1"}  # the ask of b is answered on the test's own thread
    assert waits["/a #1"].startswith("for something that nobody does, in <lambda> (test_simulation_stuck.py:")
    assert waits["/b #1"].startswith("for /a, in <lambda> (simulated.py:")
    assert str(error).startswith("deadlock: everybody waits and no timer stands\n  /")


def test_the_test_itself_is_named_where_it_waits() -> None:
    def scenario(simulation: Simulation) -> None:
        gate = Gate()
        a = simulation.spawn(Doer, name="a")
        a.tell(lambda agent: gate.wait())
        a.ask("hello")

    error = deadlock(failed(scenario, Simulation()))
    assert dict(error.waits)["test"].startswith("for /a, in scenario (test_simulation_stuck.py:")


def refusing_no_cycle() -> AbstractContextManager[None]:
    """A kernel that lets its agents wait for room for ever, as waits would that it does not know."""
    return without(Room.wait_until, "begin_wait(sender, self, self.cycle_error)", "pass")


def test_agents_that_wait_for_room_in_one_anothers_mailboxes_are_a_cycle() -> None:
    """Each has a full mailbox and tells the next in the ring; nobody comes to take anything out."""
    full = Mailbox(1, overflow="block")

    def scenario(simulation: Simulation) -> None:
        ring = [simulation.spawn(ChildSpec(Doer, name, mailbox=full)) for name in "abc"]
        gate = Gate()
        for number, ref in enumerate(ring):
            other = ring[(number + 1) % 3]

            def push(agent: Agent, other: Any = other) -> None:
                gate.wait()
                other.tell("one more")

            ref.tell(push)
        simulation.settle()
        for ref in ring:
            ref.tell("this one fills it")
        gate.open()
        ring[0].ask("hello")

    for seed in range(10):
        with refusing_no_cycle():
            error = deadlock(failed(scenario, Simulation(seed)))
        assert error.cycle in (("/a", "/b", "/c", "/a"), ("/b", "/c", "/a", "/b"), ("/c", "/a", "/b", "/c"))
        assert f"no timer stands: {' -> '.join(error.cycle)}\n" in str(error)
        assert dict(error.waits)["/a #1"].startswith("for /b, in push (")


def test_a_cycle_may_lead_through_asks() -> None:
    """a asks b, which tells c, whose mailbox is full of what it has not come to, since it asks a."""

    def scenario(simulation: Simulation) -> None:
        a = simulation.spawn(Doer, name="a")
        b = simulation.spawn(Doer, name="b")
        c = simulation.spawn(ChildSpec(Doer, "c", mailbox=Mailbox(1, overflow="block")))
        gate = Gate()

        def busy(agent: Agent) -> None:
            gate.wait()
            a.ask("are you there?")

        c.tell(busy)
        simulation.settle()
        c.tell("this one fills it")
        a.tell(asks(b, tells(c, "one more")))
        simulation.settle()
        gate.open()
        simulation.spawn(Doer).ask(asks(c, "hello"))

    for seed in range(10):
        with refusing_no_cycle():
            error = deadlock(failed(scenario, Simulation(seed)))
        assert sorted(set(error.cycle)) == ["/a", "/b", "/c"]
        assert error.cycle[0] == error.cycle[-1]


def test_agents_that_ask_each_other_are_refused_at_once_and_deadlock_in_no_order() -> None:
    def scenario(simulation: Simulation) -> None:
        a, b = (simulation.spawn(Doer, name=name) for name in "ab")
        answers = [a.ask(asks(b, asks(a, 1)), block=False), b.ask(asks(a, asks(b, 2)), block=False)]
        for answer in answers:
            with pytest.raises(AskCycleError):
                answer.get()

    assert explore(scenario, policy=Resume()).complete


def test_cyclic_asks_with_timeouts_are_refused_too_and_others_end_in_time() -> None:
    def scenario(simulation: Simulation) -> None:
        a, b = (simulation.spawn(Doer, name=name) for name in "ab")
        with pytest.raises(AskCycleError):
            a.ask(asks(b, asks(a, 1, timeout=1.0), timeout=10.0))
        never: AgentFuture[None] = AgentFuture()
        b.tell(lambda agent: never.get(timeout=30.0))
        with pytest.raises(AskTimeout):
            a.ask(asks(b, "hello", timeout=20.0))
        assert simulation.clock.now() == 20.0

    assert explore(scenario, policy=Resume()).complete


def test_who_waits_with_a_timeout_is_in_no_deadlock() -> None:
    with Simulation() as simulation:
        never: AgentFuture[None] = AgentFuture()
        with pytest.raises(AskTimeout):
            never.get(timeout=7200.0)
        assert simulation.clock.now() == 7200.0


def test_after_a_deadlock_the_test_may_go_on() -> None:
    with Simulation() as simulation:
        never: AgentFuture[int] = AgentFuture()
        a = simulation.spawn(Doer, name="a")
        answer = a.ask(lambda agent: never.get(), block=False)
        with pytest.raises(Deadlock):
            answer.get()
        never.set(5)
        assert answer.get() == 5


def test_agents_that_wait_while_the_test_settles_are_no_deadlock() -> None:
    with Simulation() as simulation, Gate() as gate:
        a = simulation.spawn(Doer, name="a")
        a.tell(lambda agent: gate.wait())
        simulation.settle()
        simulation.advance(60.0)
        assert gate.waiting == 1
        gate.open()
        assert a.ask("hello") == "hello"


# -- livelock --------------------------------------------------------------------


def livelock(error: BaseException) -> Livelock:
    assert isinstance(error, Livelock), error
    assert isinstance(error, SimulationError)
    return error


class Pinger(Agent):
    def on_receive(self, message: Any) -> None:
        self.context.system.find("/b" if self.actor_ref.name == "a" else "/a").tell(message)  # type: ignore[union-attr]


class Counter(Pinger):
    def on_receive(self, message: Any) -> None:
        super().on_receive(message + 1)


def test_a_message_that_goes_to_and_fro_is_a_livelock_with_its_cycle() -> None:
    def scenario(simulation: Simulation) -> None:
        a, _ = (simulation.spawn(Pinger, name=name) for name in "ab")
        a.tell("ping")
        simulation.settle()

    error = livelock(failed(scenario, Simulation(max_steps=500)))
    assert error.steps == 500
    assert sorted(error.cycle) == ["/a: 'ping'", "/b: 'ping'"]
    assert str(error).startswith("livelock: 500 steps and no end; it repeats\n  /")


def test_a_cycle_that_counts_is_one_too() -> None:
    def scenario(simulation: Simulation) -> None:
        a, _ = (simulation.spawn(Counter, name=name) for name in "ab")
        a.tell(0)
        simulation.settle()

    error = livelock(failed(scenario, Simulation(max_steps=500)))
    assert sorted(error.cycle) == ["/a: n", "/b: n"]


def test_two_cycles_beside_one_another_are_given_as_all_that_is_done() -> None:
    def scenario(simulation: Simulation) -> None:
        a, b = (simulation.spawn(Pinger, name=name) for name in "ab")
        a.tell("ping")
        b.tell("pong")
        simulation.settle()

    error = livelock(failed(scenario, Simulation(3, max_steps=500)))
    steps = {"/a: 'ping'", "/b: 'ping'", "/a: 'pong'", "/b: 'pong'"}
    assert steps <= set(error.cycle) <= {*steps, "/a goes on", "/b goes on"}


def test_an_agent_that_is_restarted_for_ever_is_a_livelock() -> None:
    class Doomed(Agent):
        def on_start(self) -> None:
            if self.context.incarnation > 1:
                raise ConnectionError

        def on_receive(self, message: Any) -> None:
            raise ConnectionError

    def scenario(simulation: Simulation) -> None:
        children = [ChildSpec(Doomed, name="doomed")]
        policy = Restart(max_restarts=None, within=None, backoff=Backoff(1.0, cap=1.0))
        simulation.spawn(Supervisor, name="crew", children=children, policy=policy)
        simulation.select("/crew/doomed")[0].tell("go")
        simulation.clock.run_until_idle()

    error = livelock(failed(scenario, Simulation(max_steps=300)))
    assert any("/crew/doomed: start" in step for step in error.cycle), error.cycle


def test_a_livelock_that_repeats_nothing_says_so_by_saying_nothing() -> None:
    error = Livelock(7, ())
    assert str(error) == "livelock: 7 steps and no end"


def test_the_test_may_go_on_after_a_livelock() -> None:
    with Simulation(max_steps=100) as simulation:
        a, _ = (simulation.spawn(Pinger, name=name) for name in "ab")
        a.tell("ping")
        with pytest.raises(Livelock):
            simulation.settle()
        assert a.stop(drain=False)


@pytest.mark.parametrize(
    ("steps", "period"),
    [
        ("", ""),
        ("abc", ""),
        ("abab", ""),
        ("ababab", "ab"),
        ("xyababab", "ab"),
        ("aaa", "a"),
        ("aabaabaab", "aab"),
        ("abcabcab", ""),
        ("a1b2a3b4a5b6", "anbn"),
        ("aababbabbbaa", "ab"),
    ],
)
def test_the_period_is_the_shortest_that_the_end_repeats_three_times(steps: str, period: str) -> None:
    assert find_period(list(steps)) == list(period)
