"""Do the kernel's races hold in every order of its lines, and would one be found if its guard were missing?

Each exploration is exhaustive: every run in which one thread is interrupted once, at any line of the kernel, and others
go on in any order where somebody waits or is done. Then a guard is taken out, the same exploration fails, and what the
failed run printed repeats it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from actors._core import life, watch
from actors._core.future import Ask
from actors._core.mailbox import BoundedQueue
from actors._core.place import Place
from actors._core.ref import AgentRef
from actors._core.turn import Turn
from actors.testkit import Exhaustive, Priorities, explore, replay
from policies import Restart
from tests.testkit.guards import without
from tests.testkit.races import (
    RACES,
    Scenario,
    answer_against_timeout,
    ask_against_stop,
    close_against_put,
    close_while_two_wait,
    deadline_against_end_of_handler,
    kill_against_tell,
    restart_against_end_of_whom_it_watches,
    room_against_put_that_waits,
    stop_against_tell,
    tell_against_tell,
    unwatch_against_end,
    watch_against_end,
)
from tests.testkit.simulated import seed_and_schedule

ONCE = Exhaustive(depth=100_000, preemptions=1)
AGAIN = Restart(max_restarts=100, within=None)


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
    "the look at the gate after the append": Gap(tell_against_tell, AgentRef.tell, "if cell.gate and", "if False and"),
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
    "who gives an ask up waits for who answers it already": Gap(
        answer_against_timeout, Ask._wait, "if not self.settled", "if False"
    ),
    "whoever was abandoned takes nothing out of its handler": Gap(
        deadline_against_end_of_handler, Turn._handle_special, "            return _GONE", "            pass"
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
    "who makes room lets in who waits": Gap(
        room_against_put_that_waits, BoundedQueue.popleft, "elif self._waiting", "elif False"
    ),
}


@pytest.mark.parametrize("gap", GAPS.values(), ids=GAPS)
def test_is_found_when_its_guard_is_missing(gap: Gap) -> None:
    with without(gap.function, gap.guard, gap.instead):
        with pytest.raises((AssertionError, RuntimeError)) as caught:
            explore(gap.race, ONCE, policy=AGAIN)
        seed, schedule = seed_and_schedule(caught.value)
        with pytest.raises(type(caught.value)) as again:
            replay(gap.race, schedule, seed=seed, policy=AGAIN)
        assert again.value.__notes__ == caught.value.__notes__
    replay(gap.race, "", policy=AGAIN)
