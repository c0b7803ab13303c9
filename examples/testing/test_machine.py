"""Does a crew of one's own hold, whatever happens to it? Hypothesis tries, and a model of supervision knows.

The machine starts the crew in virtual time, has its members fail, end, wait for their restart, be stopped, restarted
and deleted, in any order, and compares after each step what happened with what should have. Needs `hypothesis`.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from actors import Agent, ChildSpec, Supervisor
from actors.testkit.machine import SupervisorMachine
from policies import Backoff, Restart, Strategy


class Till(Agent):
    """Adds up what is paid in; nothing but a positive amount is accepted."""

    def __init__(self) -> None:
        self.total = 0

    def on_receive(self, amount: int) -> int:
        if amount < 0:
            raise ValueError(amount)
        self.total += amount
        return self.total


class Shop(Supervisor):
    """Two tills; if one fails, both start anew."""

    children = (ChildSpec(Till, "left"), ChildSpec(Till, "right"))
    strategy = Strategy.ONE_FOR_ALL
    policy = Restart(max_restarts=3, within=10.0, backoff=Backoff(0.5, cap=2.0))


class ShopMachine(SupervisorMachine):
    """What can happen to any supervisor happens to the shop; besides, somebody pays."""

    def make_supervisor(self) -> ChildSpec[Any]:
        return ChildSpec(Shop, "shop", policy=Restart())

    def make_child(self) -> ChildSpec[Any]:
        return ChildSpec(Till, self.draw(st.sampled_from(["left", "middle"])))

    @precondition(lambda self: self.running)
    @rule(amount=st.integers(-1, 100))
    def pay(self, amount: int) -> None:
        """Say what to do, and what that means to the model: a message that is handled, or a failure."""
        name = self.running[0]
        if amount < 0:
            self.act(lambda: self.ref(name).tell(amount), lambda: self.model.fail(name, ValueError(amount)))
        else:
            self.act(lambda: self.ref(name).tell(amount), lambda: self.model.tell(name))

    @invariant()
    def no_till_owes_money(self) -> None:
        for name in self.running:
            total = self.act(lambda: self.ref(name).ask(0), lambda: self.model.tell(name))  # noqa: B023
            assert total >= 0


TestShop = ShopMachine.TestCase
TestShop.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
