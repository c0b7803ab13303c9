"""What do the tests say of a copy of the tree that has a fault?"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutations.fault import Fault

ROOT = Path(__file__).parents[2]
ALL_TESTS = ["tests/core", "tests/policies", "tests/routing"]
PATIENCE = 4  # seconds after which the helpers of the tests give up, which else wait for 10
TEST_SECONDS = 15  # for one test
RUN_SECONDS = 300  # for all tests of one fault
# Neither caches nor what belongs to this checkout alone: a fault is put into a clean copy.
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "htmlcov")
_STARTED = re.compile(r"^(tests/\S+?\.py::.+?)(?= (?:PASSED|SKIPPED|XFAIL|FAILED|ERROR)\b| \+\+| *$)", re.MULTILINE)
_FAILED = re.compile(r"^(tests/\S+?\.py::.+?) (?:FAILED|ERROR)\b", re.MULTILINE)
_COUNTED, _BAD = re.compile(r"\d (?:passed|failed|error)"), re.compile(r"\d (?:failed|error)")
_ENDED = re.compile(r"^=+ (.*) in [\d.]+s.* =+$", re.MULTILINE)


class BrokenRun(RuntimeError):
    """The tests did not run at all, which says nothing of the fault; the text is what pytest said."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of one run: `test` is the first that failed, None if all passed; `hung` if it had to be ended."""

    test: str | None
    hung: bool
    seconds: float

    def __str__(self) -> str:
        if self.test is None:
            return f"SURVIVED, {self.seconds:.1f} s"
        return f"caught by {self.test}{', which hangs,' if self.hung else ''} in {self.seconds:.1f} s"


class Runner:
    """Runs tests against copies of the tree, as it was when this was made; may be used on several threads.

    `close` ends the runs that are under way and removes all copies.
    """

    def __init__(self, root: Path = ROOT) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mutations-")
        self._original = Path(self._folder.name, "original")
        shutil.copytree(root, self._original, ignore=_LEFT_OUT)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._closed = False
        # Guards the two above: no run begins once it is closed.
        self._lock = threading.Lock()

    def run(self, fault: Fault | None, tests: Sequence[str]) -> Verdict:
        """Run the tests on a copy with the fault, or on a sound one; blocks. Raises BrokenRun."""
        tree = Path(tempfile.mkdtemp(dir=self._folder.name), "tree")
        shutil.copytree(self._original, tree)
        if fault is not None:
            (tree / fault.file).write_text(self.source_with(fault))
        try:
            return self._test(tree, tests)
        finally:
            shutil.rmtree(tree.parent, ignore_errors=True)

    def source_with(self, fault: Fault) -> str:
        """Give the text of the file that has the fault; raises RottenFault."""
        return fault.put_into((self._original / fault.file).read_text())

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for process in self._running:
                _kill(process)
        self._folder.cleanup()

    def _test(self, tree: Path, tests: Sequence[str]) -> Verdict:
        # Verbose, because its lines then name the test that has just failed, and the one that hangs.
        command = [sys.executable, "-m", "pytest", "-x", "-v", "--tb=short", "-p", "no:cacheprovider"]
        command += [f"--timeout={TEST_SECONDS}", "--timeout-method=thread", *tests]
        began = time.monotonic()
        process = self._begin(command, tree)
        late = threading.Timer(RUN_SECONDS, _kill, [process])
        late.start()
        try:
            said = _read(process)
        finally:
            late.cancel()
            _kill(process)  # what its tests have started, too, and itself: see _read
            process.wait()
            with self._lock:
                self._running.discard(process)
        seconds = time.monotonic() - began
        failed, started, ended = _FAILED.search(said), _STARTED.findall(said), _ENDED.search(said)
        if failed:
            return Verdict(failed[1], False, seconds)
        if not started or (ended and not _COUNTED.search(ended[1])):
            raise BrokenRun(said)
        if ended and not _BAD.search(ended[1]):
            return Verdict(None, False, seconds)
        return Verdict(started[-1], ended is None, seconds)

    def _begin(self, command: list[str], tree: Path) -> subprocess.Popen[bytes]:
        # A run is nobody's coverage, and no part of a test run that this may be called from.
        env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "PYTEST_"))}
        env["PYTHONPATH"] = str(tree)  # before an installed package of that name
        env["PYTHONUNBUFFERED"] = "1"
        env["ACTORTREE_TEST_PATIENCE"] = str(PATIENCE)
        with self._lock:
            if self._closed:
                raise BrokenRun("no run begins any more")
            process = subprocess.Popen(
                command,
                cwd=tree,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.add(process)
        return process


def _read(process: subprocess.Popen[bytes]) -> str:
    """Give what pytest says, up to the first failure or its last line.

    After a fault in the kernel there may be no more: what tidies up after a test that failed may hang, and no timeout
    counts then; nor may the process itself end after its last line.
    """
    assert process.stdout is not None
    said = ""
    with process.stdout as pipe:
        while chunk := os.read(pipe.fileno(), 65536):
            said += chunk.decode(errors="replace")
            if _FAILED.search(said) or _ENDED.search(said):
                break
    return said


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and those it has started, where the system knows such groups."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
