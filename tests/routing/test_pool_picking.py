"""Which routee does each strategy pick, and what becomes of that when the routees change?"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentBackingOff,
    AgentRestarted,
    Broadcasting,
    ConsistentHashing,
    Mailbox,
    MailboxFullError,
    Random,
    RoundRobin,
    ScatterGather,
    SmallestMailbox,
)
from actors.routing import Chooser, Pick, Routee
from policies import Backoff, Restart
from tests.core.helpers import Boom, EventLog, Flag, Trace, elsewhere, result
from tests.routing.pools import make_pool, names, shares

A, B, C, D, E = "abcde"


class Named(str):
    """As much of a routee as strategies by turn, lot and key need."""

    @property
    def name(self) -> str:
        return str(self)


@dataclass
class Choices:
    """Asks the choosers of one strategy, one after the other."""

    pick: Pick
    chooser: Any = None
    routees: list[Named] = field(default_factory=list)

    def among(self, names: Sequence[str]) -> Choices:
        self.routees = [Named(name) for name in names]
        self.chooser = self.pick.chooser(self.routees, self.chooser, random.Random(1))  # type: ignore[arg-type]
        return self

    def take(self, count: int) -> str:
        return "".join(str(self.chooser.choose(number)) for number in range(count))

    def of(self, messages: Sequence[Any]) -> dict[Any, str]:
        return {message: str(self.chooser.choose(message)) for message in messages}


# -- round robin ----------------------------------------------------------------------


@pytest.mark.case(115)
@pytest.mark.parametrize(
    ("before", "taken", "after", "then"),
    [
        ("ab", 1, "b", "bbb"),
        ("abc", 1, "bc", "bcb"),
        ("abc", 1, "ac", "cac"),
        ("abc", 2, "ab", "aba"),
        ("abc", 2, "bc", "cbc"),
        ("abcd", 2, "ad", "dad"),
        ("abcd", 1, "acd", "cdac"),
        ("abcd", 4, "bd", "bdb"),
        ("abcd", 3, "ab", "aba"),
        ("ab", 1, "abc", "bcab"),
        ("ab", 0, "abc", "abca"),
        ("ab", 1, "cd", "cdc"),
        ("a", 3, "ab", "aba"),
    ],
    ids=lambda value: str(value) or "none",
)
def test_a_change_neither_skips_nor_repeats_one(before: str, taken: int, after: str, then: str) -> None:
    choices = Choices(RoundRobin()).among(before)
    choices.take(taken)
    assert choices.among(after).take(len(then)) == then


@pytest.mark.case(115)
def test_each_gets_its_turn_between_any_two_removals() -> None:
    choices = Choices(RoundRobin()).among("abcdefgh")
    taken = choices.take(3)
    for left in ("abcdfgh", "bcdfgh", "bcdfg"):
        taken += choices.among(left).take(1)
    assert taken == "abcdfg"


# -- random ---------------------------------------------------------------------------


def test_random_picks_are_as_likely_for_each_and_the_same_again_with_a_seed() -> None:
    first = Choices(Random(seed=7)).among("abcd").take(4_000)
    assert first == Choices(Random(seed=7)).among("abcd").take(4_000)
    assert first != Choices(Random(seed=8)).among("abcd").take(4_000)
    assert all(900 < count < 1_100 for count in Counter(first).values())
    assert first != Choices(Random()).among("abcd").take(4_000)


def test_random_picks_go_on_when_the_routees_change() -> None:
    unchanged = Choices(Random(seed=7)).among("abcd")
    changed = Choices(Random(seed=7)).among("abcd")
    assert unchanged.take(10) == changed.take(10)
    assert unchanged.take(10) == changed.among("abcd").take(10)
    assert set(changed.among("bc").take(50)) == set("bc")


# -- smallest mailbox -----------------------------------------------------------------


@pytest.mark.case(117)
def test_the_smallest_mailbox_is_not_that_of_a_busy_routee(system: ActorSystem, spec: Any, trace: Trace) -> None:
    pool = make_pool(system, spec, trace, size=3, pick=SmallestMailbox())
    flag = Flag()
    pool.routees[1].tell(flag)
    trace.wait_for(("holds", "w-2", 1))
    for number in range(6):
        pool.ask(number, timeout=5.0)
    assert shares(trace, range(6)) == {"w-1": 3, "w-3": 3}
    flag.set()


@pytest.mark.case(117)
def test_where_all_are_busy_the_one_with_the_fewest_messages_gets_one(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    pool = make_pool(system, spec, trace, size=3, pick=SmallestMailbox())
    flag = Flag()
    for count, routee in zip((1, 3, 2), pool.routees, strict=True):
        routee.tell(flag)
        for _ in range(count):
            routee.tell("before")
    for number in range(3):
        pool.tell(number)
    flag.set()
    trace.wait_until(lambda notes: sum(shares(trace, range(3)).values()) == 3)
    assert shares(trace, range(3)) == {"w-1": 2, "w-3": 1}


def test_a_routee_between_two_incarnations_gets_a_message_only_if_all_are(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog, clock: Any
) -> None:
    policy = Restart(backoff=Backoff(10.0, jitter=0.0))
    pool = make_pool(system, spec, trace, size=2, pick=SmallestMailbox(), policy=policy)
    first, second = pool.routees
    flag = Flag()
    first.tell(Boom())
    log.wait(AgentBackingOff, first.path)
    second.tell(flag)
    for number in range(3):
        pool.tell(number)
    second.tell(Boom())
    flag.set()
    log.wait(AgentBackingOff, second.path)
    pool.tell("to somebody who is down")
    clock.advance(10.0)
    log.wait(AgentRestarted, second.path)
    trace.wait_until(lambda notes: "to somebody who is down" in [note[0] for note in notes])
    assert shares(trace, range(3)) == {"w-2": 3}


# -- consistent hashing ---------------------------------------------------------------

KEYS = [f"user-{number}" for number in range(2_000)]


def by_key(key: Callable[[Any], Any] = lambda message: message) -> Choices:
    return Choices(ConsistentHashing(key=key))


@pytest.mark.case(117)
def test_when_one_is_added_only_the_keys_that_it_gets_move() -> None:
    choices = by_key()
    owners = [f"w-{number}" for number in range(1, 11)]
    before = choices.among(owners).of(KEYS)
    after = choices.among([*owners, "w-11"]).of(KEYS)
    moved = [key for key in KEYS if before[key] != after[key]]
    assert {after[key] for key in moved} == {"w-11"}
    assert 0.05 < len(moved) / len(KEYS) < 0.14
    assert by_key().among([*owners, "w-11"]).of(KEYS) == after


@pytest.mark.case(117)
def test_when_one_leaves_only_its_keys_move_and_come_back_with_it() -> None:
    choices = by_key()
    owners = [f"w-{number}" for number in range(1, 11)]
    before = choices.among(owners).of(KEYS)
    after = choices.among([name for name in owners if name != "w-4"]).of(KEYS)
    assert {before[key] for key in KEYS if before[key] != after[key]} == {"w-4"}
    assert set(after.values()) == set(owners) - {"w-4"}
    assert choices.among(owners).of(KEYS) == before


def test_each_has_its_share_of_the_keys() -> None:
    counts = Counter(by_key().among([f"w-{number}" for number in range(10)]).of(KEYS).values())
    assert len(counts) == 10
    assert max(counts.values()) < 1.5 * len(KEYS) / 10
    assert min(counts.values()) > 0.6 * len(KEYS) / 10


def test_a_key_belongs_to_the_same_routee_in_any_process(packages_folder: Path) -> None:
    program = (
        "import random; from actors.routing import ConsistentHashing; from types import SimpleNamespace as N\n"
        "class R(str): name = property(str)\n"
        "c = ConsistentHashing(key=lambda m: m).chooser([R('abcde'[n]) for n in range(5)], None, random.Random())\n"
        "print(''.join(c.choose(f'user-{n}') for n in range(200)))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(packages_folder), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert said == {"".join(by_key().among("abcde").of([f"user-{n}" for n in range(200)]).values())}


def test_keys_that_differ_in_kind_are_different_keys() -> None:
    among = [f"w-{number}" for number in range(500)]
    choices = by_key().among(among)
    owners = [choices.chooser.choose(key) for key in ("1", b"1", 1, ("1",), (("1",),), ("", "1"), ("1", ""), "")]
    assert len(set(owners)) == len(owners)
    assert choices.chooser.choose((1, "a")) == choices.chooser.choose((1, "a"))


@pytest.mark.parametrize("key", [None, 1.5, object(), ["a"], (None,)], ids=lambda key: type(key).__name__)
def test_what_is_no_key_is_its_senders_error(system: ActorSystem, spec: Any, key: Any) -> None:
    pool = make_pool(system, spec, size=2, pick=ConsistentHashing(key=lambda message: key))
    with pytest.raises(TypeError, match="key: gives a str, bytes or an int, or a tuple of these, not "):
        pool.tell("hello")
    with pytest.raises(TypeError, match="key: gives"):
        pool.ask("hello")
    assert pool.incarnation == 1


def test_equal_keys_go_to_one_routee_that_keeps_them_through_its_restarts(system: ActorSystem, spec: Any) -> None:
    pool = make_pool(system, spec, size=4, pick=ConsistentHashing(key=lambda message: "the same"))
    owner = pool.ask("name")
    with pytest.raises(Boom):
        pool.ask(Boom())
    assert pool.ask("name") == owner
    assert pool.ask("who") == 2
    pool.resize(8)
    assert pool.ask("name") in (owner, "w-5", "w-6", "w-7", "w-8")
    pool.resize(4)
    assert pool.ask("name") == owner


def test_a_message_with_a_key_never_goes_to_another_routee_for_want_of_room(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    pool = make_pool(
        system, spec, trace, size=4, mailbox=Mailbox(1), pick=ConsistentHashing(key=lambda message: "the same")
    )
    flag = Flag()
    owner = pool.ask("name")
    pool.tell(flag)
    trace.wait_for(("holds", owner, 1))
    pool.tell("fits")
    with pytest.raises(MailboxFullError) as raised:
        pool.tell("does not")
    assert raised.value.path == f"/pool/{owner}"
    with pytest.raises(MailboxFullError):
        pool.ask("does not", timeout=5.0)
    flag.set()


# -- one's own ------------------------------------------------------------------------


class Last(Pick):
    """Always the newest; counts how often it was asked anew."""

    made = 0

    def chooser(self, routees: Sequence[Routee], before: Chooser | None, numbers: random.Random) -> Chooser:
        Last.made += 1
        newest = routees[-1]

        class Newest:
            def choose(self, message: Any) -> Routee:
                return newest

        return Newest()


def test_a_strategy_of_ones_own_sees_the_routees_and_is_asked_anew_when_they_change(
    system: ActorSystem, spec: Any
) -> None:
    Last.made = 0
    pool = make_pool(system, spec, size=2, pick=Last())
    assert [pool.ask("name") for _ in range(3)] == ["w-2"] * 3
    assert Last.made == 1
    pool.resize(3)
    assert [pool.ask("name") for _ in range(3)] == ["w-3"] * 3
    assert Last.made == 2
    pool.resize(1)
    assert pool.ask("name") == "w-1"
    assert names(pool) == ["w-1"]


# -- values ---------------------------------------------------------------------------


def test_strategies_are_frozen_values() -> None:
    assert RoundRobin() == RoundRobin()
    assert {Random(1), Random(1), Random(2)} == {Random(1), Random(2)}
    assert repr(ScatterGather(within=2.0)) == "ScatterGather(within=2.0)"
    assert Broadcasting() != RoundRobin()
    with pytest.raises((FrozenInstanceError, AttributeError)):
        Random(1).seed = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Random(seed="x"), "seed: a whole number or None, not 'x'"),  # type: ignore[arg-type]
        (lambda: Random(seed=True), "seed: a whole number or None, not True"),
        (lambda: ConsistentHashing(key="id"), "key: a callable that takes a message, not 'id'"),  # type: ignore[arg-type]
        (lambda: ScatterGather(within=0), "within: seconds above 0, not 0"),
        (lambda: ScatterGather(within=float("inf")), "within: seconds above 0, not inf"),
    ],
    ids=["seed", "bool", "key", "zero", "infinite"],
)
def test_a_strategy_that_makes_no_sense_is_refused(make: Callable[[], Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        make()


def test_senders_at_the_same_time_share_out_the_turns(system: ActorSystem, spec: Any, trace: Trace) -> None:
    pool = make_pool(system, spec, trace, size=3, pick=SmallestMailbox())
    senders = [elsewhere(lambda: [pool.ask("name", timeout=5.0) for _ in range(10)]) for _ in range(3)]
    answered = [name for sender in senders for name in result(sender)]
    assert set(answered) == {"w-1", "w-2", "w-3"}
    assert len(answered) == 30
