"""Who asks and who is asked in these tests?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from actors import (
    Accepting,
    Agent,
    Answer,
    NeedsDecision,
    Questions,
    Reply,
)
from tests.core.helpers import Boom, Trace, answer
from tests.typed.samples import DECISION

NEEDS = NeedsDecision(agent_id="worker-1", task_id="ra-a3f8.1", decision=DECISION)


class Asker(Accepting[Callable[..., Any] | Boom]):
    """Does what it is told with its questions, and notes what comes of them. Accepts no answers from others."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.questions = Questions(self.context)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        if isinstance(message, Answer):
            self.trace.note(message)
            return None
        return message(self)

    def ask(self, ref: Any, message: Any, timeout: float = 30.0, **options: Any) -> str:
        return self.questions.ask(ref, message, timeout, **options)


class Chief(Agent):
    """Keeps what it is asked, to be answered when the test says so."""

    def __init__(self) -> None:
        self.held: dict[Any, Reply] = {}

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message(self)
        self.held[message] = self.context.defer()
        return None


def ask(asker: Any, ref: Any, message: Any, **options: Any) -> str:
    """Have the asker ask, and give the correlation id."""
    number: str = answer(asker, lambda agent: agent.ask(ref, message, **options))
    return number


def refused(asker: Any, ref: Any, message: Any, **options: Any) -> BaseException:
    """Have the asker ask what it cannot, and give the error that it gets."""

    def attempt(agent: Any) -> BaseException:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says is the test's
            agent.ask(ref, message, **options)
        return caught.value

    error: BaseException = answer(asker, attempt)
    return error


def reply(chief: Any, message: Any, value: Any) -> bool:
    """Have the chief answer what it was asked; tells whether that was in time."""
    in_time: bool = answer(chief, lambda agent: agent.held[message].set(value))
    return in_time


def came(trace: Trace, *numbers: str) -> list[Any]:
    """Wait for the answers to so many questions, and give them in the order of these ids."""
    notes = trace.wait_until(lambda notes: {*numbers} <= {each.correlation_id for each in notes})
    return [next(each for each in notes if each.correlation_id == number) for number in numbers]
