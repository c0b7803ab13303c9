"""What do the tests of the kernel start from? A system in virtual time, and agents on either dispatcher."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Literal

import pytest
from loguru import logger

from actors import ActorSystem, ChildSpec
from tests.core.clocks import WatchedClock
from tests.core.helpers import EventLog, Trace
from tests.core.worlds import WORLDS, World


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs each test that uses a system in both worlds, but those that say why they are about real threads."""
    if "world" in metafunc.fixturenames:
        on_threads = metafunc.definition.get_closest_marker("threads_only")
        metafunc.parametrize("world", ["threads"] if on_threads else list(WORLDS), indirect=True)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = WORLDS[request.param](request.node.name)
    yield world
    world.end()


@pytest.fixture
def system(world: World) -> ActorSystem:
    """A system in virtual time whose root stops what fails, so that a failure that reaches it is seen as an end."""
    return world.default


@pytest.fixture
def clock(world: World, system: ActorSystem) -> WatchedClock:
    """The clock of the system."""
    return world.clock


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
