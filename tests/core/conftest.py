"""What do the tests of the kernel start from? A system in virtual time, and agents on either dispatcher."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

import pytest
from loguru import logger

from actors import ActorSystem, ChildSpec
from actors.testkit import VirtualClock
from policies import Stop
from tests.core.helpers import EventLog, Trace, WatchedClock


@pytest.fixture
def clock() -> WatchedClock:
    return WatchedClock()


@pytest.fixture
def system(clock: VirtualClock) -> Iterator[ActorSystem]:
    """A system in virtual time whose root stops what fails, so that a failure that reaches it is seen as an end."""
    system = ActorSystem("test", policy=Stop(), clock=clock)
    yield system
    system.stop()


@pytest.fixture
def log(system: ActorSystem) -> EventLog:
    return EventLog(system)


@pytest.fixture
def trace() -> Trace:
    return Trace()


@pytest.fixture(params=["pool", "thread"])
def dispatcher(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def spec(dispatcher: Literal["pool", "thread"]) -> Any:
    """Makes the spec of an agent on the dispatcher of the test."""
    return partial(ChildSpec, dispatcher=dispatcher)


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged: one line for each record, without its traceback."""
    said: list[str] = []
    sink = logger.add(lambda message: said.append(message.record["message"]), format="{message}")
    yield said
    logger.remove(sink)
