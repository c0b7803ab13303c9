"""What does the log say of dead letters, and when does it say nothing?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentStopped,
    AgentStoppedError,
    ChildSpec,
    DeadLetter,
    Mailbox,
    SystemFailed,
)
from actors._core.messages import DeadLetterReason
from actors.testkit import Gate
from policies import Escalate, Restart, Stop
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, answer, busy_at, crash, start, stop
from tests.core.helpers import EventLog
from tests.core.worlds import World

R = DeadLetterReason


def waiting_at(ref: Any, gate: Gate, *messages: Any) -> None:
    """Keep an agent at a gate, with messages that wait for it."""
    ref.tell(busy_at(gate))
    gate.reached()
    for message in messages:
        ref.tell(message)


def letters(lines: list[str]) -> list[str]:
    return [line for line in lines if "dead letter" in line]


def test_the_first_of_a_reason_is_a_line_and_those_that_follow_are_summed_up(
    system: ActorSystem, clock: WatchedClock, log: EventLog, lines: list[str]
) -> None:
    for path, count in (("/a", 3), ("/b", 5), ("/c", 4), ("/d", 2), ("/e", 1)):
        for number in range(count):
            system.dead_letters.record(path, number, R.EXPIRED, incarnation=2)
    system.dead_letters.record("/a", "late", R.LATE_REPLY, detail="to 'hello'", incarnation=1)
    assert lines == ["dead letter to /a #2: 0 (expired)", "dead letter to /a #1: 'late' (late reply, to 'hello')"]
    clock.advance(5.0)
    assert lines[2:] == ["14 more dead letters (expired): 5 to /b, 4 to /c, 2 to /a, 3 to 2 others within 5 s"]
    system.dead_letters.record("/a", "x" * 500, R.EXPIRED)
    assert lines[3:] == [f"dead letter to /a #0: '{'x' * 199} (expired)"]
    assert len(log.of(DeadLetter)) == 17


def test_a_storm_of_them_is_two_lines_for_each_reason_and_window(
    system: ActorSystem, clock: WatchedClock, log: EventLog, lines: list[str]
) -> None:
    ended = system.spawn(Doer, name="ended")
    stop(ended)
    full = system.spawn(ChildSpec(Doer, "full", mailbox=Mailbox(1, "drop_newest")))
    gate = Gate()
    waiting_at(full, gate, "it fills")
    for window in range(5):
        for number in range(1000):
            with pytest.raises(AgentStoppedError):
                ended.tell((window, number))
            full.tell((window, number))
        clock.advance(5.0)
    assert len(log.of(DeadLetter)) == 10_000
    assert len(lines) == 5 * 2 * 2
    assert [line for line in lines if "more" in line] == [
        "999 more dead letters (stopped): 999 to /ended within 5 s",
        "999 more dead letters (mailbox full (drop_newest)): 999 to /full within 5 s",
    ] * 5
    assert (len(system.dead_letters), system.dead_letters.dropped) == (1000, 9000)
    gate.open()


def test_a_window_begins_with_its_first_and_one_that_comes_alone_is_not_summed_up(
    system: ActorSystem, clock: WatchedClock, lines: list[str]
) -> None:
    def lose(message: str) -> None:
        system.dead_letters.record("/a", message, R.EXPIRED)

    lose("first")
    clock.advance(4.9)
    lose("second")
    clock.advance(0.1)
    lose("third")
    clock.advance(60.0)
    lose("fourth")
    assert lines == [
        "dead letter to /a #0: 'first' (expired)",
        "1 more dead letter (expired): 1 to /a within 5 s",
        "dead letter to /a #0: 'third' (expired)",
        "dead letter to /a #0: 'fourth' (expired)",
    ]


def test_what_was_not_summed_up_yet_is_when_the_system_has_stopped(world: World, lines: list[str]) -> None:
    system = world.system("ending")
    for number in range(3):
        system.dead_letters.record("/a", number, R.EXPIRED)
    system.stop()
    assert lines[1:] == ["2 more dead letters (expired): 2 to /a within 5 s"]


def test_a_failure_has_a_line_and_its_message_no_other(system: ActorSystem, log: EventLog, lines: list[str]) -> None:
    system.spawn(ChildSpec(Doer, "a", policy=Restart())).tell(crash)
    log.wait(AgentFailed)
    assert len(log.of(DeadLetter)) == 1
    assert letters(lines) == []


def test_to_send_to_one_that_has_ended_is_a_line(system: ActorSystem, lines: list[str]) -> None:
    agent = system.spawn(Doer, name="a")
    stop(agent)
    with pytest.raises(AgentStoppedError):
        agent.tell("hello")
    assert lines == ["dead letter to /a #1: 'hello' (stopped)"]


def test_while_the_system_stops_there_are_none_but_all_events(world: World, lines: list[str]) -> None:
    system = world.system("planned")
    log = EventLog(system)
    gate = Gate()
    agent = system.spawn(Doer, name="a")
    waiting_at(agent, gate, 1, 2)
    gate.open()
    system.stop()
    with pytest.raises(AgentStoppedError):
        agent.tell("too late")
    assert [letter.message for letter in log.of(DeadLetter)][-1] == "too late"
    assert lines == []


@pytest.mark.parametrize("how", ["stop", "terminate", "itself"])
def test_while_a_subtree_ends_that_somebody_wants_to_end_there_are_none_but_all_events(
    system: ActorSystem, log: EventLog, lines: list[str], how: str
) -> None:
    gate, ending = Gate(), Gate()

    class Slow(Doer):
        def on_stop(self) -> None:
            ending.wait()

    parent = system.spawn(ChildSpec(Slow, "p", shutdown="infinity"))
    child = answer(parent, start(ChildSpec(Doer, "c", shutdown="infinity")))
    waiting_at(child, gate, 1, 2)
    if how == "terminate":
        ending.open()
        gate.open()
        parent.terminate_child("c")
        assert lines == []
        return
    if how == "stop":
        parent.stop(block=False, drain=False)
    else:
        parent.tell(lambda agent: agent.stop())
    gate.open()
    ending.reached()
    for ref in (child, parent):
        with pytest.raises(AgentStoppedError):
            ref.tell("too late")
    assert lines == []
    assert [letter.message for letter in log.of(DeadLetter)][-2:] == ["too late", "too late"]
    ending.open()
    log.wait(AgentStopped, "/p")


def test_what_is_lost_because_an_agent_failed_is_a_line(system: ActorSystem, log: EventLog, lines: list[str]) -> None:
    gate = Gate()
    agent = system.spawn(ChildSpec(Doer, "a", policy=Stop()))

    def fail(agent: Doer) -> None:
        gate.wait()
        crash(agent)

    agent.tell(fail)
    gate.reached()
    agent.tell("lost")
    gate.open()
    log.wait(AgentStopped, "/a")
    assert letters(lines) == ["dead letter to /a #1: 'lost' (stopped)"]


def test_what_is_lost_because_a_parent_restarts_is_a_line(system: ActorSystem, log: EventLog, lines: list[str]) -> None:
    gate = Gate()
    parent = system.spawn(ChildSpec(Doer, "p", policy=Restart()))
    child = answer(parent, start(Doer, name="c"))
    waiting_at(child, gate, "lost")
    parent.tell(crash)
    log.wait(AgentFailed, "/p")
    gate.open()
    log.wait(AgentStopped, "/p/c")
    assert letters(lines) == ["dead letter to /p/c #1: 'lost' (stopped)"]


def test_what_is_lost_because_the_system_failed_is_a_line(world: World, lines: list[str]) -> None:
    system = world.system("failing", policy=Escalate())
    other = system.spawn(Doer, name="other")
    system.spawn(Doer, name="a").tell(crash)
    with pytest.raises(SystemFailed):
        system.wait(10)
    with pytest.raises(AgentStoppedError):
        other.tell("too late")
    assert letters(lines) == ["dead letter to /other #1: 'too late' (stopped)"]
