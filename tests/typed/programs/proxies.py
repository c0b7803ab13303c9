"""Proxies are typed as Pykka's are: by a class of their own, and a cast."""

from __future__ import annotations

from typing import cast, reveal_type

import pykka
from pykka.typing import ActorMemberMixin, proxy_field, proxy_method

from actors import Accepting, ActorSystem, Agent


class Counter(Accepting[str]):
    total: int = 0

    def add(self, number: int) -> int:
        self.total += number
        return self.total


class CounterProxy(ActorMemberMixin, pykka.ActorProxy[Counter]):
    total = proxy_field(Counter.total)
    add = proxy_method(Counter.add)


class Plain(Agent):
    def double(self, number: int) -> int:
        return 2 * number


class PlainProxy(ActorMemberMixin, pykka.ActorProxy[Plain]):
    double = proxy_method(Plain.double)


system = ActorSystem()
proxy = cast("CounterProxy", system.spawn(Counter).proxy())
reveal_type(proxy.total)  # is Future[int]
reveal_type(proxy.add(3))  # is Future[int]
reveal_type(proxy.add(3).get())  # is int
proxy.add("x")  # error
reveal_type(proxy.stop())  # is Future[None]

reveal_type(system.spawn(Plain).proxy())  # is AgentProxy[Plain]
plain = cast("PlainProxy", system.spawn(Plain).proxy())
reveal_type(plain.double(2).get())  # is int
plain.double("x")  # error
