"""Does a simulation end, whatever its agents do?"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import pytest

from actors import Agent, AgentFuture, ChildSpec
from actors.testkit import Deadlock, Gate, Simulation
from policies import Resume
from tests.testkit.simulated import Doer, failed, free_again

__all__ = ["free_again"]

PATIENCE = 10.0
"""Real seconds after which a wait has failed."""


# -- agents that still wait ------------------------------------------------------


def test_who_still_waits_at_the_end_is_unwound_and_its_finally_blocks_run() -> None:
    for seed in range(20):
        unwound: list[str] = []

        def hang(agent: Agent, unwound: list[str] = unwound) -> None:
            never: AgentFuture[None] = AgentFuture()
            try:
                never.get()
            finally:
                unwound.append(agent.actor_ref.name)

        with Simulation(seed) as simulation:
            for name in "abc":
                simulation.spawn(ChildSpec(Doer, name, dispatcher="thread" if name == "c" else "pool")).tell(hang)
            simulation.settle()
            assert unwound == []
        assert sorted(unwound) == ["a", "b", "c"]


def test_what_is_unwound_can_do_nothing_to_others_any_more() -> None:
    seen: list[Any] = []

    def hang(agent: Agent) -> None:
        try:
            AgentFuture[None]().get()
        finally:
            seen.append("before")
            other.tell("too late")
            seen.append("after")

    with Simulation() as simulation:
        other = simulation.spawn(Doer, seen)
        simulation.spawn(Doer).tell(hang)
        simulation.settle()
    assert seen == ["before"]


@pytest.mark.leaves_orphans
def test_code_that_swallows_everything_does_not_hang_the_end() -> None:
    turns: list[int] = []

    def stubborn(agent: Agent) -> None:
        while True:
            try:
                AgentFuture[None]().get()
            except BaseException:
                turns.append(1)

    with Simulation() as simulation:
        simulation.spawn(Doer).tell(stubborn)
        simulation.settle()
        assert not turns
    assert len(turns) >= 100


def test_a_failed_test_unwinds_them_too() -> None:
    unwound: list[bool] = []

    def hang(agent: Agent) -> None:
        try:
            AgentFuture[None]().get()
        finally:
            unwound.append(True)

    def scenario(simulation: Simulation) -> None:
        simulation.spawn(Doer).tell(hang)
        simulation.settle()
        raise ConnectionError("the test's own")

    assert isinstance(failed(scenario, Simulation()), ConnectionError)
    assert unwound == [True]


def test_an_agent_that_has_ended_is_kept_by_nobody() -> None:
    with Simulation() as simulation:
        ref = simulation.spawn(Doer)
        instance = weakref.ref(ref.ask(lambda agent: agent))
        ref.ask(lambda agent: AgentFuture[None]().add_done_callback(list), block=False).get()
        ref.stop()
        simulation.settle()
        assert instance() is None


# -- Ctrl-C ----------------------------------------------------------------------


def press_ctrl_c(agent: Agent) -> None:
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_while_an_agent_runs_ends_the_test_and_its_agents() -> None:
    for seed in range(20):
        unwound: list[bool] = []

        def hang(agent: Agent, unwound: list[bool] = unwound) -> None:
            try:
                AgentFuture[None]().get()
            finally:
                unwound.append(True)

        simulation = Simulation(seed)
        with pytest.raises(KeyboardInterrupt), simulation:  # noqa: PT012
            simulation.spawn(Doer, name="waits").tell(hang)
            simulation.settle()
            simulation.spawn(Doer, name="presses").tell(press_ctrl_c)
            for _ in range(100):
                simulation.advance(1.0)
        assert unwound == [True]
        assert "/waits" in simulation.trace()


def test_ctrl_c_from_outside_while_an_agent_computes_is_raised_once_it_is_done() -> None:
    pressed = threading.Event()

    def compute(agent: Agent) -> None:
        until = time.monotonic() + PATIENCE
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        pressed.set()
        while not simulation.scheduler.main.failure and time.monotonic() < until:
            pass

    simulation = Simulation()
    with pytest.raises(KeyboardInterrupt), simulation:  # noqa: PT012
        simulation.spawn(Doer).tell(compute)
        simulation.settle()
    assert pressed.is_set()


@pytest.mark.leaves_orphans
def test_a_second_ctrl_c_does_not_wait_for_who_never_ends() -> None:
    over = threading.Event()

    def never_ends(agent: Agent) -> None:
        main = threading.main_thread().ident or 0
        signal.pthread_kill(main, signal.SIGINT)
        while not simulation.scheduler.main.failure:
            pass
        signal.pthread_kill(main, signal.SIGINT)
        over.wait(PATIENCE)

    simulation = Simulation()
    with pytest.raises(KeyboardInterrupt), simulation:  # noqa: PT012
        simulation.spawn(Doer).tell(never_ends)
        simulation.settle()
    over.set()


def test_a_deadlock_at_the_end_of_the_block_ends_the_threads_too() -> None:
    class Stubborn(Agent):
        def on_stop(self) -> None:
            AgentFuture[None]().get()

    with pytest.raises(Deadlock), Simulation() as simulation:
        simulation.spawn(ChildSpec(Stubborn, shutdown="infinity"))


def test_an_agent_may_stop_its_simulation_on_the_thread_of_the_test_that_asked_it() -> None:
    with Simulation(policy=Resume()) as simulation, Gate() as gate:
        ref = simulation.spawn(Doer)
        report = ref.ask(lambda agent: agent.context.system.stop())
        assert not report.complete
        gate.open()
        simulation.settle()
        assert not ref.is_alive()


def test_a_program_may_end_with_a_simulation_that_was_not_ended(packages_folder: Path) -> None:
    program = (
        "from actors import Agent, AgentFuture\n"
        "from actors.testkit import Simulation\n"
        "class Waits(Agent):\n"
        "    def on_receive(self, message):\n"
        "        AgentFuture().get()\n"
        "simulation = Simulation()\n"
        "simulation.spawn(Waits).tell('go')\n"
        "simulation.settle()\n"
        "print('over')\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=packages_folder, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "over\n", "")
