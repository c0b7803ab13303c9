"""Do the promises about messages hold: 1, 2, 4 and 5 of docs/semantics.md?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentStoppedError, ChildSpec, DeadLetter, Mailbox, MailboxFullError, Terminated
from actors.testkit import Gate
from policies import Backoff, Restart
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, Boom, EventLog, Trace, answer, assert_ended
from tests.core.scripted import Doer, at_once, doer, held


class Turnstile(Agent):
    """Notes what it handles, and whether anybody was inside already."""

    def __init__(self, handled: list[Any]) -> None:
        self.handled = handled
        self.inside = threading.Lock()
        self.met = 0

    def on_receive(self, message: Any) -> Any:
        if not self.inside.acquire(False):
            self.met += 1
            return None
        self.handled.append(message)
        self.inside.release()
        return message


# -- 1: one at a time, in order, at most once --------------------------------------------------------------------------


def test_promise_01_an_agent_handles_one_message_at_a_time(system: ActorSystem) -> None:
    handled: list[Any] = []
    ref = system.spawn(Turnstile, handled)

    def send_all(send: Callable[[int], Any]) -> None:
        for number in range(300):
            send(number)

    sends: list[Callable[[int], Any]] = [ref.tell, ref.ask]
    at_once(*(partial(send_all, send) for send in sends * 4))
    assert ref.proxy().met.get() == 0
    assert len(handled) == 8 * 300


def test_promise_01_messages_of_one_sender_arrive_in_order(system: ActorSystem) -> None:
    handled: list[Any] = []
    ref = system.spawn(Turnstile, handled)

    def send(sender: int) -> None:
        for number in range(400):
            if number % 3:
                ref.tell((sender, number))
            else:
                ref.ask((sender, number))

    at_once(*(partial(send, sender) for sender in range(4)))
    answer(ref, (4, 0))
    for sender in range(4):
        assert [number for by, number in handled if by == sender] == list(range(400))


def test_promise_01_a_message_is_delivered_at_most_once_through_restarts(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace))

    def note_and_fail(number: int, agent: Doer) -> None:
        trace.note(number)
        raise Boom(number)

    for number in range(20):
        ref.tell(partial(note_and_fail, number))
    assert answer(ref, "who") == 21
    assert [note for note in trace.notes if isinstance(note, int)] == list(range(20))


# -- 2: the control lane -----------------------------------------------------------------------------------------------


def test_promise_02_a_stop_overtakes_user_messages_in_a_full_mailbox(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(doer("a", trace, mailbox=Mailbox(2)))
    gate = held(ref)
    ref.tell("first")
    ref.tell("second")
    with pytest.raises(MailboxFullError):
        ref.tell("third")
    stopping = ref.stop(block=False, drain=False)
    gate.open()
    assert stopping.get(timeout=PATIENCE)
    assert trace.notes == [("start", "a", 1), ("stop", "a", 1)]


def test_promise_02_a_watchs_notice_overtakes_and_needs_no_room(system: ActorSystem) -> None:
    seen = Trace()

    class Watcher(Doer):
        def on_receive(self, message: Any) -> Any:
            if isinstance(message, Terminated):
                seen.note(message.ref.path)
                return None
            return super().on_receive(message)

    target = system.spawn(doer("target"))
    watcher = system.spawn(ChildSpec(Watcher, "watcher", args=(seen,), mailbox=Mailbox(1)))
    watcher.ask(lambda agent: agent.context.watch(target))
    seen.clear()
    gate = held(watcher)
    watcher.tell("a user message")
    with pytest.raises(MailboxFullError):
        watcher.tell("one more")
    target.stop()
    gate.open()
    assert seen.wait_until(lambda notes: len(notes) == 2) == ["/target", ("a user message", "watcher", 1)]


def test_promise_02_failures_and_resumes_need_no_room_in_a_full_mailbox(
    system: ActorSystem, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(doer("a", trace, mailbox=Mailbox(1)))
    gate = Gate()

    def fail_at_the_gate(agent: Doer) -> None:
        gate.wait()
        raise Boom("while the mailbox is full")

    ref.tell(fail_at_the_gate)
    gate.reached()
    ref.tell("queued")
    gate.open()
    trace.wait_for(("queued", "a", 2))
    assert [letter.reason for letter in log.of(DeadLetter)] == ["failed"]


# -- 4: what became of every message -----------------------------------------------------------------------------------


def test_promise_04_an_accepted_message_is_handled_or_a_dead_letter_or_still_queued(
    system: ActorSystem, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(doer("a", trace))
    error = Boom("failed over this")
    ref.tell("handled")
    ref.tell(error)
    gate = held(ref)
    ref.tell("queued")
    snapshot = system.tree().find("/a")
    assert snapshot is not None
    assert snapshot.mailbox == 1
    assert trace.count(("handled", "a", 1)) == 1
    assert [letter.message for letter in log.of(DeadLetter)] == [error]
    ref.stop(block=False, drain=False)
    gate.open()
    assert_ended(ref)
    log.wait(DeadLetter, times=2)
    found = [(letter.path, letter.reason, letter.message) for letter in log.of(DeadLetter)]
    assert found == [("/a", "failed", error), ("/a", "stopped", "queued")]


# -- 5: closed once, for good ------------------------------------------------------------------------------------------


def test_promise_05_a_mailbox_stays_open_through_a_restart(
    system: ActorSystem, clock: WatchedClock, trace: Trace, log: EventLog
) -> None:
    policy = Restart(None, within=None, backoff=Backoff(1.0, cap=1.0))
    ref = system.spawn(doer("a", trace, policy=policy))
    ref.tell(Boom("down for a second"))
    trace.wait_for(("failure", "a", 1))
    ref.tell("sent while it is down")
    assert ref.is_alive()
    clock.advance_once_due(1.0)
    trace.wait_for(("sent while it is down", "a", 2))


def test_promise_05_after_the_final_stop_a_message_is_refused_and_recorded(system: ActorSystem, log: EventLog) -> None:
    ref = system.spawn(doer("a"))
    ref.stop()
    with pytest.raises(AgentStoppedError, match="/a not found") as refused:
        ref.tell("too late")
    assert refused.value.path == "/a"
    with pytest.raises(AgentStoppedError):
        ref.ask("much too late")
    assert [letter.message for letter in log.of(DeadLetter, "/a")] == ["too late", "much too late"]
    assert not ref.is_alive()


def test_promise_05_who_races_with_the_stop_is_handled_or_recorded_exactly_once(system: ActorSystem) -> None:
    for number in range(30):
        handled: list[Any] = []
        letters = EventLog(system)
        ref = system.spawn(Turnstile, handled)

        def send(sender: int, ref: Any = ref) -> int:
            refused = 0
            for message in range(20):
                try:
                    ref.tell((sender, message))
                except AgentStoppedError:
                    refused += 1
            return refused

        *refused, _ = at_once(partial(send, 0), partial(send, 1), partial(ref.stop, drain=bool(number % 2)))
        dead = [letter.message for letter in letters.of(DeadLetter, ref.path)]
        assert sorted(handled + dead) == [(sender, message) for sender in range(2) for message in range(20)]
        assert len(dead) >= sum(refused)
