"""Is every file that a page names there, and every heading that it links to?"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / "benchmarks").glob("*.md"), ROOT / "examples" / "README.md"]
PAGES += [ROOT / "README.md", ROOT / "CHANGELOG.md"]
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:actors|policies|tests|examples|docs|benchmarks)/[\w./-]+)`")


def prose(page: Path) -> str:
    """What a page says outside its blocks of code."""
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """The names by which its headings are linked to."""
    heads = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def is_there(name: str, packages_folder: Path) -> bool:
    """Whether the tree has the file; the packages may be installed elsewhere."""
    return (ROOT / name).exists() or (packages_folder / name).exists()


def broken(page: Path, packages_folder: Path) -> list[str]:
    """The links of a page that lead nowhere, and the files that it names and that are not there."""
    found = []
    for link in LINK.findall(prose(page)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = page.parent / file if file else page
        installed = file.startswith("../") and is_there(file.removeprefix("../"), packages_folder)
        if not (target.exists() or installed) or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found + [name for name in FILE.findall(prose(page)) if not is_there(name, packages_folder)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere_and_every_file_that_it_names_is_there(
    page: Path, packages_folder: Path
) -> None:
    assert broken(page, packages_folder) == []


def test_what_leads_nowhere_is_found(tmp_path: Path, packages_folder: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b` c, d!\n[x](gone.md) [y](page.md#a-b-c-d) [z](#e) `docs/gone.md`\n```\n[in code](no)\n```\n"
    )
    assert broken(page, packages_folder) == ["gone.md", "#e", "docs/gone.md"]


def test_every_page_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"](docs/{page.name})" not in readme] == []
