"""What does the log say of dead letters, and when does it say nothing?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, AgentFailed, AgentStopped, AgentStoppedError, ChildSpec, DeadLetter, SystemFailed
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
