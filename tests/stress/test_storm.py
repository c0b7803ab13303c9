"""Does everything that was accepted come to exactly one end, whatever happens to the agents meanwhile?"""

from __future__ import annotations

import itertools
import random
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentRef,
    AgentRestarted,
    AgentStoppedError,
    ChildSpec,
    DeadLetter,
    Outcome,
    Supervisor,
    get_all,
)
from policies import Restart

pytestmark = [pytest.mark.stress, pytest.mark.timeout(180)]

SENDERS = 4
ASKS = 10_000
TARGETS = 8
PATIENCE = 60.0


class Ledger:
    """What became of each told message; a list append is atomic."""

    def __init__(self) -> None:
        self.handled: list[int] = []
        self.dead: list[int] = []
        self.hung = threading.Event()

    def bury(self, letter: DeadLetter) -> None:
        if isinstance(letter.message, tuple) and letter.message[0] == "tell":
            self.dead.append(letter.message[2])


class Target(Agent):
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def on_receive(self, message: Any) -> Any:
        kind, act, number = message
        if act == "fail":
            raise RuntimeError(number)
        if act == "exit":
            raise SystemExit(number)
        if act == "hang":
            self.ledger.hung.wait(PATIENCE)
        if act == "stop":
            self.stop()
        if kind == "tell" and not self.context.fenced:
            self.ledger.handled.append(number)
        return number


def an_act(chance: random.Random) -> str:
    roll = chance.random()
    if roll < 0.0004:
        return "hang"
    if roll < 0.004:
        return "stop"
    if roll < 0.02:
        return "exit"
    return "fail" if roll < 0.05 else "answer"


def targets(crew: AgentRef[Any]) -> list[AgentRef[Any]]:
    return [child.ref for child in crew.children() if child.ref is not None]


class Sender(threading.Thread):
    """Asks and tells whoever is there; keeps the futures, and the numbers of the tells that were accepted."""

    def __init__(self, crew: AgentRef[Any], numbers: Iterator[int], seed: int) -> None:
        super().__init__(daemon=True)
        self.crew = crew
        self.numbers = numbers
        self.chance = random.Random(seed)
        self.asked: list[Any] = []
        self.blocked: Counter[str] = Counter()
        self.accepted: list[int] = []
        self.refused: list[int] = []

    def run(self) -> None:
        present = targets(self.crew)
        for turn in range(ASKS):
            if turn % 20 == 0:
                present = targets(self.crew) or present
            ref = self.chance.choice(present)
            self.ask(ref, turn)
            self.tell(ref)

    def ask(self, ref: AgentRef[Any], turn: int) -> None:
        message = ("ask", an_act(self.chance), next(self.numbers))
        if turn % 4:
            self.asked.append((message, ref.ask(message, block=False)))
            return
        try:
            answer = ref.ask(message, timeout=PATIENCE)
            self.blocked["answered" if answer == message[2] else "wrong"] += 1
        except BaseException as error:
            self.blocked[type(error).__name__] += 1

    def tell(self, ref: AgentRef[Any]) -> None:
        self.send(ref, an_act(self.chance) if self.chance.random() < 0.2 else "answer")

    def send(self, ref: AgentRef[Any], act: str) -> None:
        number = next(self.numbers)
        try:
            ref.tell(("tell", act, number))
            self.accepted.append(number)
        except AgentStoppedError:
            self.refused.append(number)


class Chaos(threading.Thread):
    """Stops, terminates, restarts and brings back children until it is told to end."""

    def __init__(self, crew: AgentRef[Any], specs: list[ChildSpec[Any]], seed: int) -> None:
        super().__init__(daemon=True)
        self.crew = crew
        self.specs = specs
        self.chance = random.Random(seed)
        self.over = threading.Event()
        self.done: Counter[str] = Counter()

    def run(self) -> None:
        while not self.over.wait(0.002):
            spec = self.chance.choice(self.specs)
            assert spec.name is not None
            act = self.chance.choice(["stop", "kill", "terminate", "restart", "restart", "start"])
            ref = next((child.ref for child in self.crew.children() if child.name == spec.name), None)
            if act == "stop" and ref is not None:
                ref.stop(block=False)
            elif act == "kill" and ref is not None:
                ref.stop(block=False, drain=False)
            elif act == "terminate":
                self.crew.terminate_child(spec.name)
            self.bring_back(spec)
            self.done[act] += 1

    def bring_back(self, spec: ChildSpec[Any]) -> None:
        assert spec.name is not None
        result = self.crew.restart_child(spec.name) if self.chance.random() < 0.5 else self.crew.start_child(spec)
        if result.outcome is Outcome.ALREADY_PRESENT:
            self.crew.restart_child(spec.name)


@pytest.mark.parametrize("dispatcher", ["pool", "thread"])
@pytest.mark.leaves_orphans
def test_nothing_is_lost_in_a_storm(switch_interval: float, dispatcher: Any) -> None:
    ledger = Ledger()
    numbers = itertools.count()
    with ActorSystem("storm", max_orphans=10_000) as system:
        system.events.subscribe(ledger.bury, DeadLetter)
        restarts: list[Any] = []
        abandoned: list[Any] = []
        system.events.subscribe(restarts.append, AgentRestarted)
        system.events.subscribe(abandoned.append, AgentAbandoned)
        specs = [
            ChildSpec(
                Target,
                name=f"t{number}",
                args=(ledger,),
                dispatcher=dispatcher,
                shutdown=0.05,
                deadline=0.1 if number % 2 else None,
            )
            for number in range(TARGETS)
        ]
        crew = system.spawn(Supervisor, specs, policy=Restart(None, None), name="crew")
        chaos = Chaos(crew, specs, 1)
        senders = [Sender(crew, numbers, seed) for seed in range(SENDERS)]
        for ref in targets(crew):
            # Each hangs at first, so that some are certain to be abandoned, however short the storm.
            senders[0].send(ref, "hang")
        for thread in (chaos, *senders):
            thread.start()
        # Agents without a deadline hang until chaos stops them, so the senders' blocking asks end all the same.
        for sender in senders:
            sender.join(2 * PATIENCE)
            assert not sender.is_alive(), system.dump()
        chaos.over.set()
        chaos.join(PATIENCE)
        assert not chaos.is_alive(), system.dump()
        crew.stop(timeout=PATIENCE)
    ledger.hung.set()

    asked = [entry for sender in senders for entry in sender.asked]
    open_asks = [message for message, future in asked if not future.settled]
    assert open_asks == []
    answers = Counter(outcome_of(message, future) for message, future in asked)
    blocked = sum((sender.blocked for sender in senders), Counter())
    assert "wrong" not in answers
    assert "wrong" not in blocked
    assert "AskTimeout" not in blocked
    assert sum(blocked.values()) + len(asked) == SENDERS * ASKS
    assert_each_ends_once(senders, ledger)
    # The storm was one: all of this did happen.
    assert restarts
    assert abandoned
    assert answers["RuntimeError"]
    assert answers["SystemExit"]
    assert answers["AgentStoppedError"]


def outcome_of(message: Any, future: Any) -> str:
    try:
        return "answered" if future.get(timeout=0) == message[2] else "wrong"
    except BaseException as error:
        return type(error).__name__


def assert_each_ends_once(senders: list[Sender], ledger: Ledger) -> None:
    accepted = {number for sender in senders for number in sender.accepted}
    refused = {number for sender in senders for number in sender.refused}
    handled, dead = Counter(ledger.handled), Counter(ledger.dead)
    ends = handled + dead
    lost = [number for number in accepted if not ends[number]]
    twice = [number for number, count in ends.items() if count > 1]
    assert lost == []
    assert twice == []
    # What was refused was recorded, and not handled.
    assert [number for number in refused if dead[number] != 1 or handled[number]] == []
    assert set(ends) == accepted | refused


def test_get_all_collects_what_many_threads_asked_for(switch_interval: float) -> None:
    class Echo(Agent):
        def on_receive(self, message: int) -> int:
            return message

    with ActorSystem("echo") as system:
        refs = [system.spawn(Echo) for _ in range(4)]
        results: list[list[int]] = []

        def ask_all(ref: AgentRef[Any]) -> None:
            results.append(get_all([ref.ask(number, block=False) for number in range(2_000)], timeout=PATIENCE))

        threads = [threading.Thread(target=ask_all, args=(ref,)) for ref in refs for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert results == [list(range(2_000))] * 8
