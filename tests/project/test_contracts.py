"""Do the import contracts of setup.cfg catch what they are there for?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"
KERNEL = {
    "actors/__init__.py": "from actors._core import system",
    "actors/_core/__init__.py": "",
    "actors/_core/_pykka.py": "import pykka",
    "actors/_core/errors.py": "import actors._core._pykka",
    "actors/_core/cell.py": "import actors._core.errors",
    "actors/_core/system.py": "import actors._core.cell, policies",
    "actors/observer.py": "import actors._core",
    "actors/routing.py": "import actors._core, policies",
    "actors/testkit/__init__.py": "import actors.observer, actors.routing",
    "policies/__init__.py": "import policies.limits",
    "policies/limits.py": "import json, pydantic",
}


def lint(folder: Path, **changed: str) -> tuple[int, str]:
    """Exit status and output of import-linter on a small tree of packages, under our setup.cfg."""
    contracts = {"tests/__init__.py": "", "setup.cfg": (ROOT / "setup.cfg").read_text()}
    contracts["tests/project/contracts.py"] = (ROOT / "tests" / "project" / "contracts.py").read_text()
    for name, text in (KERNEL | contracts | changed).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    run = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    return run.returncode, run.stdout + run.stderr


def test_a_tree_that_imports_downwards_keeps_every_contract(tmp_path: Path) -> None:
    status, said = lint(tmp_path)
    assert (status, "Contracts: 5 kept, 0 broken" in said) == (0, True), said


@pytest.mark.parametrize(
    ("file", "text", "contract"),
    [
        ("policies/limits.py", "import actors", "policies imports the standard library and pydantic only"),
        ("policies/limits.py", "import loguru", "policies imports the standard library and pydantic only"),
        ("policies/limits.py", "import pykka", "only actors._core._pykka imports pykka"),
        ("actors/routing.py", "import pykka", "only actors._core._pykka imports pykka"),
        ("actors/_core/cell.py", "import pykka", "only actors._core._pykka imports pykka"),
        ("actors/_core/errors.py", "import actors._core.cell", "the kernel's modules import downwards only"),
        ("actors/routing.py", "import actors.observer", "features import downwards, not sideways"),
        ("actors/_core/cell.py", "import actors.routing", "features import downwards, not sideways"),
        ("policies/limits.py", "import policies.tables", "no import cycle anywhere"),
    ],
)
def test_an_import_that_is_not_allowed_breaks_its_contract(tmp_path: Path, file: str, text: str, contract: str) -> None:
    status, said = lint(tmp_path, **{"policies/tables.py": "import policies.limits", file: text})
    assert status == 1
    assert f"{contract} BROKEN" in said, said


def test_the_package_that_is_not_allowed_is_named_with_its_line(tmp_path: Path) -> None:
    _, said = lint(tmp_path, **{"policies/limits.py": "import json\nimport loguru"})
    assert "policies.limits (l.2) imports loguru, which is not allowed." in said
