"""Does every example on the page about policies run?"""

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import policies

PAGE = Path(__file__).parents[2] / "docs" / "policies.md"


def test_the_examples_of_the_page_run_from_top_to_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    text = PAGE.read_text(encoding="utf-8")
    page = ModuleType("policies_page")  # a module, so that its classes can be named by an import path
    monkeypatch.setitem(sys.modules, page.__name__, page)
    ran = 0
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], PAGE, "exec"), vars(page))
        ran += 1

    assert ran == text.count("```python") > 10


def test_the_page_names_everything_that_is_public() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert [name for name in policies.__all__ if name not in text and name != "Mark"] == []
