"""Is a run the same on every machine and every CPython?

`golden` has the traces of one rich program. A change of the kernel that adds a step, or moves one, changes them: run
this file with ACTORTREE_UPDATE_GOLDEN=1 and read what is different. No run may differ from them for any other reason.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pydantic
import pytest

from actors.testkit.masking import assert_golden
from tests.testkit.golden_run import STRATEGIES, text_of

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parents[2]


def golden(name: str) -> Path:
    return GOLDEN / f"simulation_{name}.txt"


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_program_does_here_and_now_what_it_did_when_it_was_written_down(name: str) -> None:
    assert_golden(golden(name), text_of(name).splitlines())


def test_what_was_written_down_is_rich() -> None:
    text = "".join(golden(name).read_text(encoding="utf-8") for name in STRATEGIES)
    for what in (
        "AgentRestarted /works/store #3 ValueError",
        "AgentAbandoned /clerk #1",
        "AgentBackingOff /works/",
        "AgentFailed /works/shop #1 AskTimeout",
        "AgentStopped /clerk",
        "/inspector: notice",
        "/works/shop goes on",
        "clock: Tick._due /inspector",
        "DeadLetter /clerk #1 'paint it'",
    ):
        assert what in text


def run_by(python: str, name: str, hash_seed: str) -> subprocess.CompletedProcess[str]:
    """Run the program in another process, with the packages of this one."""
    packages = str(Path(pydantic.__file__).parents[1])
    path = os.pathsep.join([str(ROOT), packages])
    return subprocess.run(
        [python, "-m", "tests.testkit.golden_run", name],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hash_seed},
        check=False,
    )


@pytest.mark.parametrize("hash_seed", ["0", "1", "4294967295"])
def test_the_order_of_sets_has_no_part_in_it(hash_seed: str) -> None:
    run = run_by(sys.executable, "random", hash_seed)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == golden("random").read_text(encoding="utf-8").splitlines()


def pythons() -> Iterator[Any]:
    """The CPythons of this machine."""
    spec = spec_from_file_location("interpreters", ROOT / ".ci" / "interpreters.py")
    assert spec is not None
    assert spec.loader is not None
    interpreters = module_from_spec(spec)
    sys.modules["interpreters"] = interpreters
    try:
        spec.loader.exec_module(interpreters)
        yield from interpreters.found()
    finally:
        del sys.modules["interpreters"]


def test_each_cpython_of_this_machine_that_can_run_it_does_the_same() -> None:
    """Packages that are compiled fit one version: the others are compared where the tests are run with them."""
    compared = []
    for python in pythons():
        if python.free_threaded:
            continue
        for name in STRATEGIES:
            run = run_by(python.path, name, "random")
            if "Error: No module named" in run.stderr or "ImportError" in run.stderr:
                break
            assert (run.returncode, run.stderr) == (0, "")
            assert run.stdout.splitlines() == golden(name).read_text(encoding="utf-8").splitlines(), python.path
            compared.append(python.version[:2])
    assert compared or sys.prefix == sys.base_prefix
