"""What does a pool do in a storm, whose routees fail, stop, and come and go, and which is restarted itself?"""

from __future__ import annotations

import random
from collections import Counter, deque
from contextlib import suppress
from typing import Any

from actors import ActorSystem, Agent, AgentStoppedError, ChildSpec, Mailbox, PoolRef, RouteePool
from policies import Restart

SIZES = (4, 16)
ROOM = 50  # for messages, in the mailbox of each routee


class Hand(Agent):
    """A routee that keeps what it has handled with all others."""

    def __init__(self, handled: deque[Any]) -> None:
        self.handled = handled

    def on_receive(self, message: Any) -> Any:
        act = message[2]
        if act == "fail":
            raise RuntimeError(message)
        self.handled.append(message)
        if act == "stop":
            self.stop()


class Crew:
    """The pool, and what its routees have handled; may be used on any thread."""

    def __init__(self, system: ActorSystem) -> None:
        self.system = system
        self.parcels: deque[Any] = deque()  # append is atomic
        routee = ChildSpec(Hand, "hand", args=(self.parcels,), mailbox=Mailbox(ROOM))
        policy = Restart(max_restarts=None, within=None)
        self.pool: PoolRef = system.spawn(RouteePool, routee=routee, size=SIZES[0], policy=policy, name="crew")

    @property
    def handled(self) -> int:
        return len(self.parcels)

    @property
    def doubled(self) -> list[Any]:
        """What was for one of them, and handled more than once."""
        counts = Counter(parcel for parcel in self.parcels if parcel[2] != "all")
        return [parcel for parcel, count in counts.items() if count > 1]

    def resize(self, chance: random.Random) -> None:
        with suppress(AgentStoppedError):  # it is being restarted
            self.pool.resize(chance.randint(*SIZES))

    def renew(self) -> None:
        """Restart the pool: what its routees have not come to is dead, what is sent meanwhile waits."""
        self.system.guardian.ref.restart_child(self.pool.name)
