"""Is each name of the testkit shown to users in an example, and tested?"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "testing"
TESTS = ROOT / "tests"


def exported(packages_folder: Path) -> list[str]:
    """The names in `__all__` of the testkit, without importing it."""
    tree = ast.parse((packages_folder / "actors" / "testkit" / "__init__.py").read_text(encoding="utf-8"))
    (names,) = (
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    value = ast.literal_eval(names)
    assert isinstance(value, list)
    return value


def used(folder: Path) -> set[str]:
    """All names that the code of a folder's tests uses; to import one is no use."""
    nodes = (
        node
        for path in folder.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Name, ast.Attribute))
    )
    return {node.id if isinstance(node, ast.Name) else node.attr for node in nodes}


@pytest.mark.parametrize("folder", [EXAMPLES, TESTS], ids=["examples", "tests"])
def test_every_name_of_the_testkit_is_used(folder: Path, packages_folder: Path) -> None:
    names = exported(packages_folder)
    assert len(names) > 30
    assert sorted(set(names) - used(folder)) == []


def test_a_name_that_is_only_imported_or_written_about_is_not_used(tmp_path: Path) -> None:
    text = '"""Probe."""\nfrom actors.testkit import Gate, Probe\nGate()\nevents.expect()\n'
    (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
    assert used(tmp_path) == {"Gate", "events", "expect"}
