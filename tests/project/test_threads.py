"""Does a test that leaves a thread, or an exception in one, fail?"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

HEADER = """
import threading
import pytest

gate = threading.Event()

@pytest.fixture(scope="session", autouse=True)
def opened():
    yield
    gate.set()
"""
LEAKS = """
def test_leaks():
    threading.Thread(target=gate.wait, name="leaked", daemon={daemon}).start()
"""
RAISES = """
def test_raises():
    def raises():
        raise ValueError("in a thread")
    thread = threading.Thread(target=raises)
    thread.start()
    thread.join()
"""
ENDS = """
def test_starts_a_thread_that_ends_after_it():
    late = threading.Event()
    threading.Thread(target=late.wait, args=(30,)).start()
    threading.Thread(target=late.set).start()
"""


def run(tmp_path: Path, test: str) -> str:
    """The output of pytest for one test, under our settings and conftest, with a short grace."""
    conftest = (ROOT / "tests" / "conftest.py").read_text()
    (tmp_path / "conftest.py").write_text(conftest.replace("GRACE = 5.0", "GRACE = 0.2"))
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    (tmp_path / "test_it.py").write_text(HEADER + test)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_it.py"]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50).stdout


@pytest.mark.parametrize("daemon", [False, True])
def test_a_test_that_leaks_a_thread_fails_and_names_it(tmp_path: Path, daemon: bool) -> None:
    said = run(tmp_path, LEAKS.format(daemon=daemon))
    assert "threads still alive 0.2 s after the test: 'leaked'" in said
    assert "1 passed, 1 error" in said


def test_a_test_marked_leaves_orphans_may_leave_a_daemon_thread(tmp_path: Path) -> None:
    assert "1 passed in" in run(tmp_path, "@pytest.mark.leaves_orphans" + LEAKS.format(daemon=True))


def test_a_test_marked_leaves_orphans_may_not_leave_a_thread_that_holds_up_the_exit(tmp_path: Path) -> None:
    assert "1 passed, 1 error" in run(tmp_path, "@pytest.mark.leaves_orphans" + LEAKS.format(daemon=False))


def test_a_thread_may_end_a_little_later_than_its_test(tmp_path: Path) -> None:
    assert "1 passed in" in run(tmp_path, ENDS)


def test_an_exception_in_a_thread_fails_the_test_that_started_it(tmp_path: Path) -> None:
    said = run(tmp_path, RAISES)
    assert "PytestUnhandledThreadExceptionWarning" in said
    assert "1 failed" in said
