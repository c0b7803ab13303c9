"""What if something comes just before, or just after, a turn, a lane or a guard is given up?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from actors import ActorSystem, AgentRef, AgentRestarted, AgentStoppedError, ReplyError
from actors._core.abandonment import running_since
from actors._core.commands import Suspend
from actors._core.ref import HELD
from actors._core.supervision import Family
from actors.testkit import Gate
from policies import Failure
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, answer, assert_ended
from tests.core.scripted import doer

Act = Callable[[], object]


class Meeting:
    """A lock with which something meets, once each: just after it was taken, or just before or after it is free."""

    def __init__(
        self, lock: Any, taken: Act | None = None, before: Act | None = None, after: Act | None = None
    ) -> None:
        self._lock = lock
        self._acts = {"taken": taken, "before": before, "after": after}

    def acquire(self, *args: Any) -> bool:
        done: bool = self._lock.acquire(*args)
        if done:
            self._meet("taken")
        return done

    def release(self) -> None:
        self._meet("before")
        self._lock.release()
        self._meet("after")

    def _meet(self, moment: str) -> None:
        act, self._acts[moment] = self._acts[moment], None
        if act is not None:
            act()


def meet(ref: AgentRef[Any], **acts: Act) -> None:
    """Have something meet with the turn of the agent."""
    cell: Any = ref._cell
    cell.lock = Meeting(cell.lock, **acts)


def work(ref: AgentRef[Any]) -> None:
    """Take a turn and end it, as a thread of the pool does."""
    cell: Any = ref._cell
    cell.open_queue().append("end of turn")
    assert cell.lock.acquire(False)
    cell.gate = HELD
    cell.run()


def ask(ref: AgentRef[Any]) -> None:
    """End a turn on the asker's thread."""
    assert ref.ask("end of turn") == "end of turn"


def ask_in_vain(ref: AgentRef[Any]) -> None:
    """End a turn on the asker's thread, with an answer that is raised."""
    with pytest.raises(ReplyError):
        ref.ask(ReplyError("end of turn"))


ENDS_OF_TURNS = pytest.mark.parametrize("end_a_turn", [work, ask, ask_in_vain])


@ENDS_OF_TURNS
def test_a_stop_that_comes_just_before_a_turn_is_given_back_is_obeyed(
    system: ActorSystem, end_a_turn: Callable[[AgentRef[Any]], None]
) -> None:
    ref = system.spawn(doer("a"))
    answer(ref, "who")
    meet(ref, before=lambda: ref.stop(block=False, drain=False))
    end_a_turn(ref)
    assert_ended(ref)


@ENDS_OF_TURNS
def test_a_message_that_comes_just_before_a_turn_is_given_back_is_handled(
    system: ActorSystem, trace: Trace, end_a_turn: Callable[[AgentRef[Any]], None]
) -> None:
    ref = system.spawn(doer("a", trace))
    answer(ref, "who")
    meet(ref, before=lambda: ref._cell.open_queue().append("late"))
    end_a_turn(ref)
    trace.wait_for(("late", "a", 1))


@ENDS_OF_TURNS
def test_an_agent_that_ends_just_after_a_turn_was_given_back_stays_closed(
    system: ActorSystem, end_a_turn: Callable[[AgentRef[Any]], None]
) -> None:
    ref = system.spawn(doer("a"))
    answer(ref, "who")
    meet(ref, after=lambda: ref.stop(drain=False))
    end_a_turn(ref)
    with pytest.raises(AgentStoppedError):
        ref.tell("too late")


def test_a_stop_that_comes_as_an_ask_takes_the_turn_goes_first(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace))
    answer(ref, "who")
    meet(ref, taken=lambda: ref.stop(block=False, drain=False))
    with pytest.raises(AgentStoppedError):
        ref.ask("behind the stop")
    assert trace.count(("behind the stop", "a", 1)) == 0


def suspend(ref: AgentRef[Any]) -> None:
    """Suspend the agent, as the escalation of a child does, and wait until it is."""
    cell = ref._cell
    assert cell.parent is not None
    assert cell.parent.family is not None
    cell.parent.family.command(cell, Suspend(Failure(ref.path, Boom(), ref.incarnation)), None, None)


def test_a_decision_that_comes_as_a_sender_finds_the_agent_suspended_is_obeyed(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    answer(ref, "who")
    queue: Any = ref._cell.open_queue()
    queue.append("late")
    # The sender has seen the gate open.
    suspend(ref)
    meet(ref, taken=lambda: ref.stop(block=False, drain=False))
    assert ref._cell.knock(queue)
    assert_ended(ref)


def test_a_message_to_a_suspended_agent_wakes_nobody(system: ActorSystem, trace: Trace) -> None:
    ref, other = system.spawn(doer("a", trace)), system.spawn(doer("other"))
    suspend(ref)
    meet(ref, taken=lambda: trace.note("woken"))
    ref.tell("waits for the decision")
    for _ in range(20):
        answer(other, "who")
    assert trace.count("woken") == 0


def test_a_failure_that_comes_just_before_a_lane_is_free_is_judged(system: ActorSystem) -> None:
    family: Any = Family(system.guardian)
    judged: list[int] = []
    # Whoever submits it finds the lane taken, and leaves it to the one who has it.
    family._lane_busy = Meeting(family._lane_busy, before=lambda: family.submit(partial(judged.append, 2)))
    family.submit(partial(judged.append, 1))
    assert judged == [1, 2]


def test_a_handler_that_begins_as_the_guard_of_a_deadline_has_looked_is_watched(
    system: ActorSystem, clock: WatchedClock, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = system.spawn(doer("a", deadline=2.0))
    answer(ref, "who")
    gate = Gate()
    looks = "actors._core.cell.running_since"

    def look(context: Any) -> float | None:
        monkeypatch.setattr(looks, running_since)
        found = running_since(context)
        ref.tell(lambda agent: gate.wait())
        gate.reached()
        return found

    monkeypatch.setattr(looks, look)
    clock.advance(2.0)
    clock.advance(2.0)
    log.wait(AgentRestarted, "/a")
    gate.open()
