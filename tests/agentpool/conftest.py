"""What do the tests of pools of agents start from? What those of the kernel do, in both worlds, and a pool."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from actors import ActorSystem, ChildSpec
from actors.agentpool import AgentPool, AgentPoolRef, SpawnConfig
from tests.core.conftest import clock, dispatcher, lines, log, pytest_generate_tests, spec, system, trace, world

__all__ = ["clock", "dispatcher", "lines", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]


@pytest.fixture
def pool(system: ActorSystem, dispatcher: Any) -> Callable[..., AgentPoolRef]:
    """Starts a pool, /pool, of so many agents, with any options of an AgentPool."""

    def make(max_agents: int = 2, **options: Any) -> AgentPoolRef:
        kwargs = {"max_agents": max_agents, **options}
        ref = system.spawn(ChildSpec(AgentPool, "pool", kwargs=kwargs, dispatcher=dispatcher))
        assert isinstance(ref, AgentPoolRef)
        return ref

    return make


@pytest.fixture
def config(dispatcher: Any) -> Any:
    """Makes the config of an agent on the dispatcher of the test."""
    return partial(SpawnConfig, dispatcher=dispatcher)
