"""Do the examples of tests pass for a user who runs them with pytest and its plugin?"""

import ast
import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "testing"
FILES = sorted(EXAMPLES.glob("test_*.py"))
# When the distribution is installed, pytest finds its plugin by itself.
PLUGIN = [] if entry_points(group="pytest11", name="actortree") else ["-p", "pytest_actortree"]
LONGEST = 45.0
"""Seconds for all of them together; they take a twentieth of that where nothing else runs."""


def test_all_examples_of_tests_pass_none_is_skipped_and_none_takes_long(packages_folder: Path) -> None:
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "ACTORTREE_"))}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGIN, "-p", "no:cacheprovider", "-rA", "-W", "error", str(EXAMPLES)],
        cwd=ROOT,
        env={**variables, "PYTHONPATH": str(packages_folder), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=LONGEST,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^=+ \d+ passed in ", ran.stdout, re.MULTILINE), ran.stdout
    passed = set(re.findall(r"^PASSED \S*?(test_\w+\.py)::", ran.stdout, re.MULTILINE))
    assert passed == {file.name for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_of_tests_begins_with_the_question_it_answers(file: Path) -> None:
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    assert "?" in text.splitlines()[0]


def test_the_table_has_every_file_of_tests_and_no_other() -> None:
    table = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\w+\.py)\]\(testing/\1\) ", table, re.MULTILINE)
    assert sorted(listed) == [file.name for file in FILES]
