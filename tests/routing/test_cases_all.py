"""Is each case about messages, routers and pools a test that runs on the pool, on own threads and in a simulation?"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from tests.cases import TESTS, aliases_of, closure, collected, fixtures_of, markers_of, parse

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
        for function in collected(tree):
            markers = list(markers_of(function, aliases))
            own = {argument.arg for argument in function.args.args}
            used = closure(own, fixtures)
            runs = {"world", "dispatcher"} <= used and "threads_only" not in {kind for kind, _ in markers}
            for kind, value in markers:
                if kind in ("case", "system_case"):
                    self.found[value].add(f"{path.name}::{function.name}")
                    if runs:
                        self.everywhere.add(value)


ALL = Inventory()


def test_each_case_and_each_defect_of_other_systems_is_a_test() -> None:
    assert [case for case in CASES if not ALL.found[case]] == []


def test_each_of_them_runs_on_the_pool_on_own_threads_and_in_a_simulation_or_says_why_not() -> None:
    assert {case for case in CASES if case not in ALL.everywhere} == set(NO_AGENT_NEEDED)


def test_no_test_claims_a_case_that_there_is_not() -> None:
    known = {*CASES, *map(str, range(1, 120)), *"abcdefg", *(f"T{number}" for number in range(1, 104))}
    unknown = {case for case in ALL.found if case not in known}
    assert {case for case in unknown if not case.startswith("S0.")} == set()
