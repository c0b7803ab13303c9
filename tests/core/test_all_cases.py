"""Is every conformance case of the core a test, or named as not applicable? The others are those of tests/routing."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = [path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py") if path != Path(__file__)]
NOT_APPLICABLE = (HERE / "NOT_APPLICABLE.md").read_text(encoding="utf-8")


def marked(marker: str, value: str) -> set[str]:
    calls = re.findall(rf"mark\.{marker}\(([^)]*)\)", "\n".join(SOURCES))
    return {found for call in calls for found in re.findall(value, call)}


def test_each_case_from_other_systems_is_a_test_or_is_said_not_to_apply() -> None:
    tested = marked("case", r"\w+")
    left_out = set(re.findall(r"^- (\d+):", NOT_APPLICABLE, re.MULTILINE))
    expected = {str(number) for number in range(1, 110)} | set("abcdefg")
    assert expected - tested - left_out == set()
    assert tested - expected == set()
    assert len(left_out) < 10


def test_each_case_of_the_source_systems_is_a_test() -> None:
    sources = [source for source in SOURCES if "case = pytest.mark.system_case" in source]
    tested = {found for source in sources for found in re.findall(r'^@case\("(T\d+)"\)', source, re.MULTILINE)}
    assert tested == {f"T{number}" for number in range(20, 50)}
