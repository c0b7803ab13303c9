"""What is a timeout, and what becomes of a call that is given something else?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorSystem, AgentFuture, get_all, stop_all
from actors.testkit import Gate
from tests.core.doer import Doer, busy_at
from tests.core.helpers import answer, elsewhere, result

NO_TIMEOUTS = ["5", [5], object(), math.nan]


@pytest.mark.parametrize("block", [True, False])
@pytest.mark.parametrize("timeout", [*NO_TIMEOUTS, True, False])
def test_an_ask_with_a_timeout_that_is_no_number_is_refused_before_it_is_sent(
    system: ActorSystem, timeout: Any, block: bool
) -> None:
    agent = system.spawn(Doer)
    with pytest.raises(ValueError, match=r"^timeout: seconds, or None, not "):
        agent.ask("never", block=block, timeout=timeout)
    assert answer(agent, lambda agent: agent.trace.notes) == []


@pytest.mark.parametrize("timeout", [*NO_TIMEOUTS, True])
def test_a_future_is_not_waited_for_with_a_timeout_that_is_no_number(system: ActorSystem, timeout: Any) -> None:
    gate = Gate()
    agent = system.spawn(Doer)
    agent.tell(busy_at(gate))
    asked = agent.ask("hello", block=False)
    plain: AgentFuture[int] = AgentFuture()
    calls: list[Callable[[], Any]] = [
        lambda: asked.get(timeout=timeout),
        lambda: plain.get(timeout=timeout),
        lambda: asked.map(str).get(timeout=timeout),
        lambda: get_all([asked], timeout=timeout),
        lambda: get_all([], timeout=timeout),
        lambda: stop_all(timeout=timeout),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"^timeout: seconds, or None, not "):
            call()
    gate.open()
    assert result(asked) == "hello"


def test_a_future_may_be_waited_for_for_ever_and_a_day() -> None:
    future: AgentFuture[int] = AgentFuture()
    waiting = elsewhere(lambda: future.get(timeout=math.inf))
    future.set(7)
    assert result(waiting) == 7
