"""Does everything that a router or a pool accepted come to one end, while their agents come, go, fail and stop?

`ACTORTREE_STORM_MESSAGES=10000000` says how many deliveries a storm has.
"""

from __future__ import annotations

import os
import random
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from loguru import logger

from actors import (
    ActorError,
    ActorSystem,
    Agent,
    AgentNotFoundError,
    AgentRef,
    AgentRestarted,
    AgentStoppedError,
    Broadcast,
    ChildSpec,
    DeadLetter,
    Lagged,
    Mailbox,
    MailboxFullError,
    MemberLeft,
    Router,
    RouterRef,
    Send,
)
from policies import Restart
from tests.stress.crew import Crew

MESSAGES = int(os.environ.get("ACTORTREE_STORM_MESSAGES", "300000"))
SENDERS = 8
MEMBERS = 1_000
HELD = 10  # members that do nothing until the end, with room for 100
HOT = (13, 14, 15, 16)  # members with no bound that get many messages, and come and go often
AWAY = 3  # members that have left and are not back yet
TOPICS = 10
PATIENCE = 60.0

pytestmark = [pytest.mark.stress, pytest.mark.timeout(120 + MESSAGES // 10_000)]

Parcel = tuple[int, int, str]  # of which sender, its number there, and what is to be done


class Book:
    """What one name's agents were delivered; written on the turn of whichever has the name, one after the other."""

    def __init__(self) -> None:
        self.handled = 0
        self.lagged = 0
        self.last = [-1] * SENDERS
        self.left = False
        self.wrong: list[str] = []

    def look_at(self, parcel: Parcel) -> None:
        """See that it comes in the order of its sender, once, and to a member."""
        sender, number, _ = parcel
        if number <= self.last[sender]:
            self.wrong.append(f"{number} of {sender} after {self.last[sender]}")
        if self.left:
            self.wrong.append(f"{number} of {sender} after the leave was answered")
        self.last[sender] = number


class Member(Agent):
    def __init__(self, book: Book, gate: threading.Event | None) -> None:
        self.book = book
        self.gate = gate

    def on_receive(self, message: Any) -> Any:
        book = self.book
        if type(message) is tuple:
            act = message[2]
            book.look_at(message)
            if act == "fail":
                raise RuntimeError(message)
            book.handled += 1
            if self.gate is not None:
                self.gate.wait(10 * PATIENCE)
            if act == "stop":
                self.stop()
        elif isinstance(message, Lagged):
            book.lagged += message.count
        elif message in ("gone", "back"):
            book.left = message == "gone"


class Group:
    """The members by their names, and what became of what nobody handled."""

    def __init__(self, system: ActorSystem, router: RouterRef) -> None:
        self.system = system
        self.router = router
        self.names = [f"m{number}" for number in range(MEMBERS)]
        self.books = {name: Book() for name in self.names}
        self.refs: dict[str, AgentRef[Any]] = {}
        self.crew = Crew(system)
        router.join("crew", self.crew.pool, {"t.0"})
        self.gate = threading.Event()
        self.held = self.names[:HELD]
        self.dead: Counter[str] = Counter()
        self.events: Counter[type] = Counter()
        self._lock = threading.Lock()  # Guards the two counters, of events.
        for number, name in enumerate(self.names):
            self.hire(number, name)

    def hire(self, number: int, name: str) -> None:
        """Start an agent for the name and let it join: some with a bounded mailbox, of each kind."""
        mailbox = None
        if number < HELD:
            mailbox = Mailbox(100)
        elif number % 10 < 3:
            mailbox = Mailbox(2, ("block", "drop_newest", "drop_oldest")[number % 10])
        gate = self.gate if number < HELD else None
        ref = self.system.spawn(ChildSpec(Member, args=(self.books[name], gate), mailbox=mailbox))
        self.refs[name] = ref
        self.join(number, name)

    def join(self, number: int, name: str) -> None:
        self.router.join(name, self.refs[name], {f"t.{number % TOPICS}"})

    def hear(self, event: Any) -> None:
        if isinstance(event, DeadLetter):
            message = event.message
            if isinstance(message, (Send, Broadcast)):
                message = message.message
            if type(message) is not tuple:
                return
        with self._lock:
            if isinstance(event, DeadLetter):
                self.dead[event.reason] += 1
            self.events[type(event)] += 1

    @property
    def handled(self) -> int:
        return self.crew.handled + sum(book.handled for book in self.books.values())

    @property
    def queued(self) -> int:
        """What waits in the mailboxes of the held, while nothing else happens."""
        return sum(type(item) is tuple for name in self.held for item in list(self.refs[name]._cell.queue._items))


class Keeper:
    """Lets some of the members go and come back, and hires others for those that have stopped; used by one thread."""

    def __init__(self, group: Group, me: int) -> None:
        self.group = group
        self.own = [number for number in range(HELD, MEMBERS) if number % SENDERS == me]
        self.hot = [number for number in HOT if number % SENDERS == me]
        self.chance = random.Random(me + 0.5)
        self.away: deque[tuple[int, AgentRef[Any]]] = deque()
        self.left = 0
        self.hired = 0

    def step(self) -> None:
        self.let_go(self.chance.choice(self.hot if self.hot and self.chance.random() < 0.5 else self.own))
        if len(self.away) > AWAY:
            self.bring_back(*self.away.popleft())
        self.replace()

    def let_go(self, number: int) -> None:
        group = self.group
        name = group.names[number]
        ref = group.refs[name]
        if not group.router.leave(name):
            return
        self.left += 1
        with suppress(AgentStoppedError):
            # In its mailbox behind all that was delivered; whatever comes after it should not have been.
            ref.tell("gone")
        self.away.append((number, ref))

    def bring_back(self, number: int, ref: AgentRef[Any]) -> None:
        name = self.group.names[number]
        if self.group.refs[name] is ref:
            try:
                ref.ask("back", timeout=PATIENCE)
                self.group.join(number, name)
            except AgentStoppedError:
                return
            except MailboxFullError:
                # It drops what is too much, and that was.
                self.away.append((number, ref))

    def replace(self) -> None:
        group = self.group
        for number in self.own:
            name = group.names[number]
            if not group.refs[name].is_alive():
                group.refs[name].stop()  # returns when it has ended
                group.books[name].left = False
                group.hire(number, name)
                self.hired += 1


class Sender(threading.Thread):
    """Sends to one, to all and to topics until so many messages were accepted, and keeps its share of the members."""

    def __init__(self, group: Group, me: int, share: int) -> None:
        super().__init__(daemon=True)
        self.group = group
        self.me = me
        self.share = share
        self.chance = random.Random(me)
        self.accepted = 0
        self.recorded = 0  # what was refused, and so is a dead letter, too
        self.refused: Counter[str] = Counter()
        self.renewals = 0
        self.number = 0
        self.keeper = Keeper(group, me)
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            while self.accepted < self.share:
                self.send_many()
        except BaseException as error:
            self.error = error

    def send_many(self) -> None:
        names, router, chance = self.group.names, self.group.router, self.chance.random
        for _ in range(10):
            for _ in range(100):
                roll = chance()
                parcel = self.parcel("go" if roll > 0.0015 else "fail" if roll > 0.0004 else "stop")
                if chance() < 0.1:
                    self.send_to_crew(parcel, chance())
                    continue
                number = HOT[int(chance() * len(HOT))] if chance() < 0.2 else int(chance() * MEMBERS)
                self.send(router, names[number], parcel, told=roll > 0.9)
            self.keeper.step()
            if chance() < 0.2:
                self.group.crew.resize(self.chance)
        roll = chance()
        topic = None if roll < 0.2 else f"t.{int(roll * TOPICS)}"
        self.count(router.broadcast(self.parcel("go"), topic))
        if chance() < 0.1:
            self.group.crew.renew()
            self.renewals += 1
        self.catch_breath(names[HELD + int(chance() * (MEMBERS - HELD))])

    def parcel(self, act: str) -> Parcel:
        self.number += 1
        return (self.me, self.number, act)

    def send(self, router: RouterRef, name: str, parcel: Parcel, told: bool) -> None:
        try:
            if told:
                router.tell(Send(name, parcel))
            else:
                router.send(name, parcel)
        except ActorError as error:
            self.refused[type(error).__name__] += 1
            self.recorded += 1
        else:
            self.accepted += 1

    def send_to_crew(self, parcel: Parcel, roll: float) -> None:
        """To one of its routees, straight or by way of the router, or to all of them."""
        if roll < 0.4:
            self.send(self.group.router, "crew", parcel, told=roll < 0.2)
            return
        pool = self.group.crew.pool
        try:
            if roll < 0.95:
                pool.tell(parcel)
                self.accepted += 1
            else:
                self.count(pool.broadcast((*parcel[:2], "all")))
        except ActorError as error:
            self.refused[type(error).__name__] += 1
            self.refused["crew"] += 1
            self.recorded += 1

    def count(self, outcome: Any) -> None:
        self.accepted += outcome.count
        self.recorded += outcome.dropped
        self.refused["broadcast"] += outcome.dropped

    def catch_breath(self, name: str) -> None:
        """Let the members catch up, so that what waits does not grow without bound."""
        try:
            self.group.refs[name].ask("how are you", timeout=PATIENCE)
        except (AgentStoppedError, MailboxFullError):
            self.refused["ask"] += 1


@pytest.fixture(params=[5e-3, 1e-4], ids=["5ms", "0.1ms"])
def interval(request: pytest.FixtureRequest) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(request.param)
    logger.disable("actors")
    yield
    logger.enable("actors")
    sys.setswitchinterval(before)


def test_what_a_router_accepted_is_handled_dead_or_queued_and_nothing_comes_after_a_leave(interval: None) -> None:
    with ActorSystem("storm", policy=Restart(None, None)) as system:
        router = system.spawn(Router, name="router")
        group = Group(system, router)
        for kind in (DeadLetter, AgentRestarted, MemberLeft):
            system.events.subscribe(group.hear, kind)
        senders = [Sender(group, me, MESSAGES // SENDERS) for me in range(SENDERS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join(60 + MESSAGES / 5_000)
            assert not sender.is_alive(), system.dump()
        assert [sender.error for sender in senders if sender.error] == []
        for name in group.names[HELD:]:
            drain(group.refs[name])
        drain(group.crew.pool)

        accepted = sum(sender.accepted for sender in senders)
        recorded = sum(sender.recorded for sender in senders)
        assert accepted >= MESSAGES
        assert group.handled + sum(group.dead.values()) + group.queued == accepted + recorded
        assert group.queued == HELD * 100
        # And when those that were held go on, nothing is queued any more.
        group.gate.set()
        for name in group.held:
            drain(group.refs[name])
        assert group.handled + sum(group.dead.values()) == accepted + recorded

    assert [wrong for book in group.books.values() for wrong in book.wrong] == []
    assert group.crew.doubled == []
    # Of what they lost, all were told.
    lost = sum(book.lagged for name, book in group.books.items() if name in group.held)
    assert lost > 0
    # The storm was one.
    refused = sum((sender.refused for sender in senders), Counter())
    assert refused[MailboxFullError.__name__]
    assert refused[AgentNotFoundError.__name__] + refused[AgentStoppedError.__name__]
    assert refused["crew"]
    assert sum(sender.renewals for sender in senders)
    assert group.crew.handled > MESSAGES // 20
    assert group.dead["failed"]
    assert group.dead["mailbox full"] >= lost
    assert group.events[AgentRestarted]
    assert group.events[MemberLeft] >= sum(sender.keeper.left for sender in senders) > MESSAGES // 1_000
    assert sum(sender.keeper.hired for sender in senders)


def drain(ref: AgentRef[Any]) -> None:
    """Let the agent handle all that waits, and end."""
    ref.stop(timeout=PATIENCE)
