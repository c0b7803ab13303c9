"""What does a stop finish first, and what is refused, dropped or too late?"""

from typing import Any

import pytest

from actors import ActorSystem, AgentStarted, AgentStopped, AgentStoppedError, AskTimeout, StopReason
from actors.testkit import Gate
from policies import Restart, Stop
from tests.core.clocks import WatchedClock
from tests.core.doer import Doer, Last, busy_at, crash, dead_letters, end_of, start, stop, stopped, tree_of
from tests.core.helpers import EventLog, Trace, answer, elsewhere, result


@pytest.mark.case(75)
def test_a_stop_that_does_not_drain_lets_the_current_message_finish_and_no_other(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,)))
    gate = Gate()
    agent.tell(lambda agent: (gate.wait(), agent.trace.note("current")))
    gate.reached()
    for i in range(9):
        agent.tell(i)

    stopping = agent.stop(block=False, drain=False)
    gate.open()

    assert result(stopping) is True
    assert trace.notes == ["current"]
    assert dead_letters(log, "/a", "stopped") == list(range(9))


@pytest.mark.case(75)
def test_a_stop_comes_after_the_messages_that_wait(system: ActorSystem, spec: Any, trace: Trace) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,)))
    gate = Gate()
    agent.tell(lambda agent: (gate.wait(), agent.trace.note("current")))
    gate.reached()
    for i in range(9):
        agent.tell(i)

    stopping = agent.stop(block=False)
    gate.open()

    assert result(stopping) is True
    assert trace.notes == ["current", *range(9)]


@pytest.mark.case(76)
def test_a_thousand_messages_before_a_stop_are_handled_and_one_after_the_end_is_refused(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,)))
    for i in range(1000):
        agent.tell(i)

    assert stop(agent) is True

    assert trace.notes == list(range(1000))
    with pytest.raises(AgentStoppedError) as told:
        agent.tell("too late")
    with pytest.raises(AgentStoppedError) as asked:
        agent.ask("too late as well")
    assert (told.value.path, asked.value.path) == ("/a", "/a")
    assert dead_letters(log, "/a", "stopped") == ["too late", "too late as well"]


@pytest.mark.case(77)
def test_what_was_accepted_behind_a_stop_becomes_a_dead_letter_and_stopping_again_is_allowed(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    agent = system.spawn(spec(Doer, name="a", args=(trace,)))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()

    agent.tell("before")
    first = agent.stop(block=False)
    agent.tell("behind")
    asked = agent.ask("question behind", block=False)
    second = agent.stop(block=False)
    gate.open()

    assert result(first) is True
    assert result(second) is True
    assert stop(agent) is False
    assert trace.notes == ["before"]
    assert dead_letters(log, "/a", "stopped") == ["behind", "question behind"]
    with pytest.raises(AgentStoppedError):
        result(asked)
    assert len(log.of(AgentStopped, "/a")) == 1


class SpawnsAtTheEnd(Doer):
    """Tries to have a child when it is too late."""

    def on_stop(self) -> None:
        try:
            self.context.spawn(Doer, name="late")
        except AgentStoppedError as error:
            self.trace.note(error.path)


@pytest.mark.case(78)
def test_an_ending_agent_can_have_no_more_children(system: ActorSystem, spec: Any, log: EventLog, trace: Trace) -> None:
    parent = system.spawn(spec(SpawnsAtTheEnd, name="p", args=(trace,)))
    answer(parent, start(spec(Doer, name="child")))

    stop(parent)

    assert trace.notes == ["/p"]
    assert [event.path for event in log.of(AgentStarted)] == ["/p", "/p/child"]
    assert tree_of(system) == []


@pytest.mark.case(78)
def test_nobody_can_start_a_child_of_an_ending_agent(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog, trace: Trace
) -> None:
    parent = system.spawn(spec(Last, name="p", args=(trace, clock, 1.0)))

    stopping = parent.stop(block=False)
    clock.wait_for_timer(1.0)
    with pytest.raises(AgentStoppedError):
        parent.start_child(spec(Doer, name="late"))
    clock.advance(1.0)

    assert result(stopping) is True
    assert [event.path for event in log.of(AgentStarted)] == ["/p"]


@pytest.mark.case(79)
@pytest.mark.parametrize("policy", [Stop(), Restart(max_restarts=0, within=None, then=Stop())], ids=["stop", "limit"])
def test_the_children_of_an_agent_that_ends_by_a_failure_run_their_last_hook(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace, policy: Any
) -> None:
    parent = system.spawn(spec(Doer, name="p", policy=policy))
    answer(parent, start(spec(Last, name="a", args=(trace,))))
    answer(parent, start(spec(Last, name="b", args=(trace,))))

    parent.tell(crash)

    assert end_of(log, "/p") is StopReason.FAILED
    assert trace.notes == ["b", "a"]
    assert stopped(log)[:2] == [("/p/b", StopReason.SHUTDOWN), ("/p/a", StopReason.SHUTDOWN)]


@pytest.mark.case(80)
def test_stopping_an_agent_that_has_ended_says_so_at_once(system: ActorSystem, spec: Any) -> None:
    agent = system.spawn(spec(Doer, name="a"))

    assert agent.stop() is True

    assert agent.stop() is False
    assert agent.stop(drain=False) is False
    assert agent.stop(timeout=0.0) is False
    assert agent.stop(block=False).get(timeout=0.0) is False


@pytest.mark.case(80)
def test_a_stop_over_its_timeout_raises_and_the_agent_ends_nevertheless(
    system: ActorSystem, clock: WatchedClock, spec: Any, log: EventLog
) -> None:
    agent = system.spawn(spec(Doer, name="a"))
    gate = Gate()
    agent.tell(busy_at(gate))
    gate.reached()

    stopping = elsewhere(lambda: agent.stop(timeout=2.0))
    clock.advance_to(2.0)
    with pytest.raises(AskTimeout) as error:
        result(stopping)
    assert (error.value.path, error.value.seconds) == ("/a", 2.0)
    assert agent.is_alive()
    gate.open()

    assert end_of(log, "/a") is StopReason.REQUESTED
