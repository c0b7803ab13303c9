"""How do I test one handler, without a system, threads or time? Run it with pytest."""

from dataclasses import dataclass

import pytest

from actors import Agent, AgentRef
from actors.testkit import HandlerRun, HandlerTestError, run_handler, stand_in
from actors.testkit.effects import Asked, TimerSet, Told


@dataclass(frozen=True)
class Order:
    item: str
    customer: AgentRef[Agent]


class Shop(Agent):
    """Sells what is in stock, and tries again later to sell what is not."""

    def __init__(self, stock: AgentRef[Agent]) -> None:
        self.stock = stock
        self.sold = 0

    def on_receive(self, order: Order) -> str:
        if self.stock.ask(order.item, timeout=1.0) == 0:
            self.context.timers.once(order.item, 3600.0, order)
            return "tomorrow"
        self.sold += 1
        order.customer.tell(f"your {order.item}")
        return "here you are"


# Stand-ins for the others: what a handler does with them is noted, and nothing else happens.
STOCK, ANN = stand_in("/stock"), stand_in("/ann")
TEA = Order("tea", ANN)


def test_what_is_in_stock_is_sold() -> None:
    run: HandlerRun[Shop] = run_handler(Shop, TEA, args=(STOCK,), answers={"/stock": 3}, state={"sold": 99})
    assert run.answer == "here you are"
    assert run.agent.sold == 100
    assert run.effects == (Asked("/stock", "tea", timeout=1.0), Told("/ann", "your tea"))


def test_what_is_not_in_stock_is_tried_again_in_an_hour() -> None:
    run = run_handler(Shop, TEA, args=(STOCK,), answers={"/stock": 0})
    assert run.timers == (TimerSet("tea", 3600.0, TEA),)
    again = run.again(TEA, answers={"/stock": 1})  # time does not pass here: the test sends what the timer would
    assert again.told == (Told("/ann", "your tea"),)


def test_an_error_of_the_stock_is_a_failure_of_the_shop() -> None:
    run = run_handler(Shop, TEA, args=(STOCK,), answers={"/stock": TimeoutError("no reply")})
    assert isinstance(run.error, TimeoutError)  # kept, not raised
    assert run.failed  # so that its supervisor would decide


def test_what_the_test_has_not_said_is_asked_for() -> None:
    with pytest.raises(HandlerTestError, match="/stock"):
        run_handler(Shop, TEA, args=(STOCK,))  # what does the stock answer?
