"""What does a user get who installs the distribution?"""

import configparser
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    if not (ROOT / "actors").is_dir():
        pytest.skip("an installed wheel is under test, there is no tree to build one from")
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert run.returncode == 0, run.stdout + run.stderr
    (built,) = out.glob("*.whl")
    return zipfile.ZipFile(built)


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_holds_the_two_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    version = PROJECT["project"]["version"]
    folders = {name.partition("/")[0] for name in wheel.namelist()}
    assert folders == {"actors", "policies", f"actortree-{version}.dist-info"}


def test_every_module_of_the_tree_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    modules = {
        path.relative_to(ROOT).as_posix()
        for package in ("actors", "policies")
        for path in (ROOT / package).rglob("*.py")
    }
    assert modules <= set(wheel.namelist())


def test_both_packages_are_marked_as_typed(wheel: zipfile.ZipFile) -> None:
    assert {"actors/py.typed", "policies/py.typed"} <= set(wheel.namelist())


def test_the_wheel_carries_the_license(wheel: zipfile.ZipFile, metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())


def test_the_core_needs_three_packages_only(metadata: Message) -> None:
    needed = {line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line}
    assert needed == {"loguru>=0.7", "pydantic>=2", "pykka<5,>=4.5"}


def test_the_extras_are_those_that_are_documented(metadata: Message) -> None:
    assert set(metadata.get_all("Provides-Extra", [])) == {"bench", "dev", "plot", "test"}


def test_setup_cfg_holds_settings_of_tools_only() -> None:
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    assert {section.partition(":")[0] for section in settings.sections()} == {
        "coverage",
        "importlinter",
        "mypy",
    }


def test_no_tool_is_configured_in_two_files() -> None:
    assert set(PROJECT["tool"]) == {"hatch", "pytest", "ruff"}
