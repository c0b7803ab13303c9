"""What do agents and drivers do in the program of a seed?

A script is a row of acts, an act a tuple of its name and what it needs. An agent follows the script of each message
that it handles, a driver, which stands for code outside all agents, follows its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.properties.programs import (
    Act,
    Dice,
    Phase,
    Plan,
    Program,
    Script,
    all_plans,
    make_plan,
    make_plans,
    root_policy,
)

GATES = 2
_Draw = Callable[["Writer", int], Act]


class Writer:
    """Draws acts for a tree; what it spawns joins those that acts are about."""

    def __init__(self, dice: Dice, plans: Sequence[Plan]) -> None:
        self.dice = dice
        self.paths = [plan.path for plan in all_plans(plans)]
        self._spawned = 0

    def script(self, depth: int, most: int = 3) -> Script:
        """Draw what a message has an agent do; messages in it may have others do something `depth` times."""
        return tuple(self.act(_AGENTS, depth) for _ in range(self.dice.below(most + 1)))

    def act(self, table: _Table, depth: int) -> Act:
        return table.draw(self.dice)(self, depth)

    def path(self) -> str:
        return self.dice.pick(self.paths)

    def inner(self, depth: int) -> Script:
        return self.script(depth - 1, 2) if depth > 0 else ()

    def timeout(self) -> float | None:
        return self.dice.quarters(4) if self.dice.chance(0.5) else None

    def new_plan(self, parent: str) -> Plan:
        """A child that nobody has, or, at times, one whose name is or was somebody's."""
        self._spawned += 1
        siblings = [path for path in self.paths if path.rpartition("/")[0] == parent]
        old = bool(siblings) and self.dice.chance(0.4)
        path = self.dice.pick(siblings) if old else f"{parent}/new-{self._spawned}"
        if not old:
            self.paths.append(path)
        return make_plan(self.dice, path)


class _Table:
    """Ways to draw an act, and how often each comes."""

    def __init__(self, rows: dict[_Draw, int]) -> None:
        self._row = [draw for draw, weight in rows.items() for _ in range(weight)]

    def draw(self, dice: Dice) -> _Draw:
        return dice.pick(self._row)


# -- messages --------------------------------------------------------------------


def _tell(writer: Writer, depth: int) -> Act:
    return ("tell", writer.path(), writer.inner(depth))


def _ask(writer: Writer, depth: int) -> Act:
    return ("ask", writer.path(), writer.inner(depth), writer.timeout())


def _ask_on(writer: Writer, depth: int) -> Act:
    return (writer.dice.pick(["ask later", "pipe"]), writer.path(), writer.inner(depth), writer.timeout())


def _ask_later(writer: Writer, depth: int) -> Act:
    return ("ask later", writer.path(), writer.inner(depth), writer.timeout())


def _ask_through(writer: Writer, depth: int) -> Act:
    """An error of the one that is asked is that of the asker."""
    return ("ask through", writer.path(), writer.inner(depth), writer.timeout())


def _failing(writer: Writer, depth: int) -> Act:
    return ("tell", writer.path(), (_fail(writer, 0),))


def _many(writer: Writer, depth: int) -> Act:
    """As many as fill a small mailbox."""
    return ("many", writer.path(), 2 + writer.dice.below(3), writer.inner(0))


def _stash(writer: Writer, depth: int) -> Act:
    return ("stash",) if writer.dice.chance(0.6) else ("unstash",)


def _defer(writer: Writer, depth: int) -> Act:
    return ("defer",) if writer.dice.chance(0.5) else ("settle",)


def _settle(writer: Writer, depth: int) -> Act:
    return ("settle",)


# -- failures, ends, children ----------------------------------------------------


def _fail(writer: Writer, depth: int) -> Act:
    return ("fail", writer.dice.pick(["oops", "oops", "worse", "harsh"]))


def _answer_with_an_error(writer: Writer, depth: int) -> Act:
    return ("reply error",)


def _stop(writer: Writer, depth: int) -> Act:
    return ("stop", writer.path(), writer.dice.chance(0.5))


def _stop_itself(writer: Writer, depth: int) -> Act:
    return ("end",)


def _stop_and_wait(writer: Writer, depth: int) -> Act:
    return ("stop and wait", writer.path(), writer.dice.chance(0.5), writer.dice.quarters(4))


def _spawn(writer: Writer, depth: int) -> Act:
    return ("spawn", writer.new_plan("<self>"))


def _spawn_at_the_top(writer: Writer, depth: int) -> Act:
    return ("spawn", writer.new_plan(""))


def _administer(writer: Writer, depth: int) -> Act:
    path = writer.path()
    parent, _, name = path.rpartition("/")
    if not parent or writer.dice.chance(0.25):
        return ("start child", path, writer.new_plan(path))
    return (writer.dice.pick(["terminate", "terminate", "restart", "restart", "restart", "delete"]), parent, name)


def _watch(writer: Writer, depth: int) -> Act:
    return ("unwatch" if writer.dice.chance(0.25) else "watch", writer.path())


# -- time ------------------------------------------------------------------------


def _timer(writer: Writer, depth: int) -> Act:
    key = writer.dice.pick(["x", "y"])
    if writer.dice.chance(0.2):
        return ("cancel", key)
    name = "every" if writer.dice.chance(0.3) else "once"
    return (name, key, writer.dice.quarters(4), writer.inner(min(depth, 1)))


def _idle(writer: Writer, depth: int) -> Act:
    return ("idle", writer.dice.pick([0.5, 1.0, None]))


def _hang(writer: Writer, depth: int) -> Act:
    return ("hang", writer.dice.below(GATES))


def _slow(writer: Writer, depth: int) -> Act:
    return ("slow", writer.dice.quarters(4))


def _heartbeat(writer: Writer, depth: int) -> Act:
    return ("heartbeat",)


def _become(writer: Writer, depth: int) -> Act:
    return ("become",) if writer.dice.chance(0.6) else ("unbecome",)


def _open(writer: Writer, depth: int) -> Act:
    return ("open", writer.dice.below(GATES))


def _pass_time(writer: Writer, depth: int) -> Act:
    return ("wait", writer.dice.quarters(3))


# -- faults ----------------------------------------------------------------------


def _fault(writer: Writer, depth: int) -> Act:
    kind = writer.dice.pick(["drop", "duplicate", "delay", "crash"])
    path = writer.path() if writer.dice.chance(0.6) else "/**"
    return ("fault", kind, path, 1 + writer.dice.below(4))


def _hook_fault(writer: Writer, depth: int) -> Act:
    hook = writer.dice.pick(["__init__", "on_start", "on_stop", "on_failure"])
    return ("hook fault", writer.path(), hook, 1 + writer.dice.below(2))


_AGENTS = _Table(
    {
        _tell: 16, _ask: 10, _ask_on: 6, _ask_through: 2, _many: 2, _stash: 8, _defer: 7,
        _fail: 10, _answer_with_an_error: 2, _stop: 2, _stop_itself: 2, _stop_and_wait: 1, _spawn: 2, _administer: 2,
        _watch: 4, _timer: 7, _idle: 2, _hang: 4, _slow: 4, _heartbeat: 1, _become: 2,
    }
)  # fmt: skip
_DRIVERS = _Table(
    {
        _tell: 24, _ask: 12, _ask_later: 12, _many: 4, _failing: 14, _settle: 4, _stop: 4, _stop_and_wait: 2,
        _spawn_at_the_top: 2, _administer: 10, _open: 5, _pass_time: 4, _fault: 6, _hook_fault: 2,
    }
)  # fmt: skip


def write_program(seed: int) -> Program:
    """Draw the program of a seed."""
    dice = Dice(seed)
    plans = make_plans(dice)
    writer = Writer(dice, plans)
    plans = tuple(_with_beginnings(plan, writer) for plan in plans)
    root, strategy = root_policy(dice)
    raced = dice.chance(0.03)
    phases = tuple(_phase(writer, raced and not number) for number in range(1 + dice.below(6)))
    timeout = dice.pick([None, 0.0, 1.0, 8.0])
    return Program(
        seed,
        plans,
        root,
        strategy,
        phases,
        by=dice.pick(["test", "test", "driver", "agent"]),
        timeout=timeout,
        gates_first=timeout is None or dice.chance(0.5),
    )


def _with_beginnings(plan: Plan, writer: Writer) -> Plan:
    begins = writer.script(1, 1) if writer.dice.chance(0.3) else ()
    return replace(plan, begins=begins, children=tuple(_with_beginnings(child, writer) for child in plan.children))


def _phase(writer: Writer, raced: bool) -> Phase:
    drivers = tuple(
        tuple(writer.act(_DRIVERS, 2) for _ in range(1 + writer.dice.below(8))) for _ in range(1 + writer.dice.below(3))
    )
    return Phase(drivers, writer.dice.quarters(8), raced)
