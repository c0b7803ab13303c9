"""What had no test noticed until faults were put into the kernel on purpose?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentBackingOff,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    AgentStoppedError,
    AskTimeout,
    Cancelled,
    ChildSpec,
    DeadLetter,
    Escalated,
    Mailbox,
    NameTakenError,
    StopReason,
    Terminated,
)
from actors._core import abandonment, watch
from actors.testkit import Gate
from policies import Backoff, ByError, Decision, Directive, Failure, History, Restart
from tests.core.clocks import WatchedClock
from tests.core.helpers import Boom, EventLog, Trace, answer, elsewhere, incarnation
from tests.core.scripted import FOREVER, Doer, deciding, doer, get, held, supervisor

# -- messages and asks -----------------------------------------------------------


def test_a_message_that_is_stashed_and_fails_is_handled_again_and_no_dead_letter(
    system: ActorSystem, log: EventLog, trace: Trace
) -> None:
    ref = system.spawn(doer("a", trace))

    def stash_and_fail(agent: Agent) -> None:
        trace.note(agent.context.incarnation)
        if agent.context.incarnation == 1:
            agent.context.stash()
            raise Boom

    ref.tell(stash_and_fail)
    trace.wait_for(2)
    assert incarnation(ref) == 2
    assert log.of(DeadLetter) == []


def test_who_gives_up_without_having_been_told_to_has_failed(system: ActorSystem, log: EventLog) -> None:
    ref = system.spawn(doer("a"))
    ref.tell(Cancelled("of itself"))
    assert isinstance(log.wait(AgentFailed, "/a").error, Cancelled)
    assert incarnation(ref) == 2


@pytest.mark.parametrize("batch", [1, 256])
def test_a_message_that_was_told_ends_a_row_of_failures(system: ActorSystem, log: EventLog, batch: int) -> None:
    system.batch = range(batch)
    ref = system.spawn(doer("a", policy=Restart(1, within=None)))
    gate = held(ref)
    for _ in range(3):
        ref.tell("told")
        ref.tell(Boom())
    gate.open()
    log.wait(AgentRestarted, "/a", times=3)
    assert incarnation(ref) == 4


def test_a_handler_is_cancelled_once_its_asker_has_given_up(system: ActorSystem, clock: WatchedClock) -> None:
    ref = system.spawn(doer("a"))
    gate = Gate()
    cancelled: list[bool] = []

    def look(agent: Agent) -> None:
        cancelled.append(agent.context.cancelled)
        gate.wait()
        cancelled.append(agent.context.cancelled)

    asking = elsewhere(ref.ask, look, timeout=5.0)
    gate.reached()
    clock.advance(5.0)
    with pytest.raises(AskTimeout):
        asking.get()
    gate.open()
    answer(ref, "who")
    assert cancelled == [False, True]


class Link(Agent):
    """Asks the next of a chain."""

    def __init__(self, following: AgentRef[Any] | None) -> None:
        self.following = following

    def on_receive(self, message: Any) -> Any:
        return message if self.following is None else self.following.ask(message)


def test_a_chain_of_asks_may_be_longer_than_pythons_stack(system: ActorSystem) -> None:
    ref: AgentRef[Any] | None = None
    for _ in range(500):
        ref = system.spawn(Link, ref)
    assert ref is not None
    assert ref.ask("far") == "far"


# -- mailboxes -------------------------------------------------------------------


def test_a_full_mailbox_drops_no_tick_in_the_place_of_the_oldest_message(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    ref = system.spawn(doer("a", trace, mailbox=Mailbox(1, "drop_oldest")))
    answer(ref, lambda agent: agent.context.timers.once("key", 1.0, "tick"))
    gate = held(ref)
    clock.advance(1.0)
    ref.tell("first")
    ref.tell("second")
    gate.open()
    trace.wait_for(("second", "a", 1))
    assert [what for what, *_ in trace.notes] == ["start", "tick", "second"]
    assert [letter.message for letter in log.of(DeadLetter)] == ["first"]


def test_all_senders_that_wait_for_room_are_told_of_the_end(system: ActorSystem, clock: WatchedClock) -> None:
    ref = system.spawn(doer("a", mailbox=Mailbox(1, "block", timeout=9.0)))
    gate = held(ref)
    ref.tell("first")
    senders = [elsewhere(ref.tell, number) for number in range(3)]
    clock.wait_for_timer(9.0, 3)
    ref.stop(block=False, drain=False)
    gate.open()
    for sender in senders:
        with pytest.raises(AgentStoppedError):
            sender.get()


def test_what_was_stashed_before_an_end_is_recorded_ahead_of_the_mailbox(system: ActorSystem, log: EventLog) -> None:
    ref = system.spawn(ChildSpec(Stashing, "a"))
    ref.tell("first")
    gate = Gate()
    ref.tell(gate)
    gate.reached()
    ref.tell("second")
    ref.stop(block=False, drain=False)
    gate.open()
    log.wait(AgentStopped, "/a")
    assert [letter.message for letter in log.of(DeadLetter)] == ["first", "second"]


class Stashing(Agent):
    """Stashes everything but a gate, through which it goes."""

    def on_receive(self, message: Any) -> None:
        if isinstance(message, Gate):
            message.wait()
        else:
            self.context.stash()


# -- decisions -------------------------------------------------------------------


def test_a_failure_of_a_child_that_was_restarted_meanwhile_spends_no_limit(
    system: ActorSystem, log: EventLog, trace: Trace
) -> None:
    gate = Gate()

    def restart_later(failure: Failure, history: History) -> Decision:
        gate.wait()
        return Decision(Directive.RESTART, 0.0, history)

    children = (doer("a", trace, policy=deciding(restart_later)), doer("b", trace, policy=None))
    system.spawn(supervisor("crew", *children, strategy="one_for_all", policy=Restart(0)))
    a, b = get(system, "/crew/a"), get(system, "/crew/b")
    a.tell(Boom())
    gate.reached()
    # It fails while it is decided about its sibling, which takes it along.
    b.tell(Boom())
    log.wait(DeadLetter, "/crew/b")
    gate.open()
    log.wait(AgentFailed, "/crew/b")
    assert [incarnation(ref) for ref in (a, b)] == [2, 2]
    assert log.of(Escalated) == []


def test_a_backoff_that_was_cut_short_wakes_nobody_also_where_the_strategy_has_changed(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    slowly = Restart(None, within=None, backoff=Backoff(4.0, cap=4.0))
    policy = ByError({KeyError: FOREVER}, default=slowly)
    parent = system.spawn(ChildSpec(Doer, "parent", args=(trace,)))

    def spawn(agent: Any) -> None:
        agent.policy = policy
        for name in "ab":
            agent.context.spawn(doer(name, trace, policy=None))

    def change(agent: Any) -> None:
        agent.strategy = "one_for_all"

    answer(parent, spawn)
    a, b = get(system, "/parent/a"), get(system, "/parent/b")
    b.tell(Boom())
    clock.wait_for_timer(4.0)
    log.wait(AgentBackingOff, "/parent/b")
    answer(parent, change)
    a.tell(KeyError())
    assert [incarnation(ref) for ref in (a, b)] == [2, 2]
    clock.advance(3.0)
    b.tell(Boom())
    clock.wait_for_timer(7.0)
    # When the first backoff would have been over.
    clock.advance(1.0)
    assert incarnation(parent) == 1
    assert trace.count(("start", "b", 3)) == 0
    clock.advance(3.0)
    assert incarnation(b) == 3


# -- ends ------------------------------------------------------------------------


def test_a_name_is_free_at_the_moment_at_which_the_watchers_are_told(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = system.spawn(doer("a"))
    ended = watch.ended
    came_of_it: list[Any] = []

    def told(target: Any, notice: Terminated) -> None:
        ended(target, notice)
        monkeypatch.setattr(watch, "ended", ended)
        try:
            came_of_it.append(system.spawn(doer("a")))
        except NameTakenError as error:
            came_of_it.append(error)

    monkeypatch.setattr(watch, "ended", told)
    assert ref.stop()
    assert came_of_it == [system.find("/a")]


def test_a_watch_of_one_that_has_ended_tells_each_time_it_is_asked_for(system: ActorSystem, trace: Trace) -> None:
    ref, watcher = system.spawn(doer("a")), system.spawn(ChildSpec(Watcher, "watcher", args=(trace,)))
    ref.stop()
    for times in (1, 2):
        answer(watcher, lambda agent: agent.context.watch(ref))
        trace.wait_for(("/a", StopReason.REQUESTED), times=times)


class Watcher(Doer):
    """Notes the ends it is told of."""

    def on_receive(self, message: Any) -> Any:
        if not isinstance(message, Terminated):
            return super().on_receive(message)
        self.trace.note((message.ref.path, message.reason))
        return None


def test_a_watcher_that_has_ended_is_forgotten_by_whom_it_watched(system: ActorSystem) -> None:
    ref, watcher = system.spawn(doer("a")), system.spawn(doer("watcher"))
    answer(watcher, lambda agent: agent.context.watch(ref))
    assert ref._cell.watchers
    watcher.stop()
    assert not ref._cell.watchers


class Ends(Doer):
    """Its last hook waits at a gate."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def on_stop(self) -> None:
        self.gate.wait()


def test_a_last_hook_that_hangs_after_the_children_took_long_to_end_is_given_up(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    own, childs = Gate(), Gate()
    parent = system.spawn(ChildSpec(Ends, "parent", args=(own,), shutdown=2.0))
    answer(parent, lambda agent: agent.context.spawn(ChildSpec(Ends, "child", args=(childs,), shutdown="infinity")))
    parent.stop(block=False, drain=False)
    childs.reached()
    # None of its own code runs yet when its time would be over.
    clock.advance(2.0)
    childs.open()
    own.reached()
    clock.advance(2.0)
    log.wait(AgentAbandoned, "/parent")
    log.wait(AgentStopped, "/parent")
    own.open()


def test_a_child_has_its_own_time_to_end_although_the_system_allows_more(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    gate = held(system.spawn(doer("a", shutdown=1.0)))
    stopping = elsewhere(system.stop, timeout=60.0)
    clock.wait_for_timer(1.0)
    clock.advance(1.0)
    assert stopping.get().abandoned == ("/a",)
    assert log.wait(AgentAbandoned, "/a").at == 1.0
    gate.open()


@pytest.mark.threads_only("stops the time between the two ends")
def test_who_has_not_been_told_to_end_when_the_systems_time_is_over_is_not_given_up_for_that(
    system: ActorSystem, clock: WatchedClock, log: EventLog
) -> None:
    first, last = (held(system.spawn(doer(name, shutdown="infinity"))) for name in "ab")
    stopping = elsewhere(system.stop, timeout=5.0)
    clock.wait_for_timer(5.0, 2)  # for the system, and for the last child
    clock.advance(5.0)
    log.wait(AgentStopped, "/b")
    first.open()
    assert stopping.get().abandoned == ("/b",)
    assert log.wait(AgentStopped, "/a").reason is StopReason.SHUTDOWN
    last.open()


def test_code_that_cannot_be_given_up_when_its_time_is_over_is_given_up_a_moment_later(
    system: ActorSystem, clock: WatchedClock, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    abandon = abandonment.abandon

    def not_now(*_: Any) -> bool:
        monkeypatch.setattr(abandonment, "abandon", abandon)
        return False

    monkeypatch.setattr(abandonment, "abandon", not_now)
    ref = system.spawn(doer("a", shutdown=1.0))
    gate = held(ref)
    ref.stop(block=False, drain=False)
    clock.advance(1.0)
    assert log.of(AgentAbandoned) == []
    clock.advance(1.0)
    assert log.wait(AgentAbandoned, "/a").at < 1.1
    gate.open()
