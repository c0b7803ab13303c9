"""Does the time of a simulation pass as that of a virtual clock does, under the same calls?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentFuture, AskTimeout, ChildSpec, ReceiveTimeout
from actors.testkit import Gate, Simulation, VirtualClock
from actors.testkit.simulation import SimulatedClock
from tests.testkit.clocked import HOUR, running
from tests.testkit.simulated import Doer, asks

World = tuple[ActorSystem, Any]


@contextmanager
def simulated() -> Iterator[World]:
    with Simulation() as simulation:
        yield simulation, simulation.clock


@contextmanager
def threaded() -> Iterator[World]:
    clock = VirtualClock()
    with running(clock) as system:
        yield system, clock


@pytest.fixture(params=[simulated, threaded], ids=lambda world: world.__name__)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with request.param() as world:
        yield world


@pytest.fixture
def system(world: World) -> ActorSystem:
    return world[0]


@pytest.fixture
def clock(world: World) -> Any:
    return world[1]


def later(seconds: float, message: Any = "tick", every: bool = False) -> Callable[[Agent], None]:
    """Give a message that starts a timer."""

    def start(agent: Agent) -> None:
        timers = agent.context.timers
        (timers.every if every else timers.once)("timer", seconds, message)

    return start


# -- the same test in both worlds --------------------------------------------------


def test_what_agents_start_on_the_way_falls_due_on_the_way(system: ActorSystem, clock: Any) -> None:
    times: list[float] = []

    def again(agent: Agent) -> None:
        times.append(clock.now())
        later(1.0, again)(agent)

    system.spawn(Doer).tell(again)
    clock.advance(3.5, settle=True, within=5.0)
    assert times == [0.0, 1.0, 2.0, 3.0]
    assert (clock.now(), clock.next_due) == (3.5, 4.0)


def test_settling_lets_no_time_pass(system: ActorSystem, clock: Any) -> None:
    seen: list[Any] = []
    ref = system.spawn(Doer, seen)
    ref.tell(later(1.0))
    ref.tell("now")
    clock.settle(within=5.0)
    assert seen == ["now"]
    assert clock.now() == 0.0
    clock.advance(1.0, settle=True)
    assert seen == ["now", "tick"]


def test_a_run_until_idle_goes_from_timer_to_timer_and_gives_the_time(system: ActorSystem, clock: Any) -> None:
    seen: list[Any] = []
    ref = system.spawn(Doer, seen)
    ref.tell(later(HOUR, later(HOUR)))
    assert clock.run_until_idle(within=5.0) == 2 * HOUR
    assert seen == ["tick"]
    assert clock.next_due is None
    assert clock.run_until_idle() == 0.0
    assert clock.now() == 2 * HOUR


def test_a_timer_that_repeats_ends_at_the_limit(system: ActorSystem, clock: Any) -> None:
    seen: list[Any] = []
    system.spawn(Doer, seen).tell(later(60.0, every=True))
    assert clock.run_until_idle(limit=150.0) == 150.0
    assert seen == ["tick", "tick"]
    assert clock.run_until_idle(limit=30.0) == 30.0
    assert len(seen) == 3
    assert clock.next_due == 240.0


def test_a_run_until_idle_waits_for_who_waits_with_a_timeout(system: ActorSystem, clock: Any) -> None:
    given_up: list[float] = []

    def ask(agent: Agent) -> None:
        with pytest.raises(AskTimeout):
            slow.ask("hello", timeout=90.0)
        given_up.append(clock.now())

    with Gate() as gate:
        slow = system.spawn(Doer)
        slow.tell(lambda agent: gate.wait(within=None if isinstance(system, Simulation) else 10.0))
        system.spawn(Doer).tell(ask)
        clock.settle()
        assert clock.next_due == 90.0
        assert clock.run_until_idle() == 90.0
        assert given_up == [90.0]


def test_a_deadline_that_was_kept_is_not_waited_for(system: ActorSystem, clock: Any) -> None:
    ref = system.spawn(ChildSpec(Doer, deadline=HOUR))
    assert ref.ask("hello", timeout=5.0) == "hello"
    clock.settle()
    assert clock.next_due == HOUR
    assert clock.run_until_idle() == 0.0


def test_a_deadline_is_waited_for_while_a_handler_hangs(system: ActorSystem, clock: Any) -> None:
    ref = system.spawn(ChildSpec(Doer, deadline=HOUR))
    with Gate() as gate:
        ref.tell(lambda agent: gate.wait(within=None if isinstance(system, Simulation) else 10.0))
        assert clock.run_until_idle() == HOUR
        assert [orphan.path for orphan in system.orphans] == [ref.path]


def test_receive_timeouts_go_by_it(system: ActorSystem, clock: Any) -> None:
    seen: list[Any] = []

    class Idle(Doer):
        def on_start(self) -> None:
            self.context.set_receive_timeout(10.0)

    system.spawn(Idle, seen)
    clock.advance(25.0, settle=True)
    assert [type(message) for message in seen] == [ReceiveTimeout, ReceiveTimeout]


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf"), "1", None, True])
def test_what_is_no_time_is_refused_by_name(system: ActorSystem, clock: Any, bad: Any) -> None:
    with pytest.raises(ValueError, match="seconds: 0 or more, not"):
        clock.advance(bad)
    with pytest.raises(ValueError, match="limit: seconds, 0 or more, not"):
        clock.run_until_idle(limit=bad)
    if bad is None:
        return
    for call in (clock.settle, clock.run_until_idle):
        with pytest.raises(ValueError, match="within: seconds, 0 or more, or None, not"):
            call(within=bad)
    with pytest.raises(ValueError, match="within: seconds, 0 or more, or None, not"):
        clock.advance(1.0, settle=True, within=bad)
    assert clock.now() == 0.0


def refusal(act: Callable[[], object]) -> Callable[[Agent], str]:
    """Give a message that has an agent do what raises RuntimeError, and answer with what that says."""

    def refused(agent: Agent) -> str:
        with pytest.raises(RuntimeError) as caught:
            act()
        return str(caught.value)

    return refused


def test_an_agent_cannot_settle(system: ActorSystem, clock: Any) -> None:
    # With a timeout, so that it runs on a thread of the system.
    said = system.spawn(Doer).ask(refusal(clock.settle), timeout=5.0)
    assert said == "an agent cannot wait until all agents have nothing left to do"


# -- simulations only --------------------------------------------------------------


def test_an_agent_cannot_let_time_pass_either_wherever_it_runs() -> None:
    with Simulation() as simulation:
        ref = simulation.spawn(Doer)
        for act in (simulation.settle, lambda: simulation.advance(1.0), simulation.clock.run_until_idle):
            for timeout in (None, 5.0):
                said = ref.ask(refusal(act), timeout=timeout)
                assert said == "an agent cannot wait until all agents have nothing left to do"
        assert simulation.clock.now() == 0.0


def test_actions_of_a_race_may_let_time_pass_and_the_race_waits_for_them() -> None:
    with Simulation() as simulation:
        seen: list[Any] = []
        ref = simulation.spawn(Doer, seen)
        ref.ask(later(5.0))
        times = simulation.race(
            lambda: (simulation.advance(10.0), simulation.clock.now())[1],
            lambda: (simulation.advance(2.0), simulation.clock.now())[1],
        )
        assert sorted(times)[1] == 10.0
        assert seen == ["tick"]
        assert simulation.clock.now() == 10.0


def test_time_stands_while_anybody_can_go_on() -> None:
    with Simulation() as simulation:
        a, b = (simulation.spawn(Doer) for _ in range(2))
        a.tell(later(1e-9))
        for number in range(500):
            b.ask(asks(a, number), timeout=1.0)
        assert simulation.clock.now() <= 1e-9


def test_it_says_what_time_it_is() -> None:
    with Simulation() as simulation:
        clock = simulation.clock
        assert isinstance(clock, SimulatedClock)
        simulation.advance(90.5)
        assert repr(clock) == "<SimulatedClock 90.5 s>"
    assert clock.now() == 90.5
    assert clock.next_due is None


def test_what_falls_due_at_one_moment_is_called_in_the_order_in_which_it_was_made() -> None:
    for seed in range(10):
        called: list[int] = []
        with Simulation(seed) as simulation:
            for number in range(5):
                simulation.clock.call_at(1.0, lambda number=number, called=called: called.append(number))
            simulation.advance(1.0)
        assert called == [0, 1, 2, 3, 4]


def test_timers_that_are_cancelled_are_let_go() -> None:
    with Simulation() as simulation:
        ref = simulation.spawn(Doer)
        for _ in range(5000):
            ref.ask(later(HOUR))  # replaces the one before
        assert len(simulation.scheduler.agenda._heap) < 1000
        assert simulation.clock.run_until_idle() == HOUR


def test_a_future_may_settle_at_the_moment_at_which_it_is_given_up() -> None:
    outcomes = set()
    for seed in range(50):
        with Simulation(seed) as simulation:
            future: AgentFuture[str] = AgentFuture()
            simulation.clock.call_at(5.0, lambda future=future: future.set("in time"))
            try:
                outcomes.add(future.get(timeout=5.0))
            except AskTimeout:
                outcomes.add("too late")
            assert simulation.clock.now() == 5.0
    assert outcomes == {"in time", "too late"}
