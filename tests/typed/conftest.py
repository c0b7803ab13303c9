"""What do the tests of typed messages start from? What those of the kernel do: threads, own threads, simulation."""

from __future__ import annotations

from typing import Any

import pytest

from actors import ActorSystem
from tests.core.conftest import clock, dispatcher, lines, log, pytest_generate_tests, spec, system, trace, world
from tests.core.helpers import Trace
from tests.typed.asking import Asker, Chief

__all__ = ["clock", "dispatcher", "lines", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]


@pytest.fixture
def asker(system: ActorSystem, spec: Any, trace: Trace) -> Any:
    return system.spawn(spec(Asker, name="asker", args=(trace,)))


@pytest.fixture
def chief(system: ActorSystem, spec: Any) -> Any:
    return system.spawn(spec(Chief, name="chief"))
