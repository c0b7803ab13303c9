"""Can a program look at its threads while it collects garbage?"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors._core.frames import current_frames
from actors.testkit import Gate
from tests.core.helpers import elsewhere, result

PROGRAM = """
import gc, threading
from actors._core.frames import current_frames

def deep(levels, gate):
    if levels:
        deep(levels - 1, gate)
    else:
        gate.wait()

gate = threading.Event()
threads = [threading.Thread(target=deep, args=(200, gate)) for _ in range(20)]
for thread in threads:
    thread.start()
gc.set_threshold(1)
for _ in range(200):
    assert len(current_frames()) == 21
gate.set()
print("done")
"""


def test_a_program_goes_on_that_looks_at_its_threads_however_often_it_collects_garbage(packages_folder: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(packages_folder)}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=env, capture_output=True, encoding="utf-8", timeout=50, check=True
    )
    assert ran.stdout == "done\n"


@pytest.mark.parametrize("collects", [True, False])
def test_whether_garbage_is_collected_is_as_before(collects: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    look = sys._current_frames

    def looking() -> Any:
        seen.append(gc.isenabled())
        return look()

    monkeypatch.setattr(sys, "_current_frames", looking)
    try:
        if not collects:
            gc.disable()
        current_frames()
        assert gc.isenabled() is collects
    finally:
        gc.enable()
    assert seen == [False]


def test_the_frames_of_all_threads_are_given() -> None:
    gate = Gate()
    waiting = elsewhere(gate.wait)
    gate.reached()
    frames = [frame for frame in current_frames().values() if frame is not None]
    gate.open()
    result(waiting)
    assert len(frames) >= 2
