"""Who learns of an end, when, how often and why?"""

from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    AgentStoppedError,
    DeathPactError,
    NameTakenError,
    StopReason,
    Terminated,
)
from actors.testkit import Gate
from policies import Decision, Failure, History, Policy, Restart, Stop
from tests.core.doer import Doer, crash, end, end_of, number, start, stop, stopped
from tests.core.helpers import Boom, EventLog, Trace, answer, result
from tests.core.scripted import deciding


def watch(ref: AgentRef[Any]) -> Any:
    """Give a message that has an agent watch another."""
    return lambda agent: agent.context.watch(ref)


def waiting_at(gate: Gate) -> Policy:
    """A policy that restarts once the gate is open."""

    def decide(failure: Failure, history: History) -> Decision:
        gate.wait()
        return Restart().decide(failure, history)

    return deciding(decide)


def unwatch(ref: AgentRef[Any]) -> Any:
    return lambda agent: agent.context.unwatch(ref)


@pytest.mark.case(92)
def test_watching_an_agent_that_has_ended_gives_exactly_one_notice(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    target = system.spawn(spec(Doer, name="target"))
    watcher = system.spawn(spec(Doer, name="watcher", args=(trace,)))
    stop(target)

    answer(watcher, watch(target))
    answer(watcher, "barrier")

    assert trace.notes == [Terminated(target, StopReason.REQUESTED), "barrier"]


@pytest.mark.case(92)
def test_watching_twice_gives_one_notice(system: ActorSystem, spec: Any, trace: Trace) -> None:
    target = system.spawn(spec(Doer, name="target"))
    watcher = system.spawn(spec(Doer, name="watcher", args=(trace,)))
    answer(watcher, watch(target))
    answer(watcher, watch(target))

    stop(target)

    answer(watcher, "barrier")
    assert trace.notes == [Terminated(target, StopReason.REQUESTED), "barrier"]


@pytest.mark.case(93)
def test_restarts_give_no_notice_and_the_end_beyond_the_limit_gives_one(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    policy = Restart(max_restarts=2, within=None, then=Stop())
    target = system.spawn(spec(Doer, name="target", policy=policy))
    watcher = system.spawn(spec(Doer, name="watcher", args=(trace,)))
    answer(watcher, watch(target))

    target.tell(crash)
    target.tell(crash)
    log.wait(AgentRestarted, "/target", times=2)
    answer(watcher, "still there")
    target.tell(crash)

    trace.wait_until(lambda notes: len(notes) == 2)
    answer(watcher, "barrier")
    first, notice, last = trace.notes
    assert (first, last) == ("still there", "barrier")
    assert (notice.ref, notice.reason, str(notice.error)) == (target, StopReason.FAILED, "crash of #3")


@pytest.mark.case(94)
def test_a_notice_that_waits_is_not_delivered_once_the_watch_is_taken_back(
    system: ActorSystem, spec: Any, log: EventLog, trace: Trace
) -> None:
    target = system.spawn(spec(Doer, name="target"))
    watcher = system.spawn(spec(Doer, name="watcher", args=(trace,)))
    answer(watcher, watch(target))
    gate = Gate()
    watcher.tell(lambda agent: (gate.wait(), unwatch(target)(agent)))
    gate.reached()

    stop(target)
    end_of(log, "/target")
    gate.open()

    assert answer(watcher, number) == 1
    assert trace.notes == []
    assert log.of(AgentFailed) == []


class PutsAside(Doer):
    """Stashes each notice once, and looks at what it has stashed when it is sent "open"."""

    closed = True

    def on_receive(self, message: Any) -> Any:
        if message == "open":
            self.closed = False
            self.context.unstash_all()
        elif isinstance(message, Terminated) and self.closed:
            self.trace.note("aside")
            self.context.stash()
        else:
            return super().on_receive(message)


@pytest.mark.parametrize("suspended", [False, True], ids=["told at once", "told after a restart"])
def test_a_notice_that_was_stashed_comes_back(system: ActorSystem, spec: Any, trace: Trace, suspended: bool) -> None:
    gate = Gate()
    target = system.spawn(spec(Doer, name="target"))
    watcher = system.spawn(spec(PutsAside, name="watcher", args=(trace,), policy=waiting_at(gate)))
    answer(watcher, watch(target))
    if suspended:
        watcher.tell(crash)
        gate.reached()
    stop(target)
    gate.open()
    trace.wait_for("aside")

    answer(watcher, "open")
    answer(watcher, "barrier")

    assert trace.notes == ["aside", Terminated(target, StopReason.REQUESTED), "barrier"]


class Careless(Doer):
    """Does not handle a notice."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Terminated):
            # The agent's default: what nobody handles.
            return super(Doer, self).on_receive(message)
        return super().on_receive(message)


@pytest.mark.case(95)
def test_a_notice_that_nobody_handles_fails_the_watcher(system: ActorSystem, spec: Any, log: EventLog) -> None:
    target = system.spawn(spec(Doer, name="target"))
    watcher = system.spawn(spec(Careless, name="watcher", policy=Stop()))
    answer(watcher, watch(target))

    stop(target)

    assert end_of(log, "/watcher") is StopReason.FAILED
    error = log.of(AgentFailed, "/watcher")[0].error
    assert isinstance(error, DeathPactError)
    assert (error.path, error.reason) == ("/target", "requested")


@pytest.mark.case(95)
def test_a_parent_that_watches_its_child_learns_what_the_child_failed_of(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    parent = system.spawn(spec(Doer, name="p", args=(trace,)))
    child = answer(parent, start(spec(Doer, name="child", policy=Stop())))
    answer(parent, watch(child))

    child.tell(crash)

    [notice] = trace.wait_until(lambda notes: notes)
    assert (notice.ref, notice.reason) == (child, StopReason.FAILED)
    assert isinstance(notice.error, Boom)
    assert answer(parent, number) == 1


@pytest.mark.case(96)
def test_the_end_of_a_successor_of_the_same_name_is_noticed_too(system: ActorSystem, spec: Any, trace: Trace) -> None:
    parent = system.spawn(spec(Doer, name="p", args=(trace,)))
    children = []
    for generation in (1, 2):
        child = answer(parent, start(spec(Doer, name="child")))
        children.append(child)
        answer(parent, watch(child))
        stop(child)
        trace.wait_until(lambda notes, expected=generation: len(notes) == expected)

    assert [notice.ref for notice in trace.notes] == children
    assert children[0] != children[1]


class Renewing(Doer):
    """Makes a child anew as soon as it learns of the end of the one before."""

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Terminated):
            self.trace.note(self.context.spawn(Doer, name=message.ref.name))
            return None
        return super().on_receive(message)


@pytest.mark.case(97)
def test_a_name_is_free_when_its_agents_end_is_noticed_and_the_old_ref_does_not_reach_the_new_agent(
    system: ActorSystem, spec: Any, trace: Trace
) -> None:
    parent = system.spawn(spec(Renewing, name="p", args=(trace,)))
    old = answer(parent, start(spec(Doer, name="child")))
    answer(parent, watch(old))

    old.tell(end)

    [new] = trace.wait_until(lambda notes: notes)
    assert new.path == old.path
    assert new != old
    assert len({old, new}) == 2
    assert answer(new, number) == 1
    with pytest.raises(AgentStoppedError):
        old.tell("to the old one")


class SlowToStop(Doer):
    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def on_stop(self) -> None:
        self.gate.wait()


@pytest.mark.case(97)
def test_a_name_is_taken_until_its_agent_has_ended(system: ActorSystem, spec: Any) -> None:
    parent = system.spawn(spec(Doer, name="p"))
    gate = Gate()
    old = answer(parent, start(spec(SlowToStop, name="child", args=(gate,))))

    assert answer(parent, _try_start("child")) == "/p/child"
    stopping = old.stop(block=False)
    gate.reached()
    assert answer(parent, _try_start("child")) == "/p/child"
    gate.open()
    result(stopping)

    assert answer(parent, start(spec(Doer, name="child"))) != old


def _try_start(name: str) -> Any:
    """Give a message that has an agent spawn a child, and answer with the error if that is refused."""

    def spawn(agent: Doer) -> Any:
        try:
            return agent.context.spawn(Doer, name=name)
        except NameTakenError as error:
            return error.path

    return spawn


@pytest.mark.case(98)
def test_two_agents_that_watch_each_other_end_together_without_hanging(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    one = system.spawn(spec(Careless, name="one", policy=Stop()))
    other = system.spawn(spec(Careless, name="other", policy=Stop()))
    answer(one, watch(other))
    answer(other, watch(one))

    assert stop(one) is True

    log.wait(AgentStopped, "/other")
    assert stopped(log) == [("/one", StopReason.REQUESTED), ("/other", StopReason.FAILED)]
