"""Is each case about the log of events, and each defect of another, a test, and does it run on every log we have?"""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from tests.cases import aliases_of, closure, collected, fixtures_in, functions_of, markers_of, parse
from tests.eventlog import conftest

HERE = Path(__file__).parent
LOGS = ["memory", "sqlite", "redis"]
CASES = [*(f"T{number}" for number in range(90, 102)), *(f"D4.{number}" for number in range(1, 17))]

NO_LOG_NEEDED = {
    "T99": "which record tells what is settled before a log has it, the same for all",
    "D4.7": "as T99",
    "D4.16": "is about mailboxes; it runs on the pool, on own threads and in a simulation",
}
"""The cases of which no test runs on each log, and why."""


class Inventory:
    """Which tests carry which case, and which of them run on every log."""

    def __init__(self) -> None:
        self.found: defaultdict[str, set[str]] = defaultdict(set)
        self.everywhere: defaultdict[str, set[str]] = defaultdict(set)
        for path in sorted(HERE.glob("test_*.py")):
            self._read(path)

    def _read(self, path: Path) -> None:
        tree = parse(path)
        aliases = aliases_of(tree)
        # A fixture of the file itself, or one that it imports, is in place of that of the conftest. What the logs are
        # is said by `backend`, which therefore nobody else may make.
        fixtures = fixtures_in(parse(HERE / "conftest.py"))
        fixtures |= {name: set() for name in imported(tree)} | fixtures_in(tree)
        for function in collected(tree):
            used = closure({argument.arg for argument in function.args.args}, fixtures)
            for kind, value in markers_of(function, aliases):
                if kind == "system_case":
                    self.found[value].add(f"{path.name}::{function.name}")
                    if "backend" in used:
                        self.everywhere[value].add(f"{path.name}::{function.name}")


def imported(tree: ast.Module) -> set[str]:
    return {name.asname or name.name for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names}


ALL = Inventory()


def test_each_case_and_each_defect_of_another_log_is_a_test() -> None:
    assert [case for case in CASES if not ALL.found[case]] == []


def test_each_of_them_runs_on_every_log_or_says_why_not() -> None:
    assert {case for case in CASES if not ALL.everywhere[case]} == set(NO_LOG_NEEDED)


def test_every_log_is_one_that_the_fixture_makes() -> None:
    (backend,) = [each for path in HERE.glob("*.py") for each in functions_of(parse(path)) if each.name == "backend"]
    assert f"params={LOGS!r}" in ast.unparse(backend)
    assert list(conftest._BACKENDS) == LOGS


def test_a_fixture_of_the_same_name_from_elsewhere_is_not_taken_for_a_log() -> None:
    tests = ALL.found["T99"] | ALL.found["D4.16"]
    assert {test.partition("::")[0] for test in tests} == {"test_every_transition.py", "test_defects_kernel.py"}
    assert tests.isdisjoint(set().union(*ALL.everywhere.values()))


def test_no_test_claims_a_case_that_is_not_one_of_the_log() -> None:
    assert set(ALL.found) - set(CASES) == set()
