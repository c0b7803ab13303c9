"""What does `make` alone say?"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_alone_names_every_target_and_makes_nothing(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    ran = subprocess.run(["make"], cwd=tmp_path, capture_output=True, text=True, timeout=50)
    targets = set(re.findall(r"^make (\w+)", ran.stdout, re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: help (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert targets == set(phony.split())
    assert [path.name for path in tmp_path.iterdir()] == ["Makefile"]
