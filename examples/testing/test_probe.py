"""How do I test an agent by what it sends, and by how it takes the answers?"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentRef, ChildSpec, Supervisor
from actors.testkit import Probe, ProbeError
from policies import Stop


@dataclass(frozen=True)
class Reserve:
    item: str


@dataclass(frozen=True)
class Sold:
    item: str
    price: float


class Shop(Agent):
    """Asks the stock for what is ordered, and tells the books what was sold."""

    def __init__(self, stock: AgentRef[Any], books: AgentRef[Any]) -> None:
        self.stock = stock
        self.books = books

    def on_receive(self, item: str) -> str:
        try:
            price = self.stock.ask(Reserve(item))
        except KeyError:
            return f"no {item} today"
        self.books.tell(Sold(item, price))
        return f"{item}, {price:.2f}"


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem("test", policy=Stop()) as system:
        yield system


@pytest.fixture
def stock(system: ActorSystem) -> Probe:
    return Probe(system, "stock")


@pytest.fixture
def books(system: ActorSystem) -> Probe:
    return Probe(system, "books")


@pytest.fixture
def shop(system: ActorSystem, stock: Probe, books: Probe) -> AgentRef[Shop]:
    return system.spawn(Shop, stock.ref, books.ref, name="shop")


def test_the_test_plays_the_stock_and_answers_by_hand(shop: AgentRef[Shop], stock: Probe, books: Probe) -> None:
    order = shop.ask("tea", block=False)

    assert stock.expect(Reserve).item == "tea"  # a type, or a predicate, or an equal value
    books.expect_none()  # nothing is sold before the stock has answered
    stock.reply(2.5)

    books.expect(Sold("tea", 2.5))
    assert order.get() == "tea, 2.50"


def test_an_error_is_an_answer_too(shop: AgentRef[Shop], stock: Probe, books: Probe) -> None:
    order = shop.ask("salt", block=False)
    stock.expect(Reserve("salt"))
    stock.reply_error(KeyError("sold out"))

    assert order.get() == "no salt today"
    books.expect_none()


def test_an_autopilot_answers_what_is_not_the_point(shop: AgentRef[Shop], stock: Probe, books: Probe) -> None:
    stock.autopilot(lambda message: len(message.item))

    for item in ("tea", "coffee", "salt"):
        shop.tell(item)

    assert [sold.price for sold in books.receive_n(3)] == [3, 6, 4]
    assert stock.messages == [Reserve("tea"), Reserve("coffee"), Reserve("salt")]


def test_of_many_messages_one_matters(shop: AgentRef[Shop], stock: Probe, books: Probe) -> None:
    stock.autopilot(lambda message: 1.0)
    for item in ("tea", "coffee", "salt"):
        shop.tell(item)

    assert books.fish(lambda sold: sold.item.startswith("s")) == Sold("salt", 1.0)
    assert books.skipped == [Sold("tea", 1.0), Sold("coffee", 1.0)]


def test_a_shop_ends_with_a_stock_that_is_out_of_its_mind(shop: AgentRef[Shop], stock: Probe) -> None:
    stock.autopilot(lambda message: "five")
    stock.watch(shop)

    shop.tell("tea")

    assert isinstance(stock.expect_terminated(shop, reason="failed").error, ValueError)


def test_a_probe_stands_for_a_child(system: ActorSystem) -> None:
    child = Probe(system)
    system.spawn(Supervisor, [ChildSpec(child.agent, name="worker", args=("any",))], name="crew")

    system.select("/crew/worker")[0].tell("to work")

    child.expect("to work")


def test_what_goes_wrong_is_said_at_length(stock: Probe) -> None:
    stock.ref.tell(Reserve("coffee"))

    with pytest.raises(ProbeError) as caught:
        stock.expect(Reserve("tea"))

    assert str(caught.value).splitlines() == [
        "/stock: expected Reserve(item='tea'), and this came:",
        "    Reserve(item='coffee') (told)",
        "  the difference: item is 'coffee', not 'tea'",
    ]
