"""Which of the kernel's races are explored, and what must hold however they end?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from actors import (
    Agent,
    AgentAbandoned,
    AgentFuture,
    AgentRef,
    AgentStoppedError,
    AskTimeout,
    ChildSpec,
    DeadLetter,
    HandlerTimeout,
    Mailbox,
    StopReason,
    Terminated,
)
from actors.testkit import Simulation

Scenario = Callable[[Simulation], object]


class Keeper(Agent):
    """Keeps what it is sent; fails over "fail", and does what is to be done."""

    def __init__(self, seen: list[Any]) -> None:
        self.seen = seen
        self.failed = False

    def on_receive(self, message: Any) -> Any:
        assert not self.failed, "an incarnation that has failed handles nothing more"
        if callable(message):
            return message(self)
        if message == "fail":
            self.failed = True
            raise ConnectionError
        self.seen.append((message.ref.path, message.reason) if isinstance(message, Terminated) else message)
        return message


def told(ref: AgentRef[Any], message: Any) -> Callable[[], bool]:
    """Give an action that sends a message, and tells whether it was accepted."""

    def tell() -> bool:
        try:
            ref.tell(message)
        except AgentStoppedError:
            return False
        return True

    return tell


def asked(ref: AgentRef[Any], message: Any) -> Callable[[], Any]:
    """Give an action that asks, and gives the answer or the error."""

    def ask() -> Any:
        try:
            return ref.ask(message)
        except (AgentStoppedError, ConnectionError) as error:
            return error

    return ask


def letters(simulation: Simulation) -> list[Any]:
    return [event.message for event in simulation.events.recent(100, DeadLetter)]


# -- the races -------------------------------------------------------------------


def tell_against_tell(simulation: Simulation) -> None:
    """Two messages to an idle agent: both are handled, without a third that wakes it."""
    seen: list[Any] = []
    ref = simulation.spawn(Keeper, seen, name="a")
    simulation.race(told(ref, 1), told(ref, 2))
    assert sorted(seen) == [1, 2]


def tells_of_one_against_tell(simulation: Simulation) -> None:
    """Messages of one sender stay in order."""
    seen: list[Any] = []
    ref = simulation.spawn(Keeper, seen, name="a")

    def both() -> None:
        ref.tell(1)
        ref.tell(2)

    simulation.race(both, told(ref, 3))
    assert sorted(seen) == [1, 2, 3]
    assert seen.index(1) < seen.index(2)


def _stop_against_tell(simulation: Simulation, drain: bool) -> None:
    seen: list[Any] = []
    ref = simulation.spawn(Keeper, seen, name="a")
    stopped, accepted = simulation.race(lambda: ref.stop(drain=drain), told(ref, 1))
    assert stopped is True
    assert not ref.is_alive()
    assert sorted([*seen, *letters(simulation)]) == [1]
    assert accepted or not seen, "it was refused, and yet handled"


def stop_against_tell(simulation: Simulation) -> None:
    """The message is handled or a dead letter, never both and never neither; one that was refused is not handled."""
    _stop_against_tell(simulation, drain=True)


def kill_against_tell(simulation: Simulation) -> None:
    """The same, where the stop overtakes what waits."""
    _stop_against_tell(simulation, drain=False)


def ask_against_stop(simulation: Simulation) -> None:
    """The ask is answered, or ends with AgentStoppedError; it is never left open."""
    seen: list[Any] = []
    ref = simulation.spawn(Keeper, seen, name="a")
    answer, stopped = simulation.race(asked(ref, 1), lambda: ref.stop(drain=False))
    assert stopped is True
    assert (answer == 1 and seen == [1]) or (isinstance(answer, AgentStoppedError) and seen == [])


def answer_against_timeout(simulation: Simulation) -> None:
    """An ask that is answered as its time ends is answered, or given up, and its answer is a dead letter then."""
    seen: list[Any] = []
    ref = simulation.spawn(Keeper, seen, name="a")
    go_on: AgentFuture[str] = AgentFuture()
    simulation.clock.call_at(5.0, partial(go_on.set, "the answer"))

    def ask() -> Any:
        try:
            return ref.ask(lambda agent: go_on.get(), timeout=5.0)
        except AskTimeout:
            return "too late"

    answer, _ = simulation.race(ask, partial(simulation.advance, 5.0))
    late = letters(simulation)
    assert (answer, late) in (("the answer", []), ("too late", ["the answer"]))


def deadline_against_end_of_handler(simulation: Simulation) -> None:
    """A handler that returns as its deadline ends has its answer taken, or is abandoned, and never both."""
    go_on: AgentFuture[str] = AgentFuture()
    simulation.clock.call_at(5.0, partial(go_on.set, "in time"))
    ref = simulation.spawn(ChildSpec(Keeper, "a", args=([],), deadline=5.0))
    answer = ref.ask(lambda agent: go_on.get(), block=False)
    simulation.settle()
    simulation.race(partial(simulation.advance, 5.0))
    abandoned = bool(simulation.events.recent(100, AgentAbandoned))
    try:
        assert answer.get() == "in time"
        assert not abandoned
    except HandlerTimeout:
        assert abandoned
    assert ref.incarnation == (2 if abandoned else 1)
    assert ref.ask("hello") == "hello"
    assert not simulation.orphans


ENDED = ("/target", StopReason.REQUESTED)


def _watcher_and_target(simulation: Simulation, notices: list[Any]) -> tuple[AgentRef[Keeper], AgentRef[Keeper]]:
    watcher = simulation.spawn(Keeper, notices, name="watcher")
    return watcher, simulation.spawn(Keeper, [], name="target")


def watch_against_end(simulation: Simulation) -> None:
    """Whoever watches an agent that ends at that moment is told once."""
    notices: list[Any] = []
    watcher, target = _watcher_and_target(simulation, notices)
    simulation.race(asked(watcher, lambda agent: agent.context.watch(target)), target.stop)
    assert notices == [ENDED]


def unwatch_against_end(simulation: Simulation) -> None:
    """Whoever has stopped watching is not told any more."""
    notices: list[Any] = []
    watcher, target = _watcher_and_target(simulation, notices)

    def unwatch(agent: Agent) -> None:
        agent.context.unwatch(target)
        notices.append("unwatched")

    watcher.ask(lambda agent: agent.context.watch(target))
    simulation.race(asked(watcher, unwatch), target.stop)
    assert notices in (["unwatched"], [ENDED, "unwatched"])


def restart_against_watch(simulation: Simulation) -> None:
    """A restart of whom one begins to watch tells nothing; the end does, once, and of that agent."""
    notices: list[Any] = []
    watcher, target = _watcher_and_target(simulation, notices)
    simulation.race(asked(target, "fail"), asked(watcher, lambda agent: agent.context.watch(target)))
    assert target.incarnation == 2
    assert notices == []
    target.stop()
    simulation.settle()
    assert notices == [ENDED]


def restart_against_end_of_whom_it_watches(simulation: Simulation) -> None:
    """A watcher that is restarted while whom it watches ends is told once, by the old incarnation or the new one."""
    notices: list[Any] = []
    watcher, target = _watcher_and_target(simulation, notices)
    watcher.ask(lambda agent: agent.context.watch(target))
    simulation.race(asked(watcher, "fail"), target.stop)
    assert watcher.incarnation == 2
    assert notices == [ENDED]


def _narrow(simulation: Simulation, seen: list[Any], overflow: str) -> AgentRef[Keeper]:
    return simulation.spawn(ChildSpec(Keeper, "a", args=(seen,), mailbox=Mailbox(1, overflow=overflow)))


def close_against_put(simulation: Simulation) -> None:
    """What is put into a bounded mailbox that is closed at that moment is handled, refused, or a dead letter."""
    seen: list[Any] = []
    ref = _narrow(simulation, seen, "reject")
    stopped, accepted = simulation.race(lambda: ref.stop(drain=False), told(ref, 1))
    assert stopped is True
    assert sorted([*seen, *letters(simulation)]) == [1]
    assert accepted or not seen


def _busy_and_full(simulation: Simulation, seen: list[Any]) -> tuple[AgentRef[Keeper], AgentFuture[None]]:
    """Give an agent with a full mailbox, that waits for a future."""
    ref = _narrow(simulation, seen, "block")
    go_on: AgentFuture[None] = AgentFuture()
    ref.tell(lambda agent: go_on.get())
    simulation.settle()
    ref.tell(1)
    return ref, go_on


def close_against_put_that_waits(simulation: Simulation) -> None:
    """A sender that begins to wait for room when the mailbox is closed is let go, and its message is accounted for."""
    seen: list[Any] = []
    ref, go_on = _busy_and_full(simulation, seen)
    ref.stop(drain=False, block=False)
    _, accepted = simulation.race(go_on.resolve, told(ref, 2))
    assert accepted is False
    assert seen == []
    assert sorted(letters(simulation)) == [1, 2]


def close_while_two_wait(simulation: Simulation) -> None:
    """All who wait for room are let go when the mailbox is closed."""
    ref, go_on = _busy_and_full(simulation, [])
    accepted: list[bool] = []
    for number in (2, 3):
        act = told(ref, number)
        simulation.spawn(Keeper, []).tell(lambda agent, act=act: accepted.append(act()))
        simulation.settle()
    ref.stop(drain=False, block=False)
    simulation.race(go_on.resolve)
    assert accepted == [False, False]
    assert sorted(letters(simulation)) == [1, 2, 3]


def room_against_put_that_waits(simulation: Simulation) -> None:
    """A sender that begins to wait when room is made is let in."""
    seen: list[Any] = []
    ref, go_on = _busy_and_full(simulation, seen)
    _, accepted = simulation.race(go_on.resolve, told(ref, 2))
    assert accepted is True
    assert seen == [1, 2]


RACES: list[Scenario] = [
    tell_against_tell,
    tells_of_one_against_tell,
    stop_against_tell,
    kill_against_tell,
    ask_against_stop,
    answer_against_timeout,
    deadline_against_end_of_handler,
    watch_against_end,
    unwatch_against_end,
    restart_against_watch,
    restart_against_end_of_whom_it_watches,
    close_against_put,
    close_against_put_that_waits,
    close_while_two_wait,
    room_against_put_that_waits,
]
