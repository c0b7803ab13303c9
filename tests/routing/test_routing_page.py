"""Does every example on the page about routing run, and does it name each message, strategy and reason?"""

import re
from pathlib import Path
from typing import get_args

import pytest

from actors import DeadLetterReason, WorkerMessage
from actors._core.mailbox import Overflow
from actors.routing import protocol
from actors.routing.picking import Pick

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "routing.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_examples_of_the_page_run_from_top_to_bottom(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": "routing_page"}
    ran = 0
    for block in re.finditer(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL):
        line = TEXT.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], PAGE, "exec"), names)
        ran += 1
    assert ran == TEXT.count("```python") > 0
    assert capsys.readouterr().out == ""


def test_the_page_lists_every_request_with_its_fields_and_no_other() -> None:
    requests = {
        name: list(kind.__dataclass_fields__)
        for name, kind in vars(protocol).items()
        if isinstance(kind, type) and kind.__module__ == protocol.__name__ and name not in NO_REQUESTS
    }
    table = TEXT.partition("### The messages")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)\((.*?)\)` \|", table, re.MULTILINE)
    assert {name: re.findall(r"(\w+)(?==|,|$)(?:=[^,]*)?", fields) for name, fields in listed} == requests


NO_REQUESTS = {"Member", "Delivered", "Lagged", "LeaveReason", "MemberJoined", "MemberLeft"}


def test_the_page_names_every_strategy_of_a_pool_and_no_other() -> None:
    def subclasses(kind: type) -> set[str]:
        below = {name for each in kind.__subclasses__() for name in subclasses(each)}
        own = {each.__name__ for each in kind.__subclasses__()}
        return {name for name in own | below if not name.startswith("_")}

    listed = re.findall(r"^\| `(\w+)\(.*?\)` \|", TEXT.partition("| `pick` |")[2], re.MULTILINE)
    known = {name for name in subclasses(Pick) if hasattr(__import__("actors"), name)}
    assert sorted(listed) == sorted(known)


def test_the_page_lists_every_reason_of_a_dead_letter_and_all_that_a_full_mailbox_may_do() -> None:
    reasons = TEXT.partition("| reason |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(.+?)` \|", reasons, re.MULTILINE)) == set(DeadLetterReason)
    overflows = TEXT.partition("| `overflow` |")[2].partition("\n\n")[0]
    assert set(re.findall(r'^\| `"(\w+)"` \|', overflows, re.MULTILINE)) == set(Overflow)


def test_the_page_names_each_of_the_nine_messages_of_workers() -> None:
    table = TEXT.partition("| from | messages |")[2].partition("\n\n")[0]
    nine = {kind.__name__ for kind in get_args(get_args(WorkerMessage)[0])}
    assert set(re.findall(r"`(\w+)`", table)) == nine | {"Decision"}


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)}
    links = re.findall(r"\]\(#([^)]+)\)", TEXT)
    assert links
    assert set(links) <= headings


def test_every_file_that_the_page_links_to_is_there(packages_folder: Path) -> None:
    links = re.findall(r"\]\(\.\./([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not ((ROOT / link).exists() or (packages_folder / link).exists())] == []
