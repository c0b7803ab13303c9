"""What does the log say of failures, and does it ever get in their way?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentFailed, AgentRestarted, AskTimeout, ChildSpec, DeadLetter, SystemFailed
from actors._core.report import CrashReports
from actors.testkit import Gate, VirtualClock
from policies import Backoff, Decision, Directive, Escalate, Failure, Phase, Restart
from tests.core.helpers import Boom, EventLog, answer
from tests.core.worlds import World


class Unprintable(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __str__ = __repr__


class Failing(Agent):
    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        if isinstance(message, Held):
            message.gate.wait()
        return message


class Held:
    """A message that cannot be printed."""

    def __init__(self) -> None:
        self.gate = Gate()

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def spawn(system: ActorSystem, policy: Any = None) -> Any:
    return system.spawn(ChildSpec(Failing, name="failing", policy=policy or Restart(None, within=None)))


def test_a_failure_is_one_line_that_says_who_what_and_what_follows(
    system: ActorSystem, log: EventLog, lines: list[str]
) -> None:
    ref = spawn(system, Restart(backoff=Backoff(2.0)))
    ref.tell(Boom("out of paper"))
    log.wait(AgentFailed)
    assert lines == [
        "/failing #1 failed in receive over Boom('out of paper'): Boom('out of paper') -> restart in 2 s, "
        "restarts so far: 0"
    ]


def test_a_failure_that_repeats_is_summed_up(
    system: ActorSystem, clock: VirtualClock, log: EventLog, lines: list[str]
) -> None:
    ref = spawn(system)
    for number in range(4):
        ref.tell(Boom("again"))
        log.wait(AgentRestarted, times=number + 1)
    assert len(lines) == 1
    clock.advance(5.0)
    assert lines[1].startswith("/failing: Boom at ")
    assert lines[1].endswith("happened 3 more times within 5 s")
    clock.advance(5.0)
    assert len(lines) == 2


def test_what_was_not_summed_up_yet_is_when_the_system_ends(world: World, lines: list[str]) -> None:
    system = world.system("demo", policy=None)
    log = EventLog(system)
    ref = spawn(system)
    for number in range(2):
        ref.tell(Boom("again"))
        log.wait(AgentRestarted, times=number + 1)
    system.stop()
    assert lines[-1].endswith("happened once more within 5 s")


def test_no_timer_is_made_under_the_lock_of_the_reports() -> None:
    class Watching(VirtualClock):
        def call_at(self, when: float, callback: Any) -> Any:
            assert not reports._lock.locked()
            return super().call_at(when, callback)

    clock = Watching()
    reports = CrashReports(clock)
    failure = Failure("/it", Boom(), 1, Phase.RECEIVE, False, 0.0)
    reports.failed(None, failure, Decision(Directive.STOP), "", 0)  # type: ignore[arg-type]
    assert clock.next_due == 5.0


def test_a_system_may_end_while_a_failure_is_reported() -> None:
    class Closing(VirtualClock):
        def call_at(self, when: float, callback: Any) -> Any:
            reports.close()
            return super().call_at(when, callback)

    clock = Closing()
    reports = CrashReports(clock)
    failure = Failure("/it", Boom(), 1, Phase.RECEIVE, False, 0.0)
    reports.failed(None, failure, Decision(Directive.STOP), "", 0)  # type: ignore[arg-type]
    clock.advance(5.0)
    assert reports._repeats == {}


def test_an_error_that_cannot_be_printed_is_a_failure_like_any_other(
    system: ActorSystem, log: EventLog, lines: list[str]
) -> None:
    ref = spawn(system)
    ref.tell(Unprintable())
    log.wait(AgentRestarted)
    assert answer(ref, "hello") == "hello"
    assert "<Unprintable that cannot be printed> -> restart" in lines[0]
    assert "<Unprintable that cannot be printed>" in str(system.tree())


def test_an_error_that_cannot_be_printed_reaches_the_root(world: World) -> None:
    system = world.system("demo", policy=Escalate())
    system.spawn(Failing, name="failing").tell(Unprintable())
    with pytest.raises(SystemFailed, match="because /failing failed: <Unprintable that cannot be printed>"):
        system.wait(10)


def test_a_message_that_cannot_be_printed_may_be_answered_too_late(
    system: ActorSystem, clock: VirtualClock, log: EventLog
) -> None:
    ref = system.spawn(Failing)
    held = Held()
    future = ref.ask(held, block=False)
    held.gate.reached()
    assert future.resolve(error=AskTimeout(ref.path, 1.0))
    held.gate.open()
    assert log.wait(DeadLetter).why == "late reply, to <Held that cannot be printed>"
    assert answer(ref, "hello") == "hello"


@pytest.mark.leaves_orphans
def test_a_message_that_cannot_be_printed_may_take_too_long(
    system: ActorSystem, clock: VirtualClock, log: EventLog
) -> None:
    ref = system.spawn(ChildSpec(Failing, policy=Restart(), deadline=1.0))
    held = Held()
    ref.tell(held)
    held.gate.reached()
    clock.advance(1.0)
    assert "took longer than 1 seconds over <Held that cannot be printed>" in str(log.wait(AgentRestarted).error)
    held.gate.open()
