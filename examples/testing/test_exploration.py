"""How do I show that something holds in every order, and not only in those I happened to see? Run it with pytest."""

import re

import pytest

from actors import Agent, AgentRef
from actors.testkit import Exhaustive, Priorities, RandomWalk, ReplayError, Schedule, Simulation, explore, replay


class Stock(Agent):
    """So many pieces; "any?" is answered with how many there are, "take" takes one, whether there is one or not."""

    def __init__(self, pieces: int) -> None:
        self.pieces = pieces

    def on_receive(self, message: str) -> int:
        if message == "take":
            self.pieces -= 1
        return self.pieces


class Hasty(Agent):
    """Looks first, and takes after that: another may have been faster in between."""

    def __init__(self, stock: AgentRef[Stock]) -> None:
        self.stock = stock

    def on_receive(self, message: str) -> None:
        if self.stock.ask("any?") > 0:
            self.stock.tell("take")


class Careful(Stock):
    """Gives a piece where there is one: it looks and takes in one message, which nobody can come between."""

    def on_receive(self, message: str) -> int:
        if message == "take" and not self.pieces:
            return 0
        return super().on_receive(message)


def two_buyers(simulation: Simulation, kind: type[Stock]) -> None:
    stock = simulation.spawn(kind, 1, name="stock")
    for name in ("ada", "bob"):
        simulation.spawn(Hasty, stock, name=name).tell("buy")
    simulation.settle()
    assert stock.ask("any?") == 0, "sold what was not there"


def naive(simulation: Simulation) -> None:
    two_buyers(simulation, Stock)


def mended(simulation: Simulation) -> None:
    two_buyers(simulation, Careful)


def test_the_naive_stock_is_sold_twice_in_some_order_and_the_schedule_shows_it_again() -> None:
    with pytest.raises(AssertionError, match="sold what was not there") as caught:
        explore(naive)
    (schedule,) = re.findall(r"schedule='([0-9x.]*)'", caught.value.__notes__[0])
    with pytest.raises(AssertionError, match="sold what was not there") as again:
        replay(naive, schedule)
    assert again.value.__notes__ == caught.value.__notes__


def test_a_schedule_is_of_one_program() -> None:
    assert Schedule("0x3.1").choices == [0, 0, 0, 1]
    with pytest.raises(ReplayError, match="the schedule says 7, but only test, /ada could go on"):
        replay(naive, "7")


def test_the_mended_stock_is_sold_once_in_every_order_that_there_is() -> None:
    exploration = explore(mended, Exhaustive(preemptions=None))
    assert exploration.complete  # nothing is left to be tried
    assert exploration.runs > 50


def test_a_bound_on_preemptions_finds_most_and_is_much_shorter() -> None:
    exploration = explore(mended, Exhaustive(preemptions=1))
    assert exploration.complete
    assert exploration.runs < explore(mended, Exhaustive(preemptions=None)).runs
    with pytest.raises(AssertionError, match="sold what was not there"):
        explore(naive, Exhaustive(preemptions=1))


def test_where_there_are_too_many_orders_priorities_try_those_that_show_most_bugs() -> None:
    with pytest.raises(AssertionError, match="sold what was not there"):
        explore(naive, Priorities(depth=2, steps=20), runs=100)
    with pytest.raises(AssertionError, match="sold what was not there"):
        explore(naive, RandomWalk(stay=0.8), runs=100)  # or each step drawn at random
    assert not explore(mended, Priorities(depth=2, steps=20), runs=100).complete  # they prove nothing


def test_two_threads_may_tell_an_agent_at_the_same_time_line_by_line() -> None:
    def race(simulation: Simulation) -> None:
        stock = simulation.spawn(Stock, 2)
        simulation.race(lambda: stock.tell("take"), lambda: stock.tell("take"))
        assert stock.ask("any?") == 0

    assert explore(race, Exhaustive(preemptions=1)).complete
