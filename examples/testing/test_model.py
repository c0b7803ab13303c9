"""What should my supervisor do? A model of supervision says it, and nothing runs."""

import pytest

from actors import Agent, ChildSpec, Supervisor
from actors.testkit import SupervisorModel
from policies import Backoff, Restart

PATIENT = Restart(max_restarts=2, within=60.0, backoff=Backoff(10.0))


@pytest.fixture
def shop() -> SupervisorModel:
    tills = [ChildSpec(Agent, "left"), ChildSpec(Agent, "right")]
    return SupervisorModel(ChildSpec(Supervisor, "shop"), tills, policy=PATIENT, strategy="rest_for_one")


def statuses(model: SupervisorModel) -> dict[str, str]:
    return {name: child.status.value for name, child in model.children.items()}


def test_who_was_started_later_waits_along(shop: SupervisorModel) -> None:
    shop.fail("left", OSError("no paper"))
    assert statuses(shop) == {"left": "backing_off", "right": "halted"}
    shop.advance(10.0)
    assert statuses(shop) == {"left": "running", "right": "running"}


def test_who_was_started_earlier_does_not(shop: SupervisorModel) -> None:
    shop.fail("right", OSError("no paper"))
    assert statuses(shop) == {"left": "running", "right": "backing_off"}


def test_what_happens_is_written_down_step_by_step(shop: SupervisorModel) -> None:
    shop.steps.clear()
    shop.fail("left", OSError("no paper"))
    assert [(step.what, step.path) for step in shop.steps] == [
        ("failed", "/shop/left"),
        ("stop", "/shop/right"),
        ("failure", "/shop/left"),
        ("backing_off", "/shop/left"),
    ]


def test_the_third_failure_in_a_minute_is_the_shops_own(shop: SupervisorModel) -> None:
    for _ in range(3):
        assert shop.supervisor.incarnation == 1
        shop.fail("left", OSError("no paper"))
        shop.advance(10.0)
    assert shop.supervisor.incarnation == 2  # its own parent has restarted it
