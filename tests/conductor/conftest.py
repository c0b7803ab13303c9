"""What do the tests of conductors start from? What those of the kernel do, in both worlds, and a conductor at work."""

from collections.abc import Callable
from typing import Any

import pytest

from actors import ActorSystem
from actors.conductor import Conductor, ConductorRef
from tests.conductor.tracks import Told
from tests.core.conftest import clock, lines, log, pytest_generate_tests, spec, system, trace, world

__all__ = ["clock", "lines", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]

Conduct = Callable[..., ConductorRef]
"""The fixture `conduct`."""


@pytest.fixture
def dispatcher() -> str:
    """Where the conductor runs: on the pool. Its workers are on threads of their own where a test says so."""
    return "pool"


@pytest.fixture
def told(system: ActorSystem) -> Told:
    """All that is told among the events, in order."""
    return Told(system)


@pytest.fixture
def conduct(system: ActorSystem, spec: Any, told: Told) -> Conduct:
    """Starts a conductor of a track, with any of its options; `spec_options` are those of its ChildSpec."""

    def begin(track: Any, work: Any, *, name: str = "conductor", spec_options: Any = None, **options: Any) -> Any:
        ref = system.spawn(spec(Conductor, name, args=(track, work), kwargs=options, **(spec_options or {})))
        assert isinstance(ref, ConductorRef)
        return ref

    return begin
