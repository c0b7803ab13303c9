"""Which races of senders and full mailboxes are explored, and what must hold however they end?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from actors import (
    AgentFuture,
    AgentRef,
    AgentRestarted,
    ChildSpec,
    DeadLetterReason,
    Mailbox,
    MailboxFullError,
    OrphanReturned,
    SendCycleError,
)
from actors._core.abandonment import abandon, running_since
from actors.testkit import Simulation
from tests.testkit.races import Keeper, Scenario, letters, told


def fed(simulation: Simulation, seen: list[Any], name: str, timeout: float | None = None) -> AgentRef[Keeper]:
    """Give an agent with room for one message, whose senders wait."""
    mailbox = Mailbox(1, "block", timeout)
    return simulation.spawn(ChildSpec(Keeper, name, args=(seen,), mailbox=mailbox))


def feeds(ref: AgentRef[Any], message: Any, go_on: AgentFuture[Any], came: list[Any]) -> Callable[[Keeper], None]:
    """Give a message that has an agent tell another something once it may, and note what comes of that."""

    def feed(agent: Keeper) -> None:
        go_on.get()
        try:
            ref.tell(message)
            came.append("told")
        except MailboxFullError as error:
            came.append(error)

    return feed


def _two_that_feed_each_other(simulation: Simulation, came: list[Any]) -> tuple[list[Any], AgentFuture[Any]]:
    seen: list[Any] = []
    go_on: AgentFuture[Any] = AgentFuture()
    a, b = (fed(simulation, seen, name) for name in "ab")
    a.tell(feeds(b, "from a", go_on, came))
    b.tell(feeds(a, "from b", go_on, came))
    simulation.settle()
    for ref in (a, b):
        ref.tell(f"to {ref.name}")
    return seen, go_on


def feed_against_feed(simulation: Simulation) -> None:
    """Of two that feed each other, both full, one is refused and named with the other, and both go on."""
    came: list[Any] = []
    seen, go_on = _two_that_feed_each_other(simulation, came)
    simulation.race(go_on.resolve)
    assert len(came) == 2, "somebody waits for ever"
    (error,) = (outcome for outcome in came if outcome != "told")
    assert isinstance(error, SendCycleError)
    assert error.cycle in (("/a", "/b", "/a"), ("/b", "/a", "/b"))
    refused = "from a" if error.cycle[0] == "/a" else "from b"
    assert letters(simulation) == [refused]
    assert sorted(seen) == sorted({"from a", "from b", "to a", "to b"} - {refused})


def feed_against_ask(simulation: Simulation) -> None:
    """One asks the other, which feeds it: the one that would close the cycle is told, and both go on."""
    came: list[Any] = []
    seen: list[Any] = []
    go_on: AgentFuture[Any] = AgentFuture()
    a, b = (fed(simulation, seen, name) for name in "ab")

    def ask(_: Keeper) -> None:
        go_on.get()
        try:
            came.append(b.ask("asked"))
        except Exception as error:
            came.append(error)

    a.tell(ask)
    b.tell(feeds(a, "fed", go_on, came))
    simulation.settle()
    a.tell("to a")
    simulation.race(go_on.resolve)
    assert len(came) == 2, "somebody waits for ever"
    # Whoever came first waits, and the other is told; neither is, where b was done before a asked.
    cycles = [outcome.cycle for outcome in came if isinstance(outcome, Exception)]
    assert cycles in ([], [("/a", "/b", "/a")], [("/b", "/a", "/b")])
    assert "to a" in seen


def timeout_against_room(simulation: Simulation) -> None:
    """A sender whose time is over as room is made is let in, or refused, and never both."""
    seen: list[Any] = []
    go_on: AgentFuture[Any] = AgentFuture()
    ref = fed(simulation, seen, "a", timeout=5.0)
    simulation.clock.call_at(5.0, go_on.resolve)
    ref.tell(lambda agent: go_on.get())
    simulation.settle()
    ref.tell(1)

    def tell() -> bool:
        try:
            ref.tell(2)
        except MailboxFullError:
            return False
        return True

    accepted, _ = simulation.race(tell, partial(simulation.advance, 5.0))
    assert seen == ([1, 2] if accepted else [1])
    assert letters(simulation) == ([] if accepted else [2])


class Held:
    """Takes what an agent has run, and gives it to the agent's own dispatcher only later.

    So what comes of an abandonment stays out of a race, which has few lines then.
    """

    def __init__(self, ref: AgentRef[Any]) -> None:
        self._cell = ref._cell
        self._before = ref._cell.dispatcher
        self._tasks: list[Any] = []
        ref._cell.dispatcher = self

    def put(self, task: Any) -> None:
        self._tasks.append(task)

    def let_go(self) -> None:
        self._cell.dispatcher = self._before
        for task in self._tasks:
            self._before.put(task)


def abandoned(ref: AgentRef[Any]) -> Callable[[], bool]:
    """Give an action that takes the turn from the code that the agent runs now, and tells whether it did."""
    since = running_since(ref._cell.context)
    assert since is not None
    return partial(abandon, ref._cell, 5.0, since)


def _stale(simulation: Simulation) -> list[Any]:
    return [letter.message for letter in simulation.dead_letters.list(reason=DeadLetterReason.STALE)]


def _full_and_busy(simulation: Simulation, seen: list[Any]) -> tuple[AgentRef[Keeper], AgentFuture[None]]:
    """Give an agent that is busy until a future is settled, with as much in its mailbox as there is room for."""
    go_on: AgentFuture[None] = AgentFuture()
    ref = fed(simulation, seen, "a")
    ref.tell(lambda agent: go_on.get())
    simulation.settle()
    ref.tell(1)
    return ref, go_on


def _sender(simulation: Simulation, act: Callable[[], Any]) -> tuple[AgentRef[Keeper], Held]:
    """Give an agent that is at it, and may be abandoned, and what it has run from now on."""
    sender = simulation.spawn(ChildSpec(Keeper, "sender", args=([],), deadline=5.0))
    sender.tell(lambda agent: act())
    simulation.settle()
    return sender, Held(sender)


def _make_room(ref: AgentRef[Any]) -> Any:
    """Take the oldest message out of the mailbox, as the agent itself would."""
    return ref._cell.queue.popleft()  # type: ignore[union-attr]


def room_against_abandonment(simulation: Simulation) -> None:
    """A sender that is abandoned as room is made has sent its message, or has not, and then never will."""
    seen: list[Any] = []
    ref, go_on = _full_and_busy(simulation, seen)
    sender, held = _sender(simulation, partial(ref.tell, 2))
    taken, was_abandoned = simulation.race(partial(_make_room, ref), abandoned(sender))
    assert taken == 1
    held.let_go()
    go_on.resolve()
    simulation.settle()
    assert [*seen, *_stale(simulation)] == [2]
    assert len(simulation.events.recent(100, OrphanReturned)) == was_abandoned
    assert not simulation.orphans


def wait_against_abandonment(simulation: Simulation) -> None:
    """A sender that is abandoned as it begins to wait does not wait, and has not sent its message."""
    seen: list[Any] = []
    begin: AgentFuture[None] = AgentFuture()
    ref, go_on = _full_and_busy(simulation, seen)
    sender, held = _sender(simulation, lambda: (begin.get(), ref.tell(2)))
    _, was_abandoned = simulation.race(begin.resolve, abandoned(sender))
    assert was_abandoned
    assert not simulation.orphans, "it waits for ever"
    held.let_go()
    go_on.resolve()
    simulation.settle()
    assert seen == [1]
    assert _stale(simulation) in ([2], [])


def room_and_abandonment_against_wait(simulation: Simulation) -> None:
    """A sender that was let in before it had begun to wait has sent its message, also if it is abandoned by then."""
    seen: list[Any] = []
    begin: AgentFuture[None] = AgentFuture()
    ref, go_on = _full_and_busy(simulation, seen)
    sender, held = _sender(simulation, lambda: (begin.get(), ref.tell(2)))
    abandon_it = abandoned(sender)
    begin.resolve()
    simulation.race(lambda: (_make_room(ref), abandon_it()))
    assert not simulation.orphans
    held.let_go()
    go_on.resolve()
    simulation.settle()
    assert [*seen, *_stale(simulation)] in ([2], [])


def newcomer_against_who_waits(simulation: Simulation) -> None:
    """Who has waited is let in first, whoever comes as room is made."""
    seen: list[Any] = []
    end: AgentFuture[None] = AgentFuture()
    ref, go_on = _full_and_busy(simulation, seen)
    assert simulation.race(told(ref, lambda agent: (agent.seen.append("waited"), end.get()))) == [None]
    simulation.race(go_on.resolve, told(ref, 2))
    end.resolve()
    simulation.settle()
    assert seen == [1, "waited", 2]


def room_while_two_wait(simulation: Simulation) -> None:
    """Of those who wait, who came first is let in first."""
    seen: list[Any] = []
    ref, go_on = _full_and_busy(simulation, seen)
    for number in (2, 3):
        simulation.spawn(Keeper, []).tell(lambda agent, number=number: ref.tell(number))
        simulation.settle()
    simulation.race(go_on.resolve)
    assert seen == [1, 2, 3]


def restart_against_who_waits(simulation: Simulation) -> None:
    """A sender that waits for room while the agent is restarted goes on waiting, and is let in."""
    seen: list[Any] = []
    go_on: AgentFuture[Any] = AgentFuture()
    ref = fed(simulation, seen, "a")

    def fail(_: Keeper) -> None:
        go_on.get()
        raise ConnectionError

    ref.tell(fail)
    simulation.settle()
    ref.tell(1)
    _, accepted = simulation.race(go_on.resolve, told(ref, 2))
    assert accepted is True
    assert seen == [1, 2]
    assert len(simulation.events.recent(100, AgentRestarted)) == 1


def replay_against_replay(simulation: Simulation) -> None:
    """A dead letter that two send again at the same moment arrives once, and is kept no more."""
    seen: list[Any] = []
    simulation.spawn(Keeper, seen, name="a")
    dead = simulation.dead_letters
    dead.record("/a", "again", DeadLetterReason.EXPIRED)
    first, second = simulation.race(dead.replay, dead.replay)
    assert len(first.accepted) + len(second.accepted) == 1
    assert first.refused == second.refused == ()
    assert seen == ["again"]
    assert len(dead) == 0


FEEDING: list[Scenario] = [
    feed_against_feed,
    feed_against_ask,
    timeout_against_room,
    room_against_abandonment,
    wait_against_abandonment,
    room_and_abandonment_against_wait,
    newcomer_against_who_waits,
    room_while_two_wait,
    restart_against_who_waits,
    replay_against_replay,
]
