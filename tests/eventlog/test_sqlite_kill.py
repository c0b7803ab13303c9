"""Is what a log in a file has acknowledged still there after `kill -9` at any moment?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="writers are forked, so that 1,000 of them are quick")


def kill_writers(folder: Path, runs: int, seed: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.eventlog.killed_writers", str(folder), str(runs), str(seed)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-2000:]
    seen: dict[str, Any] = json.loads(ran.stdout)
    return seen


def check(seen: dict[str, Any], runs: int) -> None:
    assert (seen["lost"], seen["broken"]) == ([], [])
    assert seen["runs"] == runs
    assert seen["before_the_first"] < runs / 2, "most were killed while they wrote"
    assert seen["acknowledged"] > runs


def test_nothing_acknowledged_is_lost_by_20_killed_writers(tmp_path: Path) -> None:
    check(kill_writers(tmp_path, 20, 1), 20)


@pytest.mark.stress
@pytest.mark.timeout(1800)
def test_nothing_acknowledged_is_lost_by_1000_killed_writers(tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED", "2"))
    check(kill_writers(tmp_path, 1000, seed), 1000)
