"""What if a message, an ask or a task comes in the one moment in which nobody seems to look?"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorSystem, AgentStoppedError, Mailbox
from actors._core.dispatcher import Job, Pool
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, Flag, Trace, answer, elsewhere
from tests.core.scripted import doer, held


class LateQueue(deque[Any]):
    """A mailbox to which something comes just after it was found empty."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[Callable[[], Any]] = []

    def __bool__(self) -> bool:
        found = len(self) > 0
        if not found and self.late:
            self.late.pop()()
        return found


def test_an_answer_is_not_lost_to_the_ask_that_comes_as_it_is_about_to_be_given(system: ActorSystem) -> None:
    ref = system.spawn(doer("a"))
    answer(ref, "who")
    queue = LateQueue()
    ref._cell.queue = queue
    second: list[Any] = []
    queue.late.append(lambda: second.append(ref.ask("second", block=False)))
    assert answer(ref, "first") == "first"
    assert answer(ref, "third") == "third"
    assert [future.settled and future.get() for future in second] == ["second"]


def test_an_ask_that_finds_an_idle_agent_with_a_full_mailbox_waits_for_room_without_the_turn(
    system: ActorSystem, trace: Trace
) -> None:
    ref = system.spawn(doer("a", trace, mailbox=Mailbox(1, "block")))
    ref.ask("who")
    # A sender has put its message there, and has yet to look at the gate.
    ref._cell.open_queue().append("first")
    assert elsewhere(ref.ask, "second").get() == "second"
    assert trace.wait_for(("second", "a", 1))[1:] == [("first", "a", 1), ("second", "a", 1)]


def test_a_task_that_comes_as_the_idle_thread_has_taken_another_is_run() -> None:
    taken = Gate()

    class Idle(deque[None]):
        def pop(self) -> None:  # type: ignore[override]
            taken.wait()
            return super().pop()

    pool = Pool("race")
    pool.idle = Idle()
    second = Flag()
    pool.put(Job(lambda: _wait(second)))
    taken.reached()
    # The monitor, which the first task has woken up, is to have gone to sleep again.
    _until_asleep(pool)
    pool.put(Job(second.set))
    taken.open()
    assert second.wait(PATIENCE)
    pool.close()
    pool.join(PATIENCE)


def _wait(event: Flag) -> None:
    event.wait(2 * PATIENCE)


def _until_asleep(pool: Pool) -> None:
    never = Flag()
    assert any(not pool._armed or never.wait(0.01) for _ in range(1000)), "the monitor never sleeps"


def test_a_message_that_comes_while_an_ask_runs_on_the_askers_thread_is_handled(
    system: ActorSystem, trace: Trace
) -> None:
    ref = system.spawn(doer("a", trace))
    ref.ask(lambda agent: ref.tell("meanwhile"))
    assert trace.wait_for(("meanwhile", "a", 1))


def test_a_message_that_was_handled_before_the_end_is_not_refused_because_of_it(
    system: ActorSystem, trace: Trace
) -> None:
    ref = system.spawn(doer("a", trace))
    answer(ref, "who")
    cell: Any = ref._cell

    class Ends:
        """Lets the agent handle what is there and end, in the moment before its turn is taken."""

        def acquire(self, blocking: bool) -> bool:
            cell.lock = lock
            ref.tell("last")
            assert ref.stop()
            return bool(lock.acquire(blocking))

    lock, cell.lock = cell.lock, Ends()
    ref.tell("first")
    assert [note for note, *_ in trace.notes] == ["start", "first", "last", "stop"]
    with pytest.raises(AgentStoppedError):
        ref.tell("later")


def test_an_asker_that_waits_for_room_when_the_agent_ends_finds_that_in_its_ask(
    system: ActorSystem, clock: WatchedClock
) -> None:
    ref = system.spawn(doer("a", mailbox=Mailbox(1, "block", timeout=9.0)))
    gate = held(ref)
    ref.tell("first")
    asking = elsewhere(ref.ask, "second", block=False)
    clock.wait_for_timer(9.0)
    end = ref.stop(block=False, drain=False)
    gate.open()
    with pytest.raises(AgentStoppedError):
        asking.get().get()
    assert end.get() is True
