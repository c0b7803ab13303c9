"""Does an agent behave as a Pykka actor, as far as Pykka's own tests can tell?"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.pykka_suite import sdist

HERE = Path(__file__).parent
DEVIATIONS: dict[str, str] = tomllib.loads((HERE / "deviations.toml").read_text())["deviations"]
PYKKA_ITSELF = "pykka.ThreadingActor pykka.ThreadingFuture"
FEWEST = 150
"""Pykka 4.5.0 has 152 tests; a run of far fewer has missed something."""
LIMIT = 240.0
"""Seconds for one run of the suite, which takes one second on Pykka's own actors."""

pytestmark = pytest.mark.timeout(2 * LIMIT)


class Run(NamedTuple):
    passed: set[str]
    failed: dict[str, str]
    """Test id to reason, skipped tests too."""
    printed: str

    def __repr__(self) -> str:
        return f"<{len(self.passed)} passed, {len(self.failed)} failed or skipped>"


Suite = Callable[..., Run]


@pytest.fixture(scope="module")
def run_suite(packages_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    pykka = sdist.folder()

    def run(*options: str, runtime: str | None = None) -> Run:
        report = tmp_path_factory.mktemp("pykka") / "report.jsonl"
        report.touch()
        environment = {**os.environ, "PYKKA_SUITE_REPORT": str(report)}
        environment["PYTHONPATH"] = os.pathsep.join([str(HERE), str(packages_folder)])
        environment |= {"PYKKA_SUITE_RUNTIME": runtime} if runtime else {}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "agent_runtime", "-p", "no:cacheprovider"]
        # Neither Pykka's settings nor ours; a test that hangs fails alone, and the others go on.
        command += ["-c", os.devnull, "--rootdir", str(pykka), "--tb", "short", "--timeout", "20"]
        ran = subprocess.run(
            [*command, *options, "tests"],
            cwd=pykka,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
        return _read(report, ran.stdout + ran.stderr)

    return run


def _read(report: Path, printed: str) -> Run:
    passed: set[str] = set()
    failed: dict[str, str] = {}
    for line in report.read_text(encoding="utf-8").splitlines():
        test, outcome, reason = json.loads(line)
        if outcome == "passed":
            passed.add(test)
        else:
            failed[test] = reason
    return Run(passed - failed.keys(), failed, printed)


@pytest.fixture(scope="module")
def on_agents(run_suite: Suite) -> Run:
    return run_suite()


def test_all_of_pykkas_tests_pass_on_pykkas_own_actors(run_suite: Suite) -> None:
    """The control: what fails on agents fails because of them, not because of how the suite is run."""
    run = run_suite(runtime=PYKKA_ITSELF)
    assert run.failed == {}
    assert len(run.passed) >= FEWEST, run.printed


def test_pykkas_tests_really_run_on_the_runtime_that_is_named(run_suite: Suite) -> None:
    abstract = "pykka.Actor pykka.ThreadingFuture"
    run = run_suite("-k", "test_actor_has_an_uuid4_based_urn", runtime=abstract)
    assert run.passed == set()
    assert "Can't instantiate abstract class" in "".join(run.failed.values()), run.printed


def test_all_of_pykkas_tests_run_on_agents(on_agents: Run) -> None:
    assert len(on_agents.passed) + len(on_agents.failed) >= FEWEST, on_agents.printed


def test_pykkas_tests_pass_on_agents_but_for_the_named_deviations(on_agents: Run) -> None:
    unexpected = {test: reason for test, reason in on_agents.failed.items() if test not in DEVIATIONS}
    assert not unexpected, "\n\n".join(f"{test}\n{reason}" for test, reason in unexpected.items())


def test_no_deviation_is_stale(on_agents: Run) -> None:
    assert set(DEVIATIONS) - on_agents.failed.keys() == set(), "named as deviations, but they pass or are gone"


def test_each_deviation_has_a_reason() -> None:
    assert [test for test, reason in DEVIATIONS.items() if len(reason.split()) < 5] == []
