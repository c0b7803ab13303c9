"""What do the tests of pools have in common?"""

from __future__ import annotations

from collections import Counter
from typing import Any

from actors import ActorSystem, PoolRef, RouteePool
from policies import Restart
from tests.core.helpers import Flag, Trace, Worker

AGAIN = Restart(max_restarts=100, within=None)
"""Restarts the routee that failed, and nobody else."""


class Routee(Worker):
    """A Worker that says who it is, and waits at a flag where one is sent."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Flag):
            self.say("holds")
            assert message.wait()
            return self.context.name
        if message == "name":
            return self.context.name
        return super().on_receive(message)


def make_pool(system: ActorSystem, spec: Any, trace: Trace | None = None, **options: Any) -> PoolRef:
    """Start /pool, with routees w-1, w-2, ...; they are made with `spec` unless the options say how."""
    mailbox = options.pop("mailbox", None)
    restart = options.pop("restart", "transient")
    options.setdefault("routee", spec(Routee, "w", args=(trace,), mailbox=mailbox, restart=restart))
    options.setdefault("policy", AGAIN)
    pool = system.spawn(spec(RouteePool, "pool", kwargs=options))
    assert isinstance(pool, PoolRef)
    return pool


def names(pool: PoolRef) -> list[str]:
    return [ref.name for ref in pool.routees]


def who_handled(trace: Trace, what: Any) -> list[str]:
    """Give the names of those that noted it, in order."""
    return [name for noted, name, _ in trace.notes if noted == what]


def shares(trace: Trace, messages: Any) -> Counter[str]:
    """Give how many of these messages each routee has handled."""
    wanted = set(messages)
    return Counter(name for noted, name, _ in trace.notes if noted in wanted)
