"""Do the examples on the page about testing run, and is what it shows what they print?"""

from __future__ import annotations

import ast
import os
import re
import runpy
import subprocess
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import pytest_actortree
from actors.testkit import dilation

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "testing.md"
TEXT = PAGE.read_text(encoding="utf-8")
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# (\w+\.py)\n")  # the first line of a block that is a file of its own
GOLDEN = re.compile(r"^This is `(golden/\w+\.txt)`:\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# When the distribution is installed, pytest finds its plugin by itself.
PLUGIN = [] if entry_points(group="pytest11", name="actortree") else ["-p", "pytest_actortree"]


TEN_LINES = "test_both_feeds_are_back_half_an_hour_after_one_was_cut"
EXAMPLE = ROOT / "examples" / "testing" / "test_ten_lines.py"


def run(folder: Path, packages_folder: Path, *arguments: str) -> tuple[int, str]:
    """Run pytest in a folder as a user would; gives its status and what it prints."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "ACTORTREE_"))}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *PLUGIN, *arguments],
        cwd=folder,
        env={**variables, "PYTHONPATH": str(packages_folder), "PYTHONIOENCODING": "utf-8", "COLUMNS": "80"},
        capture_output=True,
        encoding="utf-8",
        timeout=50,
    )
    return ran.returncode, ran.stdout + ran.stderr


def blocks() -> dict[str, str]:
    """The page as files: blocks that name a file, and the rest, with the lines of the page, as one of tests."""
    files = {"test_page.py": ""}
    for block in PYTHON.finditer(TEXT):
        named = NAMED.match(block[1])
        if named:
            files[named[1]] = block[1]
        else:
            page = files["test_page.py"]
            files["test_page.py"] = page + "\n" * (TEXT.count("\n", 0, block.start(1)) - page.count("\n")) + block[1]
    return files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all files of the page, and its settings."""
    for name, text in [*blocks().items(), *GOLDEN.findall(TEXT)]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (settings,) = re.findall(r"^```ini\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    (tmp_path / "pytest.ini").write_text(settings, encoding="utf-8")
    return tmp_path


def test_every_example_of_the_page_passes_and_none_is_skipped(folder: Path, packages_folder: Path) -> None:
    status, said = run(folder, packages_folder, "-q", "test_page.py")
    assert status == 0, said
    (passed,) = re.findall(r"^(\d+) passed in ", said, re.MULTILINE)
    assert int(passed) >= blocks()["test_page.py"].count("\ndef test_")


def masked(report: str) -> str:
    """A report without what differs between machines and interpreters: folders, numbers of lines, carets, seconds."""
    report = re.sub(r'File "(?:.*/)?(\w+\.py)", line \d+', r'File "\1", line ?', report)
    report = re.sub(r"^[ ~^]+\n", "", report, flags=re.MULTILINE)
    return re.sub(r"\d+\.\d+s\b", "?s", report)


@pytest.mark.parametrize("name", [name for name in blocks() if name.startswith("test_") and name != "test_page.py"])
def test_a_failing_test_prints_what_is_shown_below_it(name: str, folder: Path, packages_folder: Path) -> None:
    shown = re.search(rf"^# {name}\n.*?^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert shown is not None
    _, said = run(folder, packages_folder, "-q", "--tb=short", name)
    assert masked(shown[1]) in masked(said)


def test_every_option_and_fixture_on_the_page_is_one_of_the_plugin(folder: Path, packages_folder: Path) -> None:
    _, said = run(folder, packages_folder, "--help")
    _, fixtures = run(folder, packages_folder, "--fixtures", "-q", "test_door.py")
    _, markers = run(folder, packages_folder, "--markers")
    known = said + fixtures + markers
    named = set(re.findall(r"--actortree-\w+|\bactortree_\w+", TEXT))
    assert len(named) > 10
    assert sorted(name for name in named if name not in known) == []


def test_every_fixture_of_the_plugin_is_on_the_page() -> None:
    fixtures = {name for name in vars(pytest_actortree) if name.startswith("actortree_")}
    assert sorted(name for name in fixtures if f"`{name}`" not in TEXT) == []


# -- ten lines -------------------------------------------------------------------


def ten_lines(text: str) -> list[str]:
    """The body of that test, wherever it stands."""
    found = [
        node
        for block in [*PYTHON.findall(text), *([] if "```" in text else [text])]
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.FunctionDef) and node.name == TEN_LINES
    ]
    assert len(found) == 1
    return [ast.unparse(statement) for statement in found[0].body]


def test_a_crew_that_waits_half_an_hour_is_tested_in_ten_lines() -> None:
    source = EXAMPLE.read_text(encoding="utf-8").partition(f"def {TEN_LINES}")[2].splitlines()
    assert len([line for line in source if line]) == 10
    example = ten_lines(EXAMPLE.read_text(encoding="utf-8"))
    assert ten_lines(TEXT) == example
    assert ten_lines((ROOT / "README.md").read_text(encoding="utf-8")) == example


def test_these_ten_lines_take_less_than_20_ms() -> None:
    test = runpy.run_path(str(EXAMPLE))[TEN_LINES]
    took = []
    for _ in range(10):
        began = time.perf_counter()
        test()
        took.append(time.perf_counter() - began)
    assert min(took) < 0.02 * dilation()
