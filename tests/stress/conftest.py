"""How often do the threads of a storm take turns? At each of three switch intervals, without a log."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from loguru import logger


@pytest.fixture(params=[5e-3, 1e-4, 1e-5], ids=["5ms", "0.1ms", "10us"])
def switch_interval(request: pytest.FixtureRequest) -> Iterator[float]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(request.param)
    logger.disable("actors")
    yield request.param
    logger.enable("actors")
    sys.setswitchinterval(before)
