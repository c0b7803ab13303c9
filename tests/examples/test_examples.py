"""Does every example run by itself, end by itself, and print what is shown beside it?"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.eventlog.conftest import _redis_server, redis_server

__all__ = ["_redis_server", "redis_server"]

EXAMPLES = Path(__file__).parents[2] / "examples"
OUTPUT = EXAMPLES / "output"
NOT_PLAIN = {"audit", "flagship", "test_policies_example"}
"""The two jobs and the pytest file have tests of their own."""
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py") if path.stem not in NOT_PLAIN)
WITH_A_SERVER = {"redis_log"}
"""They are given the URL of one."""
MOST_LINES = 60


def run(arguments: list[str], packages_folder: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in an empty folder, so that an example finds nothing but what is installed."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(packages_folder), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=30,
    )


@pytest.mark.parametrize("name", NAMES)
def test_an_example_prints_what_is_shown_beside_it(
    name: str, packages_folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    arguments = [request.getfixturevalue("redis_server").url] if name in WITH_A_SERVER else []
    ran = run([str(EXAMPLES / f"{name}.py"), *arguments], packages_folder, tmp_path)
    assert ran.stdout == (OUTPUT / f"{name}.txt").read_text(encoding="utf-8"), ran.stderr
    assert ran.returncode == 0, ran.stderr


def test_every_output_that_is_shown_is_that_of_an_example() -> None:
    assert sorted(path.stem for path in OUTPUT.glob("*.txt")) == sorted([*NAMES, "audit", "test_policies_example"])


def test_the_tests_that_are_an_example_pass(packages_folder: Path, tmp_path: Path) -> None:
    file = EXAMPLES / "test_policies_example.py"
    ran = run(["-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)], packages_folder, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    shown = (OUTPUT / "test_policies_example.txt").read_text(encoding="utf-8")
    assert ran.stdout.partition(" in ")[0] == shown.partition(" in ")[0]


@pytest.mark.parametrize("name", [*NAMES, "test_policies_example"])
def test_an_example_is_short_and_begins_with_the_question_it_answers(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert "?" in text.splitlines()[0]
    assert len(text.splitlines()) <= MOST_LINES


def test_the_table_of_examples_has_every_file_and_no_other() -> None:
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| \[(\w+)\.py\]", table, re.MULTILINE))
    tests = {path.stem for path in EXAMPLES.rglob("test_*.py")}
    assert listed == {*NAMES, *tests}
