"""How do I run a tree of agents in an order that follows from a seed, find a bug, and repeat it? Run it with pytest."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from actors import Agent, AgentFuture, AgentRef, ChildSpec, Supervisor
from actors.testkit import Deadlock, Livelock, Simulation, SimulationError
from policies import Backoff, Restart


class Account(Agent):
    """Answers "balance" with what there is; a number is what there is from now on."""

    def __init__(self) -> None:
        self.balance = 0

    def on_receive(self, message: str | int) -> int:
        if isinstance(message, int):
            self.balance = message
        return self.balance


class Depositor(Agent):
    """Reads the balance, adds, and writes it: what another writes between the two is lost."""

    def __init__(self, account: AgentRef[Account]) -> None:
        self.account = account

    def on_receive(self, amount: int) -> None:
        self.account.tell(self.account.ask("balance") + amount)


def two_deposits(simulation: Simulation) -> None:
    account = simulation.spawn(Account, name="account")
    for name, amount in {"ada": 1, "bob": 10}.items():
        simulation.spawn(Depositor, account, name=name).tell(amount)
    simulation.settle()
    assert account.ask("balance") == 11, "an update was lost"


def first_seed_that_fails() -> tuple[int, AssertionError]:
    for seed in range(100):
        try:
            with Simulation(seed) as simulation:
                two_deposits(simulation)
        except AssertionError as error:
            return seed, error
    raise AssertionError("100 orders, and no update was lost")


def test_some_seed_finds_the_lost_update_and_each_run_of_it_is_the_same() -> None:
    seed, error = first_seed_that_fails()
    with pytest.raises(AssertionError, match="an update was lost") as again, Simulation(seed) as simulation:
        two_deposits(simulation)
    # The note of a failed run has the seed, the schedule, and the last steps: a line for each, with the virtual time.
    assert again.value.__notes__ == error.__notes__
    assert "     0.000  /ada: 1\n" in error.__notes__[0]


def test_the_schedule_that_a_failed_run_printed_repeats_it() -> None:
    _, error = first_seed_that_fails()
    (schedule,) = re.findall(r"schedule='([0-9x.]*)'", error.__notes__[0])
    with pytest.raises(AssertionError, match="an update was lost"), Simulation(schedule=schedule) as simulation:
        two_deposits(simulation)


class Runner(Agent):
    """Lets go of its own baton once it has another's."""

    def __init__(self, awaited: AgentFuture[None], own: AgentFuture[None]) -> None:
        self.awaited = awaited
        self.own = own

    def on_receive(self, message: str) -> None:
        self.awaited.get()
        self.own.resolve()


def test_a_deadlock_says_who_waits_and_where() -> None:
    red: AgentFuture[None] = AgentFuture()
    blue: AgentFuture[None] = AgentFuture()
    with Simulation() as simulation:
        ann = simulation.spawn(Runner, red, blue, name="ann")
        ben = simulation.spawn(Runner, blue, red, name="ben")
        ann.tell("run")
        ben.tell("run")
        with pytest.raises(Deadlock) as caught:
            ann.ask("are you there?")
        waits = dict(caught.value.waits)
        assert set(waits) == {"/ann #1", "/ben #1", "test"}
        assert waits["/ben #1"].startswith("for something that nobody does, in on_receive (test_simulation.py:")
        assert waits["test"].startswith("for /ann, in ")


class Echo(Agent):
    """Sends back what it hears."""

    def on_receive(self, other: "AgentRef[Echo]") -> None:
        other.tell(self.actor_ref)


def test_a_livelock_says_what_is_repeated() -> None:
    with Simulation(max_steps=1000) as simulation:
        rock, wall = (simulation.spawn(Echo, name=name) for name in ("rock", "wall"))
        rock.tell(wall)
        with pytest.raises(Livelock) as caught:
            simulation.settle()
        assert sorted(caught.value.cycle) == ["/rock: AgentRef", "/wall: AgentRef"]


class Threaded(Agent):
    """Starts a thread that uses an agent: no simulation can say when that goes on."""

    def on_receive(self, other: AgentRef[Account]) -> str:
        with ThreadPoolExecutor() as executor:
            return str(executor.submit(other.ask, "balance").exception())


def test_a_thread_that_a_handler_starts_is_refused_and_the_test_fails() -> None:
    with pytest.raises(SimulationError, match="no thread of this simulation"), Simulation() as simulation:
        simulation.spawn(Threaded).ask(simulation.spawn(Account))


class Link(Agent):
    """Comes up at the tenth try only."""

    def on_start(self) -> None:
        if 1 < self.context.incarnation < 10:
            raise ConnectionError("still down")

    def on_receive(self, message: str) -> None:
        raise ConnectionError("down")


def test_hours_of_backoff_pass_in_milliseconds() -> None:
    patient = Restart(max_restarts=None, within=None, backoff=Backoff(60.0, cap=3600.0))
    begun = time.perf_counter()
    with Simulation() as simulation:
        simulation.spawn(Supervisor, name="net", children=[ChildSpec(Link, "link")], policy=patient)
        (link,) = simulation.select("/net/link")
        link.tell("cut")
        assert simulation.clock.run_until_idle() == (1 + 2 + 4 + 8 + 16 + 32 + 60 + 60 + 60) * 60.0
        assert link.incarnation == 10
    assert time.perf_counter() - begun < 1.0
