"""What if an answer that was deferred comes just as it is too late, or as others give one?"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentRef,
    AgentStoppedError,
    AskTimeout,
    Cancelled,
    ChildSpec,
    HandlerTimeout,
    Reply,
)
from actors._core.commands import State
from actors.testkit import Gate, Simulation
from policies import Decision, Directive, Failure, History
from tests.core.clocks import WatchedClock
from tests.core.deferring import AGAIN, AnsweringThread, Clerk, Hanging, late_replies, outcome, owed, race, replies
from tests.core.doer import Doer, busy_at, crash, number
from tests.core.helpers import Boom, EventLog, Meeting, Trace, answer, elsewhere, result
from tests.core.scripted import deciding

ROUNDS = 150


@pytest.fixture
def clerk(system: ActorSystem, spec: Any, trace: Trace) -> AgentRef[Clerk]:
    ref: AgentRef[Clerk] = system.spawn(spec(Clerk, name="clerk", args=(trace,), policy=AGAIN))
    return ref


def test_of_many_that_answer_at_the_same_moment_one_is_heard(
    clerk: AgentRef[Clerk], trace: Trace, log: EventLog
) -> None:
    for i in range(ROUNDS):
        asked = clerk.ask(f"a{i}", block=False)
        reply = replies(trace, i + 1)[i]
        told = race(*[partial(reply.set, n) for n in range(4)])

        assert [n for n, heard in enumerate(told) if heard] == [result(asked)]
    assert len(late_replies(log)) == 3 * ROUNDS
    assert owed(clerk) == []


def test_an_answer_that_races_with_the_end_is_heard_or_refused_and_never_both(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    heard = 0
    for i in range(ROUNDS):
        trace = Trace()
        clerk = system.spawn(spec(Clerk, name=f"a{i}", args=(trace,)))
        asked = clerk.ask("a", block=False)
        (reply,) = replies(trace)
        in_time, _ = race(partial(reply.set, "in time"), partial(clerk.stop, block=False, drain=i % 2 == 0))

        assert outcome(partial(result, asked)) == ("in time" if in_time else AgentStoppedError)
        heard += in_time
    assert heard + len(late_replies(log)) == ROUNDS


def test_an_answer_that_races_with_a_restart_is_heard_or_refused_and_never_both(
    clerk: AgentRef[Clerk], trace: Trace, log: EventLog
) -> None:
    heard = 0
    for i in range(50):
        asked = clerk.ask("a", block=False)
        reply = replies(trace, i + 1)[i]
        in_time, _ = race(partial(reply.set, "in time"), partial(clerk.tell, crash))
        answer(clerk, number)

        assert outcome(partial(result, asked)) == ("in time" if in_time else AgentStoppedError)
        assert owed(clerk) == []
        heard += in_time
    assert heard + len(late_replies(log)) == 50


def test_an_answer_that_races_with_the_askers_patience_is_heard_or_refused_and_never_both(
    clerk: AgentRef[Clerk], trace: Trace, clock: WatchedClock, log: EventLog
) -> None:
    heard = 0
    for i in range(ROUNDS):
        waiting = elsewhere(partial(outcome, partial(clerk.ask, "a", timeout=1.0)))
        reply = replies(trace, i + 1)[i]
        clock.wait_for_timer(clock.now() + 1.0)
        in_time, _ = race(partial(reply.set, "in time"), partial(clock.advance, 1.0))

        assert result(waiting) == ("in time" if in_time else AskTimeout)
        heard += in_time
    assert heard + len(late_replies(log)) == ROUNDS
    assert owed(clerk) == []


def test_to_defer_races_with_being_abandoned_and_the_asker_is_told_in_any_case(
    system: ActorSystem, spec: Any, clock: WatchedClock
) -> None:
    for i in range(60):
        gate = Gate()
        ready = Meeting(2)

        def defer(agent: Any, gate: Gate = gate, ready: Meeting = ready) -> None:
            ready.wait()
            try:
                agent.context.defer()
            except Cancelled:
                return
            finally:
                gate.wait()

        agent = system.spawn(spec(Doer, name=f"a{i}", deadline=1.0, policy=AGAIN))
        asked = agent.ask(defer, block=False)
        clock.wait_for_timer(clock.now() + 1.0)
        ready.wait()
        clock.advance(1.0)
        assert outcome(partial(result, asked)) is HandlerTimeout
        assert answer(agent, number) == 2
        assert owed(agent) == []
        gate.open()


def test_an_answer_races_with_being_abandoned_and_is_heard_or_refused(
    system: ActorSystem, spec: Any, clock: WatchedClock
) -> None:
    for i in range(60):
        gate = Gate()
        trace = Trace()
        agent = system.spawn(spec(Hanging, name=f"a{i}", args=(trace, gate), deadline=1.0, policy=AGAIN))
        asked = agent.ask("earlier", block=False)
        agent.tell(busy_at(gate))
        gate.reached()
        (reply,) = replies(trace)
        clock.wait_for_timer(clock.now() + 1.0)
        in_time, _ = race(partial(reply.set, "in time"), partial(clock.advance, 1.0))

        assert outcome(partial(result, asked)) == ("in time" if in_time else AgentStoppedError)
        assert answer(agent, number) == 2
        gate.open()


def test_an_ask_on_the_askers_thread_races_with_its_answer(system: ActorSystem, trace: Trace) -> None:
    answering = AnsweringThread(trace)
    clerk = system.spawn(Clerk, trace, name="clerk")
    try:
        assert [clerk.ask(f"a{i}") for i in range(500)] == [f"A{i}" for i in range(500)]
    finally:
        answering.end()
    assert owed(clerk) == []
    assert clerk._cell.state is State.RUNNING


@pytest.mark.parametrize("seed", range(40))
def test_in_whatever_order_an_answer_a_failure_and_a_stop_come_the_ask_is_settled_once(seed: int) -> None:
    class Answering(Agent):
        def __init__(self, told: list[bool]) -> None:
            self.told = told

        def on_receive(self, message: Reply) -> None:
            self.told.append(message.set("in time"))

    class Passing(Agent):
        """Defers an ask, and hands the reply on to all who may answer."""

        def __init__(self, others: list[AgentRef[Answering]]) -> None:
            self.others = others

        def on_receive(self, message: str) -> None:
            if message == "crash":
                raise Boom
            reply = self.context.defer()
            for other in self.others:
                other.tell(reply)

    with Simulation(seed=seed, policy=AGAIN) as system:
        told: list[bool] = []
        others = [system.spawn(Answering, told) for _ in range(3)]
        passing = system.spawn(Passing, others, name="passing")
        asked = passing.ask("a", block=False)
        passing.tell("crash")
        stopping = passing.stop(block=False, drain=seed % 2 == 0)

        assert outcome(asked.get) == ("in time" if any(told) else AgentStoppedError)
        assert stopping.get() is True
        for other in others:
            other.stop()
        assert told.count(True) <= 1


def test_whom_an_abandoned_incarnation_owes_an_answer_is_told_before_it_is_decided_about(
    system: ActorSystem, clock: WatchedClock, trace: Trace
) -> None:
    policy, handler = Gate(), Gate()

    def decide(failure: Failure, history: History) -> Decision:
        policy.wait()
        return Decision(Directive.RESTART, 0.0, history)

    ref = system.spawn(ChildSpec(Hanging, "a", args=(trace, handler), deadline=1.0, policy=deciding(decide)))
    earlier = ref.ask("earlier", block=False)
    ref.ask("hang", block=False)
    handler.reached()
    clock.advance(1.0)
    policy.reached()
    with pytest.raises(AgentStoppedError, match="/a #1 ended before it replied to 'earlier'"):
        result(earlier)
    policy.open()
    handler.open()
    assert answer(ref, lambda agent: agent.context.incarnation) == 2
