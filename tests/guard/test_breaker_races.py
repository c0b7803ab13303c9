"""Does a breaker keep its word in every order of its lines, and in a storm of threads?

Each exploration is exhaustive: every run in which a thread is interrupted up to twice, at any line of the breakers.
Then a guard is taken out, and the same exploration fails.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem, Emitted
from actors.guard import Breakers, CircuitOpenError, breakers
from actors.testkit import Exhaustive, Simulation, explore
from actors.testkit.simulation import preemption
from policies import CircuitBreaker, CircuitState
from tests.guard.test_breakers import Time, fails
from tests.testkit.guards import without

AT_ONCE = 1e-300  # seconds, less than any clock tells: a circuit that opens lets a probe through with the next call
TWICE = Exhaustive(depth=100_000, preemptions=2)


@pytest.fixture(autouse=True)
def _interrupted_in_the_breakers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(preemption, "_KERNEL", str(Path(breakers.__file__)))
    monkeypatch.setattr(preemption, "_ROUTING", str(Path(breakers.__file__)))
    preemption._locked_lines.cache_clear()
    yield
    preemption._locked_lines.cache_clear()


def entered(shared: Breakers) -> Callable[[], bool]:
    """Give an action that begins a call and does not end it, and tells whether it was let through."""

    def enter() -> bool:
        try:
            shared["api"].__enter__()
        except CircuitOpenError:
            return False
        return True

    return enter


def failed(shared: Breakers) -> Callable[[], None]:
    """Give an action that calls and fails, if it is let through."""

    def fail() -> None:
        with suppress(OSError, CircuitOpenError):
            shared["api"].call(fails)

    return fail


def told_to(simulation: ActorSystem) -> list[Any]:
    told: list[Any] = []

    def hear(event: Any) -> None:
        if isinstance(event, Emitted):
            told.append((event.record.old_state, event.record.new_state))

    simulation.events.subscribe(hear)
    return told


def assert_chain(told: list[tuple[str, str]], shared: Breakers) -> None:
    """Each change was told once and in order: each begins where the one before ended, and the last is how it is."""
    states = ["closed", *(new for _, new in told)]
    assert [old for old, _ in told] == states[:-1], f"out of order: {told}"
    assert states[-1] == shared["api"].state.value, f"untold: {told}"


def two_first_probes(simulation: Simulation) -> None:
    """Two call at the moment at which one probe may be made."""
    shared = Breakers(simulation, CircuitBreaker(1, open_for=30.0))
    failed(shared)()
    simulation.clock.advance(30.0)  # type: ignore[attr-defined]
    assert sorted(simulation.race(entered(shared), entered(shared))) == [False, True]


def changes_from_two_sides(simulation: Simulation) -> None:
    """Two open and close it in turn, and each change is told."""
    simulation.clock.advance(1.0)  # type: ignore[attr-defined]
    shared = Breakers(simulation, CircuitBreaker(1, open_for=AT_ONCE))
    told = told_to(simulation)
    failed(shared)()

    def succeed() -> None:
        with suppress(CircuitOpenError):
            shared["api"].call(int)

    simulation.race(failed(shared), succeed)
    assert_chain(told, shared)


def one_resource_made_twice(simulation: Simulation) -> None:
    """Two are the first to call a resource."""
    shared = Breakers(simulation, CircuitBreaker(2))
    simulation.race(failed(shared), failed(shared))
    assert shared["api"].state is CircuitState.OPEN


@pytest.mark.parametrize("scenario", [two_first_probes, changes_from_two_sides, one_resource_made_twice])
def test_it_holds_in_every_order(scenario: Callable[[Simulation], None]) -> None:
    explored = explore(scenario, TWICE)

    assert explored.complete
    assert explored.runs > 50


@pytest.mark.parametrize(
    ("scenario", "function", "guard", "instead"),
    [
        pytest.param(
            changes_from_two_sides,
            Breakers._tell,
            "while self._untold and self._system",
            "if self._untold and self._system",
            id="not looked again for what came as the other ended",
        ),
        pytest.param(
            changes_from_two_sides,
            Breakers._tell,
            "self._telling.acquire(blocking=False)",
            "(self._telling.acquire(blocking=False) or 1)",
            id="told by two at once",
        ),
    ],
)
def test_without_its_guard_it_would_be_found(
    scenario: Callable[[Simulation], None], function: Callable[..., Any], guard: str, instead: str
) -> None:
    with without(function, guard, instead), pytest.raises((AssertionError, RuntimeError)):
        explore(scenario, TWICE)


# -- threads --------------------------------------------------------------------------


@pytest.fixture(params=[5e-3, 1e-4], ids=["5ms", "0.1ms"])
def _switch_interval(request: pytest.FixtureRequest) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(request.param)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_switch_interval")
@pytest.mark.parametrize("probes", [1, 3])
def test_of_a_storm_of_threads_exactly_so_many_are_let_through(probes: int) -> None:
    """Each round the circuit is due, all call at once, and the probes end only when all others were refused."""
    time, threads, rounds = Time(), 8, 40
    shared = Breakers(time, CircuitBreaker(1, open_for=1.0, probes=probes))  # type: ignore[arg-type]
    begin, end = threading.Barrier(threads + 1), threading.Barrier(threads + 1)
    all_refused = threading.Semaphore(0)
    results: list[tuple[int, bool]] = []

    def work() -> None:
        for number in range(rounds):
            begin.wait()
            try:
                with shared["api"]:
                    assert all_refused.acquire(timeout=10)
                    if number % 2:
                        raise OSError("down")
                results.append((number, True))
            except CircuitOpenError:
                results.append((number, False))
                if sum(1 for at, _ in list(results) if at == number) == threads - probes:
                    all_refused.release(probes)
            except OSError:
                results.append((number, True))
            end.wait()

    crew = [threading.Thread(target=work) for _ in range(threads)]
    for thread in crew:
        thread.start()
    for _ in range(rounds):
        if shared["api"].state is CircuitState.CLOSED:
            with suppress(OSError):
                shared["api"].call(fails)
        time.at += 1.0
        begin.wait()
        end.wait()
    for thread in crew:
        thread.join()

    let_through = [sum(1 for at, went in results if at == number and went) for number in range(rounds)]
    assert let_through == [probes] * rounds
    assert len(results) == rounds * threads


@pytest.mark.usefixtures("_switch_interval")
def test_in_a_storm_each_change_is_told_once_and_in_order() -> None:
    with ActorSystem("storm") as system:
        shared = Breakers(system, CircuitBreaker(1, open_for=AT_ONCE))
        told = told_to(system)
        start = threading.Barrier(6)

        def work(number: int) -> None:
            start.wait()
            for each in range(100):
                with suppress(OSError, CircuitOpenError):
                    shared["api"].call(fails if (each + number) % 2 else int)

        crew = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()

        assert len(told) > 10
        assert_chain(told, shared)
