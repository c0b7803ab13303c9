"""Does a failed run say how to repeat it, and does it do exactly the same then?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import Agent, AgentFuture, AgentRef, AskTimeout, ChildSpec, Supervisor, SystemFailed
from actors.testkit import Deadlock, Exhaustive, Livelock, Priorities, RandomWalk, Schedule, Simulation, explore, replay
from actors.testkit.simulation import Chooser, ReplayError, Strategy
from policies import Backoff, Restart
from tests.testkit.simulated import Doer, asks, failed, note_of, seed_and_schedule, tells, three_tells

# -- schedules -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choices", "text"),
    [
        ([], ""),
        ([0], "0"),
        ([0, 1, 2], "0.1.2"),
        ([0, 0, 0], "0x3"),
        ([10, 10, 0, 3, 3, 3, 0], "10x2.0.3x3.0"),
        ([0] * 1000, "0x1000"),
    ],
)
def test_a_schedule_is_written_and_read_again(choices: list[int], text: str) -> None:
    assert Schedule.of(choices) == Schedule(text)
    assert Schedule(text).choices == choices


@pytest.mark.parametrize(
    "text", ["a", "1.", ".1", "1..2", "1x", "x2", "1x2x3", "-1", "1 2", "1.2\n", "٣", 5, None, b"1"]
)
def test_what_is_no_schedule_is_refused(text: Any) -> None:
    with pytest.raises(ValueError, match="schedule: numbers with dots between them"):
        Schedule(text)


@pytest.mark.parametrize("text", ["one", 5, ["0"]])
def test_a_simulation_refuses_it_too(text: Any) -> None:
    with pytest.raises(ValueError, match="schedule: numbers with dots between them"):
        Simulation(schedule=text)
    Simulation().stop()  # and has left nothing behind


def test_beyond_its_schedule_whoever_is_at_it_goes_on() -> None:
    with Simulation(schedule="1") as simulation:
        assert three_tells(simulation) == "abc"
    assert Schedule(simulation.schedule).choices[0] == 1
    assert set(Schedule(simulation.schedule).choices[1:]) == {0}


def test_a_schedule_of_another_program_is_refused() -> None:
    error = failed(three_tells, Simulation(schedule="0.7"))
    assert isinstance(error, ReplayError)
    assert str(error) == "the schedule says 7, but only test, /a, /b could go on: another program?"


# -- failed runs -----------------------------------------------------------------


class Clerk(Agent):
    """Reads, thinks, and writes: whoever writes meanwhile is overwritten."""

    def __init__(self, ledger: AgentRef[Any]) -> None:
        self.ledger = ledger

    def on_receive(self, message: Any) -> None:
        self.ledger.tell(self.ledger.ask("read") + 1)


class Ledger(Agent):
    def __init__(self) -> None:
        self.value = 0

    def on_receive(self, message: Any) -> int:
        if message != "read":
            self.value = message
        return self.value


def lost_update(simulation: Simulation) -> None:
    ledger = simulation.spawn(Ledger, name="ledger")
    for name in ("ada", "bob"):
        simulation.spawn(Clerk, ledger, name=name).tell("add one")
    simulation.settle()
    assert ledger.ask("read") == 2


def jittered(simulation: Simulation) -> None:
    """A failure whose time depends on the seed, and that the order cannot change."""
    policy = Restart(backoff=Backoff(100.0, cap=1000.0, jitter=0.5))
    simulation.spawn(Supervisor, name="crew", children=[ChildSpec(Doer, name="a")], policy=policy)
    for ref in simulation.select("/crew/a"):
        ref.tell(lambda agent: 1 / 0)
    raise AssertionError(f"after {simulation.clock.run_until_idle()} s")


def deadlocked(simulation: Simulation) -> None:
    never: AgentFuture[None] = AgentFuture()
    a, b = (simulation.spawn(Doer, name=name) for name in "ab")
    b.tell(asks(a, "first"))
    a.tell(lambda agent: never.get())
    a.ask("second")


def livelocked(simulation: Simulation) -> None:
    a, b = (simulation.spawn(Doer, name=name) for name in "ab")

    def ping(agent: Agent) -> None:
        (b if agent.actor_ref is a else a).tell(ping)

    a.tell(ping)
    b.tell(ping)
    simulation.settle()


def first_failing(scenario: Any, strategy: Strategy | str) -> BaseException:
    with pytest.raises(AssertionError) as caught:
        explore(scenario, strategy, max_steps=200)
    return caught.value


@pytest.mark.parametrize(
    "strategy", [RandomWalk(), Priorities(steps=10), Exhaustive(preemptions=2)], ids=lambda each: type(each).__name__
)
@pytest.mark.parametrize("scenario", [lost_update, jittered, deadlocked, livelocked], ids=lambda each: each.__name__)
def test_a_failed_run_is_repeated_by_what_its_note_says(scenario: Any, strategy: Strategy) -> None:
    error = first_failing(scenario, strategy)
    seed, schedule = seed_and_schedule(error)
    again = failed(scenario, Simulation(seed, schedule=schedule, max_steps=200))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert note_of(again) == note_of(error)
    with pytest.raises(type(error)) as caught:
        replay(scenario, schedule, seed=seed, max_steps=200)
    assert note_of(caught.value) == note_of(error)


def test_a_run_by_its_seed_is_repeated_by_its_seed() -> None:
    error = first_failing(lost_update, RandomWalk())
    seed, _ = seed_and_schedule(error)
    assert note_of(failed(lost_update, Simulation(seed))) == note_of(error)


def test_a_long_schedule_is_left_out_where_the_seed_says_as_much() -> None:
    error = failed(livelocked, Simulation(4, max_steps=5000))
    assert isinstance(error, Livelock)
    assert "Simulation(seed=4, strategy=RandomWalk(stay=0.5)) repeats it" in note_of(error)
    with pytest.raises(Livelock) as caught:
        explore(livelocked, "exhaustive", max_steps=5000)
    assert "Simulation(seed=0, schedule='" in note_of(caught.value)


def test_the_note_has_the_last_steps_and_says_how_many_it_leaves_out() -> None:
    error = failed(livelocked, Simulation(max_steps=200))
    head, left_out, *steps = note_of(error).splitlines()
    assert head.startswith("simulation: seed 0, 200 steps; ")
    assert left_out == "  ... 144 lines before these"
    assert len(steps) == 60
    short = note_of(failed(lambda simulation: 1 / 0, Simulation()))
    assert short == "simulation: seed 0, 0 steps; Simulation(seed=0, schedule='') repeats it"


def test_a_search_draws_jitter_from_its_seed() -> None:
    errors = []
    for seed in (1, 2):
        with pytest.raises(AssertionError) as caught:
            explore(jittered, "exhaustive", seed=seed)
        assert seed_and_schedule(caught.value)[0] == seed
        errors.append(str(caught.value))
    assert errors[0] != errors[1]


def test_an_exploration_of_one_schedule_is_refused() -> None:
    with pytest.raises(ValueError, match="schedule: an exploration has many; replay repeats one"):
        explore(three_tells, schedule="0")


def test_a_run_that_passes_can_be_replayed() -> None:
    with Simulation(11) as simulation:
        order = three_tells(simulation)
    found: list[str] = []
    again = replay(lambda other: found.append(three_tells(other)), simulation.schedule)
    assert found == [order]
    assert again.trace() == simulation.trace()
    assert again.schedule == simulation.schedule


def test_an_error_at_the_end_of_the_block_has_the_note_too() -> None:
    def scenario(simulation: Simulation) -> None:
        simulation.spawn(Doer, name="a").tell(lambda agent: 1 / 0)
        simulation.settle()

    error = failed(scenario, Simulation(policy=Restart(max_restarts=0)))
    assert isinstance(error, SystemFailed)
    assert "AgentFailed /a #1 ZeroDivisionError" in note_of(error)


def test_an_answer_that_comes_too_late_in_some_order_is_found() -> None:
    def scenario(simulation: Simulation) -> None:
        slow, hurried = (simulation.spawn(Doer, name=name) for name in ("slow", "hurried"))
        answer = hurried.ask(asks(slow, "quick", timeout=1.0), block=False)
        slow.tell(lambda agent: AgentFuture[None]().get(timeout=2.0))
        slow.tell(tells(hurried, "done"))
        assert answer.get() == "quick"

    with pytest.raises(AskTimeout) as caught:
        explore(scenario)
    with pytest.raises(AskTimeout):
        replay(scenario, seed_and_schedule(caught.value)[1])


# -- what is not deterministic ---------------------------------------------------


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        ("abc", "ab", "step 2 had 4 ways in an earlier run, not /a, /b"),
        ("ab", "a", "an earlier run went on after step 1"),
    ],
)
def test_a_program_that_does_something_else_when_run_again_is_found_out(first: str, then: str, message: str) -> None:
    told = iter([first, then])

    def scenario(simulation: Simulation) -> None:
        agents = {name: simulation.spawn(Doer, name=name) for name in "abc"}
        for name in next(told):
            agents[name].tell("go")

    with pytest.raises(ReplayError, match=f"{message}.*: the program does not do the same when run again"):
        explore(scenario, Exhaustive(preemptions=None))


# -- strategies of one's own -----------------------------------------------------


class LastFirst:
    """A strategy of a user's own: whoever came last goes on."""

    def chooser(self, seed: int) -> Chooser:
        return self

    def choose(self, who: Any, stays: bool) -> int:
        assert len(who) > 1
        assert all(isinstance(name, str) for name in who)
        return len(who) - 1


class Wrong:
    """A strategy with a mistake: it gives back, or raises, what it was made with."""

    def __init__(self, choice: Any) -> None:
        self.choice = choice

    def chooser(self, seed: int) -> Chooser:
        return self

    def choose(self, who: Any, stays: bool) -> int:
        if isinstance(self.choice, Exception):
            raise self.choice
        return self.choice  # type: ignore[no-any-return]


@pytest.mark.parametrize("choice", [2, -1, 1.0, None, True])
def test_a_strategy_that_chooses_what_is_not_there_fails_the_test(choice: Any) -> None:
    error = failed(three_tells, Simulation(strategy=Wrong(choice)))
    assert isinstance(error, ValueError)
    assert str(error) == f"the strategy chose {choice!r} of test, /a"


def test_a_strategy_that_fails_fails_the_test() -> None:
    mistake = ZeroDivisionError("in the strategy")
    assert failed(three_tells, Simulation(strategy=Wrong(mistake))) is mistake


def test_a_strategy_may_be_a_users_own() -> None:
    with Simulation(strategy=LastFirst()) as simulation:
        assert three_tells(simulation) == "abc"
        for ref in simulation.select("/*"):
            ref.tell("again")
    assert isinstance(failed(deadlocked, Simulation(strategy=LastFirst())), Deadlock)
