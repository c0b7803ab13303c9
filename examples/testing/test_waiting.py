"""What if what my test waits for never comes, or my machine is slow?"""

from collections.abc import Iterator

import pytest

from actors import ActorSystem, Agent, AgentFuture
from actors.testkit import Gate, GateError, dilation, set_dilation, wait


class Snail(Agent):
    """Gets to a gate, sooner or later."""

    def on_receive(self, gate: Gate) -> str:
        gate.wait()
        return "there"


@pytest.fixture
def twice_as_patient() -> Iterator[None]:
    """For all tests: ACTORTREE_DILATION=2 in the environment, or `pytest --actortree-dilation=2`."""
    set_dilation(2.0 * dilation())
    yield
    set_dilation(None)


def test_a_wait_ends_with_what_it_waits_for() -> None:
    with ActorSystem("garden") as system, Gate() as gate:
        system.spawn(Snail).tell(gate)
        gate.reached(within=10.0)  # not ten seconds, but as long as it takes


def test_what_never_comes_is_an_error_that_says_so() -> None:
    with pytest.raises(GateError, match="garden: 0 of 1 came"):
        Gate("the end of the garden").reached(within=0.02)


@pytest.mark.usefixtures("twice_as_patient")
def test_on_a_slow_machine_one_factor_makes_all_waits_longer() -> None:
    with pytest.raises(GateError, match=r"came within 0\.04 s"):
        Gate().reached(within=0.04 / dilation())


def test_a_helper_of_ones_own_waits_alike() -> None:
    nobody_answers: AgentFuture[str] = AgentFuture()
    assert not wait(nobody_answers, 0.01)
    nobody_answers.resolve("an answer, after all")
    assert wait(nobody_answers, 0.01)
