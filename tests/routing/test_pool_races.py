"""Does a pool keep its word in every order of its lines, and would it be found if a guard were missing?

Each exploration is exhaustive: every run in which one thread is interrupted once, at any line of the kernel or of the
pool. A race has as few agents as it takes: each that could go on multiplies the runs. Then a guard is taken out, and
the same exploration fails.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import pytest

from actors import (
    AgentStoppedError,
    Broadcasting,
    ChildSpec,
    DeadLetter,
    DeadLetterReason,
    Mailbox,
    NoRouteesError,
    PoolRef,
    RouteePool,
    ScatterGather,
    SmallestMailbox,
)
from actors._core.future import Ask
from actors.routing.gathering import AllAnswers, FirstAnswer, Gathered
from actors.routing.picking import Pick
from actors.routing.roster import Register
from actors.routing.routees import Routee
from actors.routing.sizing import Sizing
from actors.testkit import Exhaustive, Priorities, Simulation, explore
from policies import Restart
from tests.testkit.guards import without
from tests.testkit.races import Keeper, Scenario

ONCE = Exhaustive(depth=100_000, preemptions=1)
AGAIN = Restart(max_restarts=100, within=None)


@dataclass(frozen=True, slots=True)
class Last(Pick):
    """The routee that was started last: the one that is retired first."""

    any_will_do: ClassVar[bool] = False

    def chooser(self, routees: Sequence[Routee], before: Any, numbers: random.Random) -> Any:
        return Always(routees[-1])


@dataclass(slots=True)
class Always:
    routee: Routee

    def choose(self, message: Any) -> Routee:
        return self.routee


def pool_in(simulation: Simulation, seen: list[Any], size: int = 2, **options: Any) -> PoolRef:
    """Start a pool whose routees keep what they get in `seen`."""
    mailbox = options.pop("mailbox", None)
    routee = ChildSpec(Keeper, "k", args=(seen,), mailbox=mailbox)
    return simulation.spawn(RouteePool, routee=routee, size=size, policy=AGAIN, name="pool", **options)


def told(pool: PoolRef, *messages: Any) -> Callable[[], list[str]]:
    """Give an action that sends messages, and gives what it was told of each."""

    def tell() -> list[str]:
        said = []
        for message in messages:
            try:
                pool.tell(message)
            except (NoRouteesError, AgentStoppedError) as error:
                said.append(type(error).__name__)
            else:
                said.append("taken")
        return said

    return tell


def asked(pool: PoolRef, message: Any) -> Callable[[], Any]:
    def ask() -> Any:
        try:
            return pool.ask(message)
        except (NoRouteesError, AgentStoppedError) as error:
            return type(error).__name__

    return ask


def dead(simulation: Simulation) -> list[tuple[Any, DeadLetterReason]]:
    return [(event.message, event.reason) for event in simulation.events.recent() if isinstance(event, DeadLetter)]


# -- the races ------------------------------------------------------------------------


def retire_against_tell(simulation: Simulation) -> None:
    """Nothing is lost by a resize: what was taken is handled, however late it came."""
    seen: list[Any] = []
    pool = pool_in(simulation, seen, pick=Last())
    said, _ = simulation.race(told(pool, 1), lambda: pool.resize(1))
    assert said == ["taken"]
    assert seen == [1]
    assert dead(simulation) == []
    assert [child.name for child in pool.children()] == ["k-1"]


def retire_against_ask(simulation: Simulation) -> None:
    """An ask is answered although its routee is retired under it, and then that ends."""
    seen: list[Any] = []
    pool = pool_in(simulation, seen, pick=Last())
    answer, _ = simulation.race(asked(pool, 1), lambda: pool.resize(1))
    assert answer == 1
    assert dead(simulation) == []
    assert [child.name for child in pool.children()] == ["k-1"]


def retire_against_ask_that_waits(simulation: Simulation) -> None:
    """The same, where the ask travels through the mailbox."""
    seen: list[Any] = []
    pool = pool_in(simulation, seen, pick=Last())
    asking, _ = simulation.race(lambda: pool.ask(1, block=False), lambda: pool.resize(1))
    assert asking.get() == 1
    assert dead(simulation) == []
    assert [child.name for child in pool.children()] == ["k-1"]


def retire_against_two_senders(simulation: Simulation) -> None:
    """The one waits for the other: who is retired ends when the last of its senders is done."""
    seen: list[Any] = []
    pool = pool_in(simulation, seen, pick=Last())
    retired = pool._register.present().routees[-1]
    flight = retired.enter()
    assert flight is not None
    simulation.race(told(pool, 1), lambda: pool.resize(1))
    retired.queue.append(2)
    assert [child.name for child in pool.children()] == ["k-1", "k-2"]
    retired.leave(flight)
    simulation.settle()
    assert sorted(seen) == [1, 2]
    assert dead(simulation) == []
    assert [child.name for child in pool.children()] == ["k-1"]


def retire_against_sender_that_waits_for_room(simulation: Simulation) -> None:
    seen: list[Any] = []
    pool = pool_in(simulation, seen, mailbox=Mailbox(1, overflow="block"), pick=Last())
    # Nobody wakes it for that: so it makes room when it is retired.
    pool._register.present().routees[-1].queue.append("no room")
    simulation.race(told(pool, 1), lambda: pool.resize(1))
    assert sorted(seen, key=str) == [1, "no room"]
    assert dead(simulation) == []


def all_retired_against_tell(simulation: Simulation) -> None:
    """A message is handled, or refused and a dead letter; not both, not neither."""
    seen: list[Any] = []
    pool = pool_in(simulation, seen, size=1)
    said, _ = simulation.race(told(pool, 1), lambda: pool.resize(0))
    assert len(seen) == said.count("taken")
    assert [reason for _, reason in dead(simulation)] == [DeadLetterReason.NO_ROUTEES] * said.count("NoRouteesError")
    assert pool.children() == []


def end_against_tell(simulation: Simulation) -> None:
    """A routee that ends takes with it what it had taken, as a dead letter; its pool refuses nothing."""
    seen: list[Any] = []
    pool = pool_in(simulation, seen)
    first = pool.routees[0]
    said, _ = simulation.race(told(pool, 1), lambda: first.stop(drain=False))
    assert said == ["taken"]
    assert seen + [message for message, _ in dead(simulation)] == [1]
    assert {reason for _, reason in dead(simulation)} <= {DeadLetterReason.STOPPED}
    told(pool, 4, 5)()
    simulation.settle()
    assert {4, 5} <= set(seen)


def last_end_against_tell(simulation: Simulation) -> None:
    """The pool ends with its last routee, and whoever sends meanwhile is told, or finds it handled or dead."""
    seen: list[Any] = []
    pool = pool_in(simulation, seen, size=1)
    only = pool.routees[0]
    said, _ = simulation.race(told(pool, 1), only.stop)
    assert len(seen) + len(dead(simulation)) == 1
    assert said == ["taken"] or dead(simulation)
    assert not pool.is_alive()


def ends_against_each_other(simulation: Simulation) -> None:
    """Of two last routees that end at the same moment one ends the pool."""
    pool = pool_in(simulation, [])
    first, second = pool.routees
    simulation.race(first.stop, second.stop)
    assert not pool.is_alive()


def crash_against_tell(simulation: Simulation) -> None:
    seen: list[Any] = []
    pool = pool_in(simulation, seen, pick=SmallestMailbox())
    first = pool.routees[0]
    said, _ = simulation.race(told(pool, 1), lambda: first.tell("fail"))
    assert said == ["taken"]
    assert seen == [1]
    assert dead(simulation) == [("fail", DeadLetterReason.FAILED)]


def renewal_against_tell(simulation: Simulation) -> None:
    """While the pool is restarted its messages wait, or were with a routee that it took along: never refused."""
    seen: list[Any] = []
    pool = pool_in(simulation, seen, size=1)
    said, _ = simulation.race(told(pool, 1), lambda: simulation.guardian.ref.restart_child("pool"))
    assert said == ["taken"]
    assert seen + [message for message, _ in dead(simulation)] == [1]
    assert {reason for _, reason in dead(simulation)} <= {DeadLetterReason.STOPPED}
    assert pool.incarnation == 2


def renewal_against_ask(simulation: Simulation) -> None:
    seen: list[Any] = []
    pool = pool_in(simulation, seen, size=1)
    answer, _ = simulation.race(asked(pool, 1), lambda: simulation.guardian.ref.restart_child("pool"))
    assert answer in (1, "AgentStoppedError")
    assert (answer == 1) == (seen == [1])


def growth_against_tells(simulation: Simulation) -> None:
    seen: list[Any] = []
    pool = pool_in(simulation, seen, size=1)
    said, _ = simulation.race(told(pool, 1, 2), lambda: pool.resize(2))
    assert said == ["taken"] * 2
    assert sorted(seen) == [1, 2]
    assert [ref.name for ref in pool.routees] == ["k-1", "k-2"]


def resize_against_resize(simulation: Simulation) -> None:
    """Whoever comes last has its way, as a whole."""
    pool = pool_in(simulation, [], size=2)
    simulation.race(lambda: pool.resize(1), lambda: pool.resize(3))
    assert len(pool.routees) in (1, 3)
    assert len(pool.children()) == len(pool.routees)


def resize_against_renewal(simulation: Simulation) -> None:
    """Both have routees started, and neither takes a name from the other; a resize that comes in between may say so."""
    pool = pool_in(simulation, [], size=1)

    def grow() -> None:
        try:
            pool.resize(2)
        except AgentStoppedError:
            return

    simulation.race(grow, lambda: simulation.guardian.ref.restart_child("pool"))
    assert pool.incarnation == 2
    assert len(pool.routees) in (1, 2)
    assert len(pool.children()) == len(pool.routees)


def stop_against_tell(simulation: Simulation) -> None:
    """What was taken before the stop is handled, what is refused was not."""
    seen: list[Any] = []
    pool = pool_in(simulation, seen, size=1)
    said, stopped = simulation.race(told(pool, 1), pool.stop)
    assert stopped is True
    assert len(seen) == said.count("taken")
    assert [reason for _, reason in dead(simulation)] == [DeadLetterReason.STOPPED] * said.count("AgentStoppedError")
    assert not pool.is_alive()


def stop_against_resize(simulation: Simulation) -> None:
    """A pool that is stopped ends, although a routee is started at that moment."""
    pool = pool_in(simulation, [], size=1)

    def grow() -> None:
        try:
            pool.resize(2)
        except AgentStoppedError:
            return

    simulation.race(lambda: pool.stop(block=False), grow)
    assert not pool.is_alive()


def first_answer_against_end(simulation: Simulation) -> None:
    seen: list[Any] = []
    pool = pool_in(simulation, seen, pick=ScatterGather(within=10.0))
    first = pool.routees[0]
    answer, _ = simulation.race(asked(pool, 1), first.stop)
    assert answer == 1


def all_answers_against_end(simulation: Simulation) -> None:
    seen: list[Any] = []
    pool = pool_in(simulation, seen, pick=Broadcasting())
    first = pool.routees[0]
    answer, _ = simulation.race(asked(pool, 1), first.stop)
    assert answer in ([1, 1], [1], "AgentStoppedError")


def ask_of_all_against_end(simulation: Simulation) -> None:
    seen: list[Any] = []
    pool = pool_in(simulation, seen, size=1, pick=Broadcasting())
    only = pool.routees[0]
    asking, _ = simulation.race(lambda: pool.ask(1, block=False), only.stop)
    if seen:
        assert asking.get() == [1]
    else:
        with pytest.raises((AgentStoppedError, NoRouteesError)):
            asking.get()


def branches_of(simulation: Simulation) -> list[Ask[Any]]:
    return [Ask("what", simulation.guardian, None, None) for _ in range(2)]


def first_answer_against_last_error(simulation: Simulation) -> None:
    """An answer counts, and no error, however close the two are and however early they come."""
    item = FirstAnswer("what", simulation.guardian, None, None)
    one, other = branches_of(simulation)
    simulation.race(lambda: item.gather([one, other]), lambda: one.resolve(1), lambda: other.resolve(error=OSError()))
    assert item.get() == 1


def answers_against_each_other(simulation: Simulation) -> None:
    item = AllAnswers("what", simulation.guardian, None, None)
    one, other = branches_of(simulation)
    simulation.race(lambda: item.gather([one, other]), lambda: one.resolve(1), lambda: other.resolve(2))
    assert item.get() == [1, 2]


RACES: list[Scenario] = [
    retire_against_tell,
    retire_against_ask,
    retire_against_ask_that_waits,
    retire_against_two_senders,
    retire_against_sender_that_waits_for_room,
    all_retired_against_tell,
    end_against_tell,
    last_end_against_tell,
    ends_against_each_other,
    crash_against_tell,
    renewal_against_tell,
    renewal_against_ask,
    growth_against_tells,
    resize_against_resize,
    resize_against_renewal,
    stop_against_tell,
    stop_against_resize,
    ask_of_all_against_end,
    first_answer_against_last_error,
    answers_against_each_other,
]

LONG: list[Scenario] = [first_answer_against_end, all_answers_against_end]
"""There are too many orders of these to try each: two agents more go on at any time."""


@pytest.mark.case(114)
@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_holds_in_every_order_of_the_lines(race: Scenario) -> None:
    exploration = explore(race, ONCE, policy=AGAIN)
    assert exploration.complete
    assert exploration.runs > 50


@pytest.mark.parametrize("race", [*RACES, *LONG], ids=lambda race: race.__name__)
def test_holds_where_threads_are_interrupted_more_than_once(race: Scenario) -> None:
    assert explore(race, Priorities(depth=4, steps=400), runs=50, policy=AGAIN).runs == 50


class Guard(NamedTuple):
    """A line without which a race does not hold."""

    race: Scenario
    function: Callable[..., Any]
    line: str
    instead: str


GUARDS = [
    Guard(retire_against_tell, PoolRef.tell, "if not left:", "if True:"),
    Guard(retire_against_tell, Routee.landed, "if flight:", "if False:"),
    Guard(retire_against_ask, PoolRef.ask, "routee.leave(flight)", "flight.pop()"),
    Guard(first_answer_against_last_error, FirstAnswer._take, "last and all(", "last or all("),
    Guard(answers_against_each_other, Gathered._answered, "last = not self._left", "last = self._left < 2"),
    Guard(renewal_against_tell, vars(Register)["is_up"].fget, " or context.ending", ""),
    Guard(stop_against_tell, PoolRef._stop_if_empty, "not family.live()", "True"),
    Guard(resize_against_renewal, Sizing._start_and_retire, "not (register.is_up or", "False and (register.is_up or"),
    Guard(stop_against_resize, PoolRef._routee_started, "if self._has_ended", "if False"),
]


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: f"{guard.race.__name__}-{guard.function.__name__}")
def test_a_guard_that_is_missing_is_found(guard: Guard) -> None:
    with without(guard.function, guard.line, guard.instead), pytest.raises(Exception):  # noqa: B017, PT011
        explore(guard.race, ONCE, policy=AGAIN)
