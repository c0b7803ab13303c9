"""What if something comes at the very moment at which an agent's turn is taken or given back?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentBackingOff,
    AgentFailed,
    AgentRef,
    AgentResumed,
    AgentStopped,
    AgentStoppedError,
    ChildSpec,
    DeadLetter,
    ReplyError,
    StartFailedError,
    StopReason,
    Supervisor,
    Terminated,
)
from actors._core import place
from actors._core.cell import Cell
from actors._core.commands import State
from actors.testkit import Gate
from policies import Backoff, Decision, Directive, Failure, History, Restart, Resume
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, Boom, EventLog, Trace, answer, incarnation
from tests.core.scripted import Doer, deciding, doer, get, held, supervisor


class Windowed:
    """A lock that runs something once, in the moment before it is taken or given back."""

    def __init__(self, lock: threading.Lock, before: str, act: Callable[[], None]) -> None:
        self._lock = lock
        self._before = before
        self._todo = [act]

    def _at(self, step: str) -> None:
        if step == self._before and self._todo:
            self._todo.pop()()

    def acquire(self, *args: Any) -> bool:
        self._at("acquire")
        return self._lock.acquire(*args)

    def release(self) -> None:
        self._at("release")
        self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_error: object) -> None:
        self.release()


def before(ref: AgentRef[Any], step: str, act: Callable[[], None]) -> None:
    """Do something in the moment before the turn of that agent is next taken, or given back."""
    cell: Any = ref._cell
    lock = cell.lock

    def once() -> None:
        cell.lock = lock
        act()

    cell.lock = Windowed(lock, step, once)


def append(ref: AgentRef[Any], message: Any) -> None:
    """Do the first half of a tell: the sender has yet to look at the gate, or has found it held."""
    ref._cell.open_queue().append(message)


def decided_at(gate: Gate, directive: Directive = Directive.RESUME) -> Any:
    """A policy that decides once the gate is open."""

    def decide(failure: Failure, history: History) -> Decision:
        gate.wait()
        return Decision(directive, 0.0, history)

    return deciding(decide)


# -- a message -------------------------------------------------------------------


def test_a_message_that_comes_as_the_turn_is_given_back_is_handled(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace))
    gate = held(ref)
    before(ref, "release", lambda: append(ref, "late"))
    gate.open()
    assert trace.wait_for(("late", "a", 1))


def test_a_message_to_an_agent_that_another_sender_wakes_first_is_handled(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace))
    answer(ref, "who")
    gate = Gate()

    def wake() -> None:
        ref.tell("other")
        gate.reached()

    before(ref, "acquire", wake)
    ref.tell(lambda agent: (gate.wait(), agent.say("first")))
    gate.open()
    assert trace.wait_for(("other", "a", 1))[1:] == [("first", "a", 1), ("other", "a", 1)]


def test_a_message_to_an_agent_that_fails_as_it_is_sent_waits_for_the_decision(
    system: ActorSystem, trace: Trace, log: EventLog
) -> None:
    gate = Gate()
    system.spawn(supervisor("crew", doer("a", trace, policy=decided_at(gate)), strategy="one_for_all"))
    ref = get(system, "/crew/a")
    answer(ref, "who")

    def fail() -> None:
        ref.tell("behind it")
        gate.reached()

    before(ref, "acquire", fail)
    ref.tell(Boom())
    assert trace.count(("behind it", "a", 1)) == 0
    gate.open()
    assert trace.wait_for(("behind it", "a", 1))
    assert [event.path for event in log.of(AgentResumed)] == ["/crew/a"]


def test_an_ask_keeps_its_place_behind_a_message_that_was_there_first(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace))
    answer(ref, "who")
    before(ref, "acquire", lambda: append(ref, "first"))
    assert ref.ask("second") == "second"
    assert trace.notes[1:] == [("first", "a", 1), ("second", "a", 1)]


def test_a_chain_of_asks_is_answered_however_deep_it_is(system: ActorSystem) -> None:
    last = system.spawn(doer("last"))
    for _ in range(3 * place.DEEPEST):
        following = last
        last = system.spawn(Doer)
        answer(last, lambda agent, following=following: agent.context.become(lambda message: following.ask(message)))
    assert last.ask("far") == "far"


def test_a_reply_error_of_a_told_message_is_a_dead_letter_and_no_failure(system: ActorSystem, log: EventLog) -> None:
    ref = system.spawn(doer("a"))
    refused = ReplyError("not today")
    ref.tell(refused)
    assert incarnation(ref) == 1
    letter = log.wait(DeadLetter, "/a")
    assert (letter.message, letter.error, letter.reason) == (refused, refused, "nobody to answer")
    assert log.of(AgentFailed) == []


# -- a command -------------------------------------------------------------------


def test_two_commands_that_come_first_at_the_same_moment_are_both_obeyed(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = system.spawn(doer("a"))
    gate = held(ref)
    first: list[Any] = []
    lock = Windowed(place.making, "acquire", lambda: first.append(ref.stop(block=False, drain=False)))
    monkeypatch.setattr(place, "making", lock)
    second = ref.stop(block=False, drain=False)
    gate.open()
    assert first[0].get(timeout=PATIENCE)
    assert second.get(timeout=PATIENCE)


def test_a_failed_agent_ends_when_told_to_although_its_failure_has_yet_to_be_judged(
    system: ActorSystem, log: EventLog
) -> None:
    judged = Gate()
    system.spawn(
        supervisor("crew", doer("busy", policy=decided_at(judged)), doer("told"), strategy="one_for_all"),
    )
    told = get(system, "/crew/told")
    get(system, "/crew/busy").tell(Boom())
    judged.reached()
    gate = Gate()
    told.tell(lambda agent: (gate.wait(), agent.on_receive(Boom("told"))))
    gate.reached()
    stopping = told.stop(block=False, drain=False)
    gate.open()

    assert stopping.get(timeout=PATIENCE)
    ended = log.wait(AgentStopped, "/crew/told")
    assert (ended.reason, str(ended.error)) == (StopReason.FAILED, "told")
    judged.open()
    assert incarnation(get(system, "/crew/busy")) == 1
    assert log.wait(AgentFailed, "/crew/told").directive is Directive.STOP


def test_a_stop_of_an_agent_that_has_ended_is_answered_at_once_and_leaves_nothing_on_its_lane(
    system: ActorSystem,
) -> None:
    ref = system.spawn(doer("a"))
    assert ref.stop()
    cell: Any = ref._cell
    late = ref.stop(block=False)
    assert late.get(timeout=PATIENCE) is False
    cell.drop_control()
    assert not cell.control


def test_an_agent_that_is_stopped_before_it_has_begun_never_begins_and_its_spawner_learns_why(
    system: ActorSystem, trace: Trace, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Cell._start_elsewhere

    def stop_first(cell: Any) -> Any:
        # The name is reserved: from now on the agent can be found, although it has no incarnation yet.
        get(system, "/a").stop(block=False, drain=False)
        return start(cell)

    monkeypatch.setattr(Cell, "_start_elsewhere", stop_first)
    with pytest.raises(StartFailedError) as raised:
        system.spawn(doer("a", trace, dispatcher="thread"))
    assert isinstance(raised.value.cause, AgentStoppedError)
    assert log.wait(AgentStopped, "/a").reason is StopReason.REQUESTED
    assert trace.notes == []
    assert system.find("/a") is None


def test_an_illegal_step_in_an_agents_life_is_refused_with_both_states(system: ActorSystem) -> None:
    cell = system.spawn(doer("a"))._cell
    with pytest.raises(AssertionError, match="/a: RUNNING -> STOPPED is not a legal step"):
        cell.move(State.STOPPED)
    assert cell.state is State.RUNNING


# -- a notice --------------------------------------------------------------------


class Watcher(Doer):
    """Notes what has ended; its second incarnation takes its watches back if it is told so."""

    def __init__(self, trace: Trace, forgotten: AgentRef[Any] | None) -> None:
        super().__init__(trace)
        self.forgotten = forgotten

    def on_start(self) -> None:
        if self.forgotten is not None and self.context.incarnation == 2:
            self.context.unwatch(self.forgotten)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Terminated):
            return self.trace.note(message.ref.name)
        return super().on_receive(message)


@pytest.mark.parametrize("forgets", [False, True], ids=["keeps the watch", "takes it back"])
def test_a_notice_that_comes_while_the_watcher_backs_off_waits_for_its_next_incarnation(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace, forgets: bool
) -> None:
    target = system.spawn(doer("target"))
    policy = Restart(backoff=Backoff(2.0, cap=2.0))
    watcher = system.spawn(ChildSpec(Watcher, "w", args=(trace, target if forgets else None), policy=policy))
    answer(watcher, lambda agent: agent.context.watch(target))
    watcher.tell("ahead")
    watcher.tell(Boom())
    watcher.tell("behind")
    clock.wait_for_timer(2.0)
    log.wait(AgentBackingOff, "/w")

    assert target.stop()
    clock.advance(2.0)
    assert incarnation(watcher) == 2

    told = [] if forgets else ["target"]
    assert [note for note in trace.notes if isinstance(note, str)] == told
    assert trace.notes == [("ahead", "w", 1), ("failure", "w", 1), *told, ("behind", "w", 2)]


def test_ticks_and_notices_that_wait_when_an_agent_ends_are_no_dead_letters(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    ref = system.spawn(doer("a"))
    answer(ref, lambda agent: agent.context.timers.once("key", 1.0, "tick"))
    gate = held(ref)
    clock.advance(1.0)
    ref.tell("message")
    stopping = ref.stop(block=False, drain=False)
    gate.open()
    assert stopping.get(timeout=PATIENCE)
    assert [letter.message for letter in log.of(DeadLetter, "/a")] == ["message"]


@pytest.mark.parametrize("watchers", [1, 3])
def test_each_watcher_of_an_agent_is_told_once_and_who_never_watched_may_take_it_back(
    system: ActorSystem, trace: Trace, watchers: int
) -> None:
    target = system.spawn(doer("target"))
    refs = [system.spawn(ChildSpec(Watcher, args=(trace, None))) for _ in range(watchers)]
    for ref in refs:
        answer(ref, lambda agent: agent.context.watch(target))
    stranger = system.spawn(ChildSpec(Watcher, args=(trace, None)))
    answer(stranger, lambda agent: agent.context.unwatch(target))
    assert target.stop()
    for ref in [*refs, stranger]:
        answer(ref, "who")
    assert trace.count("target") == watchers


def test_a_resumed_supervisor_goes_on_with_the_child_that_had_failed(system: ActorSystem, log: EventLog) -> None:
    children = [doer("failing", policy=decided_at(_opened(), Directive.ESCALATE)), doer("other")]
    system.spawn(ChildSpec(Supervisor, "crew", kwargs={"children": children}, policy=Resume()))
    failing = get(system, "/crew/failing")
    failing.tell(Boom())
    assert incarnation(failing) == 1
    assert incarnation(get(system, "/crew/other")) == 1
    assert [event.path for event in log.of(AgentResumed)] == ["/crew", "/crew/failing"]


def _opened() -> Gate:
    gate = Gate()
    gate.open()
    return gate
