"""What do the tests of approvals start from? What those of the kernel do, in both worlds, and an approver."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors import ActorSystem
from actors.approvals import Approver, ApproverRef
from tests.core.conftest import clock, dispatcher, lines, log, pytest_generate_tests, spec, system, trace, world

__all__ = ["clock", "dispatcher", "lines", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]

Start = Callable[..., ApproverRef]
IN_A_FILE = pytest.mark.parametrize("store", ["file"], indirect=True)
"""For tests of what is still there after the approver has ended."""


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the approver keeps them; nothing else differs."""
    return ":memory:" if request.param == "memory" else str(tmp_path / "crew.approvals")


@pytest.fixture
def start(system: ActorSystem, spec: Any, store: str) -> Start:
    """Starts an approver, with any of its arguments; `options` are those of its ChildSpec."""

    def begin(name: str = "approver", options: Any = (), **arguments: Any) -> ApproverRef:
        ref = system.spawn(spec(Approver, name, kwargs={"store": store, **arguments}, **dict(options)))
        assert isinstance(ref, ApproverRef)
        return ref

    return begin


@pytest.fixture
def approver(start: Start) -> ApproverRef:
    """One that leaves all decisions to the test."""
    return start()
