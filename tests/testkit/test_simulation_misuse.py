"""Does a simulation say what it cannot do: blocking code, threads of others, two at once, bad options?"""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentFuture
from actors.testkit import Exhaustive, Priorities, RandomWalk, Simulation, explore
from actors.testkit.simulation import SimulationError, Strategy, system
from tests.testkit.simulated import Doer, asks, failed, free_again, note_of

__all__ = ["free_again"]

PATIENCE = 10.0
"""Real seconds after which a wait has failed."""


# -- code that cannot be simulated -----------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step has to end in 0.1 real seconds."""
    monkeypatch.setattr(system, "_PATIENCE", 0.1)


@pytest.mark.usefixtures("impatient")
def test_a_handler_that_blocks_on_a_lock_is_named_with_its_stack() -> None:
    lock = threading.Lock()
    lock.acquire()

    def block(agent: Agent) -> None:
        assert lock.acquire(timeout=PATIENCE)

    def scenario(simulation: Simulation) -> None:
        simulation.spawn(Doer, name="idle").tell(lambda agent: AgentFuture[None]().get())
        simulation.settle()
        simulation.spawn(Doer, name="blocks").tell(block)
        simulation.settle()

    error = failed(scenario, Simulation())
    lock.release()
    assert isinstance(error, SimulationError)
    assert str(error).startswith("/blocks: function has been running for 0.1 s without a step: it computes, or blocks")
    assert "in block\n    assert lock.acquire(timeout=PATIENCE)" in str(error)
    assert "Simulation(seed=0" in note_of(error)


@pytest.mark.usefixtures("impatient")
def test_a_handler_that_computes_without_end_is_named_too() -> None:
    over: list[bool] = []

    def compute(agent: Agent) -> None:
        until = time.monotonic() + PATIENCE
        while not over and time.monotonic() < until:
            pass

    def scenario(simulation: Simulation) -> None:
        simulation.spawn(Doer, name="computes").ask(compute, timeout=1.0)

    error = failed(scenario, Simulation())
    over.append(True)
    assert isinstance(error, SimulationError)
    assert str(error).startswith("/computes: asked function has been running for")
    assert "in compute\n" in str(error)


@pytest.mark.usefixtures("impatient")
def test_a_stop_of_the_test_s_own_is_answered_although_the_simulation_was_given_up() -> None:
    over = threading.Event()
    with Simulation() as simulation:
        ref = simulation.spawn(Doer)
        ref.tell(lambda agent: over.wait(PATIENCE))
        with pytest.raises(SimulationError, match="without a step"):
            simulation.settle()
        with pytest.raises(SimulationError, match="was given up"):
            ref.tell("hello")
        assert not simulation.stop().complete
    over.set()


def act_on_another_thread(act: Any) -> list[BaseException]:
    """Run `act` on a thread of its own, and give what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, name="started-by-a-handler")
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    return raised


ACTIONS = {
    "tell": lambda ref: ref.tell("hello"),
    "ask": lambda ref: ref.ask("hello"),
    "ask in time": lambda ref: ref.ask("hello", timeout=5.0),
    "stop": lambda ref: ref.stop(drain=False),
    "spawn": lambda ref: ref._cell.system.spawn(Doer),
    "settle": lambda ref: ref._cell.system.settle(),
    "advance": lambda ref: ref._cell.system.advance(5.0),
    "time": lambda ref: ref._cell.system.clock.now(),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_thread_that_a_handler_starts_is_told_that_it_is_not_simulated_and_so_is_the_test(action: str) -> None:
    raised: list[BaseException] = []

    def scenario(simulation: Simulation) -> None:
        other = simulation.spawn(Doer, name="other")
        agent = simulation.spawn(Doer, name="agent")
        agent.tell(lambda agent: raised.extend(act_on_another_thread(lambda: ACTIONS[action](other))))
        simulation.settle()

    error = failed(scenario, Simulation())
    assert [type(each) for each in raised] == [SimulationError]
    assert str(raised[0]).startswith("started-by-a-handler is no thread of this simulation: what a handler starts by")
    assert error is raised[0]


def test_what_another_thread_did_is_raised_at_the_end_at_the_latest() -> None:
    def scenario(simulation: Simulation) -> None:
        ref = simulation.spawn(Doer)
        assert len(act_on_another_thread(lambda: ref.tell("hello"))) == 1

    assert str(failed(scenario, Simulation())).startswith("started-by-a-handler is no thread of this simulation")


def test_a_simulation_ends_on_the_thread_that_made_it() -> None:
    simulation = Simulation()
    (error,) = act_on_another_thread(simulation.stop)
    assert isinstance(error, SimulationError)
    with pytest.raises(SimulationError, match="is no thread of this simulation"):
        simulation.stop()


# -- one at a time ---------------------------------------------------------------


def test_two_simulations_at_once_on_one_thread_are_refused() -> None:
    with Simulation() as first:
        with pytest.raises(SimulationError, match="a simulation runs on this thread: end that first"):
            Simulation()
        with pytest.raises(SimulationError, match="a simulation runs on this thread"):
            first.spawn(Doer, name="a").ask(lambda agent: Simulation())
        assert first.find("/a") is not None


def test_two_on_two_threads_do_not_meet() -> None:
    traces: list[str] = []
    begin = threading.Barrier(2)

    def run() -> None:
        with Simulation(5) as simulation:
            begin.wait(PATIENCE)
            a, b = (simulation.spawn(Doer, name=name) for name in "ab")
            for number in range(200):
                a.tell(asks(b, number))
            simulation.settle()
        traces.append(simulation.trace())

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(traces) == 2
    assert traces[0] == traces[1]


def test_a_system_of_real_threads_goes_on_beside_a_simulation() -> None:
    with ActorSystem() as real, Simulation():
        ref = real.spawn(Doer)
        answers = act_on_another_thread(lambda: ref.ask("hello", timeout=PATIENCE))
        assert answers == []


# -- bad arguments ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": "1"}, "seed: a whole number, not '1'"),
        ({"seed": True}, "seed: a whole number, not True"),
        ({"seed": 1.0}, "seed: a whole number, not 1.0"),
        ({"strategy": "best"}, "strategy: random, pct, exhaustive, or a Strategy, not 'best'"),
        ({"strategy": RandomWalk}, "strategy: random, pct, exhaustive, or a Strategy, not <class"),
        ({"strategy": None}, "strategy: random, pct, exhaustive, or a Strategy, not None"),
        ({"schedule": "x"}, "schedule: numbers with dots"),
        ({"max_steps": 0}, "max_steps: a whole number of at least 1, not 0"),
        ({"max_steps": 1e3}, "max_steps: a whole number of at least 1, not 1000.0"),
        ({"name": "/"}, "name"),
        ({"policy": "restart"}, "policy: a Policy or None, not 'restart'"),
        ({"supervision": "all"}, "strategy: one of"),
        ({"ask_timeout": -1.0}, "ask_timeout: seconds above 0, or None, not -1.0"),
        ({"max_orphans": -1}, "max_orphans: a whole number, 0 or more, not -1"),
    ],
    ids=str,
)
def test_a_bad_option_is_refused_by_name_and_leaves_the_thread_free(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Simulation(**options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomWalk(stay=1.0), "stay: a probability below 1, not 1.0"),
        (lambda: RandomWalk(stay=-0.1), "stay: a probability below 1, not -0.1"),
        (lambda: RandomWalk(stay="0"), "stay: a probability below 1, not '0'"),
        (lambda: RandomWalk(stay=float("nan")), "stay: a probability below 1, not nan"),
        (lambda: Priorities(depth=0), "depth: a whole number of at least 1, not 0"),
        (lambda: Priorities(steps=True), "steps: a whole number of at least 1, not True"),
        (lambda: Exhaustive(depth=0), "depth: a whole number of at least 1, not 0"),
        (lambda: Exhaustive(preemptions=-1), "preemptions: a whole number, 0 or more, or None, not -1"),
        (lambda: Exhaustive(preemptions=True), "preemptions: a whole number, 0 or more, or None, not True"),
        (lambda: explore(print, runs=0), "runs: a whole number of at least 1, or None, not 0"),
        (lambda: explore(print, runs=True), "runs: a whole number of at least 1, or None, not True"),
        (lambda: explore(print, "best"), "strategy: random, pct, exhaustive, or a Strategy, not 'best'"),
    ],
)
def test_a_bad_strategy_is_refused_by_name(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_strategies_are_values() -> None:
    made: list[Strategy] = [RandomWalk(), Priorities(), Exhaustive()]
    assert made == [RandomWalk(0.5), Priorities(3, 200), Exhaustive(1000, 2)]
    assert len({*made, *made}) == 3
