"""Which tree is made of a seed, and what is done to it?

Only `random.random()` is drawn from, and nothing depends on the order of a set: a seed is the same program on every
Python. A program is a value that prints as what it does. Times are multiples of a quarter of a second, so that what is
due at the same moment comes often.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, TypeVar

from actors import Mailbox
from policies import Backoff, ByError, Escalate, Policy, Restart, Resume, Stop

T = TypeVar("T")
Act = tuple[Any, ...]
Script = tuple[Act, ...]


class Dice:
    """Random choices that are the same on every Python."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed).random

    def chance(self, probability: float) -> bool:
        return self._random() < probability

    def below(self, count: int) -> int:
        return int(self._random() * count)

    def pick(self, items: Sequence[T]) -> T:
        return items[int(self._random() * len(items))]

    def quarters(self, most: int) -> float:
        """Seconds above 0."""
        return (1 + self.below(most)) / 4


class Oops(Exception):
    """What an agent fails with."""


class Worse(Exception):
    """What an agent fails with for which some policies know something else."""


class Harsh(BaseException):
    """What an agent fails with although it is no Exception."""


ERRORS: dict[str, type[BaseException]] = {"oops": Oops, "worse": Worse, "harsh": Harsh}

_ENDLESS = Restart(None, within=None)
POLICIES: dict[str, Policy] = {
    "restart": Restart(),
    "endless": _ENDLESS,
    "once": Restart(1, within=1.0),
    "once, then stop": Restart(1, within=2.0, then=Stop()),
    "twice each": Restart(2, within=1.0, per="child", then=Stop()),
    "backoff": Restart(None, within=None, backoff=Backoff(0.25, cap=1.0)),
    "jitter": Restart(3, within=4.0, backoff=Backoff(0.5, cap=2.0, jitter=0.5)),
    "resume": Resume(),
    "stop": Stop(),
    "escalate": Escalate(),
    "by error": ByError({Oops: Resume(), Worse: Stop()}, default=_ENDLESS),
    "by error, up": ByError({Worse: Escalate()}, default=Restart(None, within=None, backoff=Backoff(0.5))),
}
_FOR_THE_ROOT = [*["endless"] * 6, *["backoff"] * 3, "restart", "once", "stop", "by error", "escalate"]
_MAILBOXES: dict[str, Mailbox] = {
    "one, reject": Mailbox(1),
    "two, reject": Mailbox(2),
    "one, newest": Mailbox(1, overflow="drop_newest"),
    "two, oldest": Mailbox(2, overflow="drop_oldest"),
    "one, block": Mailbox(1, overflow="block", timeout=0.5),
    "two, block": Mailbox(2, overflow="block", timeout=3.0),
}
MAILBOXES: dict[str, Mailbox | None] = {"": None, **_MAILBOXES}


@dataclass(frozen=True)
class Plan:
    """One agent of a program. `breaks` says in which hook of which incarnation it fails, `begins` what it starts with.

    `kind` is leaf (no last hooks), careful (with last hooks) or boss (with children). `policy` is what a failure of it
    means, `rules` what a failure of its children means.
    """

    name: str
    path: str
    kind: str = "leaf"
    children: tuple[Plan, ...] = ()
    declared: bool = True
    restart: str = "transient"
    shutdown: Any = 5.0
    significant: bool = False
    policy: str | None = None
    mailbox: str = ""
    dispatcher: Any = "pool"
    deadline: float | None = None
    keep_children: bool = False
    rules: str = "endless"
    strategy: str = "one_for_one"
    auto_shutdown: str = "never"
    max_children: int | None = None
    stash_capacity: int | None = None
    breaks: tuple[tuple[str, int], ...] = ()
    begins: Script = ()

    def __repr__(self) -> str:
        said = [
            f"{name}={value!r}"
            for name, value in vars(self).items()
            if name != "path" and (name == "name" or value != getattr(Plan, name, None))
        ]
        return f"Plan({', '.join(said)})"


@dataclass(frozen=True)
class Phase:
    """What is done at the same time, by each driver in its order, and how long time then passes.

    With `raced` a simulation lets somebody else go on at every line of the kernel.
    """

    drivers: tuple[Script, ...]
    seconds: float
    raced: bool = False


@dataclass(frozen=True)
class Program:
    """A tree and what is done to it; in the end the system is stopped `by` the test, a driver or an agent."""

    seed: int
    plans: tuple[Plan, ...]
    root: str
    strategy: str
    phases: tuple[Phase, ...]
    by: str = "test"
    timeout: float | None = None
    gates_first: bool = True

    def __str__(self) -> str:
        lines = [f"root: {self.root}, {self.strategy}", *(str(plan) for plan in self.plans)]
        for number, phase in enumerate(self.phases):
            raced = ", raced" if phase.raced else ""
            lines.append(f"phase {number}, {phase.seconds:g} s{raced}")
            lines += [f"  driver {index}: {act}" for index, driver in enumerate(phase.drivers) for act in driver]
        gates = "" if self.gates_first else ", gates shut"
        return "\n".join([*lines, f"stopped by {self.by}, timeout {self.timeout}{gates}"])


def make_plans(dice: Dice) -> tuple[Plan, ...]:
    """Draw a tree of 1 to 12 agents."""
    count = 1 + min(dice.below(12), dice.below(12))
    parents: list[int | None] = [None]
    for number in range(1, count):
        parents.append(dice.below(number) if dice.chance(0.75) else None)
    below: dict[int | None, list[int]] = {number: [] for number in (None, *range(count))}
    for number, parent in enumerate(parents):
        below[parent].append(number)

    def build(number: int, above: str, auto: str) -> Plan:
        path = f"{above}/{'abcdefghijkl'[number]}"
        plan = make_plan(dice, path, len(below[number]), auto)
        return replace(plan, children=tuple(build(child, path, plan.auto_shutdown) for child in below[number]))

    return tuple(build(number, "", "never") for number in below[None])


def make_plan(dice: Dice, path: str, children: int = 0, auto: str = "never") -> Plan:
    """Draw one agent; `auto` is its parent's `auto_shutdown`."""
    restart = dice.pick(["transient", "transient", "permanent", "temporary"])
    own = dice.chance(0.15)
    breaks = [("init", 0.02), ("start", 0.06), ("stop", 0.06), ("failure", 0.08)]
    plan = Plan(
        path.rpartition("/")[2],
        path,
        "boss" if children else dice.pick(["leaf", "careful"]),
        restart=restart,
        shutdown=dice.pick([5.0, 5.0, 5.0, 0.5, 0.0, "brutal", "infinity"]),
        significant=auto != "never" and restart != "permanent" and dice.chance(0.6),
        policy=dice.pick(list(POLICIES)) if dice.chance(0.15) else None,
        mailbox=dice.pick(list(MAILBOXES)) if dice.chance(0.3) else "",
        dispatcher="thread" if own else "pool",
        deadline=dice.pick([0.25, 0.5, 1.0]) if dice.chance(0.25) else None,
        stash_capacity=1 if dice.chance(0.1) else None,
        breaks=tuple((hook, 1 + dice.below(3)) for hook, probability in breaks if dice.chance(probability)),
    )
    if not children:
        return plan
    return replace(
        plan,
        declared=dice.chance(0.7),
        keep_children=dice.chance(0.2),
        rules=dice.pick(list(POLICIES)),
        strategy=dice.pick(["one_for_one", "one_for_one", "one_for_all", "rest_for_one"]),
        auto_shutdown=dice.pick(["never", "never", "any_significant", "all_significant"]),
        max_children=children + dice.below(2) if dice.chance(0.3) else None,
    )


def all_plans(plans: Sequence[Plan]) -> list[Plan]:
    """Give these and all below them, parents first."""
    return [found for plan in plans for found in (plan, *all_plans(plan.children))]


def root_policy(dice: Dice) -> tuple[str, str]:
    return dice.pick(_FOR_THE_ROOT), dice.pick(["one_for_one", "one_for_one", "one_for_all", "rest_for_one"])
