"""What do the tests of the orchestrator start from? What those of the kernel do, in both worlds, and one."""

from typing import Any

import pytest

from actors import ActorSystem
from actors.orchestrator import Orchestrator, OrchestratorRef
from policies import Restart
from tests.core.conftest import clock, dispatcher, lines, log, pytest_generate_tests, spec, system, trace, world

__all__ = ["clock", "dispatcher", "lines", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]


@pytest.fixture
def crew(system: ActorSystem, spec: Any) -> OrchestratorRef:
    """An orchestrator as it is by default, at /crew; what it escalates restarts it."""
    ref = system.spawn(spec(Orchestrator, "crew", policy=Restart(None, within=None)))
    assert isinstance(ref, OrchestratorRef)
    return ref
