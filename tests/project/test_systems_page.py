"""Does docs/systems.md name, for each line of the five systems, a test that is there, or why it is not wanted?"""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "systems.md"
ROW = re.compile(r"^\| (S\d)\.(\d+b?) \| (.+) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
LINES = {"S0": 52, "S1": 41, "S2": 34, "S3": 41, "S4": 25}
"""How many lines each system has."""


def rows() -> list[tuple[str, str, str]]:
    return [(f"{system}.{number}", what, held) for system, number, what, held in ROW.findall(PAGE.read_text("utf-8"))]


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_each_line_of_each_system_is_there_once_and_in_order() -> None:
    expected = [f"{system}.{number}" for system, most in LINES.items() for number in range(1, most + 1)]
    expected.insert(expected.index("S3.16") + 1, "S3.16b")
    assert [line for line, _, _ in rows()] == expected


@pytest.mark.parametrize(("line", "held"), [(line, held) for line, _, held in rows()])
def test_each_line_is_held_by_a_test_that_exists_or_says_why_not(line: str, held: str) -> None:
    named = TEST.findall(held)
    if not named:
        assert re.fullmatch(r"not wanted: .{10,}", held), f"{line}: {held}"
    for path, name in named:
        assert (ROOT / path).is_file(), f"{line}: {path}"
        assert name in names_in(path), f"{line}: no {name} in {path}"
