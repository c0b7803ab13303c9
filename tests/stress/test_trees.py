"""Do the promises hold in a random tree whose agents fail, hang, end, and end one another, all at the same time?"""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    ActorError,
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    ChildSpec,
    DeadLetter,
    Event,
    Mailbox,
    Supervisor,
    Terminated,
)
from policies import Backoff, Escalate, Policy, Restart, Resume, Stop
from tests.core.helpers import Boom

pytestmark = [pytest.mark.stress, pytest.mark.timeout(120)]

PATIENCE = 40.0
SENDERS = 3
MESSAGES = 600
WIDTH = 3
DEPTH = 3


class Ledger:
    """What became of all that the storm sent, and what was seen that must not be; a list append is atomic."""

    def __init__(self) -> None:
        self.numbers = itertools.count()
        self.accepted: list[int] = []
        self.handled: list[int] = []
        self.dead: list[int] = []
        self.given_up: set[int] = set()
        self.asked: list[Any] = []
        self.wrong: list[str] = []
        self.watched: dict[AgentRef[Any], int] = {}
        self.events: Counter[str] = Counter()
        self.calm = threading.Event()
        self.over = threading.Event()
        self._live: dict[str, list[Any]] = {}
        # Guards the book of who is alive.
        self._lock = threading.Lock()

    def hear(self, event: Event) -> None:
        self.events[type(event).__name__] += 1
        if isinstance(event, DeadLetter) and isinstance(event.message, tuple) and event.message[0] == "tell":
            self.dead.append(event.message[2])
            if event.reason == "abandoned":
                self.given_up.add(event.message[2])
        elif isinstance(event, AgentStopped):
            self.end(event.path)

    def begin(self, context: Any) -> None:
        """An incarnation begins: every other of that path is over, or fenced off."""
        with self._lock:
            others = self._live.setdefault(context.path, [])
            others[:] = [other for other in others if not (other.over or other.fenced)]
            if others:
                self.wrong.append(f"{context!r} begins beside {others}")
            others.append(context)

    def end(self, path: str) -> None:
        """An agent has ended: of those below it, no code runs but what was fenced off."""
        with self._lock:
            below = [context for found, live in self._live.items() if found.startswith(f"{path}/") for context in live]
        self.wrong += [f"{path} ended before {context!r}" for context in below if not (context.over or context.fenced)]


class Node(Supervisor):
    """A supervisor that does what its messages say, and writes down that it did."""

    def __init__(self, ledger: Ledger, hangs: bool, seed: int, **options: Any) -> None:
        super().__init__(**options)
        self.ledger = ledger
        self.hangs = hangs
        self.chance = random.Random(seed)

    def on_start(self) -> None:
        self.ledger.begin(self.context)
        self.chance.seed(self.chance.random() + self.context.incarnation)
        if self.context.incarnation > 1 and self.chance.random() < 0.1:
            raise Boom("start")

    def on_stop(self) -> None:
        if self.chance.random() < 0.2:
            self.ask_around()

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Terminated):
            return None
        kind, act, number = message
        if act == "stash" and self.chance.random() < 0.5:
            self.context.stash()
            return None
        if kind == "tell" and act != "fail" and act != "exit":
            self.ledger.handled.append(number)
        self.do(act, number)
        if kind == "tell" and self.context.fenced:
            self.ledger.given_up.add(number)
        return number

    def do(self, act: str, number: int) -> None:
        if act == "fail":
            raise Boom(number)
        if act == "exit":
            raise SystemExit(number)
        if act == "hang" and self.hangs:
            self.ledger.over.wait(PATIENCE)
        if act == "stop":
            self.stop()
        with_care(self.act_on_others, act)

    def act_on_others(self, act: str) -> None:
        if act == "stash":
            self.context.unstash_all()
        elif act == "spawn":
            self.context.spawn(ChildSpec(Node, args=(self.ledger, False, number_of(self.chance)), shutdown=0.1))
        elif act == "ask":
            self.ask_around()
        elif act == "admin":
            administer(self.context.parent or self.actor_ref, self.chance)

    def ask_around(self) -> None:
        ref = self.context.parent or self.actor_ref
        children = [child.ref for child in ref.children() if child.ref is not None]
        ref = self.chance.choice([ref, *children])
        with_care(ref.ask, ("ask", "answer", next(self.ledger.numbers)))


def with_care(call: Callable[..., Any], *args: Any) -> None:
    """Call, and let pass what anybody may get from a tree in such a state."""
    try:
        call(*args)
    except (ActorError, Boom, SystemExit):
        return


def number_of(chance: random.Random) -> int:
    return chance.randrange(2**30)


def administer(parent: AgentRef[Any], chance: random.Random) -> None:
    """Do something to a child of that agent."""
    children = parent.children()
    if not children:
        return
    child = chance.choice(children)
    act = chance.choice(["stop", "kill", "terminate", "delete", *["restart"] * 8])
    if act == "terminate":
        parent.terminate_child(child.name)
    elif act == "restart":
        parent.restart_child(child.name)
    elif act == "delete":
        parent.delete_child(child.name)
    elif child.ref is not None:
        child.ref.stop(block=False, drain=act == "stop")


def a_policy(chance: random.Random) -> Policy:
    forever = Restart(None, within=None)
    backing_off = Restart(None, within=None, backoff=Backoff(0.001, cap=0.01, jitter=0.5))
    seldom: Policy = chance.choice([Stop(), Escalate(), Resume(), Restart(3, within=0.5)])
    return chance.choice([forever, forever, backing_off, backing_off, seldom])


def a_spec(ledger: Ledger, chance: random.Random, depth: int, name: str, significant: bool) -> ChildSpec[Node]:
    """The spec of a random node, with random nodes below it."""
    auto = chance.choice(["never", "never", "never", "any_significant"])
    children = some_specs(ledger, chance, depth - 1, auto != "never") if depth > 1 else []
    hangs = chance.random() < 0.2
    restart = chance.choice(["permanent", "transient", "transient", "temporary"])
    return ChildSpec(
        Node,
        name,
        args=(ledger, hangs, number_of(chance)),
        kwargs={
            "children": children,
            "strategy": chance.choice(["one_for_one", "one_for_all", "rest_for_one"]),
            "policy": a_policy(chance),
            "auto_shutdown": auto,
        },
        restart=restart,
        significant=significant and restart != "permanent",
        shutdown=chance.choice([0.05, 0.1, 0.3, "brutal"]),
        policy=a_policy(chance) if chance.random() < 0.3 else None,
        mailbox=chance.choice([None, None, Mailbox(20, "drop_oldest"), Mailbox(20, "block", timeout=0.01)]),
        dispatcher=chance.choice(["pool", "pool", "pool", "thread"]),
        deadline=0.2 if hangs else None,
        keep_children=chance.random() < 0.3,
    )


def some_specs(ledger: Ledger, chance: random.Random, depth: int, significant: bool) -> list[ChildSpec[Node]]:
    return [a_spec(ledger, chance, depth, f"c{number}", significant) for number in range(WIDTH)]


class Watcher(Agent):
    """Watches whom it is told to, and counts who ended."""

    def __init__(self) -> None:
        self.ended: Counter[AgentRef[Any]] = Counter()

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Terminated):
            self.ended[message.ref] += 1
        elif isinstance(message, AgentRef):
            self.context.watch(message)
        return self.ended.copy()


class Sender(threading.Thread):
    """Sends to whoever is there."""

    def __init__(self, system: ActorSystem, ledger: Ledger, watcher: AgentRef[Any], seed: int) -> None:
        super().__init__(daemon=True)
        self.system = system
        self.ledger = ledger
        self.watcher = watcher
        self.chance = random.Random(seed)
        self.errors: Counter[str] = Counter()

    def run(self) -> None:
        present: list[AgentRef[Any]] = []
        for turn in range(MESSAGES):
            if turn % 10 == 0:
                present = self.system.select("/crew/**")[1:] or present
            ref = self.chance.choice(present)
            act = an_act(self.chance)
            number = next(self.ledger.numbers)
            if turn % 4 == 0:
                self.ledger.asked.append(ref.ask(("ask", act, number), block=False))
            elif turn % 4 == 1:
                self.ask(ref, ("ask", act, number))
            else:
                self.tell(ref, ("tell", act, number))
            if turn % 20 == 0 and self.ledger.watched.setdefault(ref, number) == number:
                self.watcher.tell(ref)

    def ask(self, ref: AgentRef[Any], message: Any) -> None:
        try:
            ref.ask(message, timeout=PATIENCE if self.chance.random() < 0.5 else None)
        except BaseException as error:
            self.errors[type(error).__name__] += 1

    def tell(self, ref: AgentRef[Any], message: Any) -> None:
        try:
            ref.tell(message)
            self.ledger.accepted.append(message[2])
        except ActorError as error:
            self.errors[type(error).__name__] += 1


def an_act(chance: random.Random) -> str:
    if chance.random() < 0.8:
        return "answer"
    return chance.choice(["fail", "exit", "hang", "stash", "stash", "spawn", "ask", "ask", "admin", "stop"])


class Admin(threading.Thread):
    """Administers the tree from outside."""

    def __init__(self, system: ActorSystem, ledger: Ledger, seed: int) -> None:
        super().__init__(daemon=True)
        self.system = system
        self.ledger = ledger
        self.chance = random.Random(seed)

    def run(self) -> None:
        while not self.ledger.calm.wait(0.001):
            parents = self.system.select("/crew/**")
            if parents:
                with_care(administer, self.chance.choice(parents), self.chance)
            self.system.tree()


def storm(seed: int) -> Counter[str]:
    """Let one storm pass over a random tree, see that nothing was wrong, and give what happened."""
    ledger = Ledger()
    chance = random.Random(seed)
    system = ActorSystem("storm", policy=Restart(None, within=None), max_orphans=100_000, seed=seed)
    system.events.subscribe(ledger.hear)
    watcher = system.spawn(Watcher)
    specs = some_specs(ledger, chance, DEPTH - 1, significant=False)
    crew = system.spawn(
        ChildSpec(
            Node,
            "crew",
            args=(ledger, False, seed),
            kwargs={"children": specs, "policy": Restart(None, within=None), "strategy": "rest_for_one"},
            shutdown=1.0,
        )
    )
    senders = [Sender(system, ledger, watcher, seed + number) for number in range(SENDERS)]
    admin = Admin(system, ledger, seed)
    for thread in (admin, *senders):
        thread.start()
    for sender in senders:
        sender.join(PATIENCE)
        assert not sender.is_alive(), system.dump()
    ledger.calm.set()
    admin.join(PATIENCE)
    assert not admin.is_alive(), system.dump()
    assert crew.stop(timeout=PATIENCE, drain=False) in (True, False)
    ended = watcher.ask("who ended")
    report = system.stop(timeout=PATIENCE)
    ledger.over.set()

    assert report.complete
    assert report.seconds < PATIENCE
    assert ledger.wrong == []
    assert [ask.message for ask in ledger.asked if not ask.settled] == []
    errors = sum((sender.errors for sender in senders), Counter())
    assert {"AskTimeout", "AssertionError", "TypeError", "AttributeError"}.isdisjoint(errors)
    assert (set(ledger.watched) - set(ended), [ref for ref, count in ended.items() if count != 1]) == (set(), [])
    assert_each_ended_once(ledger)
    return ledger.events


def assert_each_ended_once(ledger: Ledger) -> None:
    # A handler that was given up has written down that it handled the message, and the kernel that it did not.
    handled = Counter(number for number in ledger.handled if number not in ledger.given_up)
    ends = handled + Counter(ledger.dead)
    assert [number for number in ledger.accepted if not ends[number]] == []
    assert [number for number, count in ends.items() if count > 1] == []


def test_the_promises_hold_in_a_random_tree(switch_interval: float, monkeypatch: pytest.MonkeyPatch) -> None:
    broken: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", broken.append)
    happened: Counter[str] = Counter()
    for seed in range(6):
        happened += storm(seed)
    assert broken == []
    # They were storms: all of this did happen.
    for kind in (AgentRestarted, AgentAbandoned, AgentStopped, DeadLetter):
        assert happened[kind.__name__], kind
