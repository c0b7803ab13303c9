"""Does docs/semantics.md make the promises that the tests show, and link each to its tests?"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "semantics.md"
NUMBERS = set(range(1, 30))


def promised() -> dict[int, str]:
    """What the page says, with its links, by number."""
    parts = re.split(r"^(\d+)\. ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def shown() -> dict[str, str]:
    """The file of every test that is named after a promise."""
    return {
        test: file.name
        for file in HERE.glob("test_promises_*.py")
        for test in re.findall(r"^def (test_promise_\w+)\(", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }


def test_the_page_numbers_its_promises_from_the_first_to_the_last() -> None:
    assert list(promised()) == sorted(NUMBERS)


def test_every_promise_has_its_test_and_every_test_its_promise() -> None:
    assert {int(re.fullmatch(r"test_promise_(\d\d)_\w+", test)[1]) for test in shown()} == NUMBERS  # type: ignore[index]


@pytest.mark.parametrize("number", sorted(NUMBERS))
def test_a_promise_links_tests_of_its_own_number_in_the_files_that_have_them(number: int) -> None:
    links = re.findall(r"^ +- \[`(\w+)`\]\(\.\./tests/core/(\w+\.py)\)$", promised()[number], flags=re.MULTILINE)
    assert links
    for test, file in links:
        assert test.startswith(f"test_promise_{number:02}_")
        assert shown().get(test) == file
