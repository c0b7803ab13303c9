"""Does the bus hold in whatever order its subscribers take, leave and come back while others send?"""

from typing import Any

import pytest

from actors import (
    ActorError,
    Agent,
    AgentNotFoundError,
    AgentStoppedError,
    ControlMessage,
    DeadLetter,
    Lagged,
    MailboxFullError,
    MessageBus,
    NameTakenError,
)
from actors.testkit import Simulation, explore
from tests.core.helpers import elsewhere, result

RUNS = 100


def attempt(code: Any, *args: Any) -> Any:
    """Give what comes of it, an error as the class of it."""
    try:
        return code(*args)
    except (ActorError, TimeoutError) as error:
        return type(error)


@pytest.mark.system_case("D0.1")
def test_nothing_gets_in_once_a_removal_has_returned_and_nothing_accepted_is_lost() -> None:
    def scenario(system: Simulation) -> None:
        letters: list[Any] = []
        system.events.subscribe(lambda event: letters.append(event.message), DeadLetter)
        bus = MessageBus(system)
        a = bus.subscribe("a")
        sends = [elsewhere(attempt, bus.send, "a", number) for number in range(2)]
        everybody = elsewhere(bus.broadcast, "all")
        assert bus.remove_subscriber("a")
        waiting = len(a)
        outcomes = [result(send) for send in sends]
        delivered = result(everybody)
        assert len(a) == waiting == outcomes.count(None) + delivered.count
        assert all(each is None or issubclass(each, (AgentNotFoundError, AgentStoppedError)) for each in outcomes)
        taken = [a.recv() for _ in range(waiting)]
        assert attempt(a.recv) is AgentStoppedError
        assert taken.count("all") == delivered.count
        assert not set(taken) & set(letters)

    assert explore(scenario, "random", runs=RUNS).runs == RUNS


@pytest.mark.system_case("D0.2")
def test_of_those_who_want_a_name_at_the_same_moment_one_has_it() -> None:
    def scenario(system: Simulation) -> None:
        bus = MessageBus(system)
        tries = [result(each) for each in [elsewhere(attempt, bus.subscribe, "a") for _ in range(3)]]
        assert tries.count(NameTakenError) == 2
        [winner] = [each for each in tries if each is not NameTakenError]
        assert bus.broadcast("hello").count == 1
        assert winner.recv(1.0) == "hello"

    assert explore(scenario, "random", runs=RUNS).runs == RUNS


def test_whoever_ends_a_subscription_ends_no_later_one_of_that_name() -> None:
    def scenario(system: Simulation) -> None:
        bus = MessageBus(system)
        old = bus.subscribe("a")
        ends = [elsewhere(old.close), elsewhere(old.close)]
        new = attempt(bus.subscribe, "a")
        for end in ends:
            result(end)
        if new is NameTakenError:
            new = bus.subscribe("a")
        bus.send("a", "for the new one")
        assert new.recv(1.0) == "for the new one"
        assert attempt(old.recv) is AgentStoppedError

    assert explore(scenario, "random", runs=RUNS).runs == RUNS


def test_each_message_is_taken_once_and_whoever_gives_up_takes_none() -> None:
    def scenario(system: Simulation) -> None:
        bus = MessageBus(system)
        a = bus.subscribe("a")
        takers = [elsewhere(attempt, a.recv, seconds) for seconds in (0.0, 1.0, 1.0)]
        for number in range(2):
            bus.send("a", number)
        came = [each for each in map(result, takers) if each is not TimeoutError]
        rest = [a.recv() for _ in range(len(a))]
        assert sorted(came + rest) == [0, 1]

    assert explore(scenario, "random", runs=RUNS).runs == RUNS


@pytest.mark.system_case("D0.5")
def test_what_is_taken_and_what_is_told_to_be_lost_are_all_that_was_broadcast() -> None:
    def scenario(system: Simulation) -> None:
        bus = MessageBus(system, 2, 1)
        a = bus.subscribe("a")

        def broadcast(me: int) -> None:
            for number in range(5):
                bus.broadcast((me, number))

        senders = [elsewhere(broadcast, me) for me in range(2)]
        taken = [a.recv(1.0) for _ in range(2)]
        for sender in senders:
            result(sender)
        taken += [a.recv() for _ in range(len(a))]
        lost = sum(each.count for each in taken if isinstance(each, Lagged))
        numbers = [each for each in taken if not isinstance(each, Lagged)]
        assert len(numbers) + lost == 10
        assert lost == a.lost
        for me in range(2):
            own = [number for sender, number in numbers if sender == me]
            assert own == sorted(set(own))

    assert explore(scenario, "random", runs=RUNS).runs == RUNS


def test_a_control_message_is_taken_or_a_dead_letter() -> None:
    class Cancel(ControlMessage):
        pass

    def scenario(system: Simulation) -> None:
        letters: list[Any] = []
        system.events.subscribe(letters.append, DeadLetter)
        bus = MessageBus(system)
        a = bus.subscribe("a")
        taker = elsewhere(attempt, a.recv)
        sent = elsewhere(attempt, bus.send, "a", Cancel())
        a.close()
        accepted = result(sent) is None
        taken = isinstance(result(taker), Cancel) + len(a)
        assert taken + len(letters) == (1 if accepted or letters else 0)

    assert explore(scenario, "random", runs=RUNS).runs == RUNS


@pytest.mark.system_case("D0.4")
def test_agents_that_send_to_each_other_over_a_full_bus_never_wait(system: Any) -> None:
    class Chatter(Agent):
        def __init__(self, bus: MessageBus, other: str) -> None:
            self.bus = bus
            self.other = other

        def on_receive(self, message: Any) -> Any:
            return [attempt(self.bus.send, self.other, number) for number in range(3)]

    bus = MessageBus(system, 1, 2)
    for name in ("a", "b"):
        bus.subscribe(name)
    chatters = [system.spawn(Chatter, bus, other) for other in ("a", "b")]
    asked = [chatter.ask("talk", block=False) for chatter in chatters]
    assert [result(each) for each in asked] == [[None, None, MailboxFullError]] * 2
