"""How long do tests wait, by which clock, and what if the machine is slow?"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors import ActorSystem, Agent, AgentFuture
from actors._core.here import here
from actors.testkit import VirtualClock, dilation, set_dilation, wait
from actors.testkit.waiting import PATIENCE, Within


@pytest.fixture(autouse=True)
def _the_factor_is_put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("ACTORTREE_DILATION", raising=False)
    yield
    set_dilation(None)


class Simulated:
    """Stands for the scheduler of a simulation: notes for how many seconds its thread wants to wait."""

    def __init__(self) -> None:
        self.asked: list[float | None] = []

    def pause(self) -> None:
        raise AssertionError("nothing is done to others here")

    def wait(self, over: Callable[[], bool], seconds: float | None, *_: Any) -> bool:
        self.asked.append(seconds)
        return over()


@pytest.fixture
def simulated() -> Iterator[Simulated]:
    here.scheduler = scheduler = Simulated()
    yield scheduler
    here.scheduler = None


def settled(value: object = None) -> AgentFuture[object]:
    future: AgentFuture[object] = AgentFuture()
    future.resolve(value)
    return future


def test_a_wait_tells_that_the_future_was_settled_by_another_thread() -> None:
    future: AgentFuture[str] = AgentFuture()
    thread = threading.Thread(target=future.resolve, args=("there",))
    thread.start()

    assert wait(future, 10.0)
    assert future.get() == "there"
    thread.join()


def test_a_wait_ends_with_its_time() -> None:
    begun = time.monotonic()

    assert not wait(AgentFuture(), 0.02)
    assert 0.015 < time.monotonic() - begun < PATIENCE


def test_a_future_that_holds_an_error_is_settled_and_nothing_is_raised() -> None:
    future: AgentFuture[str] = AgentFuture()
    future.resolve(error=KeyError("mine"))

    assert wait(future, 0.0)


def test_a_longer_time_than_a_lock_can_wait_is_as_good_as_for_ever() -> None:
    assert wait(settled(), 1e300)


def test_an_ask_of_a_system_in_virtual_time_is_waited_for_in_real_seconds() -> None:
    class Silent(Agent):
        def on_receive(self, message: object) -> None:
            self.context.stash()

    with ActorSystem("t", clock=VirtualClock()) as system:
        asked = system.spawn(Silent).ask("anything", block=False, timeout=5.0)

        assert not wait(asked, 0.01)  # the virtual clock stands still: by it, this would never end


def test_a_factor_makes_real_waits_longer() -> None:
    set_dilation(4)
    begun = time.monotonic()

    assert not wait(AgentFuture(), 0.01)
    assert time.monotonic() - begun > 0.035
    assert dilation() == 4.0


def test_the_environment_gives_the_factor_unless_a_program_does(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dilation() == 1.0
    monkeypatch.setenv("ACTORTREE_DILATION", "2.5")
    assert dilation() == 2.5
    set_dilation(3)
    assert dilation() == 3.0
    set_dilation(None)
    assert dilation() == 2.5


@pytest.mark.parametrize("text", ["", "slow", "0", "-1", "nan", "inf"])
def test_an_environment_that_says_no_factor_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("ACTORTREE_DILATION", text)
    with pytest.raises(ValueError, match=rf"^ACTORTREE_DILATION: a number above 0, not {text!r}$"):
        dilation()


@pytest.mark.parametrize("factor", [0, -1.0, float("nan"), float("inf"), True, "2"])
def test_what_is_no_factor_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match=r"^factor: a number above 0, or None, not "):
        set_dilation(factor)
    assert dilation() == 1.0


def test_a_thread_of_a_simulation_waits_in_its_seconds_and_without_a_factor(simulated: Simulated) -> None:
    set_dilation(4)

    assert not wait(AgentFuture(), 7.0)
    assert simulated.asked == [7.0]


def test_one_end_holds_for_several_waits(simulated: Simulated) -> None:
    clock = VirtualClock()
    with ActorSystem("t", clock=clock) as system:
        within = Within(10.0, system)
        assert not within.wait(AgentFuture())
        clock.advance(4.0)
        assert not within.wait(AgentFuture())
        clock.advance(40.0)
        assert not within.wait(AgentFuture())
        assert within.wait(settled())
        here.scheduler = None

    assert simulated.asked == [10.0, 6.0, 0.0]


def test_one_end_on_an_ordinary_thread_is_in_real_seconds_times_the_factor() -> None:
    set_dilation(2)
    with ActorSystem("t", clock=VirtualClock()) as system:
        begun = time.monotonic()
        within = Within(0.02, system)

        assert not within.wait(AgentFuture())
        assert not within.wait(AgentFuture())
        assert 0.035 < time.monotonic() - begun < PATIENCE


def test_who_does_not_say_how_long_is_patient_and_what_is_no_time_is_refused() -> None:
    with ActorSystem("t", clock=VirtualClock()) as system:
        assert Within(None, system).seconds == PATIENCE
        for seconds in (-1.0, float("nan"), "soon"):
            with pytest.raises(ValueError, match=r"^within: seconds, 0 or more, or None, not "):
                Within(seconds, system)  # type: ignore[arg-type]
