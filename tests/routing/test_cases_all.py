"""Is each case about messages, routers and pools a test that runs on the pool, on own threads and in a simulation?"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parents[1]
FOLDERS = ("core", "routing", "typed")
SELF = Path(__file__).name

CASES = [
    *(f"T{number}" for number in range(1, 20)),
    *(str(number) for number in range(99, 120)),
    *(f"D0.{number}" for number in range(1, 17)),
    *(f"D1.{number}" for number in range(1, 16)),
]

NO_AGENT_NEEDED = {
    "T19": "a mailbox is refused before there is an agent to have it",
    "D0.16": "as T19: neither is there a bus that has it",
}
"""The cases of which no test runs everywhere, and why."""

THE_REST = {
    "D0.11": "that running out of turns or tokens is an outcome of its own comes with what counts them",
    "D0.12": "which states may follow which, for tasks and tickets, comes with those",
    "D0.13": "that tickets behind a failed one are blocked comes with tickets",
    "D0.14": "to claim a package of files whole or not at all comes with those who own files",
    "D1.4": "a result for each cancelled worker, to be collected, comes with the pool of workers",
    "D1.6": "to hand out several pieces of work in one call, and their ids, comes with the pool of workers",
    "D1.9": "that a stream of events names its agent comes with the log of events",
    "D1.12": "a limit of depth that workers need not check themselves comes with the pool of workers",
    "D1.13": "a memory to recall from comes later, and is to be kept by agent",
}
"""Of which cases only the part has a test here that routers, pools and messages have in hand, and what is left."""


class Inventory:
    """Which tests carry which case, and which of them run everywhere."""

    def __init__(self) -> None:
        self.found: defaultdict[str, set[str]] = defaultdict(set)
        self.everywhere: set[str] = set()
        for folder in FOLDERS:
            for path in sorted((TESTS / folder).glob("test_*.py")):
                if path.name != SELF:
                    self._read(path)

    def _read(self, path: Path) -> None:
        tree = parse(path)
        aliases = aliases_of(tree)
        fixtures = {**fixtures_of(path.parent / "conftest.py"), **fixtures_of(path)}
        for function in functions_of(tree):
            if not function.name.startswith("test_"):
                continue
            markers = list(markers_of(function, aliases))
            own = {argument.arg for argument in function.args.args}
            used = closure(own, fixtures)
            runs = {"world", "dispatcher"} <= used and "threads_only" not in {kind for kind, _ in markers}
            for kind, value in markers:
                if kind in ("case", "system_case"):
                    self.found[value].add(f"{path.name}::{function.name}")
                    if runs:
                        self.everywhere.add(value)


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions_of(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


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


ALL = Inventory()


def test_each_case_and_each_defect_of_other_systems_is_a_test() -> None:
    assert [case for case in CASES if not ALL.found[case]] == []


def test_each_of_them_runs_on_the_pool_on_own_threads_and_in_a_simulation_or_says_why_not() -> None:
    assert {case for case in CASES if case not in ALL.everywhere} == set(NO_AGENT_NEEDED)


def test_no_test_claims_a_case_that_there_is_not() -> None:
    known = {*CASES, *map(str, range(1, 120)), *"abcdefg", *(f"T{number}" for number in range(1, 104))}
    unknown = {case for case in ALL.found if case not in known}
    assert {case for case in unknown if not case.startswith("S0.")} == set()


def test_what_is_left_for_later_parts_is_said_of_cases_that_have_a_test_all_the_same() -> None:
    assert set(THE_REST) <= {case for case in CASES if ALL.found[case]}
