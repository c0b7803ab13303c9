"""Which interpreters does the CI run find?"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "interpreters.py"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the interpreters here are shell scripts")


def interpreter(path: Path, version: tuple[int, ...], **changed: object) -> Path:
    """A stand-in that answers as an interpreter of that version would."""
    answer = {
        "implementation": "CPython",
        "version": version,
        "free_threaded": False,
        "in_venv": False,
        "executable": str(path),
        **changed,
    }
    return script(path, f"echo '{json.dumps(answer)}'")


def script(path: Path, line: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path


def found(tmp_path: Path, *path: Path, **environment: str) -> list[str]:
    search = os.pathsep.join(map(str, path))
    run = subprocess.run(
        [sys.executable, SCRIPT],
        env={"HOME": str(tmp_path / "home"), "PATH": search, **environment},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert run.stderr == ""
    return run.stdout.splitlines()


def test_each_cpython_from_311_on_is_found_lowest_first(tmp_path: Path) -> None:
    new = interpreter(tmp_path / "bin" / "python3.13", (3, 13, 0))
    free = interpreter(tmp_path / "bin" / "python3.13t", (3, 13, 0), free_threaded=True)
    old = interpreter(tmp_path / "more" / "python3.11", (3, 11, 2))
    interpreter(tmp_path / "more" / "python3.10", (3, 10, 13))
    assert found(tmp_path, tmp_path / "bin", tmp_path / "more") == [
        f"3.11.2\tgil\t{old}",
        f"3.13.0\tgil\t{new}",
        f"3.13.0\tfree-threaded\t{free}",
    ]


def test_the_versions_of_pyenv_are_found_at_home_and_beside_its_shims(tmp_path: Path) -> None:
    at_home = interpreter(tmp_path / "home/.pyenv/versions/3.12.1/bin/python3.12", (3, 12, 1))
    elsewhere = interpreter(tmp_path / "pyenv/versions/3.13.0/bin/python3.13", (3, 13, 0))
    script(tmp_path / "pyenv/shims/python3.13", "echo 'not chosen' >&2; exit 127")
    assert found(tmp_path, tmp_path / "pyenv" / "shims") == [
        f"3.12.1\tgil\t{at_home}",
        f"3.13.0\tgil\t{elsewhere}",
    ]


def test_two_names_of_one_interpreter_count_once(tmp_path: Path) -> None:
    real = interpreter(tmp_path / "bin" / "python3.12", (3, 12, 1))
    (tmp_path / "bin" / "python3").symlink_to(real)
    assert found(tmp_path, tmp_path / "bin") == [f"3.12.1\tgil\t{real}"]


@pytest.mark.parametrize("changed", [{"implementation": "PyPy"}, {"in_venv": True}])
def test_other_implementations_and_virtual_environments_are_left_out(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    interpreter(tmp_path / "bin" / "python3.12", (3, 12, 1), **changed)
    assert found(tmp_path, tmp_path / "bin") == []


def test_folders_and_programs_that_only_have_the_name_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "bin" / "python3.12").mkdir(parents=True)
    interpreter(tmp_path / "bin" / "python3.12-config", (3, 12, 1))
    assert found(tmp_path, tmp_path / "bin", tmp_path / "missing") == []


def test_of_each_minor_version_the_latest_is_taken(tmp_path: Path) -> None:
    interpreter(tmp_path / "a" / "python3.11", (3, 11, 2))
    later = interpreter(tmp_path / "b" / "python3.11", (3, 11, 10))
    interpreter(tmp_path / "c" / "python3.11", (3, 11, 9))
    other = interpreter(tmp_path / "c" / "python3.12", (3, 12, 1))
    assert found(tmp_path, tmp_path / "a", tmp_path / "b", tmp_path / "c") == [
        f"3.11.10\tgil\t{later}",
        f"3.12.1\tgil\t{other}",
    ]
