"""What do the tests of models start from? The worlds of the kernel's tests, and a server of the chat API."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from actors.models import OpenAIDriver
from tests.core.conftest import clock, dispatcher, lines, log, pytest_generate_tests, spec, system, trace, world
from tests.models.server import Answering, ChatServer

__all__ = ["clock", "dispatcher", "lines", "log", "pytest_generate_tests", "spec", "system", "trace", "world"]


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., ChatServer]]:
    """Starts a server with the answers that it is to give; it ends with the test."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ExitStack() as stack:

        def start(*answers: Answering) -> ChatServer:
            server = ChatServer(answers)
            stack.callback(server.end)
            return server

        yield start


@pytest.fixture
def asking(serving: Callable[..., ChatServer]) -> Iterator[Callable[..., tuple[OpenAIDriver, ChatServer]]]:
    """Starts a server and a driver that asks it; both end with the test."""
    with ExitStack() as stack:

        def start(*answers: Answering, **options: Any) -> tuple[OpenAIDriver, ChatServer]:
            server = serving(*answers)
            driver = OpenAIDriver("small", **{"base_url": server.url, "timeout": 10.0, **options})
            stack.callback(driver.close)
            return driver, server

        yield start
