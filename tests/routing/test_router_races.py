"""Does a router keep its word in every order of its lines, and would it be found if a guard were missing?

Each exploration is exhaustive: every run in which one thread is interrupted once, at any line of the kernel or of the
router. Then a guard is taken out, and the same exploration fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from actors import (
    ActorError,
    AgentNotFoundError,
    AgentStoppedError,
    ChildSpec,
    DeadLetter,
    Lagged,
    Mailbox,
    NameTakenError,
    Router,
    RouterRef,
)
from actors._core.place import Place
from actors.routing.endpoint import Endpoint
from actors.testkit import Exhaustive, Gate, Priorities, Simulation, explore
from policies import Restart
from tests.routing.members import Cancel
from tests.testkit.guards import without
from tests.testkit.races import Keeper, Scenario

ONCE = Exhaustive(depth=100_000, preemptions=1)
TWICE = Exhaustive(depth=100_000, preemptions=2)
AGAIN = Restart(max_restarts=100, within=None)


def group(simulation: Simulation, seen: list[Any], **options: Any) -> RouterRef:
    """Start a router with one member, `a`, that keeps what it gets in `seen`."""
    router = simulation.spawn(Router, name="router")
    a = simulation.spawn(ChildSpec(Keeper, "a", args=(seen,), **options))
    router.join("a", a, ["numbers"])
    return router


def leaving(router: RouterRef) -> Callable[[], bool]:
    """Give an action that lets `a` go and then marks what it has got by then."""
    member = router.member("a")
    assert member is not None

    def leave() -> bool:
        left = router.leave("a")
        member.ref.tell("the leave was answered")
        return left

    return leave


def delivered(send: Callable[[Any], Any], message: Any) -> Callable[[], Any]:
    """Give an action that sends a message and tells whether it was delivered."""

    def deliver() -> bool:
        try:
            result = send(message)
        except (AgentNotFoundError, AgentStoppedError):
            return False
        return result is None or result.count == 1

    return deliver


def check_nothing_after_the_leave(seen: list[Any], results: list[Any], router: RouterRef) -> None:
    *sent, left = results
    assert left is True, "the leave is not answered"
    assert seen[-1] == "the leave was answered", f"after the leave: {seen}"
    assert len(seen) - 1 == sent.count(True), f"{results}: {seen}"
    assert router.members() == ()


def send_against_leave(simulation: Simulation) -> None:
    """A leave is answered while messages are under way."""
    seen: list[Any] = []
    router = group(simulation, seen)
    router.send("a", 0)
    simulation.settle()
    results = simulation.race(delivered(lambda message: router.send("a", message), 1), leaving(router))
    check_nothing_after_the_leave(seen[1:], results, router)


def broadcast_against_leave(simulation: Simulation) -> None:
    """The same, by a broadcast."""
    seen: list[Any] = []
    router = group(simulation, seen)
    router.broadcast(0)
    simulation.settle()
    results = simulation.race(delivered(router.broadcast, 1), leaving(router))
    check_nothing_after_the_leave(seen[1:], results, router)


def broadcast_to_a_bounded_mailbox_against_leave(simulation: Simulation) -> None:
    """The same, by the longer way."""
    seen: list[Any] = []
    router = group(simulation, seen, mailbox=Mailbox(8))
    results = simulation.race(delivered(router.broadcast, 1), leaving(router))
    check_nothing_after_the_leave(seen, results, router)


def control_message_against_leave(simulation: Simulation) -> None:
    """The same, by the control lane."""
    seen: list[Any] = []
    router = group(simulation, seen)
    results = simulation.race(delivered(router.broadcast, Cancel("1")), leaving(router))
    *sent, left = results
    assert left is True
    assert router.members() == ()
    assert sent.count(True) == seen.count(Cancel("1"))


def topic_against_two_ends_of_subscriptions(simulation: Simulation) -> None:
    """Two subscriptions end, one after the other, while a message of the second is under way."""
    seen: list[Any] = []
    router = group(simulation, seen)
    router.subscribe("a", "words")
    endpoint = router.directory.members["a"]
    words, numbers = endpoint.subscriptions["words"], endpoint.subscriptions["numbers"]

    def end() -> bool:
        for landed in endpoint.end(numbers):
            landed.get(timeout=5.0)
        endpoint.cell.ref.tell("the end was answered")
        return True

    error, _, ended = simulation.race(
        lambda: endpoint.deliver(1, subscriptions=(numbers,)), lambda: endpoint.end(words), end
    )
    assert ended is True
    assert seen == [*([] if error is not None else [1]), "the end was answered"], f"after the end: {seen}"


def landing_against_letting_go(simulation: Simulation) -> None:
    """A message lands as its member is let go: whoever is last says so."""
    seen: list[Any] = []
    endpoint = group(simulation, seen).directory.members["a"]
    error, futures = simulation.race(lambda: endpoint.deliver(1), endpoint.leave)
    assert all(landed.settled for landed in futures)
    assert seen == ([] if error is not None else [1])


def loss_against_handling(simulation: Simulation) -> None:
    """Messages are lost while the member handles those before them, and the note of what it has lost."""
    seen: list[Any] = []
    router = group(simulation, seen, mailbox=Mailbox(1))
    gate = Gate()
    router.send("a", lambda agent: gate.wait())
    gate.reached()
    router.broadcast(0)
    router.broadcast(1)
    results = simulation.race(gate.open, delivered(router.broadcast, 2))
    told = sum(note.count for note in seen if isinstance(note, Lagged))
    numbers = [note for note in seen if not isinstance(note, Lagged)]
    assert len(numbers) == 1 + results[1:].count(True)
    assert len(numbers) + told == 3, f"{results}: {seen}"


def join_against_stop(simulation: Simulation) -> None:
    """Somebody joins as it is stopped."""
    seen: list[Any] = []
    router = simulation.spawn(Router, name="router")
    a = simulation.spawn(Keeper, seen, name="a")

    def join() -> bool:
        try:
            router.join("a", a)
        except AgentStoppedError:
            return False
        return True

    simulation.race(join, a.stop)
    assert router.members() == ()
    assert router.ask(lambda: None) is None


def control_message_against_stop(simulation: Simulation) -> None:
    """A control message comes as its member is stopped."""
    seen: list[Any] = []
    router = group(simulation, seen)
    member = router.member("a")
    assert member is not None
    a = member.ref
    accepted, _ = simulation.race(delivered(router.broadcast, Cancel("now")), lambda: a.stop(drain=False))
    letters = [event for event in simulation.events.recent(50, DeadLetter) if event.message == Cancel("now")]
    assert len(letters) + seen.count(Cancel("now")) <= 1
    assert not accepted or len(letters) + seen.count(Cancel("now")) == 1, f"{letters}, {seen}"


def two_first_control_messages(simulation: Simulation) -> None:
    """The first control messages to a member come at the same time."""
    seen: list[Any] = []
    router = group(simulation, seen)
    results = simulation.race(delivered(router.broadcast, Cancel("1")), delivered(router.broadcast, Cancel("2")))
    assert results == [True, True]
    assert sorted(each.text for each in seen) == ["1", "2"]


def join_against_join(simulation: Simulation) -> None:
    """Two want the same name, and broadcast when they have it."""
    seen: list[Any] = []
    router = simulation.spawn(Router, name="router")
    a, b = (simulation.spawn(Keeper, seen, name=name) for name in "ab")

    def joining(ref: Any) -> Callable[[], bool]:
        def join() -> bool:
            try:
                router.join("it", ref)
            except NameTakenError:
                return False
            return router.broadcast(ref.name).count == 1

        return join

    results = simulation.race(joining(a), joining(b))
    assert sorted(results) == [False, True]
    assert seen == ["a" if results[0] else "b"]


RACES: list[Scenario] = [
    send_against_leave,
    broadcast_against_leave,
    broadcast_to_a_bounded_mailbox_against_leave,
    control_message_against_leave,
    topic_against_two_ends_of_subscriptions,
    landing_against_letting_go,
    loss_against_handling,
    join_against_stop,
    control_message_against_stop,
    two_first_control_messages,
    join_against_join,
]
LONG = {control_message_against_stop}
"""A stop has many lines: these are drawn, not tried in every order."""


@pytest.mark.system_case("D0.1")
@pytest.mark.case(112)
@pytest.mark.parametrize("race", [each for each in RACES if each not in LONG], ids=lambda race: race.__name__)
def test_holds_in_every_order_of_the_lines(race: Scenario) -> None:
    exploration = explore(race, ONCE, policy=AGAIN)
    assert exploration.complete
    assert exploration.runs > 50


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_holds_where_threads_are_interrupted_more_than_once(race: Scenario) -> None:
    assert explore(race, Priorities(depth=4, steps=150), runs=50, policy=AGAIN).runs == 50


class Gap(NamedTuple):
    """A guard: `instead` of it, `race` fails."""

    race: Scenario
    function: Callable[..., Any]
    guard: str
    instead: str
    strategy: Exhaustive = ONCE


GAPS = {
    "a leave waits for what is under way": Gap(
        send_against_leave, Router._answer_after, "if aloft and", "if False and"
    ),
    "a leave waits for broadcasts under way": Gap(
        broadcast_against_leave, Router._answer_after, "if aloft and", "if False and"
    ),
    "a leave waits for what goes the longer way": Gap(
        broadcast_to_a_bounded_mailbox_against_leave, Router._answer_after, "if aloft and", "if False and"
    ),
    "who sends leaves a mark": Gap(send_against_leave, RouterRef.send, "flight = endpoint.flight", "flight = []"),
    "who sends looks after it has left its mark": Gap(
        send_against_leave, RouterRef.send, "= endpoint.direct", "= endpoint.direct or endpoint.cell"
    ),
    "who broadcasts looks whether the member has left": Gap(
        broadcast_against_leave, RouterRef._to_everybody, "cell = endpoint.direct", "cell = endpoint.cell"
    ),
    "the longer way looks, too": Gap(
        broadcast_to_a_bounded_mailbox_against_leave, Endpoint._is_over, "return self.left", "return False"
    ),
    "whoever lands last says so": Gap(
        send_against_leave, RouterRef.send, "if flight is not endpoint.flight", "if False"
    ),
    "who lets go looks whether all have landed": Gap(
        landing_against_letting_go,
        Endpoint._change_flight,
        "            self.landed(flight)",
        "            pass",
        TWICE,
    ),
    "a later end waits for what an earlier one waits for": Gap(
        topic_against_two_ends_of_subscriptions, Endpoint._change_flight, "in self._aloft if", "in self._aloft[:0] if"
    ),
    "the note of what is lost is seen to": Gap(
        loss_against_handling, Endpoint.deliver, "alive = not cell.gate or cell.knock(queue)", "alive = True"
    ),
    "who joins is watched": Gap(join_against_stop, Router._join, "self.context.watch(ref)", "pass"),
    "a control message that nobody obeys is a dead letter": Gap(
        control_message_against_stop, Place.drop_control, "if isinstance(command, Urgent)", "if False"
    ),
}


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_is_found_when_its_guard_is_missing(gap: Gap) -> None:
    with without(gap.function, gap.guard, gap.instead), pytest.raises((AssertionError, RuntimeError, ActorError)):
        explore(gap.race, gap.strategy, policy=AGAIN)
