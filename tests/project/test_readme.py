"""Does the README tell the truth?"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def ran_by_itself(program: str, folder: Path, packages_folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program of the page in an empty folder, with nothing but what is installed."""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={"PYTHONPATH": str(packages_folder), "PYTHONIOENCODING": "utf-8", "PATH": ""},
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=True,
    )


def test_the_first_program_prints_what_stands_below_it(tmp_path: Path, packages_folder: Path) -> None:
    blocks = re.findall(r"```(?:python)?\n(.*?)```", README, re.DOTALL)
    program, output = blocks[0], blocks[1]
    ran = ran_by_itself(program, tmp_path, packages_folder)
    assert ran.stdout == output
    assert "ValueError('a bad url') -> restart" in ran.stderr


def test_the_log_of_a_run_says_what_stands_below_it(tmp_path: Path, packages_folder: Path) -> None:
    blocks = re.findall(r"```(?:python)?\n(.*?)```", README, re.DOTALL)
    at = next(number for number, block in enumerate(blocks) if "SqliteLog" in block)
    ran = ran_by_itself(blocks[at], tmp_path, packages_folder)
    assert [line.rstrip() for line in ran.stdout.splitlines()] == blocks[at + 1].splitlines()


def test_the_crew_says_what_stands_below_it(tmp_path: Path, packages_folder: Path) -> None:
    blocks = re.findall(r"```(?:python)?\n(.*?)```", README, re.DOTALL)
    at = next(number for number, block in enumerate(blocks) if "Conductor" in block)
    for _ in range(2):  # The second run finds all of it done.
        ran = ran_by_itself(blocks[at], tmp_path, packages_folder)
        assert ran.stdout == blocks[at + 1]
    assert ran.stderr == ""


def test_the_test_of_a_crew_passes(tmp_path: Path, packages_folder: Path) -> None:
    (test,) = (block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "def test_" in block)
    (tmp_path / "test_crew.py").write_text(test, encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_crew.py"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(packages_folder), "PATH": ""},
        capture_output=True,
        encoding="utf-8",
        timeout=30,
    )
    assert "1 passed" in ran.stdout, ran.stdout + ran.stderr


def test_a_tree_that_restarts_fits_into_twenty_lines() -> None:
    program = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    assert len([line for line in program.splitlines() if line]) <= 20


def test_every_page_that_it_links_to_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_both_commands_are_targets_of_the_makefile() -> None:
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in ("demo", "test"):
        assert f"make {command}" in README
        assert re.search(rf"^{command}:", targets, re.MULTILINE)
