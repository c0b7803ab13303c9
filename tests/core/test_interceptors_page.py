"""Does every example on the page about interceptors run, and are the files that it names there?"""

import re
from pathlib import Path

import pytest

from actors.testkit import Faults

PAGE = Path(__file__).parents[2] / "docs" / "interceptors.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_examples_of_the_page_run_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": "interceptors_page"}
    ran = 0
    for block in re.finditer(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        line = TEXT.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], PAGE, "exec"), names)
        ran += 1
    assert ran == TEXT.count("```python") == 5
    assert f"prints: {capsys.readouterr().out.strip()}" in TEXT


def test_the_page_names_every_fault_and_no_other() -> None:
    listed = re.findall(r"^\| `(\w+)\(.*?\)` \| [a-z]", TEXT.partition("## Faults")[2], re.MULTILINE)
    assert sorted(listed) == sorted(name for name in vars(Faults) if not name.startswith("_") and name != "clear")


def test_every_file_that_the_page_links_to_is_there(packages_folder: Path) -> None:
    links = re.findall(r"\]\(\.\./([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (packages_folder / link).exists()] == []
