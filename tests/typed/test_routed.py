"""Does a router, or a pool, bring an agent what it does not accept? No, and it says so."""

from __future__ import annotations

from typing import Any

import pytest

from actors import (
    Accepting,
    ActorSystem,
    Broadcast,
    Cancel,
    Enveloped,
    InvalidMessageError,
    ProgressReport,
    Router,
    TaskBlocked,
)
from tests.core.helpers import Trace, Worker, answer

REPORT = ProgressReport(agent_id="w", turn=1, summary="s")
BLOCKED = TaskBlocked(agent_id="w", task_id="t", reason="r")


class Clerk(Accepting[ProgressReport]):
    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def on_receive(self, message: Any) -> Any:
        self.trace.note(message)


class Chief(Enveloped, Accepting[Cancel | ProgressReport]):
    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    def on_receive(self, message: Any) -> Any:
        self.trace.note((message, self.envelope))


@pytest.fixture
def router(system: ActorSystem) -> Any:
    return system.spawn(Router, name="router")


def test_what_a_member_accepts_is_routed_to_it_as_it_is(
    system: ActorSystem, spec: Any, trace: Trace, router: Any
) -> None:
    router.join("clerk", system.spawn(spec(Clerk, name="clerk", args=(trace,))))
    router.send("clerk", REPORT)
    assert router.broadcast(REPORT).count == 1
    notes = trace.wait_for(REPORT, times=2)
    assert all(each is REPORT for each in notes)


@pytest.mark.parametrize("wrong", [BLOCKED, Cancel(reason="enough")], ids=["ordinary", "control"])
def test_what_a_member_does_not_accept_is_not_routed_to_it_and_its_sender_is_told(
    system: ActorSystem, spec: Any, trace: Trace, router: Any, wrong: Any
) -> None:
    clerk = system.spawn(spec(Clerk, name="clerk", args=(trace,)))
    other = Trace()
    router.join("clerk", clerk)
    router.join("worker", system.spawn(spec(Worker, name="worker", args=(other,))))
    delivered = router.ask(Broadcast(wrong))
    assert delivered.count == 1
    ((name, error),) = delivered.lost
    assert name == "clerk"
    assert isinstance(error, InvalidMessageError)
    assert error.path == "/clerk"
    other.wait_for((wrong, "worker", 1))
    clerk.tell(REPORT)
    assert trace.wait_until(bool) == [REPORT]


def test_a_control_message_comes_in_an_envelope_ahead_of_what_waits(
    system: ActorSystem, spec: Any, trace: Trace, router: Any
) -> None:
    chief = system.spawn(spec(Chief, name="chief", args=(trace,)))
    router.join("chief", chief)
    cancel = Cancel(reason="enough")
    worker = system.spawn(spec(Worker, name="worker"))
    router.broadcast(cancel)
    ((message, envelope),) = trace.wait_until(bool)
    assert message is cancel
    assert (envelope.recipient, envelope.sender) == (chief, None)
    assert answer(worker, "still there") == "still there"
