"""What does an asker get when its agent ends, restarts, or is too late?"""

from typing import Any

import pytest

from actors import ActorSystem, AgentStoppedError, AskTimeout, DeadLetter, StopReason
from actors.testkit import Gate
from policies import Restart, Stop
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, busy_at, crash, dead_letters, end_of, number
from tests.core.helpers import Boom, EventLog, Trace, answer, elsewhere, result


def hold(ref: Any, then: Any = None) -> Gate:
    """Keep an agent busy until the gate is opened, and then have it do something."""
    gate = Gate()
    ref.tell(busy_at(gate) if then is None else lambda agent: (gate.wait(), then(agent)))
    gate.reached()
    return gate


@pytest.mark.case(107)
@pytest.mark.parametrize("drain", [True, False])
def test_asks_left_behind_a_stop_fail_and_the_stops_behind_it_succeed(
    system: ActorSystem, spec: Any, log: EventLog, drain: bool
) -> None:
    agent = system.spawn(spec(Doer, name="a"))
    gate = hold(agent)
    stopping = agent.stop(block=False, drain=drain)
    asked = [agent.ask(i, block=False) for i in range(3)]
    stops = [agent.stop(block=False) for _ in range(3)]
    gate.open()

    assert result(stopping) is True
    for future in asked:
        with pytest.raises(AgentStoppedError) as error:
            result(future)
        assert error.value.path == "/a"
    assert [result(future) for future in stops] == [True, True, True]
    assert dead_letters(log, "/a", "stopped") == [0, 1, 2]


@pytest.mark.case(108)
def test_on_a_final_stop_what_was_told_is_recorded_and_who_asked_is_told(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    agent = system.spawn(spec(Doer, name="a", policy=Stop()))
    gate = hold(agent, then=crash)
    agent.tell("told")
    asked = agent.ask("asked", block=False)
    gate.open()

    with pytest.raises(AgentStoppedError) as error:
        result(asked)
    assert isinstance(error.value.cause, Boom)
    assert dead_letters(log, "/a", "stopped") == ["told", "asked"]


@pytest.mark.case(108)
def test_on_a_restart_nothing_that_waits_is_lost_and_nobody_is_told_anything(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,), policy=Restart(max_restarts=1, within=None)))
    gate = hold(agent, then=crash)
    agent.tell("told")
    asked = agent.ask("asked", block=False)
    gate.open()

    assert result(asked) == "asked"
    assert trace.notes == ["told", "asked"]
    assert [letter.reason for letter in log.of(DeadLetter, "/a")] == ["failed"]


@pytest.mark.case(108)
def test_when_the_limit_is_spent_what_waits_is_recorded_and_who_asked_is_told(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    policy = Restart(max_restarts=1, within=60.0, then=Stop())
    agent = system.spawn(spec(Doer, name="a", policy=policy))
    agent.tell(crash)
    assert answer(agent, number) == 2
    gate = hold(agent, then=crash)
    agent.tell("told")
    asked = agent.ask("asked", block=False)
    gate.open()

    with pytest.raises(AgentStoppedError):
        result(asked)
    assert end_of(log, "/a") is StopReason.FAILED
    assert dead_letters(log, "/a", "stopped") == ["told", "asked"]


@pytest.mark.case(109)
def test_a_reply_after_the_timeout_is_a_dead_letter_and_answers_no_later_ask(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog
) -> None:
    agent = system.spawn(spec(Doer, name="a"))
    gate = Gate()

    def slowly(_agent: Doer) -> str:
        gate.wait()
        return "late"

    asking = elsewhere(lambda: agent.ask(slowly, timeout=1.0))
    gate.reached()
    clock.advance_to(1.0)
    with pytest.raises(AskTimeout) as error:
        result(asking)
    assert (error.value.path, error.value.seconds) == ("/a", 1.0)
    next_ask = agent.ask("next", block=False)
    gate.open()

    assert result(next_ask) == "next"
    letter = log.wait(DeadLetter, "/a")
    assert letter.message == "late"
    assert letter.reason.startswith("late reply")
    assert len(log.of(DeadLetter)) == 1


@pytest.mark.case(109)
def test_an_ask_whose_time_is_over_before_its_turn_is_not_executed(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace
) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,)))
    gate = hold(agent)
    asking = elsewhere(lambda: agent.ask("too late", timeout=1.0))
    clock.advance_to(1.0)
    with pytest.raises(AskTimeout):
        result(asking)
    gate.open()

    assert answer(agent, "next") == "next"
    assert trace.notes == ["next"]
    assert dead_letters(log, "/a", "expired") == ["too late"]
