"""How do I have a system fail my test for what went wrong unannounced, without the fixtures of the plugin?"""

import pytest

from actors import ActorSystem, Agent, AgentFailed
from actors.testkit import Checked, CheckedSimulation, CheckedSystem, Expectations, Expected


class Oven(Agent):
    """Bakes; burns what is too hot."""

    def on_receive(self, degrees: int) -> str:
        if degrees > 250:
            raise OverflowError(f"{degrees} degrees")
        return "baked"


def bake_twice(system: Checked) -> Expected:
    """Announce what is to go wrong, and have it happen: the same on threads and in a simulation."""
    assert isinstance(system, ActorSystem)
    oven = system.spawn(Oven, name="oven")
    burnt = system.expect_failure(OverflowError, "/oven", times=2)
    oven.tell(300)
    oven.tell(400)
    assert oven.ask(200) == "baked"
    return burnt


@pytest.mark.parametrize("kind", [CheckedSystem, CheckedSimulation])
def test_what_was_announced_may_go_wrong(kind: type[CheckedSystem | CheckedSimulation]) -> None:
    with kind(name="kitchen") as kitchen:  # waits at its end for what was announced
        burnt = bake_twice(kitchen)
    failures = [event for event in burnt.events if isinstance(event, AgentFailed)]
    assert [str(failed.error) for failed in failures] == ["300 degrees", "400 degrees"]


def test_anything_else_fails_the_test() -> None:
    with (
        pytest.raises(AssertionError, match="unexpected failure: /oven #1 in receive: OverflowError"),
        CheckedSystem("kitchen") as kitchen,
    ):
        kitchen.spawn(Oven, name="oven").tell(300)


def test_a_system_that_is_there_already_can_be_checked_too() -> None:
    with ActorSystem("kitchen") as kitchen:
        expectations = Expectations(kitchen)
        oven = kitchen.spawn(Oven, name="oven")
        with expectations.expect_failure(OverflowError):  # the block ends when it has failed
            oven.tell(300)
        expectations.verify()
