"""In which orders does a simulation run, and does each strategy keep what it promises about them?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import permutations
from math import prod
from typing import Any

import pytest

from actors import Agent, AgentRef, ChildSpec
from actors.testkit import Exhaustive, Priorities, RandomWalk, Simulation, explore
from actors.testkit.simulation import Exploration, Strategy
from policies import Restart
from tests.testkit.simulated import Doer, asks, tells, three_tells

STRATEGIES: list[Strategy] = [RandomWalk(), RandomWalk(stay=0.0), Priorities(), Priorities(depth=1), Exhaustive()]


def busy(simulation: Simulation) -> None:
    """Messages between agents, an ask, a failure and its restart, a timer."""
    a, b = (simulation.spawn(Doer, name=name) for name in "ab")
    for number in range(3):
        a.tell(tells(b, number))
        b.tell(asks(a, number, timeout=5.0))
    a.tell(lambda agent: agent.context.timers.once("later", 1.0, "tick"))
    b.tell(lambda agent: 1 / 0)
    simulation.advance(2.0)


def run_of(seed: int, strategy: Strategy) -> tuple[str, str]:
    with Simulation(seed, strategy, policy=Restart()) as simulation:
        busy(simulation)
    return simulation.trace(), simulation.schedule


def orders(strategy: Strategy, seeds: range) -> Counter[str]:
    found: Counter[str] = Counter()
    for seed in seeds:
        with Simulation(seed, strategy) as simulation:
            found[three_tells(simulation)] += 1
    return found


# -- seeds -----------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES, ids=repr)
def test_the_same_seed_gives_the_same_trace(strategy: Strategy) -> None:
    for seed in range(5):
        assert run_of(seed, strategy) == run_of(seed, strategy)


@pytest.mark.parametrize("strategy", [RandomWalk(), Priorities(steps=20)], ids=repr)
def test_other_seeds_give_other_orders(strategy: Strategy) -> None:
    traces = {run_of(seed, strategy)[0] for seed in range(50)}
    assert len(traces) > 20


@pytest.mark.parametrize("strategy", [RandomWalk(), RandomWalk(stay=0.9), Priorities()], ids=repr)
def test_every_order_of_a_small_scenario_is_seen(strategy: Strategy) -> None:
    found = orders(strategy, range(200))
    assert set(found) == {"".join(order) for order in permutations("abc")}


def test_a_walk_that_nearly_always_stays_hardly_ever_interrupts() -> None:
    interrupted = [run_of(seed, RandomWalk(stay=0.99))[0] for seed in range(20)]
    assert sum("test goes on" in trace for trace in interrupted) < 10
    assert all("test goes on" in run_of(seed, RandomWalk(stay=0.0))[0] for seed in range(20))


def test_the_strategies_have_names() -> None:
    for name, strategy in {"random": RandomWalk(), "pct": Priorities(), "exhaustive": Exhaustive()}.items():
        with Simulation(3, name) as simulation:
            busy(simulation)
        assert (simulation.trace(), simulation.schedule) == run_of(3, strategy)


# -- priorities ------------------------------------------------------------------

STEPS = 12


def wrong_order(simulation: Simulation) -> bool:
    """A bug of depth 2: it shows where "late" has a message after the 3rd and before the 4th of six of "early"."""
    seen: list[Any] = []
    early, late = (simulation.spawn(Doer, seen, name=name) for name in ("early", "late"))
    for number in range(6):
        early.tell(number)
    late.tell("late")
    simulation.settle()
    return seen.index("late") == 3


def test_priorities_find_a_bug_at_least_as_often_as_they_promise() -> None:
    runs, choices, found = 600, 0, 0
    for seed in range(runs):
        with Simulation(seed, Priorities(depth=2, steps=STEPS)) as simulation:
            found += wrong_order(simulation)
            choices = max(choices, len(simulation.scheduler.schedule))
    assert choices <= STEPS
    agents = 3  # with the test itself
    assert found / runs >= 1 / (agents * STEPS)


def test_without_a_change_of_priorities_a_bug_of_depth_two_is_never_found() -> None:
    for seed in range(200):
        with Simulation(seed, Priorities(depth=1, steps=STEPS)) as simulation:
            assert not wrong_order(simulation)


# -- exhaustive ------------------------------------------------------------------


@pytest.mark.parametrize("agents", [1, 2, 3, 4])
def test_an_exhaustive_search_makes_each_run_once(agents: int) -> None:
    """Messages to n agents, each sent after the one before and handled after it was sent: (2n - 1)!! orders."""
    traces: list[str] = []

    def scenario(simulation: Simulation) -> None:
        refs = [simulation.spawn(Doer, name=f"a{number}") for number in range(agents)]
        for ref in refs:
            ref.tell("go")
        simulation.settle()
        traces.append(simulation.schedule)

    exploration = explore(scenario, Exhaustive(preemptions=None))
    assert exploration.complete
    assert exploration.runs == prod(range(1, 2 * agents, 2))
    assert len(set(traces)) == exploration.runs


@pytest.mark.parametrize(("preemptions", "runs"), [(0, 6), (1, 14), (2, 15), (None, 15)])
def test_a_bound_on_preemptions_leaves_out_the_runs_with_more(preemptions: int | None, runs: int) -> None:
    """Of the 15, the test is interrupted in none of 6, and twice in one: by a, and later by b."""
    found: list[str] = []
    exploration = explore(lambda simulation: found.append(three_tells(simulation)), Exhaustive(preemptions=preemptions))
    assert (exploration.runs, exploration.complete) == (runs, True)
    assert set(found) == {"".join(order) for order in permutations("abc")}


def test_a_bound_on_the_depth_varies_the_first_choices_only() -> None:
    found: list[str] = []
    exploration = explore(
        lambda simulation: found.append(three_tells(simulation)), Exhaustive(depth=1, preemptions=None)
    )
    assert exploration.complete
    assert found == ["abc", "abc"]  # the test goes on, or a's message is handled first


def test_a_search_may_be_given_up_after_some_runs() -> None:
    exploration = explore(three_tells, "exhaustive", runs=4)
    assert (exploration.runs, exploration.complete) == (4, False)
    assert explore(three_tells, "exhaustive", runs=15).complete


def test_other_strategies_make_as_many_runs_as_they_are_told() -> None:
    found: Counter[str] = Counter()
    exploration = explore(lambda simulation: found.update([three_tells(simulation)]), "random", runs=7, seed=20)
    assert exploration == Exploration(7, exploration.steps, False)
    assert found == orders(RandomWalk(), range(20, 27))
    assert explore(three_tells, "pct").runs == 100


def test_a_single_run_of_a_search_is_its_first() -> None:
    with Simulation(strategy="exhaustive") as simulation:
        assert three_tells(simulation) == "abc"
    assert set(simulation.scheduler.schedule) == {0}


def test_options_of_an_exploration_are_those_of_its_simulations() -> None:
    def scenario(simulation: Simulation) -> None:
        assert simulation.name == "tried"
        simulation.spawn(ChildSpec(Doer, name="a")).tell(lambda agent: 1 / 0)

    assert explore(scenario, name="tried", policy=Restart()).complete


# -- where others may come first ---------------------------------------------------

ACTS: dict[str, Callable[[Agent, AgentRef[Any]], object]] = {
    "tell": lambda agent, other: other.tell("hello"),
    "ask": lambda agent, other: other.ask("hello"),
    "ask later": lambda agent, other: other.ask("hello", block=False),
    "stop": lambda agent, other: other.stop(block=False),
    "spawn": lambda agent, other: agent.context.spawn(Doer),
    "watch": lambda agent, other: agent.context.watch(other),
    "unwatch": lambda agent, other: agent.context.unwatch(other),
    "administration": lambda agent, other: other.delete_child("none"),
    "stop the system": lambda agent, other: agent.context.system.stop(),
}


@pytest.mark.parametrize("act", ACTS)
def test_others_may_come_first_before_anything_is_done_to_an_agent(act: str) -> None:
    seen: set[tuple[str, ...]] = set()

    def scenario(simulation: Simulation) -> None:
        moments: list[str] = []
        other = simulation.spawn(Doer)

        def do(agent: Agent) -> None:
            moments.append("begins")
            ACTS[act](agent, other)
            moments.append("has done it")

        doer, bystander = (simulation.spawn(Doer, moments, name=name) for name in ("doer", "bystander"))
        bystander.tell("somebody else")
        doer.tell(do)
        simulation.settle()
        seen.add(tuple(moments))

    assert explore(scenario).complete
    assert ("begins", "somebody else", "has done it") in seen


def test_nobody_comes_between_what_an_agent_does_to_itself() -> None:
    seen: set[tuple[str, ...]] = set()

    def scenario(simulation: Simulation) -> None:
        moments: list[str] = []

        def do(agent: Agent) -> None:
            moments.append("begins")
            agent.context.timers.once("tick", 1.0, "tick")
            agent.context.become(agent.on_receive)
            moments.append("has done it")

        simulation.spawn(Doer).tell(do)
        simulation.spawn(Doer, moments).tell("somebody else")
        simulation.settle()
        seen.add(tuple(moments))

    assert explore(scenario).complete
    assert seen == {("begins", "has done it", "somebody else"), ("somebody else", "begins", "has done it")}


def test_nobody_goes_on_for_ever_while_others_could() -> None:
    def wait_in_a_loop(agent: Agent) -> int:
        turns = 0
        while not moments:
            other.stop(block=False)  # of one that has ended: no step, but others may come first
            turns += 1
        return turns

    moments: list[str] = []
    for schedule in ("", "0x5000"):
        moments.clear()
        with Simulation(schedule=schedule, max_steps=100) as simulation:
            other = simulation.spawn(Doer)
            other.stop()
            turns = simulation.spawn(Doer).ask(wait_in_a_loop, block=False)
            simulation.spawn(Doer, moments).tell("somebody else")
            assert 1000 < turns.get() < 3000
