"""How do I get a system for each test, which fails the test for whatever went wrong that I did not announce?

Run it with pytest where actortree is installed: its plugin brings these fixtures along.
"""

from typing import Any

import pytest

from actors import Agent, AgentRef, AgentRestarted, AgentStoppedError
from actors.testkit import CheckedSimulation, CheckedSystem, Events, Faults, Probe, VirtualClock
from policies import Backoff, Restart


class Waiter(Agent):
    """Takes orders to the kitchen; drops what is too heavy."""

    def __init__(self, kitchen: AgentRef[Any]) -> None:
        self.kitchen = kitchen

    def on_receive(self, order: str) -> None:
        if order == "whole ox":
            raise OverflowError(order)
        self.kitchen.tell(order)


@pytest.fixture
def actortree_options() -> dict[str, Any]:
    return {"policy": Restart(backoff=Backoff(2.0))}  # of the root of all systems in this file


def test_orders_reach_the_kitchen(actortree_system: CheckedSystem, actortree_probe: Probe) -> None:
    waiter = actortree_system.spawn(Waiter, actortree_probe.ref)
    waiter.tell("soup")
    actortree_probe.expect("soup")
    # The system is stopped now. Had the waiter failed, or were a thread left, this test would fail.


def test_a_failure_is_announced(actortree_system: CheckedSystem, actortree_probe: Probe) -> None:
    waiter = actortree_system.spawn(Waiter, actortree_probe.ref, name="waiter")
    actortree_system.expect_failure(OverflowError, "/waiter")  # also if its error reaches the test, as here
    with pytest.raises(OverflowError):
        waiter.ask("whole ox")


def test_a_lost_message_is_announced(actortree_system: CheckedSystem, actortree_probe: Probe) -> None:
    actortree_system.expect_dead_letter("soup", path="/waiter")
    waiter = actortree_system.spawn(Waiter, actortree_probe.ref, name="waiter")
    waiter.stop()
    with pytest.raises(AgentStoppedError):
        waiter.tell("soup")


def test_a_waiter_comes_back_after_two_seconds(
    actortree_clock: VirtualClock, actortree_system: CheckedSystem, actortree_probe: Probe, actortree_events: Events
) -> None:
    waiter = actortree_system.spawn(Waiter, actortree_probe.ref)
    with actortree_system.expect_failure(OverflowError):
        waiter.tell("whole ox")  # the block ends when it has failed
    actortree_clock.advance(2.0, settle=True)  # the system goes by this clock
    actortree_events.expect(AgentRestarted)


@pytest.mark.actortree_seeds(10)  # ten orders of events; the report of a failing test says which it was
def test_no_order_is_lost_when_a_waiter_falls(
    actortree_simulation: CheckedSimulation, actortree_probe: Probe, actortree_faults: Faults
) -> None:
    actortree_simulation.expect_failure(OSError)
    waiter = actortree_simulation.spawn(Waiter, actortree_probe.ref, name="waiter")
    actortree_faults.crash("/waiter", on="bread".__eq__, error=OSError("slippery"))
    for order in ("soup", "bread", "wine"):
        waiter.tell(order)
    assert actortree_probe.receive_n(2) == ["soup", "wine"]
