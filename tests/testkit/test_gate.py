"""Does a gate hold agents where the test wants them, and does nobody wait there for ever?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentFailed, AgentRef, ChildSpec
from actors._core.here import here
from actors.testkit import Gate, GateError, Simulation, VirtualClock, set_dilation, wait
from actors.testkit.gate import LONGEST


class Passing(Agent):
    """Goes through the gate that it is sent, and answers."""

    def on_receive(self, message: Gate) -> str:
        message.wait()
        return "through"


class Hasty(Agent):
    """Waits at the gate that it is sent, but not for long."""

    def on_receive(self, message: Gate) -> None:
        message.wait(within=0.01)


@pytest.fixture
def system() -> Iterator[ActorSystem]:
    with ActorSystem("test", clock=VirtualClock()) as system:
        yield system


@pytest.fixture(params=["pool", "thread"])
def agent(system: ActorSystem, request: pytest.FixtureRequest) -> AgentRef[Passing]:
    return system.spawn(ChildSpec(Passing, dispatcher=request.param))


def test_a_handler_waits_at_the_gate_until_the_test_opens_it(agent: AgentRef[Passing]) -> None:
    gate = Gate()
    assert repr(gate) == "<Gate gate shut, 0 came, 0 wait>"
    asked = agent.ask(gate, block=False)
    gate.reached()
    assert (gate.waiting, gate.came, asked.settled) == (1, 1, False)

    gate.open()

    assert wait(asked, 10.0)
    assert asked.get() == "through"
    assert repr(gate) == "<Gate gate open, 1 came, 0 wait>"


def test_an_open_gate_lets_all_through_and_counts_them(agent: AgentRef[Passing]) -> None:
    gate = Gate()
    gate.open()

    assert [agent.ask(gate) for _ in range(3)] == ["through"] * 3
    gate.reached(3, within=0)
    assert (gate.came, gate.waiting, gate.is_open) == (3, 0, True)


def test_so_many_are_waited_for(system: ActorSystem) -> None:
    with Gate() as gate:
        agents = [system.spawn(Passing) for _ in range(5)]
        asked = [agent.ask(gate, block=False) for agent in agents]
        gate.reached(5)
        assert gate.waiting == 5
    assert all(wait(ask, 10.0) for ask in asked)


def test_several_threads_may_wait_for_different_numbers(system: ActorSystem) -> None:
    with Gate() as gate:
        reached: list[int] = []
        threads = [
            threading.Thread(target=lambda count=count: (gate.reached(count), reached.append(count)))  # type: ignore[misc]
            for count in (1, 2)
        ]
        for thread in threads:
            thread.start()
        system.spawn(Passing).tell(gate)
        threads[0].join(10.0)
        assert reached == [1]
        system.spawn(Passing).tell(gate)
        threads[1].join(10.0)
        assert reached == [1, 2]


def test_a_gate_that_is_shut_again_holds_the_next_and_counts_anew(agent: AgentRef[Passing]) -> None:
    gate = Gate()
    first = agent.ask(gate, block=False)
    gate.reached()
    gate.close()  # it is shut: who waits goes on waiting, and is still counted
    assert (gate.came, gate.waiting) == (1, 1)
    gate.open()
    assert wait(first, 10.0)

    gate.close()
    assert (gate.came, gate.is_open) == (0, False)
    second = agent.ask(gate, block=False)
    gate.reached()
    assert not second.settled
    gate.open()
    assert wait(second, 10.0)


def test_the_end_of_the_block_opens_the_gate_also_when_the_test_fails(agent: AgentRef[Passing]) -> None:
    with pytest.raises(ZeroDivisionError), Gate() as gate:  # noqa: PT012
        asked = agent.ask(gate, block=False)
        gate.reached()
        raise ZeroDivisionError
    assert wait(asked, 10.0)


def test_who_waits_in_vain_for_others_is_told_how_many_came(agent: AgentRef[Passing]) -> None:
    with Gate("the harbour") as gate:
        agent.tell(gate)
        gate.reached()
        with pytest.raises(GateError, match=r"^the harbour: 1 of 2 came within 0\.01 s$"):
            gate.reached(2, within=0.01)


def test_a_handler_at_a_gate_that_nobody_opens_fails_with_a_clear_error(system: ActorSystem) -> None:
    failures: list[AgentFailed] = []
    failed = threading.Event()
    system.events.subscribe(lambda event: (failures.append(event), failed.set()), AgentFailed)
    gate = Gate()
    system.spawn(Hasty).tell(gate)

    assert failed.wait(10.0)
    assert isinstance(failures[0].error, GateError)
    assert str(failures[0].error) == "gate: still shut after 0.01 s"
    assert (gate.came, gate.waiting) == (1, 0)


def test_the_errors_name_the_seconds_that_have_passed_on_a_slow_machine() -> None:
    set_dilation(2)
    try:
        with pytest.raises(GateError, match=r"^gate: 0 of 1 came within 0\.02 s$"):
            Gate().reached(within=0.01)
    finally:
        set_dilation(None)


class Simulated:
    """Stands for the scheduler of a simulation: notes for how long its thread wants to wait."""

    def __init__(self) -> None:
        self.asked: list[float | None] = []

    def pause(self) -> None:
        raise AssertionError("nothing is done to others here")

    def wait(self, over: Callable[[], bool], seconds: float | None, *_: Any) -> bool:
        self.asked.append(seconds)
        return True


def test_a_handler_in_a_simulation_waits_without_limit_unless_it_says_so() -> None:
    here.scheduler = scheduler = Simulated()
    try:
        Gate().wait()
        Gate().wait(within=5.0)
    finally:
        here.scheduler = None

    assert scheduler.asked == [None, 5.0]
    assert LONGEST == 30.0


@pytest.mark.parametrize("count", [0, -1, True, 1.5, "two"])
def test_what_is_no_number_of_comers_is_refused(count: Any) -> None:
    with pytest.raises(ValueError, match=r"^count: a whole number of at least 1, not "):
        Gate().reached(count)


@pytest.mark.parametrize("within", [-1, float("nan"), "soon"])
def test_what_is_no_time_is_refused_and_nobody_is_counted(within: Any) -> None:
    gate = Gate()
    with pytest.raises(ValueError, match=r"^within: seconds, 0 or more, or None, not "):
        gate.reached(within=within)
    with pytest.raises(ValueError, match=r"^within: seconds, 0 or more, or None, not "):
        gate.wait(within=within)
    assert (gate.came, gate.waiting) == (0, 0)


def test_all_that_come_while_the_gate_opens_and_shuts_are_let_through(system: ActorSystem) -> None:
    gate = Gate()
    agents = [system.spawn(Passing) for _ in range(4)]
    asked = [agent.ask(gate, block=False) for agent in agents for _ in range(50)]
    while not all(ask.settled for ask in asked):
        gate.open()
        gate.close()
    assert gate.waiting == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_gate_holds_agents_in_a_simulation_too(seed: int) -> None:
    with Simulation(seed=seed) as system, Gate() as gate:
        asked = [system.spawn(Passing).ask(gate, block=False) for _ in range(3)]
        gate.reached(3)
        assert gate.waiting == 3
        assert not any(ask.settled for ask in asked)
        with pytest.raises(GateError, match=r"^gate: 3 of 4 came within 1000 s$"):
            gate.reached(4, within=1000.0)
        gate.open()
        assert [ask.get() for ask in asked] == ["through"] * 3
