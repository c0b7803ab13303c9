"""How do Pykka's own tests get to run on agents? As a pytest plugin: `pytest -p agent_runtime`.

Their conftest defines the fixture `runtime`, which every test builds its actors from. This plugin puts its
own fixture in that place, and writes what became of each test to the file named by `PYKKA_SUITE_REPORT`,
one JSON list `[test id, outcome, reason]` a line, as it happens: after a crash, the report ends there.
"""

import importlib
import json
import os
import threading
import time
from typing import Any

import pytest

RUNTIME = os.environ.get("PYKKA_SUITE_RUNTIME", "actors.Agent actors.AgentFuture")
"""Import paths of the actor class and of the future class."""


@pytest.fixture(scope="session", params=["agent"])
def agent_runtime() -> Any:
    runtime = importlib.import_module("tests.types").Runtime
    actor_class, future_class = (_imported(name) for name in RUNTIME.split())
    return runtime(
        name="agent",
        actor_class=actor_class,
        event_class=threading.Event,
        future_class=future_class,
        sleep_func=time.sleep,
    )


def _imported(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


@pytest.hookimpl(tryfirst=True)
def pytest_plugin_registered(plugin: object) -> None:
    """First of all, so that the fixture is replaced before pytest reads the conftest's fixtures."""
    if getattr(plugin, "RUNTIMES", None) is not None:
        plugin.runtime = agent_runtime  # type: ignore[attr-defined]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test that passes is reported once, a test that does not in each phase that failed or was skipped."""
    if report.when == "call" or report.outcome != "passed":
        _write(report.nodeid, report.outcome, _reason(report))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _write(report.nodeid, "failed", report.longreprtext)


def _reason(report: pytest.TestReport) -> str:
    return "" if report.passed else report.longreprtext


def _write(test: str, outcome: str, reason: str) -> None:
    with open(os.environ["PYKKA_SUITE_REPORT"], "a", encoding="utf-8") as lines:
        lines.write(json.dumps([test, outcome, reason]) + "\n")
