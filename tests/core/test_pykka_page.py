"""Does every example on the page about Pykka run, and is every file that the pages name there?"""

import re
from pathlib import Path

import pytest

from actors import default_system

DOCS = Path(__file__).parents[2] / "docs"


def test_the_examples_of_the_page_run_from_top_to_bottom() -> None:
    page = DOCS / "pykka.md"
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "pykka_page"}
    ran = 0
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], page, "exec"), names)
        ran += 1
    default_system().stop()
    assert ran == text.count("```python") == 3


@pytest.mark.parametrize("name", ["pykka.md", "glossary.md", "design.md"])
def test_every_file_that_a_page_links_to_is_there(name: str, packages_folder: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (DOCS / name).read_text(encoding="utf-8"))
    assert links
    # The packages and the plugin may be installed elsewhere than beside the page.
    targets = {
        link: packages_folder / link[3:]
        if link.startswith(("../actors", "../policies", "../pytest_actortree"))
        else DOCS / link
        for link in links
        if "://" not in link
    }
    assert [link for link, target in targets.items() if not target.exists()] == []
