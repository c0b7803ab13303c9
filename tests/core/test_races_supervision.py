"""What if two decisions, or a decision and an end, meet at one agent?"""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    ActorSystem,
    Agent,
    AgentAbandoned,
    AgentFailed,
    AgentRestarted,
    AgentStopped,
    AskCycleError,
    ChildSpec,
    Escalated,
    StartFailedError,
    Supervisor,
)
from actors._core import parent
from actors._core.commands import Restart as RestartCommand
from actors.testkit import Gate
from policies import Decision, Directive, Escalate, Failure, History, Restart, Stop
from tests.core.clocks import WatchedClock
from tests.core.helpers import PATIENCE, Boom, EventLog, Flag, Trace, answer, elsewhere, incarnation
from tests.core.scripted import FOREVER, Doer, deciding, doer, get, held, supervisor


def escalated(failure: Failure, history: History) -> Decision:
    return Decision(Directive.ESCALATE, 0.0, history)


def restarting_at(gate: Gate) -> Any:
    """A policy that restarts once the gate is open."""

    def decide(failure: Failure, history: History) -> Decision:
        gate.wait()
        return Decision(Directive.RESTART, 0.0, history)

    return deciding(decide)


# -- children that are kept ------------------------------------------------------


def test_a_kept_child_that_had_failed_starts_afresh_when_its_parent_goes_along_with_a_sibling(
    system: ActorSystem, log: EventLog, trace: Trace
) -> None:
    gate = Gate()
    kept = supervisor("kept", doer("child", trace, policy=Escalate()))
    crew = supervisor(
        "crew",
        ChildSpec(Supervisor, "kept", kwargs=kept.kwargs, keep_children=True),
        doer("sibling", trace, policy=restarting_at(gate)),
        strategy="one_for_all",
    )
    system.spawn(crew)
    child = get(system, "/crew/kept/child")
    # The sibling's failure is being decided about when the child's reaches their parent, behind it.
    get(system, "/crew/sibling").tell(Boom())
    gate.reached()
    child.tell(Boom())
    log.wait(Escalated, child.path)
    gate.open()
    log.wait(AgentRestarted, "/crew/sibling")
    assert incarnation(child) == 2


def test_a_failure_of_an_earlier_incarnation_gives_up_nothing_of_the_next(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    gate = Gate()
    kept = supervisor(
        "kept",
        doer("child", trace, policy=Escalate()),
        doer("sibling", trace),
        strategy="one_for_all",
    )
    system.spawn(
        supervisor(
            "crew",
            ChildSpec(Supervisor, "kept", kwargs=kept.kwargs, keep_children=True, policy=restarting_at(gate)),
        )
    )
    child = get(system, "/crew/kept/child")
    child.tell(Boom())
    gate.reached()
    # While it is decided about their parent, both children are restarted.
    get(system, "/crew/kept/sibling").tell(Boom())
    assert incarnation(child) == 2
    busy = held(child)
    gate.open()
    log.wait(AgentRestarted, "/crew/kept")
    assert incarnation(get(system, "/crew/kept/sibling")) == 2
    clock.advance(60)
    busy.open()
    assert answer(child, lambda agent: agent.context.fenced) is False
    assert log.of(AgentAbandoned) == []


def test_a_decision_that_comes_behind_a_planned_restart_gives_up_no_code_of_the_next_incarnation(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    starting = Gate()

    class Slow(Doer):
        def on_start(self) -> None:
            if self.context.incarnation > 1:
                starting.wait()

    crew = system.spawn(supervisor("crew", ChildSpec(Slow, "slow", args=(trace,), shutdown=2.0)))
    ref = get(system, "/crew/slow")
    busy = held(ref)
    restarted = elsewhere(crew.restart_child, "slow")
    clock.armed.wait_until(lambda notes: notes)
    # What was decided about a failure of the first incarnation, before it was known that there is another.
    ref._cell.post(RestartCommand(Failure(ref.path, Boom(), 1)), 2.0)
    busy.open()
    starting.reached()
    clock.advance(60)
    starting.open()
    assert restarted.get()
    assert (incarnation(ref), log.of(AgentAbandoned)) == (2, [])


# -- ends ------------------------------------------------------------------------


class Slow(Doer):
    """Its second start hangs, and the end of its child waits for the gate."""

    def __init__(self, trace: Trace, gate: Gate, hung: Flag) -> None:
        super().__init__(trace)
        self.gate = gate
        self.hung = hung

    def on_start(self) -> None:
        if self.context.incarnation == 1:
            self.context.spawn(ChildSpec(Last, "last", args=(self.gate,), shutdown="infinity"))
        else:
            self.trace.note("starts again")
            self.hung.wait(2 * PATIENCE)

    on_stop = Agent.on_stop
    on_failure = Agent.on_failure


class Last(Agent):
    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def on_stop(self) -> None:
        self.gate.wait()


def test_a_stop_behind_a_restart_gives_up_a_start_that_hangs(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    gate, hung = Gate(), Flag()
    system.spawn(ChildSpec(Slow, "slow", args=(trace, gate, hung), policy=FOREVER, shutdown=3.0))
    ref = get(system, "/slow")
    ref.tell(Boom())
    gate.reached()
    end = ref.stop(block=False, drain=False)
    gate.open()
    trace.wait_for("starts again")
    clock.advance(4)
    assert log.wait(AgentStopped, "/slow")
    assert end.get() is True
    hung.set()


def test_who_stops_an_agent_that_is_ending_waits_for_its_end_too(system: ActorSystem, trace: Trace) -> None:
    ref = system.spawn(ChildSpec(Last, args=(gate := Gate(),)))
    ref._cell.lock.acquire()
    first = ref.stop(block=False)
    second = ref.stop(block=False)
    ref._cell.dispatcher.put(ref._cell)
    gate.reached()
    assert not first.settled
    assert not second.settled
    gate.open()
    assert (first.get(), second.get()) == (True, True)


# -- starts ----------------------------------------------------------------------


def test_a_child_that_asks_its_spawner_as_it_starts_is_told_of_the_cycle_and_not_its_spawner(
    system: ActorSystem, monkeypatch: pytest.MonkeyPatch, trace: Trace
) -> None:
    ref = system.spawn(doer("parent", trace))

    class Asker(Doer):
        def on_start(self) -> None:
            ref.ask("who")

    begin_wait = parent.begin_wait

    def late(cell: Any, target: Any) -> None:
        # The child may be first to wait.
        tried.wait(1.0)
        begin_wait(cell, target)

    tried = Flag()
    monkeypatch.setattr(parent, "begin_wait", late)

    def spawn(agent: Agent) -> Any:
        try:
            return agent.context.spawn(ChildSpec(Asker, "child", dispatcher="thread"))
        except StartFailedError as error:
            return error.cause

    assert isinstance(answer(ref, spawn), AskCycleError)
    assert system.find("/parent/child") is None


def test_a_first_start_that_its_siblings_restart_gives_up_leaves_no_agent(
    system: ActorSystem, clock: WatchedClock, log: EventLog, trace: Trace
) -> None:
    hung = Flag()

    class Hangs(Doer):
        def on_start(self) -> None:
            trace.note("hangs")
            hung.wait(2 * PATIENCE)

    system.spawn(supervisor("crew", doer("first", trace), strategy="one_for_all"))
    crew = get(system, "/crew")
    started = elsewhere(lambda: crew.start_child(ChildSpec(Hangs, "second", shutdown=1.0)))
    trace.wait_for("hangs")
    first = get(system, "/crew/first")
    first.tell(Boom())
    log.wait(AgentFailed, first.path)
    clock.armed.wait_until(lambda notes: notes)
    clock.advance(2)
    log.wait(AgentRestarted, first.path)
    hung.set()
    result = started.get()
    assert (result.outcome, result.error is not None) == ("start_failed", True)
    assert system.find("/crew/second") is None


# -- what an agent says of its children -------------------------------------------


def test_a_strategy_that_is_none_any_more_counts_as_a_policy_that_raises(system: ActorSystem, log: EventLog) -> None:
    ref = system.spawn(ChildSpec(Doer, "odd", policy=Stop()))

    def spawn(agent: Any) -> None:
        agent.context.spawn(Doer, name="child")
        agent.strategy = "all_for_one"

    answer(ref, spawn)
    get(system, "/odd/child").tell(Boom())
    error = log.wait(AgentStopped, "/odd").error
    assert isinstance(error, ValueError)
    assert isinstance(error.__cause__, Boom)


def test_a_kept_child_that_fails_while_its_parent_is_replaced_is_judged_by_what_the_parent_said(
    system: ActorSystem, log: EventLog, trace: Trace
) -> None:
    gate = Gate()

    class Keeper(Supervisor):
        def __init__(self, children: Any = None, strategy: Any = None, policy: Any = None) -> None:
            if self.context.incarnation > 1:
                gate.wait()
            super().__init__(children, strategy, policy)

    children = [doer("first", trace, policy=None), doer("second", trace, policy=None)]
    options = {"children": children, "strategy": "one_for_all", "policy": Restart(1, within=None)}
    crew = system.spawn(supervisor("crew", ChildSpec(Keeper, "kept", kwargs=options, keep_children=True)))
    restarted = elsewhere(crew.restart_child, "kept")
    gate.reached()
    first, second = get(system, "/crew/kept/first"), get(system, "/crew/kept/second")
    first.tell(Boom())
    assert (incarnation(first), incarnation(second)) == (2, 2)
    gate.open()
    assert restarted.get()
    # One restart was its limit, also for the next incarnation.
    second.tell(Boom())
    assert log.wait(Escalated, second.path)


def test_the_strategy_that_counts_is_the_one_there_is_once_it_is_decided(
    system: ActorSystem, log: EventLog, trace: Trace
) -> None:
    ref = system.spawn(ChildSpec(Doer, "parent", policy=FOREVER))

    def become_another(agent: Any) -> None:
        agent.strategy = "one_for_all"

    def decide(failure: Failure, history: History) -> Decision:
        answer(ref, become_another)
        return Decision(Directive.RESTART, 0.0, history)

    def spawn(agent: Any) -> None:
        agent.context.spawn(doer("first", trace, policy=deciding(decide)))
        agent.context.spawn(doer("second", trace))

    answer(ref, spawn)
    first, second = get(system, "/parent/first"), get(system, "/parent/second")
    first.tell(Boom())
    assert (incarnation(first), incarnation(second)) == (2, 2)
    second.tell(Boom())
    assert (incarnation(second), incarnation(first)) == (3, 3)
