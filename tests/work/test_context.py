"""Is a worker given to read what its ticket needs, and no more?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actors.typed import ReviewFeedback
from actors.work import Job, prompt_of, read_context
from actors.work.context_files import tokens_of
from actors.work.outline import outline, skeleton, symbols
from tests.work.conftest import Start
from tests.work.tickets import done, ticket

SOURCE = '''"""What does it do?

More about that.
"""

import os

LIMIT = 3


@decorated
class Counter(Base):
    """Counts.

    Slowly.
    """

    step: int = 1
    total = 0

    def add(self, number: int = 1) -> int:
        """Add a number.

        And give the sum.
        """
        self.total += number
        return self.total

    async def reset(self):
        self.total = 0


class Empty:
    pass


def helper(a, *, b=2):
    def inner():
        return a
    return inner() + b
'''


def test_an_outline_has_all_docstrings_and_no_bodies() -> None:
    assert (
        outline(SOURCE)
        == '''"""What does it do?

More about that."""
import os
LIMIT = 3

@decorated
class Counter(Base):
    """Counts.

Slowly."""
    step: int = 1
    total = 0

    def add(self, number: int=1) -> int:
        """Add a number.

And give the sum."""
        ...

    async def reset(self):
        ...

class Empty:
    ...

def helper(a, *, b=2):
    ...'''
    )


def test_a_skeleton_has_signatures_and_first_lines() -> None:
    assert (
        skeleton(SOURCE)
        == '''"""What does it do?"""

@decorated
class Counter(Base):
    """Counts."""
    step: int = 1

    def add(self, number: int=1) -> int:
        """Add a number."""
        ...

    async def reset(self):
        ...

class Empty:
    ...

def helper(a, *, b=2):
    ...'''
    )


def test_symbols_are_given_whole_and_missing_ones_are_named() -> None:
    text = symbols(SOURCE, ["Counter.reset", "LIMIT", "helper", "Counter.gone", "gone", "Empty.pass"])
    assert text.split("\n\n") == [
        "    async def reset(self):\n        self.total = 0",
        "LIMIT = 3",
        "def helper(a, *, b=2):\n    def inner():\n        return a\n    return inner() + b",
        "# there is no Counter.gone",
        "# there is no gone",
        "# there is no Empty.pass",
    ]
    assert symbols(SOURCE, ["Counter"]).startswith("@decorated\nclass Counter(Base):\n")


def test_what_is_no_python_is_given_by_its_first_lines() -> None:
    text = "\n".join(f"line {number} of a letter" for number in range(500))
    assert skeleton(text).splitlines()[-2:] == ["line 19 of a letter", "... (480 more lines)"]
    assert outline(text).splitlines()[-2:] == ["line 399 of a letter", "... (100 more lines)"]
    assert symbols("not python at all", ["a"]) == "not python at all"
    assert outline("class of '99\n") == "class of '99\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("first.py", "target.py", "other.py"):
        (tmp_path / name).write_text(SOURCE, "utf-8")
    return tmp_path


def test_each_file_is_read_as_far_as_it_is_needed(folder: Path) -> None:
    asked_for = ticket(
        context_requirements=("first.py", "other.py", "first.py"), target_file="target.py", target_symbols=("helper",)
    )
    read = read_context(asked_for, folder)
    assert read.errors == ()
    assert str(read) == read.text
    first, other, target = (part.partition("\n")[2] for part in read.text.split("## ")[1:])
    assert first.strip() == outline(SOURCE)
    assert other.strip() == skeleton(SOURCE)
    assert target.strip() == symbols(SOURCE, ["helper"])
    assert (read.tokens, read.full_tokens) == (tokens_of(read.text), 3 * tokens_of(SOURCE))
    assert read.tokens < read.full_tokens


def test_the_target_file_without_symbols_is_like_the_others(folder: Path) -> None:
    read = read_context(ticket(context_requirements=("first.py",), target_file="target.py"), folder)
    assert read.text.endswith(f"## target.py\n{skeleton(SOURCE)}")


def test_a_file_that_cannot_be_read_is_said_and_the_others_are_read(folder: Path) -> None:
    (folder / "picture").write_bytes(b"\xff\xfe\x00")
    (folder / "huge").write_bytes(b"x" * 2_000_001)
    names = ("gone.py", "picture", "huge", "../secret", "other.py")
    read = read_context(ticket(context_requirements=names), folder)
    assert read.errors == (
        "Error reading gone.py: No such file or directory",
        "Error reading picture: it is no text",
        "Error reading huge: it is larger than 2000000 bytes",
        f"Error reading ../secret: it is not below {folder.resolve()}",
    )
    assert all(error in read.text for error in read.errors)
    assert skeleton(SOURCE) in read.text


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.py"
    outside.write_text("PASSWORD = 1", "utf-8")
    (folder / "link.py").symlink_to(outside)
    read = read_context(ticket(context_requirements=("link.py",)), folder)
    assert "PASSWORD" not in read.text
    assert len(read.errors) == 1


def test_a_ticket_that_needs_nothing_is_given_nothing(folder: Path) -> None:
    assert read_context(ticket(), folder).text == ""


def test_work_reads_its_context_and_goes_on_without_what_is_not_there(start: Start, folder: Path) -> None:
    def work(job: Job) -> Any:
        read = job.context(folder)
        return f"{len(read.errors)} errors, {'Add a number.' in read.text}"

    asked_for = ticket(context_requirements=("first.py", "gone.py"))
    assert done(start(work), ticket=asked_for).text == "1 errors, True"


def test_a_prompt_says_what_is_to_be_done_and_what_went_before() -> None:
    text = prompt_of(
        ticket(title="Count"),
        "## a.py",
        previous_attempt="OSError: no disk",
        feedback=ReviewFeedback(work_package_id="wp-1", approved=False, comments=("too long", "no tests")),
        notes=["use a.py"],
    )
    assert text.split("\n\n") == [
        "Ticket T1: Count",
        "do T1",
        "An earlier attempt has failed:\nOSError: no disk",
        "The reviewer wants this changed:\n- too long\n- no tests",
        "To know: use a.py",
        "Context:\n## a.py",
    ]


@pytest.mark.system_case("D3.10")
def test_a_prompt_asks_for_no_word_that_would_count_as_blocked() -> None:
    approved = ReviewFeedback(work_package_id="wp-1", approved=True)
    assert prompt_of(ticket(), feedback=approved) == "Ticket T1\n\ndo T1"
