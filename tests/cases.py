"""Which tests carry which marker, and which fixtures do they use? Read from the source: nothing is imported or run."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent


def carriers(paths: Iterable[Path], kinds: Iterable[str] = ("system_case",)) -> defaultdict[str, set[str]]:
    """Give for each case the tests that carry it, as `folder/file.py::name`."""
    wanted = set(kinds)
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path in paths:
        tree = parse(path)
        aliases = aliases_of(tree)
        for function in collected(tree):
            for kind, value in markers_of(function, aliases):
                if kind in wanted:
                    found[value].add(f"{path.parent.name}/{path.name}::{function.name}")
    return found


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions_of(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def collected(tree: ast.Module) -> list[ast.FunctionDef]:
    return [function for function in functions_of(tree) if function.name.startswith("test_")]


def aliases_of(tree: ast.Module) -> dict[str, str]:
    """Give what a module calls the markers: `case = pytest.mark.case`."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
            found[ast.unparse(node.targets[0])] = node.value.attr
    return found


def markers_of(function: ast.FunctionDef, aliases: dict[str, str]) -> Iterator[tuple[str, str]]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and decorator.args and isinstance(decorator.args[0], ast.Constant):
            name = ast.unparse(decorator.func)
            yield aliases.get(name, name.rpartition(".")[2]), str(decorator.args[0].value)


def fixtures_of(path: Path) -> dict[str, set[str]]:
    """Give what each fixture of a file needs, with those that a conftest has from that of the core."""
    if not path.exists():
        return {}
    found: dict[str, set[str]] = {}
    if path.name == "conftest.py" and path.parent.name != "core":
        found |= fixtures_of(TESTS / "core" / "conftest.py")
    return found | fixtures_in(parse(path))


def fixtures_in(tree: ast.Module) -> dict[str, set[str]]:
    return {
        function.name: {argument.arg for argument in function.args.args}
        for function in functions_of(tree)
        if any("fixture" in ast.unparse(decorator) for decorator in function.decorator_list)
    }


def closure(names: set[str], fixtures: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left.extend(fixtures.get(name, ()))
    return seen
