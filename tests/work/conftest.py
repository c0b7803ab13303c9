"""What do the tests of workers start from? What those of the kernel do, in both worlds, and whom a worker asks."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from actors import ActorSystem
from actors.testkit import Probe
from actors.work import Worker, WorkerRef
from policies import Policy, Stop
from tests.core.conftest import clock, dispatcher, lines, log, pytest_generate_tests, spec, system, trace, world
from tests.core.scripted import FOREVER

__all__ = ["clock", "dispatcher", "lines", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]

Start = Callable[..., WorkerRef]
"""The fixture `start`."""


@pytest.fixture
def start(system: ActorSystem, spec: Any) -> Start:
    """Starts a worker of this work, with any options of its ChildSpec; by default it is restarted without limit."""

    def begin(
        work: Any = None, name: str = "worker", kind: Any = Worker, policy: Policy = FOREVER, **options: Any
    ) -> Any:
        args = () if work is None else (work,)
        ref = system.spawn(spec(kind, name, args=args, policy=policy, **options))
        assert isinstance(ref, WorkerRef)
        return ref

    return begin


@pytest.fixture
def conductor(system: ActorSystem) -> Probe:
    return Probe(system, "conductor")


@pytest.fixture
def approver(system: ActorSystem) -> Probe:
    return Probe(system, "approver")


@pytest.fixture
def reviewer(system: ActorSystem) -> Probe:
    return Probe(system, "reviewer")


@pytest.fixture
def quick_switches() -> Iterator[None]:
    """Threads take turns fifty times as often as usual."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def real() -> Iterator[ActorSystem]:
    """A system on threads, for tests that are about those."""
    with ActorSystem("races", policy=Stop()) as system:
        yield system
