"""What if somebody else was faster: another thread, the end of an agent, a deadline, Ctrl-C?"""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AdminResult,
    AgentFuture,
    AgentRef,
    AgentSpawned,
    AgentStarted,
    AgentStopped,
    AgentStopping,
    AskTimeout,
    ChildSpec,
    DeadLetter,
    Mailbox,
    MailboxFullError,
    NameTakenError,
    Outcome,
    StartFailed,
    StartFailedError,
    Supervisor,
)
from actors._core.here import find_cycle
from actors._core.supervision import Family
from actors.testkit import Gate
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, names, start
from tests.core.helpers import EventLog, Trace, answer, elsewhere, result


def test_an_ask_for_which_there_is_no_room_is_answered_so(system: ActorSystem, trace: Trace) -> None:
    agent = system.spawn(ChildSpec(Doer, "a", args=(trace,), mailbox=Mailbox(capacity=1)))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()
    agent.tell("first")
    refused = agent.ask("second", block=False)
    with pytest.raises(MailboxFullError, match=r"^the mailbox of /a is full \(1 messages\)"):
        refused.get()
    with pytest.raises(MailboxFullError):
        agent.ask("third", timeout=1.0)
    gate.open()
    assert trace.wait_for("first") == ["first"]


def test_an_ask_that_ctrl_c_ends_is_not_executed(
    system: ActorSystem, log: EventLog, trace: Trace, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = system.spawn(Doer, trace, name="a")
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()

    def interrupted(*_args: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(system.clock, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            agent.ask("lost")
    gate.open()
    assert answer(agent, "next") == "next"
    assert trace.notes == ["next"]
    assert [(letter.message, letter.reason) for letter in log.of(DeadLetter, "/a")] == [("lost", "expired")]


def test_a_future_ends_at_the_timeout_of_its_ask_although_more_is_allowed() -> None:
    with ActorSystem("real") as system:
        agent = system.spawn(Doer, name="a")
        gate = Gate()
        agent.tell(busy_at(gate))
        gate.reached()
        future = agent.ask("late", block=False, timeout=0.01)
        with pytest.raises(AskTimeout) as expired:
            future.get(timeout=10.0)
        gate.open()
    assert expired.value.path == "/a"
    assert expired.value.seconds <= 0.01


def test_who_waits_for_agents_that_wait_for_each_other_is_in_no_cycle_itself() -> None:
    a, b, c = (SimpleNamespace(path=f"/{name}", waiting=None) for name in "abc")
    for waiting, target in ((a, b), (b, c), (c, b)):
        waiting.waiting = SimpleNamespace(cell=target, settled=False)
    cells: Any = (a, b)
    assert find_cycle(cells[0]) == ()
    assert find_cycle(cells[1]) == ("/b", "/c", "/b")


def test_a_callback_that_another_thread_has_just_taken_is_left_to_it() -> None:
    taken: list[str] = []

    class Emptied(list[Any]):
        """Is emptied between the look and the pop."""

        def __bool__(self) -> bool:
            if list.__len__(self):
                self.clear()
                taken.append("elsewhere")
                return True
            return False

    future: AgentFuture[int] = AgentFuture()
    future._callbacks = Emptied([lambda: taken.append("here")])
    assert future.resolve(1)
    assert taken == ["elsewhere"]
    assert future.get() == 1


@pytest.mark.threads_only("runs an event loop")
def test_an_answer_after_the_awaiting_task_was_cancelled_wakes_nobody() -> None:
    future: AgentFuture[int] = AgentFuture()

    async def await_it() -> int:
        return await future

    async def main() -> None:
        task = asyncio.create_task(await_it())
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert task.cancelled()
        future.set(1)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert future.get() == 1


def restart_as_it_ends(parent: AgentRef[Any], child: AgentRef[Any], clock: WatchedClock) -> AdminResult:
    """Have a busy child told to end and then to be restarted, before it has done either."""
    gate = Gate()
    child.tell(busy_at(gate))
    gate.reached()
    stopping = child.stop(block=False, drain=False)
    restarting = elsewhere(lambda: parent.restart_child("child"))
    clock.wait_for_timer(5.0, 2)  # both have been told, and their time counts
    gate.open()
    assert result(stopping) is True
    outcome: AdminResult = result(restarting)
    return outcome


def test_a_child_that_ends_before_it_is_restarted_is_not_there(system: ActorSystem, clock: WatchedClock) -> None:
    parent = system.spawn(Doer, name="p")
    child = answer(parent, start(Doer, name="child"))
    assert restart_as_it_ends(parent, child, clock).outcome is Outcome.NOT_FOUND
    assert answer(parent, names) == []


def test_a_child_that_ends_before_it_is_restarted_is_started_from_the_spec_that_is_kept(
    system: ActorSystem, clock: WatchedClock
) -> None:
    parent = system.spawn(Doer, name="p")
    child = parent.start_child(ChildSpec(Doer, "child")).ref
    assert child is not None
    restarted = restart_as_it_ends(parent, child, clock)
    assert restarted.outcome is Outcome.OK
    assert restarted.ref != child
    assert answer(parent, names) == ["child"]


def test_the_end_of_one_agent_is_reported_before_its_name_is_given_to_the_next(
    system: ActorSystem, dispatcher: Any
) -> None:
    first = system.spawn(ChildSpec(Doer, "a", dispatcher=dispatcher))
    gate = Gate()
    forget = system.events.subscribe(lambda event: gate.wait(), AgentStopped)
    log = EventLog(system)
    ending = elsewhere(first.stop)
    gate.reached()
    with pytest.raises(NameTakenError, match="/a is already registered"):
        system.spawn(ChildSpec(Doer, "a", dispatcher=dispatcher))
    gate.open()
    assert result(ending) is True
    forget()
    system.spawn(ChildSpec(Doer, "a", dispatcher=dispatcher))
    assert [type(event) for event in log.notes if event.path == "/a"] == [
        AgentStopping,
        AgentStopped,
        AgentSpawned,
        AgentStarted,
    ]


def test_a_start_that_failed_is_reported_before_its_name_is_given_to_the_next(
    system: ActorSystem, dispatcher: Any
) -> None:
    gate = Gate()
    forget = system.events.subscribe(lambda event: gate.wait(), StartFailed)
    log = EventLog(system)
    failing = elsewhere(lambda: system.spawn(ChildSpec(Doer, "a", args=(None, "too much"), dispatcher=dispatcher)))
    gate.reached()
    with pytest.raises(NameTakenError, match="/a is already registered"):
        system.spawn(ChildSpec(Doer, "a", dispatcher=dispatcher))
    gate.open()
    with pytest.raises(StartFailedError):
        result(failing)
    forget()
    system.spawn(ChildSpec(Doer, "a", dispatcher=dispatcher))
    assert [type(event) for event in log.notes if event.path == "/a"] == [
        AgentSpawned,
        AgentStopping,
        StartFailed,
        AgentSpawned,
        AgentStarted,
    ]


def test_a_child_that_somebody_else_has_just_started_is_given(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = system.spawn(Doer, name="p")
    child = answer(parent, start(Doer, name="child"))
    look = Family.get

    def too_early(family: Family, name: str) -> Any:
        monkeypatch.setattr(Family, "get", look)
        return None

    monkeypatch.setattr(Family, "get", too_early)
    started = parent.start_child(ChildSpec(Doer, "child"))
    assert (started.outcome, started.ref) == (Outcome.ALREADY_STARTED, child)


def test_a_child_that_somebody_else_has_just_started_is_not_started_again_by_its_parent(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Supervisor):
        def on_start(self) -> None:
            started = self.context.ref.start_child(ChildSpec(Doer, "child", restart="transient"))
            assert started.outcome is Outcome.OK
            monkeypatch.setattr(Family, "get", too_early)

    look = Family.get

    def too_early(family: Family, name: str) -> Any:
        monkeypatch.setattr(Family, "get", look)
        return None

    parent = system.spawn(Slow, children=[ChildSpec(Doer, "child")], name="p")
    assert [(child.name, child.restart) for child in parent.children()] == [("child", "transient")]


def test_a_name_that_is_made_up_is_nobody_elses(system: ActorSystem) -> None:
    made_up = [system.spawn(Doer).name for _ in range(2)]
    number = int(made_up[-1].removeprefix("Doer-"))
    given = [system.spawn(Doer, name=f"Doer-{number + ahead}") for ahead in (1, 2)]
    assert system.spawn(Doer).name == f"Doer-{number + 3}"
    parent = system.spawn(Doer, name="p")
    parent.start_child(ChildSpec(Doer, f"Doer-{number + 4}"))
    started = parent.start_child(ChildSpec(Doer))
    assert started.ref is not None
    assert started.ref.name == f"Doer-{number + 5}"
    assert [ref.name for ref in given] == [f"Doer-{number + 1}", f"Doer-{number + 2}"]
