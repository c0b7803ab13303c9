"""What does a user get who installs the distribution?"""

import configparser
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import Parser
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def build(what: str, out: Path) -> Path:
    if not (ROOT / "actors").is_dir():
        pytest.skip("an installed wheel is under test, there is no tree to build one from")
    command = [sys.executable, "-m", "build", f"--{what}", "--no-isolation", "--outdir", str(out), str(ROOT)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=50)
    assert run.returncode == 0, run.stdout + run.stderr
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build("wheel", tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def test_the_wheel_holds_the_two_packages_the_plugin_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    version = PROJECT["project"]["version"]
    folders = {name.partition("/")[0] for name in wheel.namelist()}
    assert folders == {"actors", "policies", "pytest_actortree.py", f"actortree-{version}.dist-info"}


def test_the_wheel_brings_the_command_and_tells_pytest_of_the_plugin(wheel: zipfile.ZipFile, metadata: Message) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/entry_points.txt"))
    points = configparser.ConfigParser()
    points.read_string(wheel.read(name).decode())
    assert {section: dict(points[section]) for section in points.sections()} == {
        "console_scripts": {"actortree": "actors.console:main"},
        "pytest11": {"actortree": "pytest_actortree"},
    }
    assert "Framework :: Pytest" in metadata.get_all("Classifier", [])


def test_the_source_distribution_holds_all_that_the_wheel_is_made_of(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as sdist:
        files = {name.partition("/")[2] for name in sdist.getnames()}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} <= files


def test_an_installed_distribution_brings_the_plugin_along() -> None:
    try:
        installed = distribution("actortree")
    except PackageNotFoundError:
        pytest.skip("the packages are imported from the tree")
    (plugin,) = installed.entry_points.select(group="pytest11")
    assert plugin.name == "actortree"
    assert plugin.load().__name__ == "pytest_actortree"


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
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "bench",
        "dev",
        "openai",
        "plot",
        "prometheus",
        "redis",
        "test",
        "tui",
    }


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
