"""Do type checkers refuse what the refs refuse, and do they know the answers?

Both read small programs that say of each line what is to come of it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
Found = dict[int, set[str]]
"""What is said of each line: "error", or "is T" for a type that is revealed."""


def expected(program: Path) -> Found:
    lines = enumerate(program.read_text(encoding="utf-8").splitlines(), start=1)
    return {number: {match[1]} for number, line in lines if (match := re.search(r"  # (error|is .+)$", line))}


def plain(text: str) -> str:
    """Give a type without the modules that its names are in, and a union as newer versions of mypy spell it."""
    short = re.sub(r"\b\w+\.(?=\w)", "", text)
    union = re.compile(r"Union\[((?:[^\[\]]|\[[^\[\]]*\])*)\]")
    return union.sub(lambda match: match[1].replace(", ", " | "), short)


def run(arguments: list[str], packages_folder: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "MYPYPATH": str(packages_folder)}
    if packages_folder.name == "site-packages":
        del env["MYPYPATH"]  # installed, so it is found, and mypy takes no such folder for sources
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=env, capture_output=True, encoding="utf-8", timeout=300
    )


def by_mypy(program: Path, packages_folder: Path, folder: Path) -> Found:
    options = ["--strict", "--no-error-summary", "--config-file=", f"--cache-dir={folder}", "--python-version=3.11"]
    ran = run(["mypy", *options, "--warn-unused-ignores", str(program)], packages_folder, folder)
    found: Found = {}
    for line in ran.stdout.splitlines():
        match = re.match(rf".*\b{program.name}:(\d+): (error|note): (.*)$", line)
        if match is None:
            pytest.fail(f"mypy on another file: {line}")
        number, kind, text = int(match[1]), match[2], match[3]
        revealed = re.match(r'Revealed type is "(.*)"', text)
        if kind == "error":
            found.setdefault(number, set()).add("error")
        elif revealed is not None:
            found.setdefault(number, set()).add(f"is {plain(revealed[1])}")
    return found


def by_pyright(program: Path, packages_folder: Path, folder: Path) -> Found:
    config = folder / "pyrightconfig.json"
    settings = {"include": [str(program)], "extraPaths": [str(packages_folder)], "typeCheckingMode": "standard"}
    config.write_text(json.dumps({**settings, "pythonVersion": "3.11"}))
    options = ["--project", str(config), "--pythonpath", sys.executable, "--outputjson"]
    ran = run(["basedpyright", *options], packages_folder, folder)
    found: Found = {}
    for each in json.loads(ran.stdout)["generalDiagnostics"]:
        number = each["range"]["start"]["line"] + 1
        revealed = re.match(r'Type of ".*" is "(.*)"', each["message"], re.DOTALL)
        if each["severity"] == "error":
            found.setdefault(number, set()).add("error")
        elif revealed is not None:
            found.setdefault(number, set()).add(f"is {plain(revealed[1])}")
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("check", [by_mypy, by_pyright], ids=["mypy", "pyright"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_a_type_checker_refuses_what_is_wrong_and_knows_what_comes_back(
    program: Path, check: Callable[[Path, Path, Path], Found], packages_folder: Path, tmp_path: Path
) -> None:
    assert check(program, packages_folder, tmp_path) == expected(program)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_each_program_has_what_is_refused_and_what_is_known(program: Path) -> None:
    said = {kind.split()[0] for kinds in expected(program).values() for kind in kinds}
    assert said == {"error", "is"}
