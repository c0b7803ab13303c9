"""What holds for every test? It leaves no thread behind; orphans that it makes on purpose are marked."""

import threading
import time
from collections import deque
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from loguru import logger

pytest_plugins = ["pytester"]

# Loguru's own sink would write between the dots, since most tests are about failures: shown where a test fails instead.
_logged: deque[str] = deque(maxlen=200)
logger.remove()
logger.add(lambda text: _logged.append(str(text)), format="{level} {message}", backtrace=False, diagnose=False)

GRACE = 5.0
"""Seconds, for all threads of one test together, in which a thread that is about to end may do so."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds what was logged during a test to its report if it fails."""
    report = yield
    if report.failed and _logged:
        report.sections.append(("what was logged", "".join(_logged)))
    return report


@pytest.fixture(autouse=True)
def no_thread_is_leaked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a thread running; `leaves_orphans` lets daemon threads pass."""
    _logged.clear()
    before = set(threading.enumerate())
    yield
    leaves_orphans = request.node.get_closest_marker("leaves_orphans") is not None
    leaked = _still_alive(before, daemons_pass=leaves_orphans)
    if leaked:
        names = ", ".join(sorted(repr(thread.name) for thread in leaked))
        pytest.fail(f"threads still alive {GRACE:g} s after the test: {names}", pytrace=False)


def _still_alive(before: set[threading.Thread], *, daemons_pass: bool) -> list[threading.Thread]:
    """What was started since `before` and does not end; blocks for at most `GRACE` seconds in all."""
    started = [
        thread for thread in threading.enumerate() if thread not in before and not (daemons_pass and thread.daemon)
    ]
    deadline = time.monotonic() + GRACE
    for thread in started:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [thread for thread in started if thread.is_alive()]


@pytest.fixture(scope="session")
def packages_folder() -> Path:
    """The folder that holds `actors`, in the work tree or installed: PYTHONPATH for a subprocess."""
    spec = find_spec("actors")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parents[1]
