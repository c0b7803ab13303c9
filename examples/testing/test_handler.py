"""How do I test one handler, without a system, threads or time? Run it with pytest."""

from dataclasses import dataclass

from actors import Agent, AgentRef, ReplyError, StopReason, Terminated
from actors.testkit import run_handler, stand_in
from actors.testkit.effects import Asked, Told, Watched


@dataclass(frozen=True)
class Order:
    item: str
    customer: AgentRef[Agent]


class Stock(Agent):
    """Knows how many there are of each item; only its name matters here."""


class Shop(Agent):
    """Sells what is in stock, and calls back later for what is not."""

    def __init__(self, stock: AgentRef[Stock]) -> None:
        self.stock = stock

    def on_start(self) -> None:
        self.sold = 0
        self.context.watch(self.stock)

    def on_receive(self, message: Order | Terminated) -> str | None:
        if isinstance(message, Terminated):
            self.stop()
            return None
        if self.sold == 100:
            raise ReplyError("closed for today")
        if self.stock.ask(message.item, timeout=1.0) == 0:
            self.context.timers.once(message.item, 3600.0, message)
            return "tomorrow"
        self.sold += 1
        message.customer.tell(f"your {message.item}")
        return "here you are"


# Stand-ins for the others: what a handler does with them is noted, and nothing else happens.
STOCK, ANN = stand_in("/stock", Stock), stand_in("/ann")
TEA = Order("tea", ANN)


def test_what_is_in_stock_is_sold() -> None:
    run = run_handler(Shop, TEA, args=(STOCK,), answers={"/stock": 3})
    assert run.answer == "here you are"
    assert run.effects == (Asked("/stock", "tea", timeout=1.0), Told("/ann", "your tea"))
    assert run.started == (Watched("/stock"),)


def test_what_is_not_in_stock_is_tried_again_in_an_hour() -> None:
    run = run_handler(Shop, TEA, args=(STOCK,), answers={"/stock": 0})
    assert [(timer.delay, timer.message) for timer in run.timers] == [(3600.0, TEA)]
    again = run.again(TEA, answers={"/stock": 1})  # time does not pass here: the test sends what the timer would
    assert again.told == (Told("/ann", "your tea"),)


def test_the_hundredth_sale_is_the_last() -> None:
    run = run_handler(Shop, TEA, args=(STOCK,), answers={"/stock": 3}, state={"sold": 99})
    assert run.agent.sold == 100
    refused = run.again(TEA)
    assert isinstance(refused.error, ReplyError)
    assert not refused.failed  # an answer, about which no supervisor is asked


def test_an_error_of_the_stock_is_a_failure_of_the_shop() -> None:
    run = run_handler(Shop, TEA, args=(STOCK,), answers={"/stock": TimeoutError("no reply")})
    assert isinstance(run.error, TimeoutError)  # kept, not raised
    assert run.failed


def test_without_its_stock_the_shop_closes() -> None:
    run = run_handler(Shop, Terminated(STOCK, StopReason.FAILED), args=(STOCK,), name="shop")
    assert [stopped.path for stopped in run.stopped] == ["/shop"]
