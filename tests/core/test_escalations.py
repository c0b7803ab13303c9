"""What goes up where the failure of a child becomes that of its parent?"""

from __future__ import annotations

from typing import Any

from actors import ActorSystem, AgentRestarted, ChildSpec, Supervisor
from policies import Decision, Escalate, Failure, History
from tests.core.helpers import Boom, EventLog, answer
from tests.core.scripted import FOREVER, deciding, doer, get, supervisor


class Boss(Supervisor):
    """Has a child that it answers for, and handles messages itself."""

    policy = Escalate()
    children = (doer("worker", policy=None),)

    def on_receive(self, message: Any) -> Any:
        return message


def test_an_escalated_failure_says_how_many_messages_the_parent_had_handled(system: ActorSystem, log: EventLog) -> None:
    failures: list[Failure] = []

    def decide(failure: Failure, history: History) -> Decision:
        failures.append(failure)
        return FOREVER.decide(failure, history)

    system.spawn(supervisor("top", ChildSpec(Boss, "boss"), policy=deciding(decide)))
    get(system, "/top/boss/worker").tell(Boom("first"))
    log.wait(AgentRestarted, "/top/boss")
    for message in range(3):
        answer(get(system, "/top/boss"), message)
    get(system, "/top/boss/worker").tell("handled by the worker")
    get(system, "/top/boss/worker").tell(Boom("second"))
    log.wait(AgentRestarted, "/top/boss", 2)

    assert [(failure.path, failure.incarnation, failure.handled) for failure in failures] == [
        ("/top/boss", 1, 0),
        ("/top/boss", 2, 3),
    ]
