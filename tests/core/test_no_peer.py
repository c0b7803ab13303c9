"""What do the peers not test, and got wrong: children that are down, clock phases, busy parents, storms, exits?"""

import asyncio
import random
from typing import Any

import pytest

from actors import (
    ActorSystem,
    AgentFailed,
    AgentFuture,
    AgentRef,
    AgentRestarted,
    AgentStopped,
    AgentStoppedError,
    RestartLimitExceeded,
    StopReason,
    Supervisor,
)
from actors.testkit import Gate, VirtualClock
from policies import Restart, Stop
from tests.core.doer import Doer, busy_at, crash, end, end_of, number, start
from tests.core.helpers import Boom, EventLog, Meeting, answer, elsewhere, result


def find(system: ActorSystem, path: str) -> AgentRef[Any]:
    ref = system.find(path)
    assert ref is not None, f"no {path}"
    return ref


@pytest.mark.case("a")
@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_child_that_is_down_stays_down_when_a_sibling_fails(
    system: ActorSystem, spec: Any, log: EventLog, strategy: str
) -> None:
    children = [spec(Doer, name=name) for name in ("failing", "finished", "terminated", "other")]
    parent = system.spawn(spec(Supervisor, name="p", kwargs={"children": children, "strategy": strategy}))
    failing, other = find(system, "/p/failing"), find(system, "/p/other")
    find(system, "/p/finished").tell(end)
    assert end_of(log, "/p/finished") is StopReason.NORMAL
    assert parent.terminate_child("terminated")

    failing.tell(crash)

    assert answer(failing, number) == 2
    assert answer(other, number) == 2
    assert [(info.name, info.status) for info in parent.children()] == [
        ("failing", "running"),
        ("finished", "down"),
        ("terminated", "down"),
        ("other", "running"),
    ]
    assert [event.path for event in log.of(AgentRestarted)] == ["/p/failing", "/p/other"]


@pytest.mark.case("b")
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.999, 1_000_000.7])
@pytest.mark.parametrize(("gaps", "lives"), [((0.5, 0.45), False), ((0.5, 0.55), True)], ids=["within", "beyond"])
def test_a_limit_does_not_depend_on_where_between_two_seconds_the_clock_stands(
    spec: Any, phase: float, gaps: tuple[float, float], lives: bool
) -> None:
    clock = VirtualClock(phase)
    system = ActorSystem("phases", clock=clock)
    log = EventLog(system)
    policy = Restart(max_restarts=2, within=1.0, then=Stop())
    agent = system.spawn(spec(Doer, name="a", policy=policy))
    for restarts, gap in enumerate(gaps, start=1):
        agent.tell(crash)
        log.wait(AgentRestarted, "/a", times=restarts)
        clock.advance(gap)

    agent.tell(crash)
    log.wait(AgentRestarted if lives else AgentStopped, "/a", times=3 if lives else 1)

    assert agent.is_alive() is lives
    system.stop()


@pytest.mark.case("c")
def test_a_transient_supervisor_over_its_limit_is_restarted_by_its_parent(
    system: ActorSystem, spec: Any, log: EventLog
) -> None:
    inner = {"children": [spec(Doer, name="child")], "policy": Restart(max_restarts=1, within=None)}
    system.spawn(spec(Supervisor, name="top", kwargs={"children": [spec(Supervisor, name="inner", kwargs=inner)]}))
    child = find(system, "/top/inner/child")

    child.tell(crash)
    child.tell(crash)

    assert isinstance(log.wait(AgentRestarted, "/top/inner").error, RestartLimitExceeded)
    renewed = find(system, "/top/inner/child")
    assert renewed != child
    assert answer(renewed, number) == 1
    assert find(system, "/top").incarnation == 1


@pytest.mark.case("d")
def test_a_group_restart_does_not_wait_for_a_sibling_that_has_ended(
    system: ActorSystem, clock: VirtualClock, spec: Any, log: EventLog
) -> None:
    children = [spec(Doer, name="failing"), spec(Doer, name="ended", shutdown="infinity")]
    options = {"children": children, "strategy": "one_for_all"}
    system.spawn(spec(Supervisor, name="p", kwargs=options))
    failing = find(system, "/p/failing")
    find(system, "/p/ended").tell(end)
    end_of(log, "/p/ended")

    failing.tell(crash)

    assert answer(failing, number) == 2
    assert clock.now() == 0.0
    assert len(log.of(AgentStopped, "/p/ended")) == 1


@pytest.mark.case("e")
def test_a_child_that_fails_while_its_parent_is_busy_is_restarted_before_the_parent_is_done(
    system: ActorSystem, spec: Any
) -> None:
    parent = system.spawn(spec(Doer, name="p"))
    child = answer(parent, start(spec(Doer, name="child")))
    gate = Gate()
    parent.tell(busy_at(gate))
    gate.reached()
    waiting = parent.ask(number, block=False)

    child.tell(crash)

    assert answer(child, number) == 2
    assert not waiting.settled
    gate.open()
    assert result(waiting) == 1


def _ask_all(refs: list[AgentRef[Any]], seed: int, futures: list[AgentFuture[Any]]) -> None:
    """Ask the agents in a random order, now and then one that is to fail of it."""
    draw = random.Random(seed)
    for i in range(200):
        ref = draw.choice(refs)
        futures.append(ref.ask(crash if i % 20 == 0 else i, block=False))


def _stop_all(refs: list[AgentRef[Any]], seed: int, futures: list[AgentFuture[Any]]) -> None:
    draw = random.Random(seed)
    for ref in draw.sample(refs, len(refs)):
        futures.append(ref.stop(block=False, drain=draw.random() < 0.5))


@pytest.mark.case("f")
@pytest.mark.parametrize("seed", range(3))
def test_every_ask_and_every_stop_is_answered_in_a_storm_of_both(spec: Any, seed: int) -> None:
    system = ActorSystem("storm", policy=Restart(max_restarts=None, within=None))
    refs = [system.spawn(spec(Doer)) for _ in range(10)]
    futures: list[AgentFuture[Any]] = []
    together = Meeting(6)

    def storm(act: Any, sub: int) -> None:
        together.wait()
        act(refs, 10 * seed + sub, futures)

    acts = [_ask_all, _ask_all, _ask_all, _ask_all, _stop_all, _stop_all]
    running = [elsewhere(lambda act=act, sub=sub: storm(act, sub)) for sub, act in enumerate(acts)]
    for done in running:
        result(done)

    outcomes = set()
    for future in futures:
        try:
            result(future)
            outcomes.add("answered")
        except (AgentStoppedError, Boom) as error:
            outcomes.add(type(error).__name__)
    assert len(futures) == 4 * 200 + 2 * 10
    assert outcomes <= {"answered", "AgentStoppedError", "Boom"}
    assert "answered" in outcomes
    assert not any(ref.is_alive() for ref in refs)
    system.stop()


@pytest.mark.case("g")
@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError("given up")], ids=["exit", "cancelled"])
@pytest.mark.parametrize("how", ["tell", "ask", "ask here"])
def test_an_exit_or_a_cancellation_in_a_handler_fails_that_agent_only(
    system: ActorSystem, spec: Any, log: EventLog, error: BaseException, how: str
) -> None:
    def leave(_agent: Doer) -> None:
        raise error

    agent = system.spawn(spec(Doer, name="a", policy=Restart(max_restarts=1, within=None)))
    other = system.spawn(spec(Doer, name="other"))

    if how == "tell":
        agent.tell(leave)
    else:
        with pytest.raises(type(error)):
            result(agent.ask(leave, block=False)) if how == "ask" else agent.ask(leave)

    assert log.wait(AgentFailed, "/a").error is error
    assert answer(agent, number) == 2
    assert answer(other, number) == 1
    assert not system.is_stopping
