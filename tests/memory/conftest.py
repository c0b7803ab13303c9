"""On which memories do the conformance tests run?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.memory import LocalMemory, Memory, SqliteMemory


@pytest.fixture(params=["local", "sqlite", "sqlite in memory"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Memory]:
    """A new memory of each kind."""
    if request.param == "local":
        made: Memory = LocalMemory()
    else:
        made = SqliteMemory(tmp_path / "crew.memory" if request.param == "sqlite" else ":memory:")
    yield made
    made.close()
