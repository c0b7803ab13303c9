"""What do the tests of routing start from? What those of the kernel do, in both worlds, and a router with members."""

from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorSystem, AgentRef, RouterRef
from tests.core.conftest import clock, dispatcher, lines, log, pytest_generate_tests, spec, system, trace, world
from tests.core.helpers import Trace
from tests.core.scripted import FOREVER, doer
from tests.routing.members import Doing

__all__ = ["clock", "dispatcher", "lines", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]


@pytest.fixture
def router(system: ActorSystem, spec: Any) -> RouterRef:
    ref = system.spawn(spec(Doing, "router", policy=FOREVER))
    assert isinstance(ref, RouterRef)
    return ref


@pytest.fixture
def agent(system: ActorSystem, trace: Trace, dispatcher: Any) -> Callable[..., AgentRef[Any]]:
    """Starts an agent that notes in `trace` what it gets, with any options of a ChildSpec."""
    return lambda name, **options: system.spawn(doer(name, trace, dispatcher=dispatcher, **options))


@pytest.fixture
def member(agent: Callable[..., AgentRef[Any]], router: RouterRef) -> Callable[..., AgentRef[Any]]:
    """Starts such an agent as a member of the router; `topics` are its."""

    def join(name: str, topics: Any = (), **options: Any) -> AgentRef[Any]:
        ref = agent(name, **options)
        router.join(name, ref, topics)
        return ref

    return join
