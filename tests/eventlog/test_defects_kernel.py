"""Are the defects of the mailboxes that these replace absent: are messages in order, and is a bad one lost alone?"""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from actors import ActorSystem, DeadLetter, Delivered, Router, RouterRef
from actors._core.commands import Urgent
from tests.core.conftest import clock, dispatcher, log, pytest_generate_tests, spec, system, trace, world
from tests.core.helpers import Boom, EventLog, Trace, answer
from tests.core.scripted import FOREVER, Doer, held

__all__ = ["clock", "dispatcher", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]

defect = pytest.mark.system_case


def handled(trace: Trace) -> list[Any]:
    """What the agents have taken in hand, without what tells of their lives."""
    return [what for what, *_ in trace.notes if what not in ("start", "stop", "failure")]


@defect("D4.16")
def test_messages_come_in_order_and_a_bad_one_is_a_dead_letter_alone(
    system: ActorSystem, spec: Any, trace: Trace, log: EventLog
) -> None:
    ref = system.spawn(spec(Doer, "a", args=(trace,), policy=FOREVER))
    gate = held(ref)
    bad, bad_and_urgent = Boom("cannot be read"), Boom("urgent, and cannot be read")
    for message in ("one", bad, "two", "three"):
        ref.tell(message)
    waiting: deque[Any] = deque()
    for message in ("urgent one", "urgent two", bad_and_urgent, "urgent three"):
        waiting.append(message)
        ref._cell.post(Urgent(waiting))
    gate.open()
    assert answer(ref, "last") == "last"
    assert handled(trace) == ["urgent one", "urgent two", "urgent three", "one", "two", "three", "last"]
    letters = [(letter.message, letter.reason, letter.error) for letter in log.of(DeadLetter)]
    assert letters == [(error, "failed", error) for error in (bad_and_urgent, bad)]


@defect("D4.16")
def test_a_broadcast_is_for_those_who_are_there_and_says_how_many(system: ActorSystem, spec: Any, trace: Trace) -> None:
    router = system.spawn(spec(Router, "router"))
    assert isinstance(router, RouterRef)
    assert router.broadcast("nobody hears it") == Delivered(0)
    refs = [system.spawn(spec(Doer, name, args=(trace,))) for name in "ab"]
    for ref in refs:
        router.join(ref.name, ref)
    assert router.broadcast("all hear it") == Delivered(2)
    for ref in refs:
        answer(ref, "barrier")
    assert handled(trace).count("all hear it") == 2
