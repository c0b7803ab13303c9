"""Is the Decision that answers a worker ever taken for the Decision of a policy, or the other way round?"""

from __future__ import annotations

from typing import Any

import pytest

import actors
import policies
from actors import ActorSystem, AnswerFailed, Escalated, InvalidMessageError
from policies import Directive
from tests.core.helpers import Boom, EventLog, Trace
from tests.core.scripted import deciding, doer
from tests.typed.asking import NEEDS, ask, came, reply


def test_a_policy_that_gives_the_answer_to_a_worker_has_decided_nothing_and_that_escalates(
    system: ActorSystem, spec: Any, log: EventLog, dispatcher: Any
) -> None:
    wrong: Any = actors.Decision(granted=True)
    a = system.spawn(doer("a", policy=deciding(lambda failure, history: wrong), dispatcher=dispatcher))
    a.tell(Boom("over"))
    raised = log.wait(Escalated, "/a").error
    assert isinstance(raised, TypeError)
    assert "decided Decision(task_id=None, granted=True, reason='')" in str(raised)
    assert str(raised).endswith("which is no policies.Decision")
    assert isinstance(raised.__cause__, Boom)


def test_a_worker_that_is_answered_with_what_a_policy_decides_is_told_that_it_is_none(
    trace: Trace, asker: Any, chief: Any
) -> None:
    number = ask(asker, chief, NEEDS)
    reply(chief, NEEDS, policies.Decision(Directive.RESTART))
    (failed,) = came(trace, number)
    assert isinstance(failed, AnswerFailed)
    assert isinstance(failed.error, InvalidMessageError)


def test_neither_is_made_with_what_the_other_says() -> None:
    with pytest.raises(TypeError):
        policies.Decision(granted=True)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        actors.Decision(Directive.RESTART)  # type: ignore[call-arg, misc]
