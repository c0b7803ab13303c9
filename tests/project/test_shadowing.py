"""What does a user see whose own `policies` or `actors` hides ours?"""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def python(tmp_path: Path, packages_folder: Path) -> Python:
    """Runs a line in `tmp_path`, whose files come first on sys.path, and gives the finished process."""

    def run(line: str, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *options, "-c", line],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(packages_folder)},
            capture_output=True,
            text=True,
            timeout=50,
        )

    return run


def file(folder: Path, name: str, text: str = "") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_both_packages_are_imported_where_nothing_hides_them(python: Python, packages_folder: Path) -> None:
    ran = python("import actors, policies; print(actors.__file__); print(policies.__file__)")
    assert ran.stdout.splitlines() == [
        str(packages_folder / "actors" / "__init__.py"),
        str(packages_folder / "policies" / "__init__.py"),
    ]


@pytest.mark.parametrize("name", ["policies.py", "policies/__init__.py"])
def test_a_users_policies_is_named_by_an_import_error(python: Python, tmp_path: Path, name: str) -> None:
    users = file(tmp_path, name, "class Restart: ...")
    ran = python("import actors")
    last = ran.stderr.splitlines()[-1]
    assert ran.returncode == 1
    assert last.startswith("ImportError: 'actors' needs the package 'policies' of its own distribution")
    assert f"but {users} has the same name and comes first on sys.path. Rename that file or folder" in last


def test_no_line_of_a_users_policies_is_run_by_the_check(python: Python, tmp_path: Path) -> None:
    file(tmp_path, "policies.py", "print('a side effect')")
    ran = python("import actors")
    assert ran.stdout == ""
    assert ran.stderr.splitlines()[-1].startswith("ImportError: 'actors' needs the package")


def test_a_users_policies_that_was_imported_first_is_named_too(python: Python, tmp_path: Path) -> None:
    users = file(tmp_path, "policies.py")
    ran = python("import policies, actors")
    assert str(users) in ran.stderr.splitlines()[-1]


def test_a_users_policies_that_imports_actors_itself_is_named_too(python: Python, tmp_path: Path) -> None:
    users = file(tmp_path, "policies.py", "from actors import Agent")
    ran = python("import policies")
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("ImportError: 'actors' needs")
    assert str(users) in last


def test_the_import_error_carries_name_and_path(python: Python, tmp_path: Path) -> None:
    users = file(tmp_path, "policies.py")
    ran = python("try: import actors\nexcept ImportError as error: print(error.name, error.path)")
    assert ran.stdout.split() == ["policies", str(users)]


def test_a_module_of_that_name_without_a_file_is_refused(python: Python) -> None:
    ran = python("import sys, types; sys.modules['policies'] = types.ModuleType('policies'); import actors")
    assert "but <no file> has the same name" in ran.stderr.splitlines()[-1]


def test_a_folder_that_is_no_package_hides_nothing(python: Python, tmp_path: Path) -> None:
    file(tmp_path, "policies/retention.txt")
    assert python("import actors").returncode == 0


def test_a_missing_policies_says_install_again(python: Python, tmp_path: Path, packages_folder: Path) -> None:
    file(tmp_path, "alone/actors/__init__.py", "from actors._shadow import check_policies")
    file(tmp_path, "alone/actors/_shadow.py", (packages_folder / "actors" / "_shadow.py").read_text())
    # Without site-packages and PYTHONPATH there is no other `policies`.
    line = "import sys; sys.path.insert(0, 'alone'); import actors; actors.check_policies()"
    ran = python(line, "-I", "-S")
    last = ran.stderr.splitlines()[-1]
    assert last.startswith("ImportError: 'actors' needs the package 'policies', which is missing from")
    assert last.endswith("install it again.")


def test_both_packages_in_one_zip_are_each_others(python: Python, tmp_path: Path, packages_folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as both:
        both.writestr("actors/__init__.py", "from actors._shadow import check_policies")
        both.write(packages_folder / "actors" / "_shadow.py", "actors/_shadow.py")
        both.writestr("policies/__init__.py", "")
    ran = python("import sys; sys.path.insert(0, 'both.zip'); import actors; actors.check_policies()")
    assert ran.stderr == ""


def test_a_users_actors_is_named_by_pythons_own_error(python: Python, tmp_path: Path) -> None:
    """No line of ours runs then, so this is Python's message: it names the file for `from actors import`."""
    users = file(tmp_path, "actors.py")
    last = python("from actors import Agent").stderr.splitlines()[-1]
    assert last.startswith("ImportError: cannot import name 'Agent' from 'actors'")
    assert str(users) in last


def test_a_submodule_under_a_users_actors_is_not_found(python: Python, tmp_path: Path) -> None:
    file(tmp_path, "actors.py")
    last = python("import actors.testkit").stderr.splitlines()[-1]
    assert last == "ModuleNotFoundError: No module named 'actors.testkit'; 'actors' is not a package"


def test_policies_works_beside_a_users_actors(python: Python, tmp_path: Path) -> None:
    file(tmp_path, "actors.py", "print('imported')")
    assert python("import policies; print(policies.Restart.__name__)").stdout == "Restart\n"
