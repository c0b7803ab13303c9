"""Do the kernel's races hold in every order of its lines, and would one be found if its guard were missing?

Each exploration is exhaustive: every run in which one thread is interrupted once, at any line of the kernel, and others
go on in any order where somebody waits or is done. Then a guard is taken out, the same exploration fails, and what the
failed run printed repeats it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from actors import (
    Agent,
    AgentFuture,
    AgentRef,
    AgentStoppedError,
    ChildSpec,
    DeadLetter,
    Mailbox,
    StopReason,
    Terminated,
)
from actors._core import life, watch
from actors._core.mailbox import BoundedQueue
from actors._core.place import Place
from actors._core.ref import AgentRef as Ref
from actors._core.turn import Turn
from actors.testkit import Exhaustive, Priorities, Simulation, explore, replay
from policies import Restart
from tests.testkit.guards import without
from tests.testkit.simulated import seed_and_schedule

ONCE = Exhaustive(depth=100_000, preemptions=1)
AGAIN = Restart(max_restarts=100, within=None)

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
    watch_against_end,
    unwatch_against_end,
    restart_against_watch,
    restart_against_end_of_whom_it_watches,
    close_against_put,
    close_against_put_that_waits,
    close_while_two_wait,
    room_against_put_that_waits,
]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_holds_in_every_order_of_the_lines(race: Scenario) -> None:
    exploration = explore(race, ONCE, policy=AGAIN)
    assert exploration.complete
    assert exploration.runs > 50
    assert exploration.steps > exploration.runs


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_holds_where_threads_are_interrupted_more_than_once(race: Scenario) -> None:
    assert explore(race, Priorities(depth=4, steps=150), runs=50, policy=AGAIN).runs == 50


@pytest.mark.stress
@pytest.mark.timeout(240)
@pytest.mark.parametrize("race", [tell_against_tell, stop_against_tell], ids=lambda race: race.__name__)
def test_holds_in_every_order_with_two_interruptions(race: Scenario) -> None:
    exploration = explore(race, Exhaustive(depth=100_000, preemptions=2), policy=AGAIN)
    assert exploration.complete
    assert exploration.runs > 5000


# -- without a guard -------------------------------------------------------------


class Gap(NamedTuple):
    """A guard: `instead` of it, `race` fails."""

    race: Scenario
    function: Callable[..., Any]
    guard: str
    instead: str


GAPS = {
    "the look at the gate after the append": Gap(tell_against_tell, Ref.tell, "if cell.gate and", "if False and"),
    "the second look after a turn": Gap(
        tell_against_tell, Turn.run, "not (self.queue or self.control) or not self.lock.acquire(False)", "True"
    ),
    "the gate is opened before the lock is released": Gap(
        stop_against_tell,
        Turn.run,
        "self.gate = OPEN\n                    self.lock.release()",
        "self.lock.release()\n                    self.gate = OPEN",
    ),
    "the late sender empties the closed mailbox": Gap(
        stop_against_tell, Place.knock, "self._drain(queue, f", "(lambda *_: 0)(queue, f"
    ),
    "whoever closes the mailbox empties it": Gap(kill_against_tell, Place.close, "self._drain(queue)", "pass"),
    "what was handled is not refused": Gap(
        stop_against_tell, Place.knock, "not isinstance(queue, ClosedQueue)", "False"
    ),
    "what is put into a closed mailbox is taken out": Gap(
        ask_against_stop, Place.knock, "self._drain(queue, f", "(lambda *_: 0)(queue, f"
    ),
    "who begins to watch looks for the end": Gap(
        watch_against_end, watch.watch, "ended = target.ended", "ended = None"
    ),
    "a notice is used up once": Gap(
        unwatch_against_end, life._notify, "elif watch.take(cell, command.target):", "else:"
    ),
    "a notice waits for the next incarnation": Gap(
        restart_against_end_of_whom_it_watches, life._notify, "cell.state is not State.RUNNING", "False"
    ),
    "a closed mailbox takes nothing": Gap(close_against_put, Place.close, "self._drain(queue)", "pass"),
    "whoever closes the mailbox lets the senders go": Gap(
        close_while_two_wait, BoundedQueue.close, "while self._waiting", "while False"
    ),
    "who begins to wait looks for room": Gap(
        room_against_put_that_waits, BoundedQueue._wait_for_room, "if self._has_room()", "if False"
    ),
    "who makes room tells who waits": Gap(
        room_against_put_that_waits, BoundedQueue.popleft, "elif self._waiting", "elif False"
    ),
}


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_is_found_when_its_guard_is_missing(gap: Gap) -> None:
    with without(gap.function, gap.guard, gap.instead):
        with pytest.raises(AssertionError) as caught:
            explore(gap.race, ONCE, policy=AGAIN)
        seed, schedule = seed_and_schedule(caught.value)
        with pytest.raises(type(caught.value)) as again:
            replay(gap.race, schedule, seed=seed, policy=AGAIN)
        assert again.value.__notes__ == caught.value.__notes__
    replay(gap.race, "", policy=AGAIN)
