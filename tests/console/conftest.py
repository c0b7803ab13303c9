"""What do the tests of the command start from? A run in a file, and a program in a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.console import main
from tests.console.runs import PROGRAM, Audit


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the run is recorded."""
    return tmp_path / "run.db"


@pytest.fixture
def audit(path: Path) -> Iterator[Audit]:
    """A run that goes on, with a sample of what its agents have in hand."""
    made = Audit(path)
    made.look()
    yield made
    made.end()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a program."""
    (tmp_path / "prog.py").write_text(PROGRAM)
    return tmp_path


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[str]]:
    """Gives the command in this process, which has to go well, and gives the lines that it has written."""

    def give(*arguments: object) -> list[str]:
        capsys.readouterr()
        code = main([*map(str, arguments)])
        written = capsys.readouterr()
        assert code == 0, written.err
        return written.out.splitlines()

    return give
